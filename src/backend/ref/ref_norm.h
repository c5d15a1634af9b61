/* SPDX-License-Identifier: MIT
 *
 * ref_norm.h - reference batch normalisation (Ioffe and Szegedy 2015).
 *
 *   xhat = (x - mean) invstd,  y = gamma xhat + beta
 *   dx   = gamma invstd (g - mean(g) - xhat mean(g xhat))          g = dL/dy
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
    const ref_elem *dy, *x, *y;
    const sc_real *gamma, *mean, *invstd;
    size_t rows, c;
} ref_batchnorm_args;

static void ref_batchnorm_backward_channel(void *context, size_t c)
{
    const ref_batchnorm_args *g = context;
    double mean = g->mean[c], invstd = g->invstd[c], gamma = g->gamma ? g->gamma[c] : 1;
    double sum_g = 0, sum_gx = 0, rows = (double)g->rows;

    for (size_t row = 0; row < g->rows; row++) {
        size_t i = row * g->c + c;
        double d = g->y && !(ref_get(g->y[i]) > 0) ? 0 : ref_get(g->dy[i]);
        sum_g += d;
        sum_gx += d * (ref_get(g->x[i]) - mean) * invstd;
    }
    for (size_t row = 0; row < g->rows; row++) {
        size_t i = row * g->c + c;
        double d = g->y && !(ref_get(g->y[i]) > 0) ? 0 : ref_get(g->dy[i]);
        double xhat = (ref_get(g->x[i]) - mean) * invstd;
        if (g->dresidual) {
            g->dresidual[i] = ref_put(d);
        }
        g->dx[i] = ref_put(gamma * invstd * (d - sum_g / rows - xhat * (sum_gx / rows)));
    }
    if (g->dgamma) {
        g->dgamma[c] = (sc_real)(g->dgamma[c] + sum_gx);
        g->dbeta[c] = (sc_real)(g->dbeta[c] + sum_g);
    }
}

static void ref_batchnorm_backward(sc_map *dx, sc_map *dresidual, sc_real *dgamma, sc_real *dbeta,
                                   const sc_map *dy, const sc_map *x, const sc_map *y,
                                   const sc_real *gamma, const sc_real *mean, const sc_real *invstd,
                                   size_t rows, size_t c)
{
    assert(rows >= 1 && dx != dresidual && !dgamma == !dbeta);
    ref_batchnorm_args g = {dx, dresidual, dgamma, dbeta, dy, x, y, gamma, mean, invstd, rows, c};
    sc_parallel_for(c, ref_batchnorm_backward_channel, &g);
}

#endif
