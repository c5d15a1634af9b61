/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_conv.h - convolution by Winograd's transforms, and its data gradient.
 *
 *   V[xi] (tiles, ci) = transformed image     M[xi] = V[xi] U[xi]     out = transformed back
 *
 * for the (m+2)^2 points xi.  A block of tiles goes through three stages, each a parallel loop.  Blocks
 * are dealt to slots, which have V and M of their own: a thread that takes a slot does all stages of its
 * blocks, waits for nobody and shares only U with others.  With more threads than slots they take one
 * slot after the other together, to the same bits.  When the transformed filters U are small, blocks are
 * small too (V and M stay in L2); when U is larger than the caches, there is one slot, and V and M are
 * half as large as U, so that U is read seldom (kernel_wino_plan.h).  The data gradient is the
 * convolution of dy with the filters turned round.  With stride 2 there are 25 points, and V, or in
 * the data gradient M, holds a block for each phase of the pixels (kernel_wino_phase_tile.h); of tiles along
 * the lines there are 6, a block is whole lines, and V has two lines more (kernel_wino_lines.h).
 *
 * Before a block its image's rows are made, if they are still to be (kernel_rows.h), while it is stored
 * its pixels are summed up (kernel_wino_sink.h), and during its products, which leave the memory idle, the
 * maps of the next block are fetched (kernel_wino_fetch.h).
 */
#ifndef SC_CPU_KERNEL_WINO_CONV_H
#define SC_CPU_KERNEL_WINO_CONV_H

#include "backend/cpu/kernel_wino_plan.h"

enum {
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

/* Tiles of V: those of the block, and of two lines more where its lines are transformed. */
static size_t wino_rows_of_v(const wino_block *b)
{
    return b->count + (b->a->g.lines ? (LINES_TAPS - 1) * b->a->g.tw : 0);
}

static void wino_input_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t step = g->lines ? g->tw : 1, end = min_size((part + 1) * a->part, wino_rows_of_v(b));

    for (size_t t = part * a->part; t < end; t += step) {
        word *v = b->v + t * g->ld_in;
        if (g->lines) {
            lines_input(v, a->v_plane, g, (b->first + t) / g->tw);
        } else if (g->phases) {
            phase_input_tile(v, a->v_plane, g, b->first + t);
        } else {
            wino_input_tile(v, a->v_plane, g, b->first + t);
        }
    }
}

static bool wino_has_sums(const wino_args *a)
{
    return a->sums.stats || a->sums.norm;
}

/* The sums of a part take the place of what its first tile has read of M by then. */
static stats_sums wino_part_sums(const wino_block *b, size_t part)
{
    float *m = b->m + part * b->a->part * b->a->g.ld_out;
    stats_sums sums = {m, m + b->a->m_plane, m + 2 * b->a->m_plane, false};
    return sums;
}

static void wino_output_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    size_t step = a->g.lines ? a->g.tw : 1, end = min_size((part + 1) * a->part, b->count);
    wino_sink own = {wino_part_sums(b, part), a->sums.norm}, *sink = wino_has_sums(a) ? &own : NULL;

    for (size_t t = part * a->part; t < end; t += step) {
        const float *m = b->m + t * a->g.ld_out;
        if (a->g.lines) {
            lines_output(m, a->m_plane, &a->g, (b->first + t) / a->g.tw, sink);
            continue; /* the sums have begun unless the line is between images */
        }
        if (a->g.phases) {
            phase_output_tile(m, a->m_plane, &a->g, b->first + t, sink);
        } else {
            wino_output_tile(m, a->m_plane, &a->g, b->first + t, sink);
        }
        own.at.begun = true;
    }
}

/* Pixels of tiles first .. end-1. */
static size_t wino_count_pixels(const wino_shape *g, size_t first, size_t end)
{
    size_t count = 0;

    if (g->lines) {
        return lines_count_pixels(g, first / g->tw, end / g->tw);
    }
    for (size_t t = first; t < end; t++) {
        size_t n, h, w;
        wino_locate(g, t, &n, &h, &w);
        count += min_size(g->oh - h, g->m) * min_size(g->ow - w, g->m);
    }
    return count;
}

