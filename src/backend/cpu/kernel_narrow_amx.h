/* SPDX-License-Identifier: MIT
 *
 * kernel_narrow_amx.h - a block's share of the weight gradient of kernel_narrow_wgrad.h, by the matrix unit.
 *
 * The rows of a tile begin at equal distances, so of a line of x each tap (j,c) has a plane of its own, though
 * most are another, moved by an element.  The planes of the next line follow, so that all taps (i,j,c) are rows
 * at one distance.  Rows beyond the last tap are computed and dropped.
 */
#ifndef SC_CPU_KERNEL_NARROW_AMX_H
#define SC_CPU_KERNEL_NARROW_AMX_H

#include "backend/cpu/kernel_narrow.h"

static void narrow_lay_out(narrow_args *g)
{
    g->line = g->s.s * g->s.c * g->plane;
}

/* Elements of a line that are split. */
static size_t narrow_split_length(const narrow_args *g)
{
    return ((g->plane - 1) * g->s.stride + g->s.s) * g->s.c;
}

/* planes (s, c, plane) of a line */
static void narrow_split_line(kelem *planes, const narrow_args *g, const kelem *line)
{
    size_t step = g->s.stride * g->s.c, last = g->plane - 1;

    for (size_t j = 0; j < g->s.s * g->s.c; j++) {
        kelem *plane = planes + j * g->plane;
        if (j < step) {
            narrow_split(plane, line + j, step, g->plane);
        } else {
            memcpy(plane, plane - step * g->plane + 1, last * sizeof *plane);
            plane[last] = line[last * step + j];
        }
    }
}

/* slot (taps, ld) += the sums of a block for NR filters */
static void narrow_sums(float *slot, const narrow_args *g, const narrow_block *b,
                        const kelem *planes, const word *dy, fetch_list *next, size_t fetch)
{
    enum { STEP = WORD_K * TILE_K }; /* outputs */
    size_t taps = g->s.r * g->s.s * g->s.c, ld = round_up(g->s.k, NR);
    size_t at[NARROW_LINES * ((NARROW_RUN + STEP - 1) / STEP)], steps = 0;
    float sum[TILE_ROWS * NR];

    (void)next; /* the products leave the memory busy */
    (void)fetch;
    for (size_t p = 0; p < b->lines; p++) {
        for (size_t q = 0; q < b->count; q += STEP) {
            at[steps++] = p * g->s.stride * g->line + q;
        }
    }
    for (size_t t = 0; t < taps; t += TILE_ROWS) {
        amx_steps product = {
            .a = planes + t * g->plane, .a_row = g->plane, .at = at, .b = dy, .steps = steps};
        tile_apart(sum, &product);
        for (size_t i = 0; i < min_size(taps - t, TILE_ROWS); i++) {
            add_floats(slot + (t + i) * ld, sum + i * NR, NR);
        }
    }
}

#endif
