/* SPDX-License-Identifier: MIT
 *
 * history.h - RUN/metrics.jsonl as curves over epochs.
 */
#ifndef SC_TRAIN_HISTORY_H
#define SC_TRAIN_HISTORY_H

#include <stddef.h>

#include "core/error.h"

typedef enum {
    SC_HISTORY_LOSS,
    SC_HISTORY_CONTRASTIVE_TOP1,
    SC_HISTORY_ALIGNMENT,
    SC_HISTORY_UNIFORMITY,
    SC_HISTORY_EFFECTIVE_RANK,
    SC_HISTORY_GRADIENT_NORM,
    SC_HISTORY_LR,
    SC_HISTORY_IMAGES_PER_S,
    SC_HISTORY_KNN_TOP1, /* per cent; that of the untrained encoder first */
    SC_HISTORY_CURVES
} sc_history_name;

typedef struct {
    const char *key; /* in metrics.jsonl */
    double *epoch, *value;
    size_t count;
} sc_history_curve;

typedef struct {
    sc_history_curve curve[SC_HISTORY_CURVES];
    double loss_ceiling;                               /* of a full batch; 0: no steps yet */
    double raw_pixels_top1, untrained_top1, last_top1; /* per cent; negative: not measured */
    double n_train, n_test;                            /* images of the last one; 0: not measured */
} sc_history;

/* The last batch of an epoch may be smaller, its task easier and its loss lower: such steps are no points
 * of the curves.  A run without metrics.jsonl has empty ones.  Free it also after a failure. */
int sc_history_read(sc_history *out, const char *run, simclr_error *err);
void sc_history_free(sc_history *history);

/* Makes at most `points`, at least 1, of every curve of steps, each the mean of neighbours, in place; the
 * most of them that became one is the result. */
size_t sc_history_thin(sc_history *history, size_t points);

#endif
