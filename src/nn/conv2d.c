/* SPDX-License-Identifier: MIT
 *
 * conv2d.c - 2-D convolution without bias (a norm follows), padded by zeros or by reflection.
 *
 *   y[n,p,q,k] = sum_{r,s,c} w[k,c,r,s] x[n, p*stride + r*dilation - pad, q*stride + ..., c]
 *
 * x (n,h,w,C)  w (K,C,R,S)  y (n,p,q,K).  Backward: dx needs w and dy; dw needs x and dy.
 * Reflection is a copy with a border in front of a convolution without padding.
 */
#include "nn/layers.h"

#include <assert.h>
#include <stdio.h>

size_t sc_conv2d_out(size_t size, size_t kernel, size_t stride, size_t pad, size_t dilation)
{
    size_t reach = dilation * (kernel - 1) + 1;
    return size == 0 || size + 2 * pad < reach ? 0 : (size + 2 * pad - reach) / stride + 1;
}

int sc_conv2d_init(sc_conv2d *conv, sc_nn nn, const char *name, const sc_conv2d_options *options,
                   size_t height, size_t width, simclr_error *err)
{
    const sc_conv2d_options *o = options;
    sc_param weight = {.shape = {o->out_channels, o->in_channels, o->kernel, o->kernel},
                       .ndim = 4,
                       .flags = SC_PARAM_DECAY | SC_PARAM_ADAPT,
                       .init = SC_INIT_NORMAL,
                       .init_scale = o->init_std};
    sc_conv_shape *s = &conv->shape;

    conv->nn = nn;
    conv->reflect = o->reflect && o->pad > 0;
    conv->reflect_pad = conv->reflect ? o->pad : 0;
    conv->in_h = height;
    conv->in_w = width;
    *s = (sc_conv_shape){.n = 1,
                         .h = height + 2 * conv->reflect_pad,
                         .w = width + 2 * conv->reflect_pad,
                         .c = o->in_channels,
                         .k = o->out_channels,
                         .r = o->kernel,
                         .s = o->kernel,
                         .stride = o->stride,
                         .pad = conv->reflect ? 0 : o->pad,
                         .dilation = o->dilation,
                         .algorithm = nn.convolution};
    s->p = sc_conv2d_out(s->h, s->r, s->stride, s->pad, s->dilation);
    s->q = sc_conv2d_out(s->w, s->s, s->stride, s->pad, s->dilation);
    if (s->p == 0 || s->q == 0 || (conv->reflect && (o->pad >= height || o->pad >= width))) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: a %zux%zu kernel does not fit a %zux%zu map", name,
                       s->r, s->s, height, width);
    }
    snprintf(weight.name, sizeof weight.name, "%s.weight", name);
    conv->weight = sc_params_add(nn.params, &weight, err);
    return conv->weight < 0 ? conv->weight : 0;
}

static sc_conv_shape shape_for(const sc_conv2d *conv, size_t n)
{
    sc_conv_shape shape = conv->shape;
    shape.n = n;
    return shape;
}

/* Whether pixels are left out, for which the gradient is zero. */
static bool leaves_out(const sc_conv_shape *s)
{
    return s->r == 1 && s->s == 1 && s->pad == 0 && s->stride > 1;
}

/* Such a convolution seen from the pixels that it reads, which are as many as those of its output. */
static sc_conv_shape apart_for(const sc_conv2d *conv, size_t n)
{
    sc_conv_shape shape = shape_for(conv, n);

    assert(leaves_out(&shape));
    shape.h = shape.p;
    shape.w = shape.q;
    shape.stride = 1;
    return shape;
}

/* The padded copy comes first in the scratch, the backend's own part after it. */
static size_t padded_bytes(const sc_conv2d *conv, size_t n)
{
    const sc_conv_shape *s = &conv->shape;
    return conv->reflect ? (n * s->h * s->w * s->c * conv->nn.backend->map_bytes + 63) / 64 * 64
                         : 0;
}

size_t sc_conv2d_scratch(const sc_conv2d *conv, size_t n)
{
    size_t most = 0;

    /* A backend cuts its work by n, so that fewer images may need more scratch. */
    for (size_t m = 1; m <= n; m++) {
        sc_conv_shape shape = shape_for(conv, m);
        size_t bytes = conv->nn.backend->conv2d_scratch(&shape);
        most = bytes > most ? bytes : most;
        if (leaves_out(&shape)) {
            shape = apart_for(conv, m);
            bytes = conv->nn.backend->conv2d_scratch(&shape);
            most = bytes > most ? bytes : most;
        }
    }
    return padded_bytes(conv, n) + most;
}

