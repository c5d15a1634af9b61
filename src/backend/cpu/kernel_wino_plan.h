/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_plan.h - which convolutions go through Winograd's transforms, and how they are cut: into
 * slots of whole images, these into blocks of tiles (kernel_wino_conv.h), with the memory they need.
 */
#ifndef SC_CPU_KERNEL_WINO_PLAN_H
#define SC_CPU_KERNEL_WINO_PLAN_H

#include "backend/cpu/kernel_wino_filter.h"

enum {
    WINO_TILES_PER_PART = 4, /* that are transformed, and summed up, together */
    /* Bytes of U, and then how many slots there are, and bytes of V and M of a block: */
    WINO_SMALL_FILTERS = 4 << 20,
    WINO_SMALL_SLOTS = 32,
    WINO_SMALL_BLOCK = 384 << 10,
    WINO_MEDIUM_FILTERS = 16 << 20,
    WINO_MEDIUM_SLOTS = 16,
    WINO_MEDIUM_BLOCK = (MATRIX_UNIT ? 4 : 2) << 20 /* so that it reads U seldom */
    /* above that one slot, and half the bytes of U */
};

/* m of F(m x m, 3x3), or with stride 2 of F(4, 2) in phases, for this convolution, or 0: direct.
 * 4 needs maps that fill its tiles: stride 2, which saves less, by three quarters, where 3/4 of
 * direct's multiplications are left.  The number of images does not count, so that an image's result
 * is the same in every batch: with the 16 tiles of 16 images of 8x8 direct would be faster, U being
 * much work for few; from 64 tiles on it is not.  (16 channels of stride 2 lose 5 % forward and gain
 * 37 % backward.) */
static size_t wino_choice(const sc_conv_shape *s)
{
    static const size_t most[] = {
        [SC_CONV_FASTEST] = 4, [SC_CONV_WINOGRAD2] = 2, [SC_CONV_DIRECT] = 0};
    size_t tiles = (s->p + 3) / 4 * ((s->q + 3) / 4);

    if (s->r != 3 || s->s != 3 || s->stride > 2 || s->dilation != 1 || s->pad > 2 || s->c < 16 ||
        s->k < 16 || s->c % 8 != 0 || s->k % 8 != 0) {
        return 0;
    }
    if (s->stride == 2) {
        bool halves = s->pad == 1 && s->h % 2 == 0 && s->w % 2 == 0;
        bool full = s->p * s->q * 4 >= tiles * 16 * 3;
        return halves && full && s->algorithm == SC_CONV_FASTEST ? 4 : 0;
    }
    if (s->p * s->q * 2 > tiles * 16) {
        return most[s->algorithm];
    }
    return s->p >= 2 && s->q >= 2 ? min_size(2, most[s->algorithm]) : 0;
}

static bool wino_takes(const sc_conv_shape *s)
{
    return wino_choice(s) != 0;
}

static void wino_tiles(wino_shape *g)
{
    g->points = g->lines ? WINO_MOST : g->phases ? PHASE_POINTS : (g->m + 2) * (g->m + 2);
    g->th = g->lines ? g->oh + 1 : (g->oh + g->m - 1) / g->m;
    g->tw = (g->ow + g->m - 1) / g->m;
}

/* Tiles before image n: between images, but not after the last, there may be a row of them. */
static size_t wino_first_tile(const wino_shape *g, size_t n)
{
    return n * g->th * g->tw;
}

/* Those before the end of image n - 1 */
static size_t wino_end_tile(const wino_shape *g, size_t n)
{
    return (n * g->th - (g->lines ? 1 : 0)) * g->tw;
}

