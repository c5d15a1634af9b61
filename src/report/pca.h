/* SPDX-License-Identifier: MIT
 *
 * pca.h - principal components by subspace iteration on the covariance; deterministic.
 *
 * y = (x - mean(x)) V, V the leading eigenvectors of cov(x); signs fixed so that the entry of V
 * largest in absolute value is positive.
 */
#ifndef SC_REPORT_PCA_H
#define SC_REPORT_PCA_H

#include <stddef.h>

#include "core/error.h"

/* y (rows, k) from x (rows, dim), k <= 64.  Components beyond the rank of x are 0.  variance
 * (k), the share of the total explained by each, may be NULL. */
int sc_pca(float *y, double *variance, const float *x, size_t rows, size_t dim, size_t k,
           simclr_error *err);

#endif
