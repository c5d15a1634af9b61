/* SPDX-License-Identifier: MIT
 *
 * ref_norm.c - reference batch and group normalisation (Ioffe and Szegedy 2015, Wu and He 2018).
 *
 *   xhat = (x - mean) invstd,  y = gamma xhat + beta
 *   dx   = gamma invstd (g - mean(g) - xhat mean(g xhat))          g = dL/dy
 *
 * Means and variances in two passes, over rows per channel (batch) or over rows and the channels
 * of a group per image (group).  One part per channel, or per image and group.
 */
#include "backend/ref/ref.h"

#include <assert.h>
#include <math.h>

#include "core/parallel.h"

typedef struct {
    sc_real *mean, *var;
    const sc_real *x;
    size_t rows, c;
} stats_args;

static void stats_channel(void *context, size_t c)
{
    const stats_args *g = context;
    double sum = 0, squares = 0;

    for (size_t i = 0; i < g->rows; i++) {
        sum += g->x[i * g->c + c];
    }
    double mean = sum / (double)g->rows;
    for (size_t i = 0; i < g->rows; i++) {
        double d = g->x[i * g->c + c] - mean;
        squares += d * d;
    }
    g->mean[c] = (sc_real)mean;
    g->var[c] = (sc_real)(squares / (double)g->rows);
}

void sc_ref_channel_stats(sc_real *mean, sc_real *var, const sc_real *x, size_t rows, size_t c)
{
    assert(rows >= 1);
    stats_args g = {mean, var, x, rows, c};
    sc_parallel_for(c, stats_channel, &g);
}

typedef struct {
    sc_real *y;
    const sc_real *x, *scale, *shift, *residual;
    bool relu;
    size_t c;
} affine_args;

static void affine_row(void *context, size_t row)
{
    const affine_args *g = context;

    for (size_t c = 0; c < g->c; c++) {
        size_t i = row * g->c + c;
        double v = (double)g->x[i] * g->scale[c] + g->shift[c];
        if (g->residual) {
            v += g->residual[i];
        }
        g->y[i] = (sc_real)(g->relu && v < 0 ? 0 : v);
    }
}

void sc_ref_channel_affine(sc_real *y, const sc_real *x, const sc_real *scale, const sc_real *shift,
                           const sc_real *residual, bool relu, size_t rows, size_t c)
{
    affine_args g = {y, x, scale, shift, residual, relu, c};
    sc_parallel_for(rows, affine_row, &g);
}

typedef struct {
    sc_real *dx, *dresidual, *dgamma, *dbeta;
    const sc_real *dy, *x, *y, *gamma, *mean, *invstd;
    size_t rows, c;
} batchnorm_args;

static void batchnorm_backward_channel(void *context, size_t c)
{
    const batchnorm_args *g = context;
    double mean = g->mean[c], invstd = g->invstd[c], gamma = g->gamma ? g->gamma[c] : 1;
    double sum_g = 0, sum_gx = 0, rows = (double)g->rows;

    for (size_t row = 0; row < g->rows; row++) {
        size_t i = row * g->c + c;
        double d = g->y && !(g->y[i] > 0) ? 0 : g->dy[i];
        sum_g += d;
        sum_gx += d * (g->x[i] - mean) * invstd;
    }
    for (size_t row = 0; row < g->rows; row++) {
        size_t i = row * g->c + c;
        double d = g->y && !(g->y[i] > 0) ? 0 : g->dy[i];
        double xhat = (g->x[i] - mean) * invstd;
        if (g->dresidual) {
            g->dresidual[i] = (sc_real)d;
        }
        g->dx[i] = (sc_real)(gamma * invstd * (d - sum_g / rows - xhat * (sum_gx / rows)));
    }
    if (g->dgamma) {
        g->dgamma[c] = (sc_real)(g->dgamma[c] + sum_gx);
        g->dbeta[c] = (sc_real)(g->dbeta[c] + sum_g);
    }
}

