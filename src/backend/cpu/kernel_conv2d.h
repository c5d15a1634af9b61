/* SPDX-License-Identifier: MIT
 *
 * kernel_conv2d.h - the convolutions of the table: Winograd where it fits, else direct (with few channels
 * narrow); and the passes that these do not do as they go, before or after them.
 */
#ifndef SC_CPU_KERNEL_CONV2D_H
#define SC_CPU_KERNEL_CONV2D_H

#include "backend/conv_shape.h"
#include "backend/cpu/kernel_narrow_wgrad.h"
#include "backend/cpu/kernel_wgrad.h"
#include "backend/cpu/kernel_wino_wgrad.h"

static size_t conv2d_scratch(const sc_conv_shape *s)
{
    sc_conv_shape_check(s);
    if (wino_choice(s)) {
        return wino_scratch(s) * sizeof(word);
    }
    size_t packed = direct_packed_size(s), slots = direct_slots_size(s);
    if (narrow_choice(s)) {
        slots = max_size(narrow_slots_size(s), direct_stats_size(s) + narrow_packed_size(s));
    }
    return max_size(packed, slots) * sizeof(word);
}

static void conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                           const sc_affine *make, const float *w, const sc_conv_shape *s,
                           void *scratch)
{
    sc_conv_shape_check(s);
    assert(!stats.mean == !stats.var && (!make || make->y == x));
    if (wino_choice(s)) {
        wino_forward(y, stats, x, make, w, s, scratch);
        return;
    }
    if (narrow_choice(s)) {
        if (make) {
            channel_affine(make, s->n * s->h * s->w, s->c);
        }
        narrow_forward(y, stats, x, w, s, scratch);
        return;
    }
    direct_forward(y, stats, x, make, w, s, scratch);
}

static void conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                 const sc_batchnorm *make, const float *w, sc_base base,
                                 const sc_conv_shape *s, void *scratch)
{
    sc_conv_shape_check(s);
    sc_conv_base_check(base, s);
    assert((!make || make->dx == dy) && (!sums || sums->dy == dx));
    if (wino_choice(s)) {
        wino_backward_data(dx, sums, dy, make, w, base, s, scratch);
        return;
    }
    direct_backward_data(dx, sums, dy, make, w, base, s, scratch);
}

static void conv2d_backward_weight(float *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                   const sc_map *x, const sc_affine *make_x, const sc_conv_shape *s,
                                   void *scratch)
{
    bool narrow = narrow_choice(s), wino = wino_choice(s);

    sc_conv_shape_check(s);
    assert((!make_x || make_x->y == x) && (!make_dy || make_dy->dx == dy));
    if (make_dy && !narrow) {
        batchnorm_gradient(make_dy, s->n * s->p * s->q, s->k);
    }
    if (make_x && !wino) {
        channel_affine(make_x, s->n * s->h * s->w, s->c);
    }
    if (wino) {
        wino_backward_weight(dw, dy, x, make_x, s, scratch);
        return;
    }
    if (narrow) {
        narrow_backward_weight(dw, dy, make_dy, x, s, scratch);
        return;
    }
    direct_backward_weight(dw, dy, x, s, scratch);
}

#endif
