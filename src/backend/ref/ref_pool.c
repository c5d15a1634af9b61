/* SPDX-License-Identifier: MIT
 *
 * ref_pool.c - reference pooling and reflection padding.
 *
 *   max: y[n,p,q,c] = max over the window p stride - pad .. + window - 1 (rows), the same in q
 *   avg: y[n,p,q,c] = sum over the window / window^2
 *   global: y[n,c]  = mean over h, w
 *   reflect: y[h + pad] = x[h], mirrored about the first and the last pixel
 *
 * One part per image.
 */
#include "backend/ref/ref.h"

#include <assert.h>
#include <string.h>

#include "core/parallel.h"

typedef struct {
    sc_real *out;
    uint32_t *argmax;
    const sc_real *in;
    const uint32_t *from;
    sc_pool_shape s;
} pool_args;

typedef struct {
    size_t h0, h1, w0, w1; /* rows h0 .. h1-1 and columns w0 .. w1-1 of the image */
} pool_window;

static pool_window window_at(const sc_pool_shape *s, size_t p, size_t q)
{
    size_t top = p * s->stride, left = q * s->stride;
    pool_window v = {top > s->pad ? top - s->pad : 0, top + s->window - s->pad,
                     left > s->pad ? left - s->pad : 0, left + s->window - s->pad};
    v.h1 = v.h1 < s->h ? v.h1 : s->h;
    v.w1 = v.w1 < s->w ? v.w1 : s->w;
    return v;
}

static void check(const sc_pool_shape *s)
{
    assert(s->window >= 1 && s->stride >= 1 && s->pad < s->window);
    assert(s->p == (s->h + 2 * s->pad - s->window) / s->stride + 1);
    assert(s->q == (s->w + 2 * s->pad - s->window) / s->stride + 1);
    (void)s;
}

static void maxpool_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const sc_real *x = g->in + n * s->h * s->w * s->c;

    for (size_t i = 0; i < s->p * s->q * s->c; i++) {
        size_t c = i % s->c;
        pool_window v = window_at(s, i / s->c / s->q, i / s->c % s->q);
        size_t best = v.h0 * s->w + v.w0;
        for (size_t h = v.h0; h < v.h1; h++) {
            for (size_t w = v.w0; w < v.w1; w++) {
                sc_real value = x[(h * s->w + w) * s->c + c];
                if (value > x[best * s->c + c] || value != value) { /* NaN wins, as in PyTorch */
                    best = h * s->w + w;
                }
            }
        }
        g->out[n * s->p * s->q * s->c + i] = x[best * s->c + c];
        g->argmax[n * s->p * s->q * s->c + i] = (uint32_t)best;
    }
}

void sc_ref_maxpool_forward(sc_real *y, uint32_t *argmax, const sc_real *x,
                            const sc_pool_shape *shape)
{
    check(shape);
    pool_args g = {.out = y, .argmax = argmax, .in = x, .s = *shape};
    sc_parallel_for(shape->n, maxpool_image, &g);
}

static void maxpool_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    size_t count = s->p * s->q * s->c, first = n * count;
    sc_real *dx = g->out + n * s->h * s->w * s->c;

    memset(dx, 0, s->h * s->w * s->c * sizeof *dx);
    for (size_t i = 0; i < count; i++) {
        dx[g->from[first + i] * s->c + i % s->c] += g->in[first + i];
    }
}

void sc_ref_maxpool_backward(sc_real *dx, const sc_real *dy, const uint32_t *argmax,
                             const sc_pool_shape *shape)
{
    check(shape);
    pool_args g = {.out = dx, .in = dy, .from = argmax, .s = *shape};
    sc_parallel_for(shape->n, maxpool_backward_image, &g);
}

static void avgpool_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    const sc_real *x = g->in + n * s->h * s->w * s->c;

    for (size_t i = 0; i < s->p * s->q * s->c; i++) {
        pool_window v = window_at(s, i / s->c / s->q, i / s->c % s->q);
        double sum = 0;
        for (size_t h = v.h0; h < v.h1; h++) {
            for (size_t w = v.w0; w < v.w1; w++) {
                sum += x[(h * s->w + w) * s->c + i % s->c];
            }
        }
        g->out[n * s->p * s->q * s->c + i] = (sc_real)(sum / (double)(s->window * s->window));
    }
}

void sc_ref_avgpool_forward(sc_real *y, const sc_real *x, const sc_pool_shape *shape)
{
    check(shape);
    pool_args g = {.out = y, .in = x, .s = *shape};
    sc_parallel_for(shape->n, avgpool_image, &g);
}

