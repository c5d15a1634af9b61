/* SPDX-License-Identifier: MIT
 *
 * kernel_pool.h - pooling, ReLU and addition; loops over channels that the compiler vectorises.
 */
#ifndef SC_CPU_KERNEL_POOL_H
#define SC_CPU_KERNEL_POOL_H

#include <assert.h>

#include "backend/cpu/kernel_vec.h"
#include "backend/ref/ref_act.h"
#include "core/parallel.h"

enum { POOL_CHUNK = 16384, POOL_RUN = 64 };

typedef struct {
    float *out;
    uint32_t *argmax;
    const float *in;
    const uint32_t *from;
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

SC_INLINE void pool_max_pixel(float *restrict y, uint32_t *restrict argmax, const float *restrict x,
                              uint32_t index, size_t c)
{
    for (size_t j = 0; j < c; j++) {
        bool better = x[j] > y[j] || x[j] != x[j]; /* NaN wins, as in PyTorch */
        y[j] = better ? x[j] : y[j];
        argmax[j] = better ? index : argmax[j];
    }
}

static void maxpool_row(void *context, size_t row)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const float *x = g->in + row / s->p * s->h * s->w * s->c;
    size_t h0, h1, w0, w1;

    pool_side(&h0, &h1, s, row % s->p, s->h);
    for (size_t q = 0; q < s->q; q++) {
        float *y = g->out + (row * s->q + q) * s->c;
        uint32_t *argmax = g->argmax + (row * s->q + q) * s->c;
        pool_side(&w0, &w1, s, q, s->w);
        copy_floats(y, x + (h0 * s->w + w0) * s->c, s->c);
        for (size_t c = 0; c < s->c; c++) {
            argmax[c] = (uint32_t)(h0 * s->w + w0);
        }
        for (size_t h = h0; h < h1; h++) {
            for (size_t w = w0; w < w1; w++) {
                size_t at = h * s->w + w;
                pool_max_pixel(y, argmax, x + at * s->c, (uint32_t)at, s->c);
            }
        }
    }
}

static void maxpool_forward(sc_map *y, uint32_t *argmax, const sc_map *x,
                            const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = y, .argmax = argmax, .in = x, .s = *shape};
    sc_parallel_for(shape->n * shape->p, maxpool_row, &g);
}

SC_INLINE void pool_unmax_pixel(float *restrict dx, const float *restrict dy,
                                const uint32_t *restrict from, uint32_t index, size_t c)
{
    for (size_t j = 0; j < c; j++) {
        dx[j] += from[j] == index ? dy[j] : 0.0F;
    }
}

static void maxpool_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    float *dx = g->out + n * s->h * s->w * s->c;
    size_t h0, h1, w0, w1;

    zero_floats(dx, s->h * s->w * s->c);
    for (size_t i = 0; i < s->p * s->q; i++) {
        size_t first = (n * s->p * s->q + i) * s->c;
        pool_side(&h0, &h1, s, i / s->q, s->h);
        pool_side(&w0, &w1, s, i % s->q, s->w);
        for (size_t h = h0; h < h1; h++) {
            for (size_t w = w0; w < w1; w++) {
                size_t at = h * s->w + w;
                pool_unmax_pixel(dx + at * s->c, g->in + first, g->from + first, (uint32_t)at,
                                 s->c);
            }
        }
    }
}

static void maxpool_backward(sc_map *dx, const sc_map *dy, const uint32_t *argmax,
                             const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = dx, .in = dy, .from = argmax, .s = *shape};
    sc_parallel_for(shape->n, maxpool_backward_image, &g);
}

/* y += x scale */
SC_INLINE void pool_add(float *restrict y, const float *restrict x, float scale, size_t c)
{
    for (size_t j = 0; j < c; j++) {
        y[j] += x[j] * scale;
    }
}

static void avgpool_row(void *context, size_t row)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const float *x = g->in + row / s->p * s->h * s->w * s->c;
    float count = (float)(s->window * s->window);
    size_t h0, h1, w0, w1;

    pool_side(&h0, &h1, s, row % s->p, s->h);
    for (size_t q = 0; q < s->q; q++) {
        float *y = g->out + (row * s->q + q) * s->c;
        pool_side(&w0, &w1, s, q, s->w);
        zero_floats(y, s->c);
        for (size_t h = h0; h < h1; h++) {
            for (size_t w = w0; w < w1; w++) {
                pool_add(y, x + (h * s->w + w) * s->c, 1, s->c);
            }
        }
        for (size_t c = 0; c < s->c; c++) {
            y[c] /= count;
        }
    }
}

