/* SPDX-License-Identifier: MIT
 *
 * kernel_conv2d.h - the convolutions of the table: Winograd where it fits, else direct.
 */
#ifndef SC_CPU_KERNEL_CONV2D_H
#define SC_CPU_KERNEL_CONV2D_H

#include "backend/conv_shape.h"
#include "backend/cpu/kernel_wgrad.h"
#include "backend/cpu/kernel_wino_wgrad.h"

static size_t conv2d_scratch(const sc_conv_shape *s)
{
    sc_conv_shape_check(s);
    if (wino_choice(s)) {
        return wino_scratch(s) * sizeof(word);
    }
    size_t packed = direct_packed_size(s), slots = direct_slots_size(s);
    return (packed > slots ? packed : slots) * sizeof(word);
}

static void conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x, const float *w,
                           const sc_conv_shape *s, void *scratch)
{
    sc_conv_shape_check(s);
    assert(!stats.mean == !stats.var);
    if (wino_choice(s)) {
        wino_forward(y, stats, x, w, s, scratch);
    } else {
        direct_forward(y, stats, x, w, s, scratch);
    }
}

static void conv2d_backward_data(sc_map *dx, const sc_map *dy, const float *w, const sc_map *base,
                                 const sc_conv_shape *s, void *scratch)
{
    sc_conv_shape_check(s);
    if (wino_choice(s)) {
        wino_backward_data(dx, dy, w, base, s, scratch);
    } else {
        direct_backward_data(dx, dy, w, base, s, scratch);
    }
}

static void conv2d_backward_weight(float *dw, const sc_map *dy, const sc_map *x,
                                   const sc_conv_shape *s, void *scratch)
{
    sc_conv_shape_check(s);
    if (wino_choice(s)) {
        wino_backward_weight(dw, dy, x, s, scratch);
    } else {
        direct_backward_weight(dw, dy, x, s, scratch);
    }
}

#endif
