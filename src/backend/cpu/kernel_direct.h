/* SPDX-License-Identifier: MIT
 *
 * kernel_direct.h - convolution and its data gradient as correlations, every multiplication done.
 */
#ifndef SC_CPU_KERNEL_DIRECT_H
#define SC_CPU_KERNEL_DIRECT_H

#include "backend/cpu/kernel_conv.h"

/* Words of the statistics, or of the sums of a norm's backward pass, which are as many. */
static size_t direct_stats_size(const sc_conv_shape *s)
{
    return stats_memory(CONV_RANGES, max_size(s->k, s->c)) * (sizeof(double) / sizeof(word));
}

/* Words of the packed filters, with the statistics before them. */
static size_t direct_scratch(const sc_conv_shape *s)
{
    size_t taps = s->r * s->s;
    size_t forward = corr_words(taps * s->c) * round_up(s->k, NR);
    size_t backward = corr_words(taps * s->k) * round_up(s->c, NR);
    return direct_stats_size(s) + max_size(forward, backward);
}

static bool direct_takes(const sc_conv_shape *s)
{
    (void)s;
    return true;
}

/* A convolution as a correlation, without its maps and filters. */
static correlation corr_forward(const sc_conv_shape *s)
{
    return (correlation){.n = s->n,
                         .ci = s->c,
                         .co = s->k,
                         .w_ci = s->r * s->s,
                         .w_co = s->c * s->r * s->s,
                         .w_row = s->s,
                         .h = forward_side(s, s->h, s->p, s->r),
                         .v = forward_side(s, s->w, s->q, s->s)};
}

/* Its data gradient, of the pixels of one remainder of the stride.  base is added to it; of one with a step all
 * is in the first. */
static correlation corr_backward(const sc_conv_shape *s, size_t phase, sc_base base)
{
    bool added = phase == 0 || base.step == 1;

    return (correlation){.n = s->n,
                         .ci = s->k,
                         .co = s->c,
                         .base = added ? base.map : NULL,
                         .joined = added && base.step > 1,
                         .w_ci = s->c * s->r * s->s,
                         .w_co = s->r * s->s,
                         .w_row = s->s,
                         .h = backward_side(s, s->h, s->p, s->r, phase / s->stride),
                         .v = backward_side(s, s->w, s->q, s->s, phase % s->stride)};
}

/* What the convolution makes of its image as it goes; few images have threads enough to make them
 * before. */
static row_maker corr_maker(row_maker make, const sc_conv_shape *s, size_t pixels)
{
    if (s->n < CONV_IMAGES) {
        make_rows(&make, pixels);
        make.pass = NULL;
    }
    return make;
}

static void direct_forward(elem *y, sc_channel_stats stats, const elem *x, const sc_affine *make,
                           const float *w, const sc_conv_shape *s, word *scratch)
{
    stats_whole whole;
    correlation g = corr_forward(s);

    g.in = x;
    g.out = y;
    g.w = w;
    g.packed = scratch + direct_stats_size(s);
    g.stats = stats.mean ? &whole : NULL;
    g.make = corr_maker(affine_maker(make, s->c), s, s->n * s->h * s->w);
    if (stats.mean) {
        stats_begin(&whole, CONV_RANGES, s->k, (double *)(void *)scratch);
    }
    correlate(&g);
    if (stats.mean) {
        stats_end(&whole, stats.mean, stats.var);
    }
}

/* A stride makes pixels of every phase from the same dy, and their sums want them all: only without one
 * is dy made, and dx summed up, as it goes. */
static void direct_backward_data(elem *dx, const sc_batchnorm *sums, const elem *dy,
                                 const sc_batchnorm *make, const float *w, sc_base base,
                                 const sc_conv_shape *s, word *scratch)
{
    bool joint = s->stride == 1 && s->c <= NORM_GROUP;
    norm_args norm = {.rows = s->n * s->h * s->w, .c = s->c};
    row_maker maker = gradient_maker(make, s->k);
    word *packed = scratch + (joint ? direct_stats_size(s) : 0);

    if (joint) {
        maker = corr_maker(maker, s, s->n * s->p * s->q);
    } else {
        make_rows(&maker, s->n * s->p * s->q);
        maker.pass = NULL;
    }
    if (joint && sums) {
        norm_sums_begin(&norm.sums, sums, CONV_RANGES, 0, s->c, (double *)(void *)scratch);
    }
    for (size_t phase = 0; phase < s->stride * s->stride; phase++) {
        correlation g = corr_backward(s, phase, base);
        g.in = dy;
        g.out = dx;
        g.norm = joint && sums ? &norm : NULL;
        g.make = maker;
        g.w = w;
        g.packed = packed;
        correlate(&g);
    }
    if (joint && sums) {
        norm_sums_end(&norm.sums, norm.rows);
    } else if (sums) {
        batchnorm_sums(sums, norm.rows, s->c);
    }
}

#endif