static void avgpool_forward(sc_map *y, const sc_map *x, const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = y, .in = x, .s = *shape};
    sc_parallel_for(shape->n * shape->p, avgpool_row, &g);
}

static void avgpool_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    float *dx = g->out + n * s->h * s->w * s->c, share = 1 / (float)(s->window * s->window);
    size_t h0, h1, w0, w1;

    zero_floats(dx, s->h * s->w * s->c);
    for (size_t i = 0; i < s->p * s->q; i++) {
        const float *dy = g->in + (n * s->p * s->q + i) * s->c;
        pool_side(&h0, &h1, s, i / s->q, s->h);
        pool_side(&w0, &w1, s, i % s->q, s->w);
        for (size_t h = h0; h < h1; h++) {
            for (size_t w = w0; w < w1; w++) {
                pool_add(dx + (h * s->w + w) * s->c, dy, share, s->c);
            }
        }
    }
}

static void avgpool_backward(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape)
{
    pool_check(shape);
    pool_args g = {.out = dx, .in = dy, .s = *shape};
    sc_parallel_for(shape->n, avgpool_backward_image, &g);
}

/* Runs of POOL_RUN rows are added first: sums over large images keep their digits. */
static void global_avgpool_image(void *context, size_t n)
{
    const pool_args *g = context;
    size_t rows = g->s.h, c = g->s.c;
    const float *x = g->in + n * rows * c;
    float *y = g->out + n * c;

    for (size_t c0 = 0; c0 < c; c0 += POOL_RUN) {
        size_t width = min_size(c - c0, POOL_RUN);
        float total[POOL_RUN] = {0}, run[POOL_RUN];
        for (size_t first = 0; first < rows; first += POOL_RUN) {
            zero_floats(run, width);
            for (size_t i = first; i < min_size(first + POOL_RUN, rows); i++) {
                pool_add(run, x + i * c + c0, 1, width);
            }
            pool_add(total, run, 1, width);
        }
        for (size_t j = 0; j < width; j++) {
            y[c0 + j] = total[j] / (float)rows;
        }
    }
}

static void global_avgpool_forward(float *y, const sc_map *x, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    pool_args g = {.out = y, .in = x, .s = {.h = rows, .c = c}};
    sc_parallel_for(n, global_avgpool_image, &g);
}

static void global_avgpool_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    size_t rows = g->s.h, c = g->s.c;
    float *dx = g->out + n * rows * c;
    const float *dy = g->in + n * c;

    for (size_t j = 0; j < c; j++) {
        dx[j] = dy[j] / (float)rows;
    }
    for (size_t i = 1; i < rows; i++) {
        copy_floats(dx + i * c, dx, c);
    }
}

static void global_avgpool_backward(sc_map *dx, const float *dy, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    pool_args g = {.out = dx, .in = dy, .s = {.h = rows, .c = c}};
    sc_parallel_for(n, global_avgpool_backward_image, &g);
}

typedef struct {
    float *out;
    const float *a, *b;
    size_t count;
} pointwise_args;

static void relu_part(void *context, size_t part)
{
    const pointwise_args *g = context;
    size_t end = min_size((part + 1) * POOL_CHUNK, g->count);

    for (size_t i = part * POOL_CHUNK; i < end; i++) {
        g->out[i] = g->a[i] < 0 ? 0 : g->a[i];
    }
}

static void relu_backward_part(void *context, size_t part)
{
    const pointwise_args *g = context;
    size_t end = min_size((part + 1) * POOL_CHUNK, g->count);

    for (size_t i = part * POOL_CHUNK; i < end; i++) {
        g->out[i] = g->b[i] > 0 ? g->a[i] : 0;
    }
}

static void act_forward(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind, double param)
{
    if (kind != SC_ACT_RELU) {
        ref_act_forward(y, x, count, kind, param);
        return;
    }
    pointwise_args g = {y, x, NULL, count};
    sc_parallel_for((count + POOL_CHUNK - 1) / POOL_CHUNK, relu_part, &g);
}

static void act_backward(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                         sc_act_kind kind, double param)
{
    if (kind != SC_ACT_RELU) {
        ref_act_backward(dx, dy, x, count, kind, param);
        return;
    }
    pointwise_args g = {dx, dy, x, count};
    sc_parallel_for((count + POOL_CHUNK - 1) / POOL_CHUNK, relu_backward_part, &g);
}

#endif
