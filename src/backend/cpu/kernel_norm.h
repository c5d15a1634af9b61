/* SPDX-License-Identifier: MIT
 *
 * kernel_norm.h - sums over the rows of a map: batch statistics, and those of a normalisation's backward
 * pass: sum g and sum g (x - mean), of a norm with a residual with g stored (the passes that make maps are in
 * kernel_rows.h).
 *
 * NORM_PARTS ranges of rows, each in float over NORM_RUN rows and from there on in double; the ranges are
 * added in their order.  Mean and variance: kernel_stats.h.  Channels go in groups of NORM_GROUP, whose
 * sums fit the stack.
 */
#ifndef SC_CPU_KERNEL_NORM_H
#define SC_CPU_KERNEL_NORM_H

#include <assert.h>

#include "backend/cpu/kernel_rows.h"
#include "backend/cpu/kernel_stats.h"
#include "core/parallel.h"

enum { NORM_PARTS = 16, NORM_GROUP = 512, NORM_RUN = 32 };

/* Sums of g and of g (x - mean), one for each range of rows, of channels c0 .. c0+width-1. */
typedef struct {
    const sc_batchnorm *of;
    norm_mask mask;
    double *at; /* (ranges, 2, width) */
    size_t ranges, c0, width;
} norm_sums;

/* Doubles that norm_sums_begin needs; no more than statistics do. */
SC_INLINE size_t norm_memory(size_t ranges, size_t width)
{
    return 2 * ranges * width;
}

static void norm_sums_begin(norm_sums *s, const sc_batchnorm *of, size_t ranges, size_t c0,
                            size_t width, double *memory)
{
    *s = (norm_sums){of, norm_mask_of(of), memory, ranges, c0, width};
    memset(memory, 0, norm_memory(ranges, width) * sizeof *memory);
}

/* Adds what a part of a range has. */
static void norm_sums_join(const norm_sums *s, size_t range, const float *first,
                           const float *second)
{
    double *sum = s->at + 2 * range * s->width;

    for (size_t j = 0; j < s->width; j++) {
        sum[j] += first[j];
        sum[s->width + j] += second[j];
    }
}

/* mean_g and curve from the ranges in their order, dgamma and dbeta */
static void norm_sums_end(const norm_sums *s, size_t rows)
{
    const sc_batchnorm *of = s->of;

    for (size_t j = 0; j < s->width; j++) {
        size_t c = s->c0 + j;
        double sum_g = 0, sum_gx = 0, inv = of->invstd[c];
        for (size_t range = 0; range < s->ranges; range++) {
            sum_g += s->at[2 * range * s->width + j];
            sum_gx += s->at[(2 * range + 1) * s->width + j];
        }
        of->mean_g[c] = (float)(sum_g / (double)rows);
        of->curve[c] = (float)(of->scale[c] * inv * inv * (sum_gx / (double)rows));
        if (of->dgamma) {
            of->dgamma[c] = (float)(of->dgamma[c] + sum_gx * inv);
            of->dbeta[c] = (float)(of->dbeta[c] + sum_g);
        }
    }
}

typedef struct {
    norm_sums sums;
    size_t rows, c;
} norm_args;

/* Adds VEC channels from the group's channel j on of `rows` rows to *sum and *product. */
SC_INLINE void norm_sum_vec(vec *sum, vec *product, const norm_args *a, size_t row, size_t j,
                            const size_t rows, const norm_mask mask)
{
    const sc_batchnorm *of = a->sums.of;
    size_t c = a->sums.c0 + j;
    vec mean = vload(of->mean + c);

    for (size_t k = 0; k < rows; k++) {
        size_t i = (row + k) * a->c + c;
        vec x = eload((const elem *)of->x + i);
        vec g = norm_g(of, i, c, eload((const elem *)of->dy + i), x, mask);
        if (mask == NORM_BY_Y) {
            estore((elem *)of->g + i, g);
        }
        *sum += g;
        *product = vfma(g, x - mean, *product);
    }
}

/* Adds `rows` rows from `row` on to the sums of g and of g (x - mean). */
SC_INLINE void norm_sum_few(const norm_args *a, size_t row, float *first, float *second,
                            const size_t rows, const norm_mask mask)
{
    const sc_batchnorm *of = a->sums.of;
    const elem *from = of->x;
    size_t c0 = a->sums.c0, width = a->sums.width, begin = row * a->c + c0, j = 0;
    bool overlap = rows_overlap(width);
    size_t end = width - VEC;
    vec sum, product, last_sum = vzero(), last_product = vzero();

    if (overlap) {
        last_sum = vload(first + end);
        last_product = vload(second + end);
        norm_sum_vec(&last_sum, &last_product, a, row, end, rows, mask);
    }
    for (; j + VEC <= width; j += VEC) {
        sum = vload(first + j);
        product = vload(second + j);
        norm_sum_vec(&sum, &product, a, row, j, rows, mask);
        vstore(first + j, sum);
        vstore(second + j, product);
    }
    if (overlap) {
        vstore(first + end, last_sum);
        vstore(second + end, last_product);
        return;
    }
    for (; j < width; j++) {
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * a->c + j;
            float x = eget(from[i]), g = norm_g_at(of, i, c0 + j, x, mask);
            if (mask == NORM_BY_Y) {
                ((elem *)of->g)[i] = eput(g);
            }
            first[j] += g;
            second[j] += g * (x - of->mean[c0 + j]);
        }
    }
}

SC_INLINE void norm_sum_rows_of(const norm_args *a, size_t row, size_t end, float *first,
                                float *second, const norm_mask mask)
{
    for (; row + ROWS_FEW <= end; row += ROWS_FEW) {
        norm_sum_few(a, row, first, second, ROWS_FEW, mask);
    }
    for (; row < end; row++) {
        norm_sum_few(a, row, first, second, 1, mask);
    }
}

static void norm_sum_rows(const norm_args *a, size_t begin, size_t end, size_t part)
{
    float first[NORM_GROUP], second[NORM_GROUP];

    zero_floats(first, a->sums.width);
    zero_floats(second, a->sums.width);
    if (a->sums.mask == NORM_ALL) {
        norm_sum_rows_of(a, begin, end, first, second, NORM_ALL);
    } else if (a->sums.mask == NORM_BY_Y) {
        norm_sum_rows_of(a, begin, end, first, second, NORM_BY_Y);
    } else {
        norm_sum_rows_of(a, begin, end, first, second, NORM_BY_X);
    }
    norm_sums_join(&a->sums, part, first, second);
}

static void norm_sum_part(void *context, size_t part)
{
    const norm_args *a = context;
    size_t begin, end;

    sc_part_range(&begin, &end, a->rows, NORM_PARTS, part);
    for (size_t row = begin; row < end; row += NORM_RUN) {
        norm_sum_rows(a, row, min_size(row + NORM_RUN, end), part);
    }
}

static void batchnorm_sums(const sc_batchnorm *norm, size_t rows, size_t c)
{
    double memory[2 * NORM_PARTS * NORM_GROUP];
    norm_args a = {.rows = rows, .c = c};

    assert(rows >= 1 && !norm->dgamma == !norm->dbeta);
    assert((norm->relu || !norm->y) && !norm->y == !norm->g);
    for (size_t c0 = 0; c0 < c; c0 += NORM_GROUP) {
        norm_sums_begin(&a.sums, norm, NORM_PARTS, c0, min_size(c - c0, NORM_GROUP), memory);
        sc_parallel_for(NORM_PARTS, norm_sum_part, &a);
        norm_sums_end(&a.sums, rows);
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

#endif
