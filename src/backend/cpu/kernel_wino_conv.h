/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_conv.h - convolution by Winograd's transforms, and its data gradient.
 *
 *   V[xi] (tiles, ci) = transformed image     M[xi] = V[xi] U[xi]     out = transformed back
 *
 * for the (m+2)^2 points xi.  A block of tiles goes through three stages, each a parallel loop.  When
 * the transformed filters U are small, blocks are small too (V and M stay in L2) and dealt to slots,
 * which have V and M of their own: a thread that takes a slot does all stages of its blocks and shares
 * nothing with others, which counts where threads have no cache in common.  With more threads than
 * slots they take one slot after the other together, to the same bits.  When U is large, there is one
 * slot, and V and M are half as large as U, so that U is read seldom.  The data gradient is the
 * convolution of dy with the filters turned round.  With stride 2 there are 25 points, and V, or in
 * the data gradient M, holds a block for each phase of the pixels (kernel_wino_phase_tile.h).
 */
#ifndef SC_CPU_KERNEL_WINO_CONV_H
#define SC_CPU_KERNEL_WINO_CONV_H

#include "backend/cpu/kernel_wino_filter.h"

enum {
    WINO_SLOTS = 16,
    WINO_SMALL_FILTERS = 4 << 20, /* bytes of U */
    WINO_SMALL_BLOCK = 384 << 10, /* bytes of V and M */
    WINO_LARGE_BLOCK = 3 << 20,
    WINO_GROUP = 64, /* columns of one part of stage 2 */
    WINO_DEPTH = 256,
    WINO_ROWS = 96
};

/* Tiles first .. first+count-1, with the V and M of one slot. */
typedef struct {
    const wino_args *a;
    word *v;
    float *m;
    size_t first, count;
    fetch_list fetch; /* for the next block */
} wino_block;

enum { WINO_TILES_PER_PART = 4 };

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
        s->k < 16 || s->c % 8 != 0 || s->k % 8 != 0 || s->c % VEC != 0 || s->k % VEC != 0) {
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

static void wino_tiles(wino_shape *g)
{
    g->points = g->phases ? PHASE_POINTS : (g->m + 2) * (g->m + 2);
    g->th = (g->oh + g->m - 1) / g->m;
    g->tw = (g->ow + g->m - 1) / g->m;
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
    g->ld_out = g->co_pad + 16;
    a->tiles = g->n * g->th * g->tw;
    a->u_plane = a->words * g->co_pad + 16;
    size_t filters = g->points * a->u_plane * sizeof(word);
    bool small = filters <= WINO_SMALL_FILTERS;
    size_t budget = small ? WINO_SMALL_BLOCK : WINO_LARGE_BLOCK;
    budget = !small && filters / 2 > budget ? filters / 2 : budget;
    budget /= g->points * sizeof(word) * (g->ld_in + g->ld_out);
    budget = budget < MR ? MR : budget;
    size_t blocks = (a->tiles + budget - 1) / budget;
    a->block = round_up((a->tiles + blocks - 1) / blocks, MR);
    blocks = (a->tiles + a->block - 1) / a->block;
    a->slots = small ? min_size(blocks, WINO_SLOTS) : 1;
    a->v_plane = a->block * g->ld_in + 16;
    a->m_plane = a->block * g->ld_out + 16;
}

/* zeros, statistics, U, then V and M of each slot; in words */
static size_t wino_layout(wino_args *a, word *base)
{
    size_t zeros = round_up(a->g.ci, 16), u = a->g.points * a->u_plane;
    size_t stats = round_up(stats_memory(a->slots, a->g.co) * (sizeof(double) / sizeof(word)), 16);
    size_t v = a->g.points * a->v_plane, m = a->g.points * a->m_plane;

    if (base) {
        a->g.zeros = (const elem *)(const void *)base;
        a->stats_at = (double *)(void *)(base + zeros);
        a->u = base + zeros + stats;
        a->v = a->u + u;
        a->m = (float *)a->v + a->slots * v;
        memset(base, 0, zeros * sizeof *base);
    }
    return zeros + stats + u + a->slots * (v + m);
}

static void wino_input_part(void *context, size_t part)
{
    const wino_block *b = context;
    size_t end = min_size((part + 1) * WINO_TILES_PER_PART, b->count);

    for (size_t t = part * WINO_TILES_PER_PART; t < end; t++) {
        word *v = b->v + t * b->a->g.ld_in;
        if (b->a->g.phases) {
            phase_input_tile(v, b->a->v_plane, &b->a->g, b->first + t);
        } else {
            wino_input_tile(v, b->a->v_plane, &b->a->g, b->first + t);
        }
    }
}

/* The sums of a part take the place of what its first tile has read of M by then. */
static stats_sums wino_sums(const wino_block *b, size_t part)
{
    float *m = b->m + part * WINO_TILES_PER_PART * b->a->g.ld_out;
    stats_sums sums = {m, m + b->a->m_plane, m + 2 * b->a->m_plane, false};
    return sums;
}

static void wino_output_part(void *context, size_t part)
{
    const wino_block *b = context;
    size_t end = min_size((part + 1) * WINO_TILES_PER_PART, b->count);
    stats_sums sums = wino_sums(b, part);

    for (size_t t = part * WINO_TILES_PER_PART; t < end; t++) {
        const float *m = b->m + t * b->a->g.ld_out;
        const stats_sums *to = b->a->stats ? &sums : NULL;
        if (b->a->g.phases) {
            phase_output_tile(m, b->a->m_plane, &b->a->g, b->first + t, to);
        } else {
            wino_output_tile(m, b->a->m_plane, &b->a->g, b->first + t, to);
        }
        sums.begun = true;
    }
}

static void wino_join_stats(stats_range *range, const wino_block *b, size_t parts)
{
    const wino_shape *g = &b->a->g;

    for (size_t part = 0; part < parts; part++) {
        size_t first = b->first + part * WINO_TILES_PER_PART;
        size_t end = min_size(first + WINO_TILES_PER_PART, b->first + b->count);
        size_t pixels = wino_count_pixels(g, first, end);
        stats_sums sums = wino_sums(b, part);
        stats_join(range, &sums, pixels, 0, g->co);
        range->count += pixels;
    }
}

static size_t wino_product_parts(const wino_shape *g)
{
    return g->points * ((g->co_pad + WINO_GROUP - 1) / WINO_GROUP);
}

/* M[xi] = V[xi] U[xi], WINO_GROUP columns of one xi */
static void wino_product_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t groups = (g->co_pad + WINO_GROUP - 1) / WINO_GROUP, xi = part / groups;
    size_t o0 = part % groups * WINO_GROUP, o1 = min_size(o0 + WINO_GROUP, g->co_pad);
    size_t begin, end, k0, k1, shares = wino_product_parts(g) * (WINO_GROUP / NR);
    const word *v = b->v + xi * a->v_plane, *u = a->u + xi * a->u_plane;
    float *c[WINO_ROWS];

    wino_range(&begin, &end, xi, g->out_step, g->co_pad);
    wino_range(&k0, &k1, xi, g->in_step, a->words);
    for (size_t t0 = 0; t0 < b->count; t0 += WINO_ROWS) {
        size_t rows = min_size(b->count - t0, WINO_ROWS);
        for (size_t i = 0; i < rows; i++) {
            c[i] = b->m + xi * a->m_plane + (t0 + i) * g->ld_out;
        }
        for (size_t k = k0; k < k1; k += WINO_DEPTH) {
            for (size_t o = o0; o < o1; o += NR) {
                tile t = {.c = c,
                          .col = o,
                          .cols = NR,
                          .a = v + t0 * g->ld_in + k,
                          .a_row = g->ld_in,
                          .a_col = 1,
                          .b = u + o * a->words + k * NR,
                          .b_row = NR,
                          .k = min_size(k1 - k, WINO_DEPTH),
                          .accumulate = k > k0};
                if (t0 == 0 && k == k0) {
                    fetch_share(&b->fetch, part * (WINO_GROUP / NR) + (o - o0) / NR, shares);
                }
                if (o >= begin && o < end) {
                    tile_sliver(&t, rows);
                }
            }
        }
    }
}

