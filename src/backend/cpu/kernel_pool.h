/* SPDX-License-Identifier: MIT
 *
 * kernel_pool.h - averages over windows and over the whole image; sums in float.
 */
#ifndef SC_CPU_KERNEL_POOL_H
#define SC_CPU_KERNEL_POOL_H

#include <assert.h>

#include "backend/cpu/kernel_elem.h"
#include "core/parallel.h"

enum { POOL_RUN = 64 }; /* channels whose sums are kept at once, and rows of a run */

typedef struct {
    elem *out;
    const elem *in;
    sc_pool_shape s;
} pool_args;

/* The pixels of a window that lie inside: rows h0 .. h1-1, columns w0 .. w1-1. */
static void pool_side(size_t *begin, size_t *end, const sc_pool_shape *s, size_t at, size_t size)
{
    size_t first = at * s->stride;
    *begin = first > s->pad ? first - s->pad : 0;
    *end = min_size(first + s->window - s->pad, size);
}

static void pool_check(const sc_pool_shape *s)
{
    assert(s->window >= 1 && s->stride >= 1 && s->pad < s->window);
    assert(s->p == (s->h + 2 * s->pad - s->window) / s->stride + 1);
    assert(s->q == (s->w + 2 * s->pad - s->window) / s->stride + 1);
    (void)s;
}

/* The windows that cover pixel `at`: *begin .. *end - 1. */
static void pool_windows(size_t *begin, size_t *end, const sc_pool_shape *s, size_t at, size_t out)
{
    size_t last = at + s->pad; /* padded position */
    *begin = last < s->window ? 0 : (last - s->window) / s->stride + 1;
    *end = min_size(last / s->stride + 1, out);
}

/* y += x scale */
SC_INLINE void pool_add(float *restrict y, const elem *restrict x, float scale, size_t c)
{
    for (size_t j = 0; j < c; j++) {
        y[j] += eget(x[j]) * scale;
    }
}

/* dx of one row of pixels: each collects from the windows that cover it. */
static void avgpool_backward_row(void *context, size_t row)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    float share = 1 / (float)(s->window * s->window);
    size_t p0, p1, q0, q1;

    pool_windows(&p0, &p1, s, row % s->h, s->p);
    for (size_t at = 0; at < s->w * s->c; at += min_size(s->c - at % s->c, POOL_RUN)) {
        size_t c = at % s->c, w = at / s->c, width = min_size(s->c - c, POOL_RUN);
        float sum[POOL_RUN] = {0};
        pool_windows(&q0, &q1, s, w, s->q);
        for (size_t p = p0; p < p1; p++) {
            for (size_t q = q0; q < q1; q++) {
                size_t i = ((row / s->h * s->p + p) * s->q + q) * s->c + c;
                pool_add(sum, g->in + i, share, width);
            }
        }
        floats_to_elems(g->out + row * s->w * s->c + at, sum, width);
    }
}

static void avgpool_row(void *context, size_t row)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const elem *x = g->in + row / s->p * s->h * s->w * s->c;
    float count = (float)(s->window * s->window);
    size_t h0, h1, w0, w1;

    pool_side(&h0, &h1, s, row % s->p, s->h);
    for (size_t at = 0; at < s->q * s->c; at += min_size(s->c - at % s->c, POOL_RUN)) {
        size_t c = at % s->c, width = min_size(s->c - c, POOL_RUN);
        float sum[POOL_RUN] = {0};
        pool_side(&w0, &w1, s, at / s->c, s->w);
        for (size_t h = h0; h < h1; h++) {
            for (size_t w = w0; w < w1; w++) {
                pool_add(sum, x + (h * s->w + w) * s->c + c, 1, width);
            }
        }
        for (size_t j = 0; j < width; j++) {
            sum[j] /= count;
        }
        floats_to_elems(g->out + row * s->q * s->c + at, sum, width);
    }
}

static void avgpool_forward(sc_map *y, const sc_map *x, const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = y, .in = x, .s = *shape};
    sc_parallel_for(shape->n * shape->p, avgpool_row, &g);
}

static void avgpool_backward(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = dx, .in = dy, .s = *shape};
    sc_parallel_for(shape->n * shape->h, avgpool_backward_row, &g);
}

typedef struct {
    float *h; /* (n,c) */
    elem *map;
    const float *dh;
    const elem *in;
    size_t rows, c;
} global_args;

/* Runs of POOL_RUN rows are added first: sums over large images keep their digits. */
static void global_avgpool_image(void *context, size_t n)
{
    const global_args *g = context;
    const elem *x = g->in + n * g->rows * g->c;
    float *y = g->h + n * g->c;

    for (size_t c0 = 0; c0 < g->c; c0 += POOL_RUN) {
        size_t width = min_size(g->c - c0, POOL_RUN);
        float total[POOL_RUN] = {0};
        for (size_t first = 0; first < g->rows; first += POOL_RUN) {
            float run[POOL_RUN] = {0};
            for (size_t i = first; i < min_size(first + POOL_RUN, g->rows); i++) {
                pool_add(run, x + i * g->c + c0, 1, width);
            }
            for (size_t j = 0; j < width; j++) {
                total[j] += run[j];
            }
        }
        for (size_t j = 0; j < width; j++) {
            y[c0 + j] = total[j] / (float)g->rows;
        }
    }
}

static void global_avgpool_forward(float *y, const sc_map *x, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    global_args g = {.h = y, .in = x, .rows = rows, .c = c};
    sc_parallel_for(n, global_avgpool_image, &g);
}

static void global_avgpool_backward_image(void *context, size_t n)
{
    const global_args *g = context;
    elem *dx = g->map + n * g->rows * g->c;
    const float *dy = g->dh + n * g->c;

    for (size_t j = 0; j < g->c; j++) {
        dx[j] = eput(dy[j] / (float)g->rows);
    }
    for (size_t i = 1; i < g->rows; i++) {
        copy_elems(dx + i * g->c, dx, g->c);
    }
}

static void global_avgpool_backward(sc_map *dx, const float *dy, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    global_args g = {.map = dx, .dh = dy, .rows = rows, .c = c};
    sc_parallel_for(n, global_avgpool_backward_image, &g);
}

#endif