void sc_ref_batchnorm_backward(sc_real *dx, sc_real *dresidual, sc_real *dgamma, sc_real *dbeta,
                               const sc_real *dy, const sc_real *x, const sc_real *y,
                               const sc_real *gamma, const sc_real *mean, const sc_real *invstd,
                               size_t rows, size_t c)
{
    assert(rows >= 1 && dx != dresidual && !dgamma == !dbeta);
    batchnorm_args g = {dx, dresidual, dgamma, dbeta, dy, x, y, gamma, mean, invstd, rows, c};
    sc_parallel_for(c, batchnorm_backward_channel, &g);
}

typedef struct {
    sc_real *out, *mean_out, *invstd_out, *dgamma, *dbeta;
    const sc_real *dy, *x, *gamma, *beta, *mean, *invstd;
    size_t n, rows, c, groups;
    double eps;
} groupnorm_args;

static void groupnorm_forward_group(void *context, size_t part)
{
    const groupnorm_args *g = context;
    size_t width = g->c / g->groups, c0 = part % g->groups * width;
    size_t first = part / g->groups * g->rows * g->c + c0;
    double sum = 0, squares = 0, count = (double)(g->rows * width);

    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            sum += g->x[first + row * g->c + c];
        }
    }
    double mean = sum / count;
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            double d = g->x[first + row * g->c + c] - mean;
            squares += d * d;
        }
    }
    double invstd = 1 / sqrt(squares / count + g->eps);
    g->mean_out[part] = (sc_real)mean;
    g->invstd_out[part] = (sc_real)invstd;
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double xhat = (g->x[i] - mean) * invstd;
            g->out[i] = (sc_real)(xhat * (g->gamma ? g->gamma[c0 + c] : 1) +
                                  (g->beta ? g->beta[c0 + c] : 0));
        }
    }
}

void sc_ref_groupnorm_forward(sc_real *y, sc_real *mean, sc_real *invstd, const sc_real *x,
                              const sc_real *gamma, const sc_real *beta, size_t n, size_t rows,
                              size_t c, size_t groups, double eps)
{
    assert(groups >= 1 && c % groups == 0);
    groupnorm_args g = {.out = y,
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
    sc_parallel_for(n * groups, groupnorm_forward_group, &g);
}

static void groupnorm_param_channel(void *context, size_t c)
{
    const groupnorm_args *g = context;
    double dgamma = 0, dbeta = 0;

    for (size_t row = 0; row < g->n * g->rows; row++) {
        size_t group = row / g->rows * g->groups + c / (g->c / g->groups), i = row * g->c + c;
        dgamma += g->dy[i] * ((double)g->x[i] - g->mean[group]) * g->invstd[group];
        dbeta += g->dy[i];
    }
    g->dgamma[c] = (sc_real)(g->dgamma[c] + dgamma);
    g->dbeta[c] = (sc_real)(g->dbeta[c] + dbeta);
}

static void groupnorm_backward_group(void *context, size_t part)
{
    const groupnorm_args *g = context;
    size_t width = g->c / g->groups, c0 = part % g->groups * width;
    size_t first = part / g->groups * g->rows * g->c + c0;
    double mean = g->mean[part], invstd = g->invstd[part];
    double sum_g = 0, sum_gx = 0, count = (double)(g->rows * width);

    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double d = (double)g->dy[i] * (g->gamma ? g->gamma[c0 + c] : 1);
            sum_g += d;
            sum_gx += d * (g->x[i] - mean) * invstd;
        }
    }
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t c = 0; c < width; c++) {
            size_t i = first + row * g->c + c;
            double d = (double)g->dy[i] * (g->gamma ? g->gamma[c0 + c] : 1);
            double xhat = (g->x[i] - mean) * invstd;
            g->out[i] = (sc_real)(invstd * (d - sum_g / count - xhat * (sum_gx / count)));
        }
    }
}

void sc_ref_groupnorm_backward(sc_real *dx, sc_real *dgamma, sc_real *dbeta, const sc_real *dy,
                               const sc_real *x, const sc_real *gamma, const sc_real *mean,
                               const sc_real *invstd, size_t n, size_t rows, size_t c,
                               size_t groups)
{
    assert(groups >= 1 && c % groups == 0 && !dgamma == !dbeta);
    groupnorm_args g = {.out = dx,
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
        sc_parallel_for(c, groupnorm_param_channel, &g); /* before dx, which may be dy */
    }
    sc_parallel_for(n * groups, groupnorm_backward_group, &g);
}
