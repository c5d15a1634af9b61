/* SPDX-License-Identifier: MIT
 *
 * ref_norm.h - reference batch normalisation (Ioffe and Szegedy 2015).
 *
 *   xhat = (x - mean) invstd,  y = gamma xhat + beta
 *   dx   = gamma invstd (g - mean(g) - xhat mean(g xhat))          g = dL/dy, or 0 where ReLU cut
 *
 * Means and variances in two passes over the rows, one part per channel; the passes that write a map,
 * one part per row.
 */
#ifndef SC_REF_REF_NORM_H
#define SC_REF_REF_NORM_H

#include <assert.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

typedef struct {
    sc_real *mean, *var;
    const ref_elem *x;
    size_t rows, c;
} ref_stats_args;

static void ref_stats_channel(void *context, size_t c)
{
    const ref_stats_args *g = context;
    double sum = 0, squares = 0;

    for (size_t i = 0; i < g->rows; i++) {
        sum += ref_get(g->x[i * g->c + c]);
    }
    double mean = sum / (double)g->rows;
    for (size_t i = 0; i < g->rows; i++) {
        double d = ref_get(g->x[i * g->c + c]) - mean;
        squares += d * d;
    }
    g->mean[c] = (sc_real)mean;
    g->var[c] = (sc_real)(squares / (double)g->rows);
}

static void ref_channel_stats(sc_real *mean, sc_real *var, const sc_map *x, size_t rows, size_t c)
{
    assert(rows >= 1);
    ref_stats_args g = {mean, var, x, rows, c};
    sc_parallel_for(c, ref_stats_channel, &g);
}

typedef struct {
    sc_affine of;
    size_t c;
} ref_affine_args;

static void ref_affine_row(void *context, size_t row)
{
    const ref_affine_args *g = context;
    const ref_elem *x = g->of.x, *residual = g->of.residual;
    ref_elem *y = g->of.y;

    for (size_t c = 0; c < g->c; c++) {
        size_t i = row * g->c + c;
        double v = ref_get(x[i]) * g->of.scale[c] + g->of.shift[c];
        if (residual) {
            v += ref_get(residual[i]);
        }
        y[i] = ref_put(g->of.relu && v < 0 ? 0 : v);
    }
}

static void ref_channel_affine(const sc_affine *affine, size_t rows, size_t c)
{
    ref_affine_args g = {*affine, c};
    sc_parallel_for(rows, ref_affine_row, &g);
}

typedef struct {
    sc_batchnorm of;
    size_t rows, c;
} ref_batchnorm_args;

/* g of element i, channel c */
static double ref_batchnorm_g(const sc_batchnorm *of, size_t i, size_t c)
{
    const ref_elem *x = of->x, *y = of->y, *dy = of->dy;
    double f = !of->relu ? 1 : y ? ref_get(y[i]) : ref_get(x[i]) * of->scale[c] + of->shift[c];

    return f > 0 ? ref_get(dy[i]) : 0;
}

static void ref_batchnorm_sums_channel(void *context, size_t c)
{
    const ref_batchnorm_args *g = context;
    const sc_batchnorm *of = &g->of;
    const ref_elem *x = of->x;
    ref_elem *to = of->g;
    double mean = of->mean[c], invstd = of->invstd[c], sum_g = 0, sum_gx = 0;

    for (size_t i = c; i < g->rows * g->c; i += g->c) {
        double d = ref_batchnorm_g(of, i, c);
        if (to) {
            to[i] = ref_put(d);
        }
        sum_g += d;
        sum_gx += d * (ref_get(x[i]) - mean) * invstd;
    }
    of->mean_g[c] = (sc_real)(sum_g / (double)g->rows);
    of->curve[c] = (sc_real)(of->scale[c] * invstd * (sum_gx / (double)g->rows));
    if (of->dgamma) {
        of->dgamma[c] = (sc_real)(of->dgamma[c] + sum_gx);
        of->dbeta[c] = (sc_real)(of->dbeta[c] + sum_g);
    }
}

static void ref_batchnorm_sums(const sc_batchnorm *norm, size_t rows, size_t c)
{
    assert(rows >= 1 && !norm->dgamma == !norm->dbeta);
    assert((norm->relu || !norm->y) && !norm->y == !norm->g);
    ref_batchnorm_args g = {*norm, rows, c};
    sc_parallel_for(c, ref_batchnorm_sums_channel, &g);
}

static void ref_batchnorm_gradient_row(void *context, size_t row)
{
    const ref_batchnorm_args *g = context;
    const sc_batchnorm *of = &g->of;
    const ref_elem *x = of->x;
    ref_elem *dx = of->dx;

    for (size_t c = 0; c < g->c; c++) {
        size_t i = row * g->c + c;
        double d = ref_batchnorm_g(of, i, c), mean_g = of->mean_g[c], curve = of->curve[c];
        dx[i] = ref_put(of->scale[c] * (d - mean_g) - curve * (ref_get(x[i]) - of->mean[c]));
    }
}

static void ref_batchnorm_gradient(const sc_batchnorm *norm, size_t rows, size_t c)
{
    assert(!norm->y);
    ref_batchnorm_args g = {*norm, rows, c};
    sc_parallel_for(rows, ref_batchnorm_gradient_row, &g);
}

#endif
