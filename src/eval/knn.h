/* SPDX-License-Identifier: MIT
 *
 * knn.h - exact nearest neighbours by cosine similarity, and classification by their vote.
 *
 * Neighbours are ordered by falling similarity; equal similarities by rising bank index.  Bank and
 * queries meet in blocks, so memory does not grow with bank x query; the blocks are fixed, so the
 * results do not depend on the number of threads.  On a device similarities are summed in another
 * order than on the processor, and differ by rounding; everything else is the same.
 */
#ifndef SC_EVAL_KNN_H
#define SC_EVAL_KNN_H

#include "backend/device.h"
#include "core/events.h"
#include "eval/features.h"

/* Where a search computes. */
typedef struct {
    const sc_backend *backend; /* fp32, of the processor */
    const sc_device *device;   /* NULL: the processor; it is taken also where the device has too
                                  little memory free for the bank, and the observer is warned */
    const simclr_observer *observer; /* may be NULL */
} sc_knn_place;

typedef enum {
    SC_KNN_MAJORITY, /* one vote each (k = 10 is usual) */
    SC_KNN_WEIGHTED  /* a vote of exp(similarity / temperature) (k = 200, temperature 0.1) */
} sc_knn_vote;

typedef struct {
    size_t k;
    sc_knn_vote vote;
    double temperature; /* of SC_KNN_WEIGHTED, > 0 */
} sc_knn_options;

/* Votes of the k nearest bank rows for each query row; between classes with equal votes the one
 * with the nearest member wins.  options (votings, at least 1): one search serves all.  prediction
 * (votings, query n) may be NULL; top1 (votings), the per cent of queries whose prediction is their
 * label, may be NULL, and then query->label may be NULL too.
 * SIMCLR_E_USAGE for k outside 1 .. bank->n (of the largest k) or unequal dims, SIMCLR_E_DATA for a
 * label of -1, SIMCLR_E_NUMERIC for features that are not finite, SIMCLR_E_MEMORY, SIMCLR_E_DEVICE. */
int sc_knn_classify(double *top1, int32_t *prediction, const sc_features *bank,
                    const sc_features *query, const sc_knn_options *options, size_t votings,
                    const sc_knn_place *place, simclr_error *err);

typedef struct {
    size_t k;
    bool exclude_self; /* query row i is bank row i and is left out of its own list */
} sc_knn_search_options;

/* index and similarity (query n, k): the nearest bank rows of each query row, best first.
 * similarity may be NULL.  No labels are needed.  Errors as above; with exclude_self k is at most
 * bank->n - 1 and query->n at most bank->n.  SIMCLR_E_INTERRUPTED when the observer asks to stop. */
int sc_knn_search(uint32_t *index, sc_real *similarity, const sc_features *bank,
                  const sc_features *query, const sc_knn_search_options *options,
                  const sc_knn_place *place, simclr_error *err);

#endif
