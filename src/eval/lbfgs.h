/* SPDX-License-Identifier: MIT
 *
 * lbfgs.h - limited-memory BFGS for a smooth function (Nocedal & Wright, Numerical Optimization,
 * 2nd ed., algorithm 7.4 and 7.5), with a bisecting line search for the weak Wolfe conditions.
 * Everything is in double and serial: the same bits every time.
 */
#ifndef SC_EVAL_LBFGS_H
#define SC_EVAL_LBFGS_H

#include <stddef.h>

#include "core/error.h"

/* Returns f(x) and writes its gradient (n). */
typedef double (*sc_lbfgs_fn)(double *gradient, const double *x, void *context);

typedef struct {
    int history; /* pairs remembered: 10 */
    int max_iterations;
    double gradient_tolerance; /* stops when max |g_i| is not above it: 1e-5 */
    double change_tolerance;   /* or when f falls by less than this times max(|f|, 1e-3): 1e-8 */
} sc_lbfgs_options;

typedef struct {
    double value; /* f at the x returned */
    int iterations;
    int evaluations;
    int converged; /* 1: one of the tolerances was met; 0: the iterations ran out */
} sc_lbfgs_result;

/* Minimises f from x on, in place.  SIMCLR_E_NUMERIC when f is not finite at the start. */
int sc_lbfgs(sc_lbfgs_result *out, double *x, size_t n, sc_lbfgs_fn fn, void *context,
             const sc_lbfgs_options *options, simclr_error *err);

#endif