/* x with its border, which takes an x that is there, if it has one; else x as it is. */
static sc_input bordered(sc_input x, size_t n, void *scratch, const sc_conv2d *conv)
{
    const sc_backend *be = conv->nn.backend;

    if (!conv->reflect) {
        return x;
    }
    if (x.make != NULL) {
        be->channel_affine(x.make, n * conv->in_h * conv->in_w, conv->shape.c);
    }
    be->reflect_pad_forward(scratch, x.map, n, conv->in_h, conv->in_w, conv->shape.c,
                            conv->reflect_pad);
    return (sc_input){scratch, NULL};
}

void sc_conv2d_forward(sc_map *y, sc_channel_stats stats, sc_input x, size_t n, void *scratch,
                       const sc_conv2d *conv)
{
    sc_conv_shape shape = shape_for(conv, n);
    const sc_real *w = sc_params_value(conv->nn.params, conv->weight);
    void *rest = (unsigned char *)scratch + padded_bytes(conv, n);
    sc_input in = bordered(x, n, scratch, conv);

    conv->nn.backend->conv2d_forward(y, stats, in.map, in.make, w, &shape, rest);
}

/* dx of the padded input, then without its border. */
static void reflected_data(sc_map *dx, const sc_batchnorm *sums, sc_gradient dy, sc_base base,
                           size_t n, void *scratch, const sc_conv2d *conv)
{
    const sc_backend *be = conv->nn.backend;
    sc_conv_shape shape = shape_for(conv, n);
    const sc_real *w = sc_params_value(conv->nn.params, conv->weight);
    void *rest = (unsigned char *)scratch + padded_bytes(conv, n);
    sc_map *dpadded = scratch;

    assert(base.map == NULL || base.step == 1);
    be->conv2d_backward_data(dpadded, NULL, dy.map, dy.make, w, SC_NO_BASE, &shape, rest);
    be->reflect_pad_backward(dx, dpadded, base.map, n, conv->in_h, conv->in_w, shape.c,
                             conv->reflect_pad);
    if (sums != NULL) {
        be->batchnorm_sums(sums, n * conv->in_h * conv->in_w, shape.c);
    }
}

bool sc_conv2d_is_apart(const sc_conv2d *conv, const sc_conv2d *other)
{
    return leaves_out(&conv->shape) && conv->shape.stride == other->shape.stride && !other->reflect;
}

sc_base sc_conv2d_backward_apart(sc_map *dx, sc_gradient dy, sc_input x, size_t n, void *scratch,
                                 const sc_conv2d *conv)
{
    const sc_backend *be = conv->nn.backend;
    sc_conv_shape shape = shape_for(conv, n), apart = apart_for(conv, n);
    const sc_real *w = sc_params_value(conv->nn.params, conv->weight);
    sc_real *dw = sc_params_grad(conv->nn.params, conv->weight);

    be->conv2d_backward_data(dx, NULL, dy.map, dy.make, w, SC_NO_BASE, &apart, scratch);
    be->conv2d_backward_weight(dw, dy.map, NULL, x.map, x.make, &shape, scratch);
    return (sc_base){dx, shape.stride};
}

void sc_conv2d_backward(sc_map *dx, const sc_batchnorm *sums, sc_gradient dy, sc_input x,
                        sc_base base, size_t n, void *scratch, const sc_conv2d *conv)
{
    const sc_backend *be = conv->nn.backend;
    sc_conv_shape shape = shape_for(conv, n);
    const sc_real *w = sc_params_value(conv->nn.params, conv->weight);
    sc_real *dw = sc_params_grad(conv->nn.params, conv->weight);
    void *rest = (unsigned char *)scratch + padded_bytes(conv, n);

    assert(dx == NULL || (dx != x.map && dx != dy.map));
    if (dx != NULL && conv->reflect) {
        reflected_data(dx, sums, dy, base, n, scratch, conv);
    } else if (dx != NULL) {
        be->conv2d_backward_data(dx, sums, dy.map, dy.make, w, base, &shape, rest);
    }
    sc_input in = bordered(x, n, scratch, conv);
    be->conv2d_backward_weight(dw, dy.map, dx == NULL ? dy.make : NULL, in.map, in.make, &shape,
                               rest);
}
