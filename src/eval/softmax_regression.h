/* SPDX-License-Identifier: MIT
 *
 * softmax_regression.h - multinomial logistic regression on chosen rows of a feature matrix:
 *
 *   J(W, b) = 1/n sum_i xent(W s(x_i) + b, y_i) + l2/2 |W|^2,   s(x) = (x - mean) * inv_std
 *
 * the objective with its gradient, its minimum by L-BFGS, and the score on rows.  Rows are gathered
 * and standardised block by block, in a fixed number of parts: no copy of the matrix is made, and
 * the bits do not depend on the number of threads.
 */
#ifndef SC_EVAL_SOFTMAX_REGRESSION_H
#define SC_EVAL_SOFTMAX_REGRESSION_H

#include "backend/backend.h"
#include "eval/features.h"

enum { SC_SOFTREG_PARTS = 16, SC_SOFTREG_BLOCK = 256 };

typedef struct {
    size_t dim, classes;
    const sc_backend *backend;
    sc_real *mean, *inv_std; /* dim each; inv_std is 0 where a feature never changes */
    sc_real *wt;             /* (dim, classes) weights at the current theta, then b (classes) */
    sc_real *partial;        /* parts x (dim + 1, classes) gradients */
    double *sum;             /* parts x 3: loss, top-1 hits, top-5 hits */
    sc_real *block;          /* parts x (SC_SOFTREG_BLOCK, dim) standardised rows */
    sc_real *logits;         /* parts x (SC_SOFTREG_BLOCK, classes) */
    sc_real *dlogits;        /* as logits */
    int32_t *label;          /* parts x SC_SOFTREG_BLOCK */
} sc_softreg;

/* Which rows of which matrix. */
typedef struct {
    const sc_features *features;
    const uint32_t *row;
    size_t count;
} sc_rows;

typedef struct {
    double loss;       /* mean cross-entropy, without the L2 term */
    double top1, top5; /* per cent */
} sc_softreg_score;

/* Mean and deviation are those of all rows of `statistics`. */
int sc_softreg_init(sc_softreg *model, const sc_features *statistics, size_t classes,
                    const sc_backend *backend, simclr_error *err);
void sc_softreg_free(sc_softreg *model);

/* Parameters are one vector theta of (dim + 1) * classes: W transposed, (dim, classes), then b. */
size_t sc_softreg_params(const sc_softreg *model);

/* Returns J(theta) on the rows and writes its gradient. */
double sc_softreg_objective(double *gradient, const double *theta, sc_softreg *model,
                            const sc_rows *rows, double l2);
void sc_softreg_score_rows(sc_softreg_score *out, const double *theta, sc_softreg *model,
                           const sc_rows *rows);

/* Minimises J from theta on, in place; *iterations (may be NULL) is increased. */
int sc_softreg_fit(double *theta, int *iterations, sc_softreg *model, const sc_rows *rows,
                   double l2, int max_iterations, simclr_error *err);

#endif
