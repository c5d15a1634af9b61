/* SPDX-License-Identifier: MIT
 *
 * kernel_narrow_sums.h - a block's share of the weight gradient of kernel_narrow_wgrad.h, by vectors: of a
 * line of x each channel and remainder of the stride is a plane, and a tap is a place to begin in one.
 */
#ifndef SC_CPU_KERNEL_NARROW_SUMS_H
#define SC_CPU_KERNEL_NARROW_SUMS_H

#include "backend/cpu/kernel_narrow.h"

static void narrow_lay_out(narrow_args *g)
{
    const sc_conv_shape *s = &g->s;

    g->line = s->c * s->stride * g->plane;
    for (size_t i = 0; i < s->r * s->s * s->c; i++) {
        size_t c = i % s->c, j = i / s->c % s->s;
        g->at[i] =
            i / s->c / s->s * g->line + (c * s->stride + j % s->stride) * g->plane + j / s->stride;
    }
}

/* Elements of a line that are split. */
static size_t narrow_split_length(const narrow_args *g)
{
    return g->plane * g->s.stride * g->s.c;
}

/* planes (c, stride, plane) of a line */
static void narrow_split_line(kelem *planes, const narrow_args *g, const kelem *line)
{
    size_t c = g->s.c, stride = g->s.stride;

    for (size_t j = 0; j < stride * c; j++) {
        narrow_split(planes + (j % c * stride + j / c) * g->plane, line + j, stride * c, g->plane);
    }
}

/* c (rows, NR) += the sums of a block for the taps at[0], at[1], ... */
SC_INLINE void narrow_wgrad_tile(float *c, const narrow_args *g, const narrow_block *b,
                                 const size_t *at, const kelem *planes, const word *dy,
                                 fetch_list *next, size_t fetch, const size_t rows)
{
    size_t words = (b->count + WORD_K - 1) / WORD_K, ld = round_up(g->s.k, NR);
    vec sum0[MR], sum1[MR];

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum0[i] = vload(c + i * ld);
        sum1[i] = vload(c + i * ld + VEC);
    }
    for (size_t p = 0; p < b->lines; p++, planes += g->s.stride * g->line) {
        const kelem *x[MR];
        fetch_lines(next, fetch);
        for (size_t i = 0; i < rows; i++) {
            x[i] = planes + at[i];
        }
        for (size_t l = 0; l < words; l++, dy += NR) {
            vec d0 = vload(dy), d1 = vload(dy + VEC);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                vec v = vset(word_at(x[i] + l * WORD_K));
                sum0[i] = vdot(v, d0, sum0[i]);
                sum1[i] = vdot(v, d1, sum1[i]);
            }
        }
    }
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        vstore(c + i * ld, sum0[i]);
        vstore(c + i * ld + VEC, sum1[i]);
    }
}

/* slot (taps, ld) += the sums of a block for NR filters */
static void narrow_sums(float *slot, const narrow_args *g, const narrow_block *b,
                        const kelem *planes, const word *dy, fetch_list *next, size_t fetch)
{
    size_t taps = g->s.r * g->s.s * g->s.c, ld = round_up(g->s.k, NR), i = 0;

    for (; i + MR <= taps; i += MR) {
        narrow_wgrad_tile(slot + i * ld, g, b, g->at + i, planes, dy, next, fetch, MR);
    }
    for (; i + 3 <= taps; i += 3) { /* of 3 channels */
        narrow_wgrad_tile(slot + i * ld, g, b, g->at + i, planes, dy, next, fetch, 3);
    }
    for (; i < taps; i++) {
        narrow_wgrad_tile(slot + i * ld, g, b, g->at + i, planes, dy, next, fetch, 1);
    }
}

#endif