static void wino_join_sums(const wino_block *b, size_t slot, size_t parts)
{
    for (size_t part = 0; part < parts; part++) {
        size_t first = b->first + part * b->a->part;
        size_t end = min_size(first + b->a->part, b->first + b->count);
        size_t pixels = wino_count_pixels(&b->a->g, first, end);
        stats_sums sums = wino_part_sums(b, part);
        if (pixels > 0) {
            sink_join(&b->a->sums, slot, &sums, pixels);
        }
    }
}

static size_t wino_product_parts(const wino_shape *g)
{
    return g->points * ((g->co_pad + WINO_GROUP - 1) / WINO_GROUP);
}

/* A part of the products is WINO_GROUP columns, *o0 .. *o1 - 1, of the xi that is returned. */
static size_t wino_product_columns(size_t *o0, size_t *o1, const wino_shape *g, size_t part)
{
    size_t groups = (g->co_pad + WINO_GROUP - 1) / WINO_GROUP;

    *o0 = part % groups * WINO_GROUP;
    *o1 = min_size(*o0 + WINO_GROUP, g->co_pad);
    return part / groups;
}

/* M[xi] = V[xi] U[xi] */
static void wino_product_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t o0, o1, begin, end, k0, k1, xi = wino_product_columns(&o0, &o1, g, part);
    const word *v = b->v + xi * a->v_plane, *u = a->u + xi * a->u_plane;

    wino_range(&begin, &end, xi, g->out_step, g->co_pad);
    wino_range(&k0, &k1, xi, g->in_step, a->words);
    bool begun = tile_begin();
    for (size_t t0 = 0; t0 < b->count; t0 += WINO_ROWS) {
        size_t rows = min_size(b->count - t0, WINO_ROWS);
        for (size_t k = k0; k < k1; k += WINO_DEPTH) {
            for (size_t o = o0; o < o1; o += NR) {
                tile t = {.c = b->m + xi * a->m_plane + t0 * g->ld_out + o,
                          .c_row = g->ld_out,
                          .cols = NR,
                          .a = v + t0 * g->ld_in + k,
                          .a_row = g->ld_in,
                          .a_col = 1,
                          .b = u + o * a->words + k * NR,
                          .k = min_size(k1 - k, WINO_DEPTH),
                          .accumulate = k > k0,
                          .next_b = u + (o + NR) * a->words + k * NR};
                if (!MATRIX_UNIT && t0 == 0 && k == k0) { /* its tiles leave the memory busy */
                    fetch_share(&b->fetch, part * (WINO_GROUP / NR) + (o - o0) / NR);
                }
                if (o >= begin && o < end) {
                    tile_sliver(&t, rows);
                }
            }
        }
    }
    tile_end(begun);
}

/* The same of lines: the sum is over the taps across them too, whose rows of V are a line apart. */
static void lines_product_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t o0, o1, xi = wino_product_columns(&o0, &o1, g, part);
    size_t at[LINES_STEPS], steps = 0, rows = round_up(b->count, TILE_ROWS);

    for (size_t tap = 0; tap < LINES_TAPS; tap++) {
        for (size_t k = 0; k < g->in_block; k += TILE_K) {
            at[steps++] = (tap * g->tw * g->ld_in + k) * WORD_K;
        }
    }
    fetch_list maps = fetch_part(&b->fetch, part);
    size_t products = (o1 - o0) / NR * (rows / TILE_ROWS) * steps;
    tile t = {.c_row = g->ld_out,
              .cols = NR,
              .a = b->v + xi * a->v_plane,
              .a_row = g->ld_in,
              .a_col = 1,
              .k = a->words,
              .at = at,
              .maps = &maps,
              .map_lines = (fetch_count(&maps) + products - 1) / products};
    bool begun = tile_begin();
    for (size_t o = o0; o < o1; o += NR) {
        t.c = b->m + xi * a->m_plane + o;
        t.b = a->u + xi * a->u_plane + o * a->words;
        tile_sliver(&t, rows);
    }
    tile_end(begun);
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

