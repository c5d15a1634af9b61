/* SPDX-License-Identifier: MIT
 *
 * kernel_norm.h - batch statistics, the affine map of a normalisation, and its backward.
 *
 *   mean, var of x;   y = f(x scale + shift + residual)
 *   dx = gamma invstd (g - mean(g) - xhat mean(g xhat))
 *
 * Sums over rows: NORM_PARTS ranges of rows, each in float over NORM_RUN rows and from there on in
 * double; the ranges are added in their order.  Mean and variance: kernel_stats.h.  Channels go in
 * groups of NORM_GROUP, whose sums fit the stack.
 */
#ifndef SC_CPU_KERNEL_NORM_H
#define SC_CPU_KERNEL_NORM_H

#include <assert.h>

#include "backend/cpu/kernel_stats.h"
#include "core/parallel.h"

enum { NORM_PARTS = 16, NORM_GROUP = 512, NORM_RUN = 32, NORM_ROWS = 64 };

typedef struct {
    double first[NORM_PARTS][NORM_GROUP], second[NORM_PARTS][NORM_GROUP];
} norm_sums;

typedef struct {
    const elem *x, *dy, *y;
    const float *mean; /* of channels c0 .. c0+width-1 */
    size_t rows, c, c0, width;
    norm_sums *sums;
} norm_args;

/* Adds one row to the group's sums; `with_y` is a constant where this is called. */
SC_INLINE void norm_sum_row(const norm_args *g, size_t row, float *first, float *second,
                            const bool with_y)
{
    size_t i = row * g->c + g->c0, j = 0;

    for (; j + VEC <= g->width; j += VEC) {
        vec d = eload(g->x + i + j) - vload(g->mean + j), v = eload(g->dy + i + j);
        if (with_y) {
            v = vkeep_positive(v, eload(g->y + i + j));
        }
        vstore(first + j, vload(first + j) + v);
        vstore(second + j, vfma(v, d, vload(second + j)));
    }
    for (; j < g->width; j++) {
        float d = eget(g->x[i + j]) - g->mean[j], v = eget(g->dy[i + j]);
        if (with_y && !(eget(g->y[i + j]) > 0)) {
            v = 0;
        }
        first[j] += v;
        second[j] += v * d;
    }
}

static void norm_sum_rows(const norm_args *g, size_t begin, size_t end, double *first,
                          double *second)
{
    float a[NORM_GROUP], b[NORM_GROUP];

    zero_floats(a, g->width);
    zero_floats(b, g->width);
    for (size_t row = begin; row < end; row++) {
        if (g->y) {
            norm_sum_row(g, row, a, b, true);
        } else {
            norm_sum_row(g, row, a, b, false);
        }
    }
    for (size_t j = 0; j < g->width; j++) {
        first[j] += a[j];
        second[j] += b[j];
    }
}

static void norm_sum_part(void *context, size_t part)
{
    const norm_args *g = context;
    double *first = g->sums->first[part], *second = g->sums->second[part];
    size_t begin, end;

    sc_part_range(&begin, &end, g->rows, NORM_PARTS, part);
    for (size_t j = 0; j < g->width; j++) {
        first[j] = second[j] = 0;
    }
    for (size_t row = begin; row < end; row += NORM_RUN) {
        norm_sum_rows(g, row, min_size(row + NORM_RUN, end), first, second);
    }
}

typedef struct {
    stats_whole whole;
    const elem *x; /* of the group's first channel */
    size_t rows, c;
} stats_args;

static void stats_part(void *context, size_t part)
{
    stats_args *g = context;
    size_t begin, end;

    sc_part_range(&begin, &end, g->rows, NORM_PARTS, part);
    for (size_t row = begin; row < end; row += STATS_ROWS) {
        stats_join_rows(&g->whole.range[part], g->x + row * g->c, min_size(end - row, STATS_ROWS),
                        g->c, g->whole.channels);
    }
}

static void channel_stats(float *mean, float *var, const sc_map *x, size_t rows, size_t c)
{
    double memory[2 * NORM_PARTS * NORM_GROUP];
    stats_args g = {.rows = rows, .c = c};

    assert(rows >= 1);
    for (size_t c0 = 0; c0 < c; c0 += NORM_GROUP) {
        g.x = (const elem *)x + c0;
        stats_begin(&g.whole, NORM_PARTS, min_size(c - c0, NORM_GROUP), memory);
        sc_parallel_for(NORM_PARTS, stats_part, &g);
        stats_end(&g.whole, mean + c0, var + c0);
    }
}

typedef struct {
    elem *y;
    const elem *x, *residual;
    const float *scale, *shift;
    bool relu;
    size_t rows, c;
} affine_args;

