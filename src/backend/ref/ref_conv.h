/* SPDX-License-Identifier: MIT
 *
 * ref_conv.h - reference 2-D convolution without bias.
 *
 *   y[n,p,q,k]   = sum_{r,s,c} w[k,c,r,s] x[n,h,w,c]       h = p stride + r dilation - pad
 *   dx[n,h,w,c]  = sum_{r,s,k} w[k,c,r,s] dy[n,p,q,k]      w = q stride + s dilation - pad
 *   dw[k,c,r,s] += sum_{n,p,q} dy[n,p,q,k] x[n,h,w,c]
 *
 * x (n,h,w,c)  w (k,c,r,s)  y (n,p,q,k).  The first two round w to the precision of the maps, once, and lay
 * it out as their sums want it: what neighbouring outputs take side by side.  Each output's sum has one order.
 */
#ifndef SC_REF_REF_CONV_H
#define SC_REF_REF_CONV_H

#include <assert.h>
#include <string.h>

#include "backend/conv_shape.h"
#include "backend/ref/ref.h"
#include "backend/ref/ref_norm.h"
#include "core/parallel.h"

enum { REF_CONV_SUMS = 64 }; /* of neighbouring outputs, taken together */

typedef struct {
    ref_elem *out;
    const ref_elem *a, *b; /* maps: b is x for the weight gradient */
    sc_base base;
    const double *w; /* laid out by ref_conv_weights */
    sc_real *dw;
    const sc_conv_shape *shape;
} ref_conv_args;

/* Input row of output row p and tap r; false outside 0 .. h-1.  The same for columns. */
static bool ref_conv_input_at(size_t *h, const sc_conv_shape *s, size_t p, size_t r, size_t size)
{
    size_t padded = p * s->stride + r * s->dilation;
    *h = padded - s->pad;
    return padded >= s->pad && *h < size;
}

/* Output row p that meets input row h at tap r, if there is one.  The same for columns. */
static bool ref_conv_output_at(size_t *p, const sc_conv_shape *s, size_t h, size_t r, size_t size)
{
    size_t padded = h + s->pad, tap = r * s->dilation;
    *p = (padded - tap) / s->stride;
    return padded >= tap && (padded - tap) % s->stride == 0 && *p < size;
}

static size_t ref_conv2d_scratch(const sc_conv_shape *s)
{
    return s->k * s->c * s->r * s->s * sizeof(double);
}

/* to (r,s,c,k), or with `turned` (r,s,k,c), = w (k,c,r,s) rounded */
static void ref_conv_weights(double *to, const sc_real *w, const sc_conv_shape *s, bool turned)
{
    size_t taps = s->r * s->s;

    for (size_t i = 0; i < s->k * s->c * taps; i++) {
        size_t k = i / (s->c * taps), c = i / taps % s->c, tap = i % taps;
        size_t at = turned ? (tap * s->k + k) * s->c + c : (tap * s->c + c) * s->k + k;
        to[at] = ref_weight(w[i]);
    }
}

/* sum[0 .. outputs-1] += those outputs of a pixel that has `inputs` channels; weights (inputs, stride) */
static void ref_conv_pixel(double *sum, size_t outputs, const ref_elem *pixel, size_t inputs,
                           const double *weights, size_t stride)
{
    for (size_t i = 0; i < inputs; i++) {
        double x = ref_get(pixel[i]);
        for (size_t o = 0; o < outputs; o++) {
            sum[o] += x * weights[i * stride + o];
        }
    }
}

/* sum = outputs k .. k+count-1 of a pixel */
static void ref_conv_forward_at(double *sum, const ref_conv_args *g, size_t n, size_t p, size_t q,
                                size_t k, size_t count)
{
    const sc_conv_shape *s = g->shape;

    memset(sum, 0, count * sizeof *sum);
    for (size_t r = 0; r < s->r; r++) {
        for (size_t t = 0; t < s->s; t++) {
            size_t h, w;
            if (ref_conv_input_at(&h, s, p, r, s->h) && ref_conv_input_at(&w, s, q, t, s->w)) {
                ref_conv_pixel(sum, count, g->a + ((n * s->h + h) * s->w + w) * s->c, s->c,
                               g->w + (r * s->s + t) * s->c * s->k + k, s->k);
            }
        }
    }
}

static void ref_conv_forward_row(void *context, size_t row)
{
    const ref_conv_args *g = context;
    const sc_conv_shape *s = g->shape;

    for (size_t q = 0; q < s->q; q++) {
        for (size_t k = 0, count; k < s->k; k += count) {
            double sum[REF_CONV_SUMS];
            count = s->k - k < REF_CONV_SUMS ? s->k - k : REF_CONV_SUMS;
            ref_conv_forward_at(sum, g, row / s->p, row % s->p, q, k, count);
            for (size_t i = 0; i < count; i++) {
                g->out[(row * s->q + q) * s->k + k + i] = ref_put(sum[i]);
            }
        }
    }
}

static void ref_conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                               const sc_affine *make, const sc_real *w, const sc_conv_shape *shape,
                               void *scratch)
{
    sc_conv_shape_check(shape);
    sc_conv_stats_check(stats, shape);
    assert(!make || make->y == x);
    if (make) {
        ref_channel_affine(make, shape->n * shape->h * shape->w, shape->c);
    }
    ref_conv_weights(scratch, w, shape, false);
    ref_conv_args g = {.out = y, .a = x, .w = scratch, .shape = shape};
    sc_parallel_for(shape->n * shape->p, ref_conv_forward_row, &g);
    if (stats.mean) {
        ref_channel_stats(stats.mean, stats.var, y, shape->n * shape->p * shape->q, shape->k);
    }
    if (stats.fold) {
        sc_ref_norm_fold(stats.fold);
    }
}