/* fn(context, slot) for every slot: side by side, or the threads together in one after the other. */
static void wino_each_slot(size_t slots, sc_part_fn fn, void *context)
{
    if ((size_t)sc_parallel_threads() <= slots) {
        sc_parallel_for(slots, fn, context);
        return;
    }
    for (size_t slot = 0; slot < slots; slot++) {
        fn(context, slot);
    }
}

/* Where the memory of a slot is: a thread takes the same for all its slots, it is in its cache. */
static size_t wino_place(size_t slots, size_t slot)
{
    bool own = slots > 1 && (size_t)sc_parallel_threads() <= slots;
    return own ? (size_t)sc_parallel_index() : slot;
}

static void wino_slot(void *context, size_t slot)
{
    const wino_args *a = context;
    size_t place = wino_place(a->slots, slot);
    wino_block b = {.a = a,
                    .v = a->v + place * a->g.points * a->v_plane,
                    .m = a->m + place * a->g.points * a->m_plane};
    size_t begin, end, blocks = (a->tiles + a->block - 1) / a->block;

    sc_part_range(&begin, &end, blocks, a->slots, slot);
    for (size_t i = begin; i < end; i++) {
        b.first = i * a->block;
        b.count = min_size(a->tiles - b.first, a->block);
        if (a->slots > 1) { /* large filters fill the cache */
            wino_fetch_block(&b.fetch, &a->g, b.first, b.count);
        }
        size_t parts = (b.count + WINO_TILES_PER_PART - 1) / WINO_TILES_PER_PART;
        sc_parallel_for(parts, wino_input_part, &b);
        sc_parallel_for(wino_product_parts(&a->g), wino_product_part, &b);
        sc_parallel_for(parts, wino_output_part, &b);
        if (a->stats) {
            wino_join_stats(&a->stats->range[slot], &b, parts);
        }
    }
}

static void wino_convolve(wino_args *a, word *scratch)
{
    wino_sizes(a);
    wino_layout(a, scratch);
    if (a->stats) {
        stats_begin(a->stats, a->slots, a->g.co, a->stats_at);
    }
    size_t filters = a->g.points * a->u_plane * sizeof(word);
    a->stream = filters > WINO_STREAM && (uintptr_t)a->u % 64 == 0;
    sc_parallel_for(a->g.out_block / NR * (a->g.in_block / WINO_FILTERS), wino_filter_part, a);
    wino_each_slot(a->slots, wino_slot, a);
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
    return a;
}

static void wino_forward(elem *y, sc_channel_stats stats, const elem *x, const float *w,
                         const sc_conv_shape *s, word *scratch)
{
    wino_args a = wino_forward_args(s);
    stats_whole whole;
    a.g.in = x;
    a.g.out = y;
    a.w = w;
    a.stats = stats.mean ? &whole : NULL;
    wino_convolve(&a, scratch);
    if (stats.mean) {
        stats_end(&whole, stats.mean, stats.var);
    }
}

static void wino_backward_data(elem *dx, const elem *dy, const float *w, const elem *base,
                               const sc_conv_shape *s, word *scratch)
{
    wino_args a = wino_backward_args(s);
    a.g.in = dy;
    a.g.out = dx;
    a.g.base = base;
    a.w = w;
    wino_convolve(&a, scratch);
}

#endif
