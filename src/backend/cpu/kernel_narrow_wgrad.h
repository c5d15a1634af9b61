/* SPDX-License-Identifier: MIT
 *
 * kernel_narrow_wgrad.h - weight gradient of a convolution of few channels (kernel_narrow.h).
 *
 *   slot[(i,j,c), k] = sum over the slot's outputs q of x[q,(i,j,c)] dy[q,k]
 *   dw[k,c,i,j]     += slot 0 + slot 1 + ...
 *
 * A slot has a range of blocks of NARROW_LINES lines of an image's outputs.  The lines of x that a block reads
 * are split into planes, in which outputs beside each other read elements beside each other
 * (kernel_narrow_sums.h, or for the matrix unit kernel_narrow_amx.h).
 */
#ifndef SC_CPU_KERNEL_NARROW_WGRAD_H
#define SC_CPU_KERNEL_NARROW_WGRAD_H

#include "backend/cpu/kernel_narrow.h"

#if defined(KERNEL_AMX)
#include "backend/cpu/kernel_narrow_amx.h"
#else
#include "backend/cpu/kernel_narrow_sums.h"
#endif

static size_t narrow_blocks(const sc_conv_shape *s)
{
    return (s->p + NARROW_LINES - 1) / NARROW_LINES;
}

static size_t narrow_slots(const sc_conv_shape *s)
{
    return min_size(WGRAD_PARTS, s->n * narrow_blocks(s));
}

static size_t narrow_wgrad_scratch(const sc_conv_shape *s)
{
    return narrow_slots(s) * s->r * s->s * s->c * round_up(s->k, NR);
}

/* planes (lines of x, g->line) of a block */
static void narrow_planes(kelem *planes, const narrow_args *g, const narrow_block *b)
{
    const sc_conv_shape *s = &g->s;
    size_t lines = (b->lines - 1) * s->stride + s->r;
    ptrdiff_t h = (ptrdiff_t)(b->p * s->stride) - (ptrdiff_t)s->pad;
    ptrdiff_t w = (ptrdiff_t)(b->q * s->stride) - (ptrdiff_t)s->pad;
    kelem line[NARROW_STAGE];

    for (size_t i = 0; i < lines; i++) {
        narrow_line(line, g, b->n, h + (ptrdiff_t)i, w * (ptrdiff_t)s->c, narrow_split_length(g));
        narrow_split_line(planes + i * g->line, g, line);
    }
}

/* to (lines, words, NR) = dy of a block's outputs, filters k .. k+cols-1; zero beyond them */
static void narrow_dy(word *to, const narrow_args *g, const narrow_block *b, size_t k, size_t cols)
{
    const sc_conv_shape *s = &g->s;

    for (size_t p = 0; p < b->lines; p++) {
        const elem *dy = g->dy + (((b->n * s->p + b->p + p) * s->q) + b->q) * s->k + k;
        size_t q = 0;
        for (; cols == NR && q + WORD_K <= b->count; q += WORD_K, to += NR) {
            const elem *even = dy + q * s->k, *odd = even + (WORD_K - 1) * s->k;
            wput_pair(to, kvec_from(even), kvec_from(odd));
            wput_pair(to + VEC, kvec_from(even + VEC), kvec_from(odd + VEC));
        }
        for (; q < round_up(b->count, WORD_K * TILE_K); q += WORD_K, to += NR) {
            kelem pair[2][NR] = {{0}};
            for (size_t e = 0; e < WORD_K && q + e < b->count; e++) {
                elems_to_operand(pair[e], dy + (q + e) * s->k, cols);
            }
            wput_pair_rows(to, pair[0], pair[1], NR);
        }
    }
}

/* dy after a block, as much again, or what it is made of. */
static void narrow_fetch(fetch_list *f, const narrow_args *g, const narrow_block *b)
{
    size_t all = g->s.n * g->s.p, width = g->s.q * g->s.k;
    size_t begin = b->n * g->s.p + b->p + b->lines, end = min_size(begin + b->lines, all);

    *f = (fetch_list){.pieces = 0};
    fetch_add(f, g->dy, width, begin, end);
    for (size_t i = 0; i < ROWS_MAPS; i++) {
        if (g->make_dy.map[i]) {
            fetch_add(f, g->make_dy.map[i], width, begin, end);
        }
    }
}

/* Adds a block to a slot. */
static void narrow_wgrad_block(float *slot, const narrow_args *g, const narrow_block *b)
{
    const sc_conv_shape *s = &g->s;
    fetch_list next;
    kelem planes[NARROW_STAGE];
    word dy[NARROW_LINES * NARROW_RUN / WORD_K * NR];
    size_t taps = s->r * s->s * s->c;

    narrow_fetch(&next, g, b);
    size_t fetch = fetch_count(&next) / ((s->k + NR - 1) / NR * (taps / MR + 1) * b->lines) + 1;
    narrow_planes(planes, g, b);
    for (size_t k = 0; k < s->k; k += NR) {
        narrow_dy(dy, g, b, k, min_size(s->k - k, NR));
        narrow_sums(slot + k, g, b, planes, dy, &next, fetch);
    }
}

static void narrow_wgrad_part(void *context, size_t part)
{
    const narrow_args *g = context;
    const sc_conv_shape *s = &g->s;
    size_t size = s->r * s->s * s->c * round_up(s->k, NR), blocks = narrow_blocks(s), begin, end;
    float *slot = g->slots + part * size;

    zero_floats(slot, size);
    bool begun = tile_begin();
    sc_part_range(&begin, &end, s->n * blocks, g->slot_count, part);
    for (size_t i = begin; i < end; i++) {
        narrow_block b = {.n = i / blocks, .p = i % blocks * NARROW_LINES};
        b.lines = min_size(s->p - b.p, NARROW_LINES);
        if (g->make_dy.pass) {
            size_t row = (b.n * s->p + b.p) * s->q;
            g->make_dy.rows(g->make_dy.pass, row, row + b.lines * s->q, s->k);
        }
        for (; b.q < s->q; b.q += b.count) {
            b.count = min_size(s->q - b.q, NARROW_RUN);
            narrow_wgrad_block(slot, g, &b);
        }
    }
    tile_end(begun);
}

static void narrow_sum_part(void *context, size_t k)
{
    const narrow_args *g = context;
    const sc_conv_shape *s = &g->s;
    size_t taps = s->r * s->s, ld = round_up(s->k, NR);

    for (size_t slot = 0; slot < g->slot_count; slot++) {
        const float *from = g->slots + slot * taps * s->c * ld + k;
        for (size_t i = 0; i < taps * s->c; i++) {
            g->dw[(k * s->c + i % s->c) * taps + i / s->c] += from[i * ld];
        }
    }
}

static void narrow_backward_weight(float *dw, const elem *dy, const sc_batchnorm *make_dy,
                                   const elem *x, const sc_affine *make_x, const sc_conv_shape *s,
                                   word *scratch)
{
    narrow_args g = {.s = *s,
                     .x = x,
                     .dy = dy,
                     .make_dy = gradient_maker(make_dy, s->k),
                     .dw = dw,
                     .slots = scratch,
                     .slot_count = narrow_slots(s),
                     .plane = narrow_plane(s)};

    if (make_x) {
        channel_affine(make_x, s->n * s->h * s->w, s->c);
    }
    narrow_lay_out(&g);
    sc_parallel_for(g.slot_count, narrow_wgrad_part, &g);
    sc_parallel_for(s->k, narrow_sum_part, &g);
}

#endif
