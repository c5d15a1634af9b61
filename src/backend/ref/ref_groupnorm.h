/* SPDX-License-Identifier: MIT
 *
 * ref_groupnorm.h - reference group normalisation (Wu and He 2018), over the rows and the channels
 * of a group per image; formulas as in ref_norm.h.  One part per image and group.
 */
#ifndef SC_REF_REF_GROUPNORM_H
#define SC_REF_REF_GROUPNORM_H

#include <assert.h>
#include <math.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *out;
    const ref_elem *dy, *x;
    sc_real *mean_out, *invstd_out, *dgamma, *dbeta;
    const sc_real *gamma, *beta, *mean, *invstd;
    size_t n, rows, c, groups;
    double eps;
} ref_groupnorm_args;

static void ref_groupnorm_forward_group(void *context, size_t part)
{
    const ref_groupnorm_args *g = context;
    size_t width = g->c / g->groups, c0 = part % g->groups * width;
    size_t first = part / g->groups * g->rows * g->c + c0;
    double sum = 0, squares = 0, count = (double)(g->rows * width);

    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            sum += ref_get(g->x[first + row * g->c + c]);
        }
    }
    double mean = sum / count;
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            double d = ref_get(g->x[first + row * g->c + c]) - mean;
            squares += d * d;
        }
    }
    double invstd = 1 / sqrt(squares / count + g->eps);
    g->mean_out[part] = (sc_real)mean;
    g->invstd_out[part] = (sc_real)invstd;
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double xhat = (ref_get(g->x[i]) - mean) * invstd;
            g->out[i] =
                ref_put(xhat * (g->gamma ? g->gamma[c0 + c] : 1) + (g->beta ? g->beta[c0 + c] : 0));
        }
    }
}

static void ref_groupnorm_forward(sc_map *y, sc_real *mean, sc_real *invstd, const sc_map *x,
                                  const sc_real *gamma, const sc_real *beta, size_t n, size_t rows,
                                  size_t c, size_t groups, double eps)
{
    assert(groups >= 1 && c % groups == 0);
    ref_groupnorm_args g = {.out = y,
                            .mean_out = mean,
                            .invstd_out = invstd,
                            .x = x,
                            .gamma = gamma,
                            .beta = beta,
                            .n = n,
                            .rows = rows,
                            .c = c,
                            .groups = groups,
                            .eps = eps};
    sc_parallel_for(n * groups, ref_groupnorm_forward_group, &g);
}

static void ref_groupnorm_param_channel(void *context, size_t c)
{
    const ref_groupnorm_args *g = context;
    double dgamma = 0, dbeta = 0;

    for (size_t row = 0; row < g->n * g->rows; row++) {
        size_t group = row / g->rows * g->groups + c / (g->c / g->groups), i = row * g->c + c;
        dgamma += ref_get(g->dy[i]) * (ref_get(g->x[i]) - g->mean[group]) * g->invstd[group];
        dbeta += ref_get(g->dy[i]);
    }
    g->dgamma[c] = (sc_real)(g->dgamma[c] + dgamma);
    g->dbeta[c] = (sc_real)(g->dbeta[c] + dbeta);
}

static void ref_groupnorm_backward_group(void *context, size_t part)
{
    const ref_groupnorm_args *g = context;
    size_t width = g->c / g->groups, c0 = part % g->groups * width;
    size_t first = part / g->groups * g->rows * g->c + c0;
    double mean = g->mean[part], invstd = g->invstd[part];
    double sum_g = 0, sum_gx = 0, count = (double)(g->rows * width);

    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double d = ref_get(g->dy[i]) * (g->gamma ? g->gamma[c0 + c] : 1);
            sum_g += d;
            sum_gx += d * (ref_get(g->x[i]) - mean) * invstd;
        }
    }
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double d = ref_get(g->dy[i]) * (g->gamma ? g->gamma[c0 + c] : 1);
            double xhat = (ref_get(g->x[i]) - mean) * invstd;
            g->out[i] = ref_put(invstd * (d - sum_g / count - xhat * (sum_gx / count)));
        }
    }
}

static void ref_groupnorm_backward(sc_map *dx, sc_real *dgamma, sc_real *dbeta, const sc_map *dy,
                                   const sc_map *x, const sc_real *gamma, const sc_real *mean,
                                   const sc_real *invstd, size_t n, size_t rows, size_t c,
                                   size_t groups)
{
    assert(groups >= 1 && c % groups == 0 && !dgamma == !dbeta);
    ref_groupnorm_args g = {.out = dx,
                            .dgamma = dgamma,
                            .dbeta = dbeta,
                            .dy = dy,
                            .x = x,
                            .gamma = gamma,
                            .mean = mean,
                            .invstd = invstd,
                            .n = n,
                            .rows = rows,
                            .c = c,
                            .groups = groups};
    if (dgamma) {
        sc_parallel_for(c, ref_groupnorm_param_channel, &g); /* before dx, which may be dy */
    }
    sc_parallel_for(n * groups, ref_groupnorm_backward_group, &g);
}

#endif
