/* SPDX-License-Identifier: MIT
 *
 * conv_shape.h - what every table asserts of a convolution's shape: the output follows from the rest; and of
 * what goes with it.
 */
#ifndef SC_BACKEND_CONV_SHAPE_H
#define SC_BACKEND_CONV_SHAPE_H

#include <assert.h>

#include "backend/backend.h"

static inline void sc_conv_shape_check(const sc_conv_shape *s)
{
    assert(s->stride >= 1 && s->dilation >= 1 && s->r >= 1 && s->s >= 1);
    assert(s->h + 2 * s->pad >= s->dilation * (s->r - 1) + 1);
    assert(s->w + 2 * s->pad >= s->dilation * (s->s - 1) + 1);
    assert(s->p == (s->h + 2 * s->pad - s->dilation * (s->r - 1) - 1) / s->stride + 1);
    assert(s->q == (s->w + 2 * s->pad - s->dilation * (s->s - 1) - 1) / s->stride + 1);
    (void)s;
}

static inline void sc_conv_stats_check(sc_channel_stats to, const sc_conv_shape *s)
{
    const sc_norm_fold *fold = to.fold;

    assert(!to.mean == !to.var);
    assert(!fold || (fold->batch && fold->statistics && fold->mean == to.mean));
    assert(!fold || (fold->invstd == to.var && fold->channels == s->k));
    assert(!fold || fold->rows == s->n * s->p * s->q);
    (void)fold;
    (void)s;
}

static inline void sc_conv_base_check(sc_base base, const sc_conv_shape *s)
{
    assert(base.map == NULL || base.step == 1 || base.step == s->stride);
    (void)base;
    (void)s;
}

#endif
