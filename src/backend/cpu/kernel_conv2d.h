/* SPDX-License-Identifier: MIT
 *
 * kernel_conv2d.h - the convolutions of the table: each is computed by the first method that takes it.
 */
#ifndef SC_CPU_KERNEL_CONV2D_H
#define SC_CPU_KERNEL_CONV2D_H

#include "backend/conv_shape.h"
#include "backend/cpu/kernel_narrow_wgrad.h"
#include "backend/cpu/kernel_wgrad.h"
#include "backend/cpu/kernel_wino_wgrad.h"
#include "backend/ref/ref.h"

#if defined(KERNEL_AMX)
#include "backend/cpu/kernel_shift_conv.h"
#include "backend/cpu/kernel_shift_wgrad.h"
#endif

typedef struct {
    bool (*takes)(const sc_conv_shape *s);
    size_t (*scratch)(const sc_conv_shape *s); /* words */
    void (*forward)(elem *y, sc_channel_stats stats, const elem *x, const sc_affine *make,
                    const float *w, const sc_conv_shape *s, word *scratch);
    void (*backward_data)(elem *dx, const sc_batchnorm *sums, const elem *dy,
                          const sc_batchnorm *make, const float *w, sc_base base,
                          const sc_conv_shape *s, word *scratch);
} conv_method;

/* The same of the weight gradient. */
typedef struct {
    bool (*takes)(const sc_conv_shape *s);
    size_t (*scratch)(const sc_conv_shape *s);
    void (*backward_weight)(float *dw, const elem *dy, const sc_batchnorm *make_dy, const elem *x,
                            const sc_affine *make_x, const sc_conv_shape *s, word *scratch);
} wgrad_method;

static const conv_method *conv_method_of(const sc_conv_shape *s)
{
    static const conv_method methods[] = {
#if defined(KERNEL_AMX)
        {shift_takes, shift_scratch, shift_forward, shift_backward_data},
#endif
        {wino_takes, wino_scratch, wino_forward, wino_backward_data},
        {narrow_takes, narrow_scratch, narrow_forward, direct_backward_data},
        {direct_takes, direct_scratch, direct_forward, direct_backward_data}
    };
    const conv_method *m = methods;

    while (!m->takes(s)) { /* the last takes all */
        m++;
    }
    return m;
}

static const wgrad_method *wgrad_method_of(const sc_conv_shape *s)
{
    static const wgrad_method methods[] = {
#if defined(KERNEL_AMX)
        {shift_wgrad_takes, shift_wgrad_scratch, shift_backward_weight},
#endif
        {wino_takes, wino_wgrad_scratch, wino_backward_weight},
        {narrow_takes, narrow_wgrad_scratch, narrow_backward_weight},
        {direct_takes, direct_wgrad_scratch, direct_backward_weight}
    };
    const wgrad_method *m = methods;

    while (!m->takes(s)) {
        m++;
    }
    return m;
}

static size_t conv2d_scratch(const sc_conv_shape *s)
{
    sc_conv_shape_check(s);
    return max_size(conv_method_of(s)->scratch(s), wgrad_method_of(s)->scratch(s)) * sizeof(word);
}

static void conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                           const sc_affine *make, const float *w, const sc_conv_shape *s,
                           void *scratch)
{
    sc_conv_shape_check(s);
    sc_conv_stats_check(stats, s);
    assert(!make || make->y == x);
    conv_method_of(s)->forward(y, stats, x, make, w, s, scratch);
    if (stats.fold) {
        sc_ref_norm_fold(stats.fold);
    }
}

static void conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                 const sc_batchnorm *make, const float *w, sc_base base,
                                 const sc_conv_shape *s, void *scratch)
{
    sc_conv_shape_check(s);
    sc_conv_base_check(base, s);
    assert((!make || make->dx == dy) && (!sums || sums->dy == dx));
    conv_method_of(s)->backward_data(dx, sums, dy, make, w, base, s, scratch);
}

static void conv2d_backward_weight(float *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                   const sc_map *x, const sc_affine *make_x, const sc_conv_shape *s,
                                   void *scratch)
{
    sc_conv_shape_check(s);
    assert((!make_x || make_x->y == x) && (!make_dy || make_dy->dx == dy));
    wgrad_method_of(s)->backward_weight(dw, dy, make_dy, x, make_x, s, scratch);
}

#endif