static void avgpool_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    sc_real *dx = g->out + n * s->h * s->w * s->c;
    const sc_real *dy = g->in + n * s->p * s->q * s->c;

    memset(dx, 0, s->h * s->w * s->c * sizeof *dx);
    for (size_t i = 0; i < s->p * s->q * s->c; i++) {
        pool_window v = window_at(s, i / s->c / s->q, i / s->c % s->q);
        sc_real share = dy[i] / (sc_real)(s->window * s->window);
        for (size_t h = v.h0; h < v.h1; h++) {
            for (size_t w = v.w0; w < v.w1; w++) {
                dx[(h * s->w + w) * s->c + i % s->c] += share;
            }
        }
    }
}

void sc_ref_avgpool_backward(sc_real *dx, const sc_real *dy, const sc_pool_shape *shape)
{
    check(shape);
    pool_args g = {.out = dx, .in = dy, .s = *shape};
    sc_parallel_for(shape->n, avgpool_backward_image, &g);
}

static void global_forward_image(void *context, size_t n)
{
    const pool_args *g = context;
    size_t rows = g->s.h, c = g->s.c;

    for (size_t j = 0; j < c; j++) {
        double sum = 0;
        for (size_t i = 0; i < rows; i++) {
            sum += g->in[(n * rows + i) * c + j];
        }
        g->out[n * c + j] = (sc_real)(sum / (double)rows);
    }
}

void sc_ref_global_avgpool_forward(sc_real *y, const sc_real *x, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    pool_args g = {.out = y, .in = x, .s = {.h = rows, .c = c}};
    sc_parallel_for(n, global_forward_image, &g);
}

static void global_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    size_t rows = g->s.h, c = g->s.c;

    for (size_t i = 0; i < rows * c; i++) {
        g->out[n * rows * c + i] = g->in[n * c + i % c] / (sc_real)rows;
    }
}

void sc_ref_global_avgpool_backward(sc_real *dx, const sc_real *dy, size_t n, size_t rows, size_t c)
{
    assert(rows >= 1);
    pool_args g = {.out = dx, .in = dy, .s = {.h = rows, .c = c}};
    sc_parallel_for(n, global_backward_image, &g);
}

/* Pixel of 0 .. size-1 that padded position i shows. */
static size_t mirror(size_t i, size_t pad, size_t size)
{
    if (i < pad) {
        return pad - i;
    }
    i -= pad;
    return i < size ? i : 2 * (size - 1) - i;
}

static void reflect_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;

    for (size_t p = 0; p < s->p; p++) {
        for (size_t q = 0; q < s->q; q++) {
            size_t h = mirror(p, s->pad, s->h), w = mirror(q, s->pad, s->w);
            memcpy(g->out + ((n * s->p + p) * s->q + q) * s->c,
                   g->in + ((n * s->h + h) * s->w + w) * s->c, s->c * sizeof *g->out);
        }
    }
}

void sc_ref_reflect_pad_forward(sc_real *y, const sc_real *x, size_t n, size_t h, size_t w,
                                size_t c, size_t pad)
{
    assert(pad < h && pad < w);
    sc_pool_shape s = {
        .n = n, .h = h, .w = w, .c = c, .p = h + 2 * pad, .q = w + 2 * pad, .pad = pad};
    pool_args g = {.out = y, .in = x, .s = s};
    sc_parallel_for(n, reflect_image, &g);
}

static void reflect_backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_pool_shape *s = &g->s;
    sc_real *dx = g->out + n * s->h * s->w * s->c;

    memset(dx, 0, s->h * s->w * s->c * sizeof *dx);
    for (size_t p = 0; p < s->p; p++) {
        for (size_t q = 0; q < s->q; q++) {
            sc_real *to = dx + (mirror(p, s->pad, s->h) * s->w + mirror(q, s->pad, s->w)) * s->c;
            const sc_real *dy = g->in + ((n * s->p + p) * s->q + q) * s->c;
            for (size_t c = 0; c < s->c; c++) {
                to[c] += dy[c];
            }
        }
    }
}

void sc_ref_reflect_pad_backward(sc_real *dx, const sc_real *dy, size_t n, size_t h, size_t w,
                                 size_t c, size_t pad)
{
    assert(pad < h && pad < w);
    sc_pool_shape s = {
        .n = n, .h = h, .w = w, .c = c, .p = h + 2 * pad, .q = w + 2 * pad, .pad = pad};
    pool_args g = {.out = dx, .in = dy, .s = s};
    sc_parallel_for(n, reflect_backward_image, &g);
}
