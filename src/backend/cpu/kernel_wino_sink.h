/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_sink.h - sums over the pixels of a Winograd convolution's output, taken as they are stored:
 * the statistics that the norm after it wants, or, of a data gradient, the sums of g and g (x - mean) that
 * the backward pass of the norm before it begins with.  With a residual g is stored.
 *
 * A part of the tiles is summed in float where its M was, then joined to its slot's range, in double.
 */
#ifndef SC_CPU_KERNEL_WINO_SINK_H
#define SC_CPU_KERNEL_WINO_SINK_H

#include "backend/cpu/kernel_norm.h"

/* What all parts share; neither: nothing is summed. */
typedef struct {
    stats_whole *stats;
    norm_sums *norm;
} wino_sums;

/* Of one part. */
typedef struct {
    stats_sums at;         /* of a norm without shift: there stands its mean */
    const norm_sums *norm; /* NULL: statistics */
} wino_sink;

/* VEC channels from c on; x is the first pixel. */
SC_INLINE stats_vec sink_begin(const wino_sink *s, size_t c, vec x)
{
    return s->at.begun ? stats_vec_load(&s->at, c)
                       : stats_vec_begin(s->norm ? vload(s->norm->of->mean + c) : x);
}

/* x: a pixel, which is element i of the output, as it is stored. */
SC_INLINE void sink_add(const wino_sink *s, stats_vec *v, size_t i, size_t c, vec x,
                        const bool norm)
{
    if (!norm) {
        stats_vec_add(v, x);
        return;
    }
    vec before = eload((const elem *)s->norm->of->x + i);
    vec g = norm_g(s->norm->of, i, c, x, before, s->norm->mask);
    if (s->norm->mask == NORM_BY_Y) {
        estore((elem *)s->norm->of->g + i, g);
    }
    v->first += g;
    v->second = vfma(g, before - v->shift, v->second);
}

/* Joins a part of so many pixels. */
static void sink_join(const wino_sums *sums, size_t range, const stats_sums *part, size_t pixels)
{
    if (sums->norm) {
        norm_sums_join(sums->norm, range, part->first, part->second);
    } else {
        stats_range *r = &sums->stats->range[range];
        stats_join(r, part, pixels, 0, sums->stats->channels);
        r->count += pixels;
    }
}

#endif
