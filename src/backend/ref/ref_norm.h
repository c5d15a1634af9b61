/* SPDX-License-Identifier: MIT
 *
 * ref_norm.h - reference batch normalisation (Ioffe and Szegedy 2015).
 *
 *   xhat = (x - mean) invstd,  y = gamma xhat + beta
 *   dx   = gamma invstd (g - mean(g) - xhat mean(g xhat))          g = dL/dy, or 0 where ReLU cut
 *
 * Means and variances in two passes over the rows.  One part per channel.
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
    ref_elem *y;
    const ref_elem *x, *residual;
    const sc_real *scale, *shift;
    bool relu;
    size_t c;
} ref_affine_args;

static void ref_affine_row(void *context, size_t row)
{
    const ref_affine_args *g = context;

    for (size_t c = 0; c < g->c; c++) {
        size_t i = row * g->c + c;
        double v = ref_get(g->x[i]) * g->scale[c] + g->shift[c];
        if (g->residual) {
            v += ref_get(g->residual[i]);
        }
        g->y[i] = ref_put(g->relu && v < 0 ? 0 : v);
    }
}

static void ref_channel_affine(sc_map *y, const sc_map *x, const sc_real *scale,
                               const sc_real *shift, const sc_map *residual, bool relu, size_t rows,
                               size_t c)
{
    ref_affine_args g = {y, x, residual, scale, shift, relu, c};
    sc_parallel_for(rows, ref_affine_row, &g);
}

typedef struct {
    ref_elem *dx, *dresidual;
    sc_real *dgamma, *dbeta;
    const ref_elem *dy;
    const sc_batchnorm *norm;
    size_t rows, c;
} ref_batchnorm_args;

/* g of element i, channel c */
static double ref_batchnorm_gradient(const ref_batchnorm_args *g, size_t i, size_t c)
{
    const sc_batchnorm *norm = g->norm;
    const ref_elem *x = norm->x, *y = norm->y;
    double f = !norm->relu ? 1
               : y         ? ref_get(y[i])
                           : ref_get(x[i]) * norm->scale[c] + norm->shift[c];

    return f > 0 ? ref_get(g->dy[i]) : 0;
}

static void ref_batchnorm_backward_channel(void *context, size_t c)
{
    const ref_batchnorm_args *g = context;
    const ref_elem *x = g->norm->x;
    double mean = g->norm->mean[c], invstd = g->norm->invstd[c], scale = g->norm->scale[c];
    double sum_g = 0, sum_gx = 0, rows = (double)g->rows;

    for (size_t i = c; i < g->rows * g->c; i += g->c) {
        double d = ref_batchnorm_gradient(g, i, c);
        sum_g += d;
        sum_gx += d * (ref_get(x[i]) - mean) * invstd;
    }
    for (size_t i = c; i < g->rows * g->c; i += g->c) {
        double d = ref_batchnorm_gradient(g, i, c);
        double xhat = (ref_get(x[i]) - mean) * invstd;
        if (g->dresidual) {
            g->dresidual[i] = ref_put(d);
        }
        g->dx[i] = ref_put(scale * (d - sum_g / rows - xhat * (sum_gx / rows)));
    }
    if (g->dgamma) {
        g->dgamma[c] = (sc_real)(g->dgamma[c] + sum_gx);
        g->dbeta[c] = (sc_real)(g->dbeta[c] + sum_g);
    }
}

static void ref_batchnorm_backward(sc_map *dx, sc_map *dresidual, sc_real *dgamma, sc_real *dbeta,
                                   const sc_map *dy, const sc_batchnorm *norm, size_t rows,
                                   size_t c)
{
    assert(rows >= 1 && dx != dresidual && !dgamma == !dbeta && (norm->relu || !norm->y));
    ref_batchnorm_args g = {dx, dresidual, dgamma, dbeta, dy, norm, rows, c};
    sc_parallel_for(c, ref_batchnorm_backward_channel, &g);
}

#endif
