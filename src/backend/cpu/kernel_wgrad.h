/* SPDX-License-Identifier: MIT
 *
 * kernel_wgrad.h - weight gradient of a convolution as an implicit matrix product.
 *
 *   slot[k, (r,s,c)] = sum over the slot's rows (n,p,q) of dy[row, k] unfold(x)[row, (r,s,c)]
 *   dw[k,c,r,s]     += slot 0 + slot 1 + ...
 *
 * A part is one slot (a range of rows) and one block of filters.  It takes WGRAD_ROWS rows at a time:
 * dy packed in panels of WGRAD_PANEL filters, the unfolded image in slivers of NR columns, both on the stack,
 * as words of WORD_K rows.
 */
#ifndef SC_CPU_KERNEL_WGRAD_H
#define SC_CPU_KERNEL_WGRAD_H

#include "backend/cpu/kernel_direct.h"
#include "backend/cpu/kernel_pack.h"

enum {
    WGRAD_ROWS = 128 * WORD_K,
    WGRAD_FILTERS = MATRIX_UNIT ? 256 : 192,
    /* Columns of a part: the matrix unit waits for sums that are not in L2. */
    WGRAD_COLS = MATRIX_UNIT ? 1024 : 1 << 30,
    WGRAD_PARTS = 16,
    WGRAD_CHANNELS = 256, /* whose sums of slots lie on the stack */
    WGRAD_PANEL = MATRIX_UNIT ? VEC : MR,
    WGRAD_WIDE = VEC > WGRAD_PANEL ? VEC : WGRAD_PANEL /* what packing by vectors reads */
};

typedef struct {
    correlation unfold; /* of x; only the gathering side is used */
    const sc_conv_shape *shape;
    const elem *dy;
    float *dw, *slots; /* slots (slots, k, depth) */
    size_t slot_count, depth;
    size_t blocks, groups; /* of filters, of columns */
} wgrad_args;

static size_t wgrad_blocks(const sc_conv_shape *s)
{
    return (s->k + WGRAD_FILTERS - 1) / WGRAD_FILTERS;
}

static size_t wgrad_groups(const sc_conv_shape *s)
{
    return (s->r * s->s * s->c + WGRAD_COLS - 1) / WGRAD_COLS;
}

static size_t wgrad_slots(const sc_conv_shape *s)
{
    size_t whole = wgrad_blocks(s) * wgrad_groups(s), parts = (WGRAD_PARTS + whole - 1) / whole;
    size_t chunks = (s->n * s->p * s->q + WGRAD_ROWS - 1) / WGRAD_ROWS;
    return parts < chunks ? parts : chunks > 0 ? chunks : 1;
}

/* panel (ceil(filters / WGRAD_PANEL), words of rows, WGRAD_PANEL) = dy[rows, k0 ..]; zero beyond the last row */
static void wgrad_pack(word *panel, const wgrad_args *g, size_t row, size_t rows, size_t k0,
                       size_t filters)
{
    size_t k = g->shape->k, padded = round_up(rows, WORD_K * TILE_K);

    for (size_t f = 0; f < filters; f += WGRAD_PANEL) {
        const elem *dy = g->dy + row * k + k0 + f;
        size_t width = min_size(filters - f, WGRAD_PANEL), i = 0;
        word *line = panel + f * padded / WORD_K;
        /* whole vectors, which write over the next row and are written over by it */
        for (; k0 + f + WGRAD_WIDE <= k && i + WORD_K < rows; i += WORD_K, line += WGRAD_PANEL) {
            wput_pair(line, kvec_from(dy + i * k), kvec_from(dy + (i + WORD_K - 1) * k));
            if (WGRAD_PANEL - VEC > 0) {
                size_t rest = WGRAD_PANEL - VEC;
                wput_pair(line + rest, kvec_from(dy + i * k + rest),
                          kvec_from(dy + (i + WORD_K - 1) * k + rest));
            }
        }
        for (; i < padded; i++) {
            kelem *lane = (kelem *)(void *)(panel + f * padded / WORD_K + i / WORD_K * WGRAD_PANEL);
            for (size_t j = 0; j < width; j++) {
                lane[j * WORD_K + i % WORD_K] = i < rows ? kelem_of(dy[i * k + j]) : 0;
            }
        }
    }
}

/* The panels of the matrix unit, whose words it wants along k: turned (filters, words). */
static void wgrad_turn(word *turned, const word *panel, size_t filters, size_t words)
{
    for (size_t f = 0; f < filters; f += WGRAD_PANEL) {
        pack_transposed(turned + f * words, words, panel + f * words, WGRAD_PANEL, words,
                        WGRAD_PANEL);
    }
}

/* sliver (words of rows, NR) = columns j .. j+cols-1 of the unfolded image; zero beyond them */
static void wgrad_sliver(word *sliver, const wgrad_args *g, const corr_row *at, size_t rows,
                         size_t j, size_t cols)
{
    kelem line[WGRAD_ROWS * NR];
    kelem *to = WORD_K == 1 ? (kelem *)(void *)sliver : line;

    if (cols < NR || rows % (WORD_K * TILE_K) != 0) {
        memset(to, 0, round_up(rows, WORD_K * TILE_K) * NR * sizeof *to);
    }
    corr_gather(to, NR, &g->unfold, at, rows, j, j + cols);
    for (size_t i = 0; WORD_K > 1 && i < round_up(rows, WORD_K * TILE_K); i += WORD_K) {
        wput_pair_rows(sliver + i / WORD_K * NR, to + i * NR, to + (i + WORD_K - 1) * NR, NR);
    }
}

