/* SPDX-License-Identifier: MIT
 *
 * tsne.h - exact t-SNE to two dimensions (van der Maaten & Hinton 2008) for up to a few thousand
 * points: O(N^2) a step, parallel over points, the same bits for any number of threads.
 *
 * q_ij ~ 1 / (1 + |y_i - y_j|^2);  dC/dy_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)
 */
#ifndef SC_REPORT_TSNE_H
#define SC_REPORT_TSNE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { SC_TSNE_POINTS_MAX = 5000 };

typedef struct {
    double perplexity; /* 30; lowered when there are too few points */
    size_t iterations; /* 1000 */
    uint64_t seed;
} sc_tsne_options;

sc_tsne_options sc_tsne_defaults(void);

/* y (rows, 2) from x (rows, dim); start: the first two principal components plus a little noise. */
int sc_tsne(float *y, const float *x, size_t rows, size_t dim, const sc_tsne_options *options,
            simclr_error *err);

#endif
