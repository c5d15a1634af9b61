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

enum {
    NORM_PARTS = 16,
    NORM_GROUP = 512,
    NORM_RUN = 32,
    NORM_ROWS = 64,
    NORM_FEW = 4 /* rows that share what they load of a channel, still nearly in memory's order */
};

typedef struct {
    double first[NORM_PARTS][NORM_GROUP], second[NORM_PARTS][NORM_GROUP];
} norm_sums;

/* How g comes from dy: all of it, where y > 0, or where x scale + shift > 0. */
typedef enum { NORM_ALL, NORM_BY_Y, NORM_BY_X } norm_mask;

typedef struct {
    const elem *x, *dy, *y;
    const float *mean, *scale, *shift; /* of channels c0 .. c0+width-1 */
    norm_mask mask;
    size_t rows, c, c0, width;
    norm_sums *sums;
} norm_args;

/* g of VEC channels from element i, channel j of the group, on; `mask` is a constant where this is
 * called.  x scale + shift is computed as affine_row does. */
SC_INLINE vec norm_gradient(const norm_args *g, size_t i, size_t j, vec x, const norm_mask mask)
{
    vec d = eload(g->dy + i);

    if (mask == NORM_BY_Y) {
        d = vkeep_positive(d, eload(g->y + i));
    } else if (mask == NORM_BY_X) {
        d = vkeep_positive(d, vfma(x, vload(g->scale + j), vload(g->shift + j)));
    }
    return d;
}

SC_INLINE float norm_gradient_at(const norm_args *g, size_t i, size_t j, float x,
                                 const norm_mask mask)
{
    float f = mask == NORM_ALL    ? 1
              : mask == NORM_BY_Y ? eget(g->y[i])
                                  : x * g->scale[j] + g->shift[j];

    return f > 0 ? eget(g->dy[i]) : 0;
}

/* Adds `rows` rows from `row` on to the sums of g and of g (x - mean). */
SC_INLINE void norm_sum_few(const norm_args *g, size_t row, float *first, float *second,
                            const size_t rows, const norm_mask mask)
{
    size_t begin = row * g->c + g->c0, j = 0;

    for (; j + VEC <= g->width; j += VEC) {
        vec a = vload(first + j), b = vload(second + j), mean = vload(g->mean + j);
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * g->c + j;
            vec x = eload(g->x + i), v = norm_gradient(g, i, j, x, mask);
            a += v;
            b = vfma(v, x - mean, b);
        }
        vstore(first + j, a);
        vstore(second + j, b);
    }
    for (; j < g->width; j++) {
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * g->c + j;
            float x = eget(g->x[i]), v = norm_gradient_at(g, i, j, x, mask);
            first[j] += v;
            second[j] += v * (x - g->mean[j]);
        }
    }
}

SC_INLINE void norm_sum_rows_of(const norm_args *g, size_t row, size_t end, float *first,
                                float *second, const norm_mask mask)
{
    for (; row + NORM_FEW <= end; row += NORM_FEW) {
        norm_sum_few(g, row, first, second, NORM_FEW, mask);
    }
    for (; row < end; row++) {
        norm_sum_few(g, row, first, second, 1, mask);
    }
}