/* Adds rows row .. row+rows-1 to (or, the first time, writes) the sums (filters, depth) of filters k0 .. of
 * a slot, columns j0 .. j1-1. */
static void wgrad_rows(const wgrad_args *g, float *sums, size_t row, size_t rows, size_t k0,
                       size_t j0, size_t j1, bool accumulate)
{
    word panel[WGRAD_FILTERS * WGRAD_ROWS / WORD_K], sliver[WGRAD_ROWS / WORD_K * NR];
    word turned[MATRIX_UNIT ? WGRAD_FILTERS * WGRAD_ROWS / WORD_K : 1];
    size_t filters = min_size(g->shape->k - k0, WGRAD_FILTERS);
    size_t words = round_up(rows, WORD_K * TILE_K) / WORD_K;
    size_t step = MATRIX_UNIT ? filters : WGRAD_PANEL;
    corr_row at[WGRAD_ROWS];

    wgrad_pack(panel, g, row, rows, k0, filters);
    if (MATRIX_UNIT) {
        wgrad_turn(turned, panel, filters, words);
    }
    corr_rows(at, &g->unfold, row, rows);
    bool begun = tile_begin();
    for (size_t j = j0; j < j1; j += NR) {
        size_t cols = min_size(j1 - j, NR);
        wgrad_sliver(sliver, g, at, rows, j, cols);
        for (size_t f = 0; f < filters; f += step) {
            tile t = {.c = sums + f * g->depth + j,
                      .c_row = g->depth,
                      .cols = cols,
                      .a = (MATRIX_UNIT ? turned : panel) + f * words,
                      .a_row = MATRIX_UNIT ? words : 1,
                      .a_col = MATRIX_UNIT ? 1 : WGRAD_PANEL,
                      .b = sliver,
                      .k = words,
                      .accumulate = accumulate};
            tile_sliver(&t, min_size(filters - f, step));
        }
    }
    tile_end(begun);
}

static void wgrad_part(void *context, size_t part)
{
    const wgrad_args *g = context;
    size_t slot = part / g->groups / g->blocks, k0 = part / g->groups % g->blocks * WGRAD_FILTERS;
    size_t j0 = part % g->groups * WGRAD_COLS, j1 = min_size(j0 + WGRAD_COLS, g->depth);
    float *sums = g->slots + (slot * g->shape->k + k0) * g->depth;
    size_t begin, end;

    sc_part_range(&begin, &end, g->shape->n * g->shape->p * g->shape->q, g->slot_count, slot);
    for (size_t row = begin; row < end; row += WGRAD_ROWS) {
        wgrad_rows(g, sums, row, min_size(end - row, WGRAD_ROWS), k0, j0, j1, row > begin);
    }
}

/* dw of filter k: the slots are added first, each tap's channels together, and scattered once. */
static void wgrad_sum_part(void *context, size_t k)
{
    const wgrad_args *g = context;
    const corr_side *h = &g->unfold.h, *v = &g->unfold.v;
    size_t taps = g->shape->r * g->shape->s, ci = g->shape->c, size = g->shape->k * g->depth;
    float sum[WGRAD_CHANNELS];

    for (size_t i = 0; i < h->taps * v->taps; i++) {
        size_t tap = corr_tap(h, i / v->taps) * g->shape->s + corr_tap(v, i % v->taps);
        const float *from = g->slots + k * g->depth + i * ci;
        float *dw = g->dw + k * taps * ci + tap;
        for (size_t c0 = 0; c0 < ci; c0 += WGRAD_CHANNELS) {
            size_t width = min_size(ci - c0, WGRAD_CHANNELS);
            copy_floats(sum, from + c0, width);
            for (size_t slot = 1; slot < g->slot_count; slot++) {
                add_floats(sum, from + slot * size + c0, width);
            }
            for (size_t c = 0; c < width; c++) {
                dw[(c0 + c) * taps] += sum[c];
            }
        }
    }
}

static void direct_backward_weight(float *dw, const elem *dy, const sc_batchnorm *make_dy,
                                   const elem *x, const sc_affine *make_x, const sc_conv_shape *s,
                                   word *scratch)
{
    wgrad_args g = {.unfold = {.in = x,
                               .n = s->n,
                               .ci = s->c,
                               .co = s->k,
                               .h = forward_side(s, s->h, s->p, s->r),
                               .v = forward_side(s, s->w, s->q, s->s)},
                    .shape = s,
                    .dy = dy,
                    .dw = dw,
                    .slots = scratch,
                    .slot_count = wgrad_slots(s),
                    .blocks = wgrad_blocks(s),
                    .groups = wgrad_groups(s)};
    g.depth = g.unfold.h.taps * g.unfold.v.taps * s->c;
    if (make_dy) {
        batchnorm_gradient(make_dy, s->n * s->p * s->q, s->k);
    }
    if (make_x) {
        channel_affine(make_x, s->n * s->h * s->w, s->c);
    }
    if (s->n * s->p * s->q == 0) {
        return;
    }
    sc_parallel_for(g.slot_count * g.blocks * g.groups, wgrad_part, &g);
    sc_parallel_for(s->k, wgrad_sum_part, &g);
}

static size_t direct_wgrad_scratch(const sc_conv_shape *s)
{
    return wgrad_slots(s) * s->k * s->r * s->s * s->c;
}

#endif