/* The tiles of whole images, so that the rows that they read belong to the slot. */
static void wino_slot(void *context, size_t slot)
{
    const wino_args *a = context;
    const wino_shape *g = &a->g;
    size_t place = wino_place(a->slots, slot), begin, end;
    wino_block b = {.a = a,
                    .v = a->v + place * g->points * a->v_plane,
                    .m = a->m + place * g->points * a->m_plane};
    row_maker make = a->make;

    bool begun = tile_begin();
    sc_part_range(&begin, &end, g->n, a->slots, slot);
    make.made = begin * g->ih * g->iw;
    end = wino_end_tile(g, end);
    for (b.first = wino_first_tile(g, begin); b.first < end; b.first += a->block) {
        b.count = min_size(end - b.first, a->block);
        size_t parts = (b.count + a->part - 1) / a->part;
        size_t next = b.first + b.count;
        make_rows(&make, wino_rows_in(g, next) * g->iw);
        if (a->slots > 1) { /* large filters fill the cache */
            wino_fetch_next(&b.fetch, g, &make, next, b.count);
            wino_fetch_output(&b.fetch, g, a->sums.norm ? a->sums.norm->of : NULL, b.first,
                              b.count);
            fetch_divide(&b.fetch, wino_product_parts(g) * (g->lines ? 1 : WINO_GROUP / NR));
        }
        sc_parallel_for((wino_rows_of_v(&b) + a->part - 1) / a->part, wino_input_part, &b);
        sc_parallel_for(wino_product_parts(g), g->lines ? lines_product_part : wino_product_part,
                        &b);
        sc_parallel_for(parts, wino_output_part, &b);
        if (wino_has_sums(a)) {
            wino_join_sums(&b, slot, parts);
        }
    }
    tile_end(begun);
}

static void wino_convolve(wino_args *a)
{
    size_t filters = a->g.points * a->u_plane * sizeof(word);

    a->stream = filters > WINO_STREAM && (uintptr_t)a->u % 64 == 0;
    sc_parallel_for(a->g.out_block / NR * (a->g.in_block / WINO_FILTERS), wino_filter_part, a);
    wino_each_slot(a->slots, wino_slot, a);
}

/* Whether outputs are summed up as they are stored: where a vector is not whole, in a pass of its own. */
static bool wino_sinks(size_t channels)
{
    return channels % VEC == 0;
}

/* Words that the convolution, or its data gradient, needs. */
static size_t wino_scratch(const sc_conv_shape *s)
{
    wino_args forward = wino_forward_args(s), backward = wino_backward_args(s);

    wino_sizes(&forward);
    wino_sizes(&backward);
    return max_size(wino_layout(&forward, NULL), wino_layout(&backward, NULL));
}

static void wino_forward(elem *y, sc_channel_stats stats, const elem *x, const sc_affine *make,
                         const float *w, const sc_conv_shape *s, word *scratch)
{
    wino_args a = wino_forward_args(s);
    stats_whole whole;
    bool taken = stats.mean && wino_sinks(s->k);

    a.g.in = x;
    a.g.out = y;
    a.w = w;
    a.make = affine_maker(make, s->c);
    wino_sizes(&a);
    wino_layout(&a, scratch);
    if (taken) {
        stats_begin(&whole, a.slots, s->k, a.sums_at);
        a.sums.stats = &whole;
    }
    wino_convolve(&a);
    if (taken) {
        stats_end(&whole, stats.mean, stats.var);
    } else if (stats.mean) {
        channel_stats(stats.mean, stats.var, y, s->n * s->p * s->q, s->k);
    }
}

static void wino_backward_data(elem *dx, const sc_batchnorm *sums, const elem *dy,
                               const sc_batchnorm *make, const float *w, sc_base base,
                               const sc_conv_shape *s, word *scratch)
{
    wino_args a = wino_backward_args(s);
    norm_sums norm;
    bool taken = sums && wino_sinks(s->c);

    a.g.in = dy;
    a.g.out = dx;
    a.g.base = base.map;
    a.g.joined = base.map && base.step > 1;
    a.w = w;
    a.make = gradient_maker(make, s->k);
    wino_sizes(&a);
    wino_layout(&a, scratch);
    if (taken) {
        norm_sums_begin(&norm, sums, a.slots, 0, s->c, a.sums_at);
        a.sums.norm = &norm;
    }
    wino_convolve(&a);
    if (taken) {
        norm_sums_end(&norm, s->n * s->h * s->w);
    } else if (sums) {
        batchnorm_sums(sums, s->n * s->h * s->w, s->c);
    }
}

#endif
