/* SPDX-License-Identifier: MIT
 *
 * outliers.h - how unusual a row is among the others: the mean cosine distance to its k nearest.
 */
#ifndef SC_EVAL_OUTLIERS_H
#define SC_EVAL_OUTLIERS_H

#include "eval/knn.h"

typedef struct {
    uint32_t row;
    sc_real
        similarity; /* the mean of that to its k nearest others; the distance is 1 - similarity */
} sc_outlier;

/* out (n): all rows, the most unusual first; of equals the earlier row.  k: 1 to n - 1.
 * Errors: those of sc_knn_search. */
int sc_outliers(sc_outlier *out, const sc_features *features, size_t k, const sc_knn_place *place,
                simclr_error *err);

#endif
