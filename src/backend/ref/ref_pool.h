/* SPDX-License-Identifier: MIT
 *
 * ref_pool.h - reference pooling.
 *
 *   max: y[n,p,q,c] = max over the window p stride - pad .. + window - 1 (rows), the same in q
 *   avg: y[n,p,q,c] = sum over the window / window^2
 *   global: y[n,c]  = mean over h, w
 *
 * Backward, a pixel collects from the windows that lie over it.  One part per image.
 */
#ifndef SC_REF_REF_POOL_H
#define SC_REF_REF_POOL_H

#include <assert.h>

#include "backend/ref/elem.h"
#include "backend/ref/ref_norm.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *out;
    const ref_elem *in;
    uint32_t *argmax;
    const uint32_t *from;
    sc_pool_shape s;
} ref_pool_args;

typedef struct {
    size_t h0, h1, w0, w1; /* rows h0 .. h1-1 and columns w0 .. w1-1 */
} ref_pool_range;

/* The pixels of the image under window (p,q). */
static ref_pool_range ref_pool_pixels(const sc_pool_shape *s, size_t p, size_t q)
{
    size_t top = p * s->stride, left = q * s->stride;
    ref_pool_range v = {top > s->pad ? top - s->pad : 0, top + s->window - s->pad,
                        left > s->pad ? left - s->pad : 0, left + s->window - s->pad};
    v.h1 = v.h1 < s->h ? v.h1 : s->h;
    v.w1 = v.w1 < s->w ? v.w1 : s->w;
    return v;
}

/* First window whose last row reaches padded row `at`; the same for columns. */
static size_t ref_pool_first(const sc_pool_shape *s, size_t at)
{
    return at + 1 > s->window ? (at + 1 - s->window + s->stride - 1) / s->stride : 0;
}

/* The windows over pixel (h,w). */
static ref_pool_range ref_pool_windows(const sc_pool_shape *s, size_t h, size_t w)
{
    size_t top = h + s->pad, left = w + s->pad;
    ref_pool_range v = {ref_pool_first(s, top), top / s->stride + 1, ref_pool_first(s, left),
                        left / s->stride + 1};
    v.h1 = v.h1 < s->p ? v.h1 : s->p;
    v.w1 = v.w1 < s->q ? v.w1 : s->q;
    return v;
}

static void ref_pool_check(const sc_pool_shape *s)
{
    assert(s->window >= 1 && s->stride >= 1 && s->pad < s->window);
    assert(s->p == (s->h + 2 * s->pad - s->window) / s->stride + 1);
    assert(s->q == (s->w + 2 * s->pad - s->window) / s->stride + 1);
    (void)s;
}

static void ref_maxpool_image(void *context, size_t n)
{
    const ref_pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const ref_elem *x = g->in + n * s->h * s->w * s->c;

    for (size_t i = 0; i < s->p * s->q * s->c; i++) {
        size_t c = i % s->c;
        ref_pool_range v = ref_pool_pixels(s, i / s->c / s->q, i / s->c % s->q);
        size_t best = v.h0 * s->w + v.w0;
        for (size_t h = v.h0; h < v.h1; h++) {
            for (size_t w = v.w0; w < v.w1; w++) {
                double value = ref_get(x[(h * s->w + w) * s->c + c]);
                /* NaN wins, as in PyTorch */
                if (value > ref_get(x[best * s->c + c]) || value != value) {
                    best = h * s->w + w;
                }
            }
        }
        g->out[n * s->p * s->q * s->c + i] = x[best * s->c + c];
        g->argmax[n * s->p * s->q * s->c + i] = (uint32_t)best;
    }
}

static void ref_maxpool_forward(sc_map *y, uint32_t *argmax, const sc_map *x, const sc_affine *make,
                                const sc_pool_shape *shape)
{
    ref_pool_check(shape);
    assert(!make || make->y == x);
    if (make) {
        ref_channel_affine(make, shape->n * shape->h * shape->w, shape->c);
    }
    ref_pool_args g = {.out = y, .argmax = argmax, .in = x, .s = *shape};
    sc_parallel_for(shape->n, ref_maxpool_image, &g);
}

