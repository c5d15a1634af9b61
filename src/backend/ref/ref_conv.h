/* SPDX-License-Identifier: MIT
 *
 * ref_conv.h - reference 2-D convolution without bias.
 *
 *   y[n,p,q,k]   = sum_{r,s,c} w[k,c,r,s] x[n,h,w,c]       h = p stride + r dilation - pad
 *   dx[n,h,w,c]  = sum_{r,s,k} w[k,c,r,s] dy[n,p,q,k]      w = q stride + s dilation - pad
 *   dw[k,c,r,s] += sum_{n,p,q} dy[n,p,q,k] x[n,h,w,c]
 *
 * x (n,h,w,c)  w (k,c,r,s)  y (n,p,q,k).  The first two round w to the precision of the maps.
 */
#ifndef SC_REF_REF_CONV_H
#define SC_REF_REF_CONV_H

#include <assert.h>

#include "backend/conv_shape.h"
#include "backend/ref/ref_norm.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *out;
    const ref_elem *a, *b; /* maps: b is x for the weight gradient */
    sc_base base;
    const sc_real *w;
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

static size_t ref_conv2d_scratch(const sc_conv_shape *shape)
{
    (void)shape;
    return 0;
}

static double ref_conv_forward_at(const ref_conv_args *g, size_t n, size_t p, size_t q, size_t k)
{
    const sc_conv_shape *s = g->shape;
    double sum = 0;

    for (size_t r = 0; r < s->r; r++) {
        for (size_t t = 0; t < s->s; t++) {
            size_t h, w;
            if (!ref_conv_input_at(&h, s, p, r, s->h) || !ref_conv_input_at(&w, s, q, t, s->w)) {
                continue;
            }
            const ref_elem *x = g->a + ((n * s->h + h) * s->w + w) * s->c;
            const sc_real *weight = g->w + (k * s->c * s->r + r) * s->s + t;
            for (size_t c = 0; c < s->c; c++) {
                sum += ref_get(x[c]) * ref_weight(weight[c * s->r * s->s]);
            }
        }
    }
    return sum;
}

static void ref_conv_forward_row(void *context, size_t row)
{
    const ref_conv_args *g = context;
    const sc_conv_shape *s = g->shape;

    for (size_t q = 0; q < s->q; q++) {
        for (size_t k = 0; k < s->k; k++) {
            g->out[(row * s->q + q) * s->k + k] =
                ref_put(ref_conv_forward_at(g, row / s->p, row % s->p, q, k));
        }
    }
}

static void ref_conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                               const sc_affine *make, const sc_real *w, const sc_conv_shape *shape,
                               void *scratch)
{
    (void)scratch;
    sc_conv_shape_check(shape);
    assert(!stats.mean == !stats.var && (!make || make->y == x));
    if (make) {
        ref_channel_affine(make, shape->n * shape->h * shape->w, shape->c);
    }
    ref_conv_args g = {.out = y, .a = x, .w = w, .shape = shape};
    sc_parallel_for(shape->n * shape->p, ref_conv_forward_row, &g);
    if (stats.mean) {
        ref_channel_stats(stats.mean, stats.var, y, shape->n * shape->p * shape->q, shape->k);
    }
}

static double ref_conv_backward_data_at(const ref_conv_args *g, size_t n, size_t h, size_t w,
                                        size_t c)
{
    const sc_conv_shape *s = g->shape;
    double sum = 0;

    for (size_t r = 0; r < s->r; r++) {
        for (size_t t = 0; t < s->s; t++) {
            size_t p, q;
            if (!ref_conv_output_at(&p, s, h, r, s->p) || !ref_conv_output_at(&q, s, w, t, s->q)) {
                continue;
            }
            const ref_elem *dy = g->a + ((n * s->p + p) * s->q + q) * s->k;
            const sc_real *weight = g->w + (c * s->r + r) * s->s + t;
            for (size_t k = 0; k < s->k; k++) {
                sum += ref_get(dy[k]) * ref_weight(weight[k * s->c * s->r * s->s]);
            }
        }
    }
    return sum;
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
        for (size_t c = 0; c < s->c; c++) {
            double base = ref_conv_base_at(g, n, h, w, c);
            g->out[(row * s->w + w) * s->c + c] =
                ref_put(base + ref_conv_backward_data_at(g, n, h, w, c));
        }
    }
}

static void ref_conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                     const sc_batchnorm *make, const sc_real *w, sc_base base,
                                     const sc_conv_shape *shape, void *scratch)
{
    (void)scratch;
    sc_conv_shape_check(shape);
    sc_conv_base_check(base, shape);
    assert((!make || make->dx == dy) && (!sums || sums->dy == dx));
    if (make) {
        ref_batchnorm_gradient(make, shape->n * shape->p * shape->q, shape->k);
    }
    ref_conv_args g = {.out = dx, .a = dy, .base = base, .w = w, .shape = shape};
    sc_parallel_for(shape->n * shape->h, ref_conv_backward_data_row, &g);
    if (sums) {
        ref_batchnorm_sums(sums, shape->n * shape->h * shape->w, shape->c);
    }
}

static double ref_conv_backward_weight_at(const ref_conv_args *g, size_t k, size_t c, size_t r,
                                          size_t t)
{
    const sc_conv_shape *s = g->shape;
    double sum = 0;

    for (size_t row = 0; row < s->n * s->p; row++) {
        size_t h, w;
        if (!ref_conv_input_at(&h, s, row % s->p, r, s->h)) {
            continue;
        }
        const ref_elem *x = g->b + (row / s->p * s->h + h) * s->w * s->c + c;
        const ref_elem *dy = g->a + row * s->q * s->k + k;
        for (size_t q = 0; q < s->q; q++) {
            if (ref_conv_input_at(&w, s, q, t, s->w)) {
                sum += ref_get(dy[q * s->k]) * ref_get(x[w * s->c]);
            }
        }
    }
    return sum;
}

static void ref_conv_backward_weight_filter(void *context, size_t part)
{
    const ref_conv_args *g = context;
    const sc_conv_shape *s = g->shape;

    for (size_t r = 0; r < s->r; r++) {
        for (size_t t = 0; t < s->s; t++) {
            sc_real *dw = &g->dw[(part * s->r + r) * s->s + t];
            *dw = (sc_real)(*dw + ref_conv_backward_weight_at(g, part / s->c, part % s->c, r, t));
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
    sc_parallel_for(shape->k * shape->c, ref_conv_backward_weight_filter, &g);
}

#endif