SC_INLINE void affine_row(const affine_args *g, size_t i, const bool residual, const bool relu)
{
    size_t c = 0;

    for (; c + VEC <= g->c; c += VEC) {
        vec v = vfma(eload(g->x + i + c), vload(g->scale + c), vload(g->shift + c));
        if (residual) {
            v += eload(g->residual + i + c);
        }
        estore(g->y + i + c, relu ? vmax(vzero(), v) : v); /* vmax(0, NaN) is NaN */
    }
    for (; c < g->c; c++) {
        float v = eget(g->x[i + c]) * g->scale[c] + g->shift[c];
        if (residual) {
            v += eget(g->residual[i + c]);
        }
        g->y[i + c] = eput(relu && v < 0 ? 0 : v);
    }
}

static void affine_part(void *context, size_t part)
{
    const affine_args *g = context;
    size_t end = min_size((part + 1) * NORM_ROWS, g->rows);

    for (size_t row = part * NORM_ROWS; row < end; row++) {
        size_t i = row * g->c;
        if (g->residual && g->relu) {
            affine_row(g, i, true, true);
        } else if (g->residual) {
            affine_row(g, i, true, false);
        } else if (g->relu) {
            affine_row(g, i, false, true);
        } else {
            affine_row(g, i, false, false);
        }
    }
}

static void channel_affine(sc_map *y, const sc_map *x, const float *scale, const float *shift,
                           const sc_map *residual, bool relu, size_t rows, size_t c)
{
    affine_args g = {y, x, residual, scale, shift, relu, rows, c};
    sc_parallel_for((rows + NORM_ROWS - 1) / NORM_ROWS, affine_part, &g);
}

typedef struct {
    norm_args g;
    elem *dx, *dresidual;
    float slope[NORM_GROUP], mean_g[NORM_GROUP], curve[NORM_GROUP];
} norm_backward_args;

/* dx = slope (g - mean_g) - curve (x - mean) for channel j of the group */
SC_INLINE void norm_backward_row(const norm_backward_args *a, size_t row, const bool with_y)
{
    size_t i = row * a->g.c + a->g.c0, j = 0;

    for (; j + VEC <= a->g.width; j += VEC) {
        vec d = eload(a->g.dy + i + j), centred = eload(a->g.x + i + j) - vload(a->g.mean + j);
        if (with_y) {
            d = vkeep_positive(d, eload(a->g.y + i + j));
        }
        vec v = vload(a->slope + j) * (d - vload(a->mean_g + j));
        if (a->dresidual) {
            estore(a->dresidual + i + j, d);
        }
        estore(a->dx + i + j, v - vload(a->curve + j) * centred);
    }
    for (; j < a->g.width; j++) {
        float d = with_y && !(eget(a->g.y[i + j]) > 0) ? 0 : eget(a->g.dy[i + j]);
        float centred = eget(a->g.x[i + j]) - a->g.mean[j];
        if (a->dresidual) {
            a->dresidual[i + j] = eput(d);
        }
        a->dx[i + j] = eput(a->slope[j] * (d - a->mean_g[j]) - a->curve[j] * centred);
    }
}

static void norm_backward_part(void *context, size_t part)
{
    const norm_backward_args *a = context;
    size_t end = min_size((part + 1) * NORM_ROWS, a->g.rows);

    for (size_t row = part * NORM_ROWS; row < end; row++) {
        if (a->g.y) {
            norm_backward_row(a, row, true);
        } else {
            norm_backward_row(a, row, false);
        }
    }
}

static void batchnorm_backward(sc_map *dx, sc_map *dresidual, float *dgamma, float *dbeta,
                               const sc_map *dy, const sc_map *x, const sc_map *y,
                               const float *gamma, const float *mean, const float *invstd,
                               size_t rows, size_t c)
{
    norm_sums sums;
    norm_backward_args a = {.g = {.x = x, .dy = dy, .y = y, .rows = rows, .c = c, .sums = &sums},
                            .dx = dx,
                            .dresidual = dresidual};

    assert(rows >= 1 && dx != dresidual && !dgamma == !dbeta);
    for (size_t c0 = 0; c0 < c; c0 += NORM_GROUP) {
        a.g.c0 = c0;
        a.g.mean = mean + c0;
        a.g.width = min_size(c - c0, NORM_GROUP);
        sc_parallel_for(NORM_PARTS, norm_sum_part, &a.g);
        for (size_t j = 0; j < a.g.width; j++) {
            double sum_g = 0, sum_gx = 0, inv = invstd[c0 + j];
            for (size_t part = 0; part < NORM_PARTS; part++) {
                sum_g += sums.first[part][j];
                sum_gx += sums.second[part][j];
            }
            double slope = (gamma ? gamma[c0 + j] : 1) * inv;
            a.slope[j] = (float)slope;
            a.mean_g[j] = (float)(sum_g / (double)rows);
            a.curve[j] = (float)(slope * inv * inv * (sum_gx / (double)rows));
            if (dgamma) {
                dgamma[c0 + j] = (float)(dgamma[c0 + j] + sum_gx * inv);
                dbeta[c0 + j] = (float)(dbeta[c0 + j] + sum_g);
            }
        }
        sc_parallel_for((rows + NORM_ROWS - 1) / NORM_ROWS, norm_backward_part, &a);
    }
}

#endif