/* sum = the gradient of channels c .. c+count-1 of a pixel */
static void ref_conv_backward_data_at(double *sum, const ref_conv_args *g, size_t n, size_t h,
                                      size_t w, size_t c, size_t count)
{
    const sc_conv_shape *s = g->shape;

    memset(sum, 0, count * sizeof *sum);
    for (size_t r = 0; r < s->r; r++) {
        for (size_t t = 0; t < s->s; t++) {
            size_t p, q;
            if (ref_conv_output_at(&p, s, h, r, s->p) && ref_conv_output_at(&q, s, w, t, s->q)) {
                ref_conv_pixel(sum, count, g->a + ((n * s->p + p) * s->q + q) * s->k, s->k,
                               g->w + (r * s->s + t) * s->k * s->c + c, s->c);
            }
        }
    }
}

static double ref_conv_base_at(const ref_conv_args *g, size_t n, size_t h, size_t w, size_t c)
{
    const sc_conv_shape *s = g->shape;
    const ref_elem *base = g->base.map;
    size_t step = g->base.step;

    if (!base || h % step != 0 || w % step != 0) {
        return 0;
    }
    size_t rows = (s->h + step - 1) / step, columns = (s->w + step - 1) / step;
    return ref_get(base[((n * rows + h / step) * columns + w / step) * s->c + c]);
}

static void ref_conv_backward_data_row(void *context, size_t row)
{
    const ref_conv_args *g = context;
    const sc_conv_shape *s = g->shape;
    size_t n = row / s->h, h = row % s->h;

    for (size_t w = 0; w < s->w; w++) {
        for (size_t c = 0, count; c < s->c; c += count) {
            double sum[REF_CONV_SUMS];
            count = s->c - c < REF_CONV_SUMS ? s->c - c : REF_CONV_SUMS;
            ref_conv_backward_data_at(sum, g, n, h, w, c, count);
            for (size_t i = 0; i < count; i++) {
                g->out[(row * s->w + w) * s->c + c + i] =
                    ref_put(ref_conv_base_at(g, n, h, w, c + i) + sum[i]);
            }
        }
    }
}

static void ref_conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                     const sc_batchnorm *make, const sc_real *w, sc_base base,
                                     const sc_conv_shape *shape, void *scratch)
{
    sc_conv_shape_check(shape);
    sc_conv_base_check(base, shape);
    assert((!make || make->dx == dy) && (!sums || sums->dy == dx));
    if (make) {
        ref_batchnorm_gradient(make, shape->n * shape->p * shape->q, shape->k);
    }
    ref_conv_weights(scratch, w, shape, true);
    ref_conv_args g = {.out = dx, .a = dy, .base = base, .w = scratch, .shape = shape};
    sc_parallel_for(shape->n * shape->h, ref_conv_backward_data_row, &g);
    if (sums) {
        ref_batchnorm_sums(sums, shape->n * shape->h * shape->w, shape->c);
    }
}

/* sum = the gradient at tap (r,t) of filter k, channels c .. c+count-1 */
static void ref_conv_backward_weight_at(double *sum, const ref_conv_args *g, size_t k, size_t r,
                                        size_t t, size_t c, size_t count)
{
    const sc_conv_shape *s = g->shape;

    memset(sum, 0, count * sizeof *sum);
    for (size_t row = 0; row < s->n * s->p; row++) {
        size_t h, w;
        if (!ref_conv_input_at(&h, s, row % s->p, r, s->h)) {
            continue;
        }
        const ref_elem *x = g->b + (row / s->p * s->h + h) * s->w * s->c + c;
        const ref_elem *dy = g->a + row * s->q * s->k + k;
        for (size_t q = 0; q < s->q; q++) {
            if (ref_conv_input_at(&w, s, q, t, s->w)) {
                double d = ref_get(dy[q * s->k]);
                for (size_t i = 0; i < count; i++) {
                    sum[i] += d * ref_get(x[w * s->c + i]);
                }
            }
        }
    }
}

/* One tap of one filter. */
static void ref_conv_backward_weight_tap(void *context, size_t part)
{
    const ref_conv_args *g = context;
    const sc_conv_shape *s = g->shape;
    size_t taps = s->r * s->s, k = part / taps, tap = part % taps;

    for (size_t c = 0, count; c < s->c; c += count) {
        double sum[REF_CONV_SUMS];
        count = s->c - c < REF_CONV_SUMS ? s->c - c : REF_CONV_SUMS;
        ref_conv_backward_weight_at(sum, g, k, tap / s->s, tap % s->s, c, count);
        for (size_t i = 0; i < count; i++) {
            sc_real *dw = &g->dw[(k * s->c + c + i) * taps + tap];
            *dw = (sc_real)(*dw + sum[i]);
        }
    }
}

static void ref_conv2d_backward_weight(sc_real *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                       const sc_map *x, const sc_affine *make_x,
                                       const sc_conv_shape *shape, void *scratch)
{
    (void)scratch;
    sc_conv_shape_check(shape);
    assert((!make_x || make_x->y == x) && (!make_dy || make_dy->dx == dy));
    if (make_x) {
        ref_channel_affine(make_x, shape->n * shape->h * shape->w, shape->c);
    }
    if (make_dy) {
        ref_batchnorm_gradient(make_dy, shape->n * shape->p * shape->q, shape->k);
    }
    ref_conv_args g = {.dw = dw, .a = dy, .b = x, .shape = shape};
    sc_parallel_for(shape->k * shape->r * shape->s, ref_conv_backward_weight_tap, &g);
}

#endif