/* Sum of dy over the windows over element i of image n; with `from` only of those that chose it. */
static double ref_pool_collect(const ref_pool_args *g, size_t n, size_t i)
{
    const sc_pool_shape *s = &g->s;
    size_t pixel = i / s->c;
    ref_pool_range v = ref_pool_windows(s, pixel / s->w, pixel % s->w);
    double sum = 0;

    for (size_t p = v.h0; p < v.h1; p++) {
        for (size_t q = v.w0; q < v.w1; q++) {
            size_t at = ((n * s->p + p) * s->q + q) * s->c + i % s->c;
            if (!g->from || g->from[at] == pixel) {
                sum += ref_get(g->in[at]);
            }
        }
    }
    return sum;
}

static void ref_maxpool_backward_image(void *context, size_t n)
{
    const ref_pool_args *g = context;
    size_t count = g->s.h * g->s.w * g->s.c;

    for (size_t i = 0; i < count; i++) {
        g->out[n * count + i] = ref_put(ref_pool_collect(g, n, i));
    }
}

static void ref_maxpool_backward(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                 const uint32_t *argmax, const sc_pool_shape *shape)
{
    ref_pool_check(shape);
    assert(!sums || (sums->dy == dx && !sums->y));
    ref_pool_args g = {.out = dx, .in = dy, .from = argmax, .s = *shape};
    sc_parallel_for(shape->n, ref_maxpool_backward_image, &g);
    if (sums) {
        ref_batchnorm_sums(sums, shape->n * shape->h * shape->w, shape->c);
    }
}

static void ref_avgpool_image(void *context, size_t n)
{
    const ref_pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const ref_elem *x = g->in + n * s->h * s->w * s->c;

    for (size_t i = 0; i < s->p * s->q * s->c; i++) {
        ref_pool_range v = ref_pool_pixels(s, i / s->c / s->q, i / s->c % s->q);
        double sum = 0;
        for (size_t h = v.h0; h < v.h1; h++) {
            for (size_t w = v.w0; w < v.w1; w++) {
                sum += ref_get(x[(h * s->w + w) * s->c + i % s->c]);
            }
        }
        g->out[n * s->p * s->q * s->c + i] = ref_put(sum / (double)(s->window * s->window));
    }
}

static void ref_avgpool_forward(sc_map *y, const sc_map *x, const sc_pool_shape *shape)
{
    ref_pool_check(shape);
    ref_pool_args g = {.out = y, .in = x, .s = *shape};
    sc_parallel_for(shape->n, ref_avgpool_image, &g);
}

static void ref_avgpool_backward_image(void *context, size_t n)
{
    const ref_pool_args *g = context;
    size_t count = g->s.h * g->s.w * g->s.c;
    double area = (double)(g->s.window * g->s.window);

    for (size_t i = 0; i < count; i++) {
        g->out[n * count + i] = ref_put(ref_pool_collect(g, n, i) / area);
    }
}

static void ref_avgpool_backward(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape)
{
    ref_pool_check(shape);
    ref_pool_args g = {.out = dx, .in = dy, .s = *shape};
    sc_parallel_for(shape->n, ref_avgpool_backward_image, &g);
}

typedef struct {
    ref_elem *dx;
    const ref_elem *x;
    sc_real *y;
    const sc_real *dy;
    size_t rows, c;
} ref_global_args;

static void ref_global_avg_image(void *context, size_t n)
{
    const ref_global_args *g = context;

    for (size_t j = 0; j < g->c; j++) {
        double sum = 0;
        for (size_t i = 0; i < g->rows; i++) {
            sum += ref_get(g->x[(n * g->rows + i) * g->c + j]);
        }
        g->y[n * g->c + j] = (sc_real)(sum / (double)g->rows);
    }
}

static void ref_global_avgpool_forward(sc_real *y, const sc_map *x, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    ref_global_args g = {.y = y, .x = x, .rows = rows, .c = c};
    sc_parallel_for(n, ref_global_avg_image, &g);
}

static void ref_global_avg_backward_image(void *context, size_t n)
{
    const ref_global_args *g = context;

    for (size_t i = 0; i < g->rows * g->c; i++) {
        double dy = g->dy[n * g->c + i % g->c];
        g->dx[n * g->rows * g->c + i] = ref_put(dy / (double)g->rows);
    }
}

static void ref_global_avgpool_backward(sc_map *dx, const sc_real *dy, size_t n, size_t rows,
                                        size_t c)
{
    assert(rows >= 1);
    ref_global_args g = {.dx = dx, .dy = dy, .rows = rows, .c = c};
    sc_parallel_for(n, ref_global_avg_backward_image, &g);
}

#endif