static void norm_sum_rows(const norm_args *g, size_t begin, size_t end, double *first,
                          double *second)
{
    float a[NORM_GROUP], b[NORM_GROUP];

    zero_floats(a, g->width);
    zero_floats(b, g->width);
    if (g->mask == NORM_ALL) {
        norm_sum_rows_of(g, begin, end, a, b, NORM_ALL);
    } else if (g->mask == NORM_BY_Y) {
        norm_sum_rows_of(g, begin, end, a, b, NORM_BY_Y);
    } else {
        norm_sum_rows_of(g, begin, end, a, b, NORM_BY_X);
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
    float mean_g[NORM_GROUP], curve[NORM_GROUP];
} norm_backward_args;

/* dx = scale (g - mean_g) - curve (x - mean) for channel j of the group, of `rows` rows */
SC_INLINE void norm_backward_few(const norm_backward_args *a, size_t row, const size_t rows,
                                 const norm_mask mask)
{
    const norm_args *g = &a->g;
    size_t begin = row * g->c + g->c0, j = 0;

    for (; j + VEC <= g->width; j += VEC) {
        vec mean = vload(g->mean + j), scale = vload(g->scale + j);
        vec mean_g = vload(a->mean_g + j), curve = vload(a->curve + j);
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * g->c + j;
            vec x = eload(g->x + i), d = norm_gradient(g, i, j, x, mask);
            if (a->dresidual) {
                estore(a->dresidual + i, d);
            }
            estore(a->dx + i, scale * (d - mean_g) - curve * (x - mean));
        }
    }
    for (; j < g->width; j++) {
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * g->c + j;
            float x = eget(g->x[i]), d = norm_gradient_at(g, i, j, x, mask);
            if (a->dresidual) {
                a->dresidual[i] = eput(d);
            }
            a->dx[i] = eput(g->scale[j] * (d - a->mean_g[j]) - a->curve[j] * (x - g->mean[j]));
        }
    }
}

SC_INLINE void norm_backward_rows_of(const norm_backward_args *a, size_t row, size_t end,
                                     const norm_mask mask)
{
    for (; row + NORM_FEW <= end; row += NORM_FEW) {
        norm_backward_few(a, row, NORM_FEW, mask);
    }
    for (; row < end; row++) {
        norm_backward_few(a, row, 1, mask);
    }
}

static void norm_backward_part(void *context, size_t part)
{
    const norm_backward_args *a = context;
    size_t begin = part * NORM_ROWS, end = min_size(begin + NORM_ROWS, a->g.rows);

    if (a->g.mask == NORM_ALL) {
        norm_backward_rows_of(a, begin, end, NORM_ALL);
    } else if (a->g.mask == NORM_BY_Y) {
        norm_backward_rows_of(a, begin, end, NORM_BY_Y);
    } else {
        norm_backward_rows_of(a, begin, end, NORM_BY_X);
    }
}

static void batchnorm_backward(sc_map *dx, sc_map *dresidual, float *dgamma, float *dbeta,
                               const sc_map *dy, const sc_batchnorm *norm, size_t rows, size_t c)
{
    norm_sums sums;
    norm_backward_args a = {.g = {.x = norm->x,
                                  .dy = dy,
                                  .y = norm->y,
                                  .mask = !norm->relu ? NORM_ALL
                                          : norm->y   ? NORM_BY_Y
                                                      : NORM_BY_X,
                                  .rows = rows,
                                  .c = c,
                                  .sums = &sums},
                            .dx = dx,
                            .dresidual = dresidual};

    assert(rows >= 1 && dx != dresidual && !dgamma == !dbeta && (norm->relu || !norm->y));
    for (size_t c0 = 0; c0 < c; c0 += NORM_GROUP) {
        a.g.c0 = c0;
        a.g.mean = norm->mean + c0;
        a.g.scale = norm->scale + c0;
        a.g.shift = norm->shift + c0;
        a.g.width = min_size(c - c0, NORM_GROUP);
        sc_parallel_for(NORM_PARTS, norm_sum_part, &a.g);
        for (size_t j = 0; j < a.g.width; j++) {
            double sum_g = 0, sum_gx = 0, inv = norm->invstd[c0 + j];
            for (size_t part = 0; part < NORM_PARTS; part++) {
                sum_g += sums.first[part][j];
                sum_gx += sums.second[part][j];
            }
            a.mean_g[j] = (float)(sum_g / (double)rows);
            a.curve[j] = (float)(norm->scale[c0 + j] * inv * inv * (sum_gx / (double)rows));
            if (dgamma) {
                dgamma[c0 + j] = (float)(dgamma[c0 + j] + sum_gx * inv);
                dbeta[c0 + j] = (float)(dbeta[c0 + j] + sum_g);
            }
        }
        sc_parallel_for((rows + NORM_ROWS - 1) / NORM_ROWS, norm_backward_part, &a);
    }
}

#endif