static void wino_sizes(wino_args *a)
{
    wino_shape *g = &a->g;

    wino_tiles(g);
    g->out_block = round_up(g->co, NR);
    g->in_block = round_up(g->ci, WORD_K * VEC) / WORD_K;
    g->co_pad = g->out_block * g->out_step * g->out_step;
    a->words = g->in_block * g->in_step * g->in_step;
    g->ld_in = a->words + 16;
    a->words *= g->lines ? LINES_TAPS : 1;
    g->ld_out = g->co_pad + 16;
    a->u_plane = a->words * g->co_pad + 16;
    size_t filters = g->points * a->u_plane * sizeof(word);
    size_t budget = filters / 2;
    a->slots = 1;
    if (filters <= WINO_SMALL_FILTERS) {
        a->slots = min_size(g->n, WINO_SMALL_SLOTS);
        budget = WINO_SMALL_BLOCK;
    } else if (filters <= WINO_MEDIUM_FILTERS) {
        a->slots = min_size(g->n, WINO_MEDIUM_SLOTS);
        budget = WINO_MEDIUM_BLOCK;
    }
    budget /= g->points * sizeof(word) * (g->ld_in + g->ld_out);
    budget -= MATRIX_UNIT ? budget % TILE_ROWS : 0; /* what fills no tile takes as long */
    budget = budget < TILE_ROWS ? TILE_ROWS : budget;
    a->slots = min_size(a->slots, (g->n * g->th * g->tw + budget - 1) / budget);
    size_t tiles = (g->n + a->slots - 1) / a->slots * g->th * g->tw; /* of a slot */
    size_t blocks = (tiles + budget - 1) / budget;
    size_t rows = round_up((tiles + blocks - 1) / blocks, TILE_ROWS), more = 0;
    a->block = rows;
    a->part = WINO_TILES_PER_PART;
    if (g->lines) { /* whole lines, of V two more */
        rows = max_size(rows, round_up(g->tw, TILE_ROWS));
        more = (LINES_TAPS - 1) * g->tw;
        a->block = rows - rows % g->tw;
        a->part = max_size(1, LINES_PART / g->tw) * g->tw;
    }
    a->v_plane = (rows + more) * g->ld_in + 16;
    a->m_plane = rows * g->ld_out + 16;
}

/* zeros, sums, U, then V and M of each slot; in words */
static size_t wino_layout(wino_args *a, word *base)
{
    size_t zeros = round_up(a->g.ci, 16), u = a->g.points * a->u_plane;
    size_t sums = round_up(stats_memory(a->slots, a->g.co) * (sizeof(double) / sizeof(word)), 16);
    size_t v = a->g.points * a->v_plane, m = a->g.points * a->m_plane;

    if (base) {
        a->g.zeros = (const elem *)(const void *)base;
        a->sums_at = (double *)(void *)(base + zeros);
        a->u = base + zeros + sums;
        a->v = a->u + u;
        a->m = (float *)a->v + a->slots * v;
        memset(base, 0, zeros * sizeof *base);
    }
    return zeros + sums + u + a->slots * (v + m);
}

static wino_args wino_forward_args(const sc_conv_shape *s)
{
    wino_args a = {.g = {.m = wino_choice(s),
                         .n = s->n,
                         .ih = s->h,
                         .iw = s->w,
                         .ci = s->c,
                         .oh = s->p,
                         .ow = s->q,
                         .co = s->k,
                         .pad = (ptrdiff_t)s->pad,
                         .phases = s->stride == 2,
                         .in_step = s->stride,
                         .out_step = 1},
                   .w_ci = 9,
                   .w_co = 9 * s->c};
    a.g.lines = a.g.m == 4 && lines_choice(s);
    return a;
}

static wino_args wino_backward_args(const sc_conv_shape *s)
{
    wino_args a = {.g = {.m = wino_choice(s),
                         .n = s->n,
                         .ih = s->p,
                         .iw = s->q,
                         .ci = s->k,
                         .oh = s->h / s->stride,
                         .ow = s->w / s->stride,
                         .co = s->c,
                         .pad = 2 - (ptrdiff_t)s->pad,
                         .phases = s->stride == 2,
                         .in_step = 1,
                         .out_step = s->stride},
                   .w_ci = 9 * s->c,
                   .w_co = 9,
                   .flip = true};
    a.g.lines = a.g.m == 4 && lines_choice(s);
    return a;
}

#endif
