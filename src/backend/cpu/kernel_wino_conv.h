/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_conv.h - Winograd convolution, its data and its weight gradient.
 *
 *   V[xi] (tiles, ci) = transformed image     M[xi] = V[xi] U[xi]     out = transformed back
 *   dU[xi] (ci, co)   = V[xi]' W[xi]          W = transformed dy
 *
 * for the 36 points xi.  A block of tiles goes through three stages, each a parallel loop.  When the
 * transformed filters U are small, blocks are small too (V and M stay in L2) and WINO_SLOTS ranges of
 * blocks run side by side, the stages of a block one after the other on one thread; when U is large,
 * there is one range, and blocks are as large as is good for reading U seldom.  The data gradient is
 * the convolution of dy with the filters turned round.
 */
#ifndef SC_CPU_KERNEL_WINO_CONV_H
#define SC_CPU_KERNEL_WINO_CONV_H

#include "backend/cpu/kernel_wino.h"

enum {
    WINO_SLOTS = 16,
    WINO_SMALL_FILTERS = 4 << 20, /* bytes of U */
    WINO_SMALL_BLOCK = 384 << 10, /* bytes of V and M */
    WINO_LARGE_BLOCK = 24 << 20,
    WINO_GRADIENT_SLOTS = 8,
    WINO_GRADIENT_BLOCK = 5 << 20, /* bytes of V and W when there is one slot */
    WINO_GRADIENT_TILES = 96,      /* the fewest worth a pass over dU */
    WINO_GROUP = 64,               /* columns of one part of stage 2 */
    WINO_DEPTH = 256,
    WINO_ROWS = 96
};

typedef struct {
    wino_shape g;
    const float *w;
    size_t w_ci, w_co;
    bool flip; /* filters turned round */
    float *u;  /* (xi, co_pad / NR, ci, NR) */
    float *v, *m, *dw;
    size_t tiles, block, slots, u_slots, u_plane, v_plane, m_plane;
} wino_args;

/* Tiles first .. first+count-1, with the V and M of one slot. */
typedef struct {
    const wino_args *a;
    float *v, *m, *du;
    size_t first, count;
    bool accumulate;
} wino_block;

enum { WINO_TILES_PER_PART = 4 };

static bool wino_fits(const sc_conv_shape *s)
{
    size_t tiles = (s->p + 3) / 4 * ((s->q + 3) / 4);
    return s->r == 3 && s->s == 3 && s->stride == 1 && s->dilation == 1 && s->pad <= 2 &&
           s->c >= 16 && s->k >= 16 && s->c % 8 == 0 && s->k % 8 == 0 && s->c % VEC == 0 &&
           s->k % VEC == 0 && s->p * s->q * 2 > tiles * 16;
}

static void wino_sizes(wino_args *a, bool weight_gradient)
{
    wino_shape *g = &a->g;

    g->th = (g->oh + 3) / 4;
    g->tw = (g->ow + 3) / 4;
    g->co_pad = round_up(g->co, NR);
    g->ld_in = g->ci + 16;
    g->ld_out = g->co_pad + 16;
    a->tiles = g->n * g->th * g->tw;
    a->u_plane = g->ci * g->co_pad + 16;
    size_t tile_bytes = WINO_POINTS * sizeof(float) * (g->ld_in + g->ld_out), budget;
    bool small = WINO_POINTS * a->u_plane * sizeof(float) <= WINO_SMALL_FILTERS;
    if (weight_gradient) {
        budget = small ? 0 : WINO_GRADIENT_BLOCK / tile_bytes;
        budget = budget < WINO_GRADIENT_TILES ? WINO_GRADIENT_TILES : budget;
    } else {
        budget = (small ? WINO_SMALL_BLOCK : WINO_LARGE_BLOCK) / tile_bytes;
        budget = budget < MR ? MR : budget;
    }
    size_t blocks = (a->tiles + budget - 1) / budget;
    a->block = round_up((a->tiles + blocks - 1) / (blocks ? blocks : 1), MR);
    blocks = (a->tiles + a->block - 1) / a->block;
    a->slots = small ? min_size(blocks, weight_gradient ? WINO_GRADIENT_SLOTS : WINO_SLOTS) : 1;
    a->u_slots = weight_gradient ? a->slots : 1;
    a->v_plane = a->block * g->ld_in + 16;
    a->m_plane = a->block * g->ld_out + 16;
}

/* zeros, U (or the dU of each slot), then V and M of each slot */
static size_t wino_layout(wino_args *a, float *base)
{
    size_t zeros = round_up(a->g.ci, 16), u = a->u_slots * WINO_POINTS * a->u_plane;
    size_t v = WINO_POINTS * a->v_plane, m = WINO_POINTS * a->m_plane;

    if (base) {
        a->g.zeros = base;
        a->u = base + zeros;
        a->v = a->u + u;
        a->m = a->v + a->slots * v;
        zero_floats(base, zeros);
    }
    return zeros + u + a->slots * (v + m);
}

/* Transformed filters of one sliver of output channels. */
static void wino_filter_part(void *context, size_t part)
{
    const wino_args *a = context;
    size_t ci = a->g.ci, c0 = part % (ci / 8) * 8, o0 = part / (ci / 8) * NR;
    size_t cols = min_size(a->g.co - o0, NR);
    float tap[9][NR] = {{0}}; /* zero beyond co */

    for (size_t c = c0; c < c0 + 8; c++) {
        for (size_t j = 0; j < cols; j++) {
            const float *w = a->w + (o0 + j) * a->w_co + c * a->w_ci;
            for (size_t i = 0; i < 9; i++) {
                tap[i][j] = w[a->flip ? 8 - i : i];
            }
        }
        float *u = a->u + o0 * ci + c * NR;
        for (size_t j = 0; j < NR; j += VEC) {
            vec q[3 * WINO_IN];
            for (size_t i = 0; i < 3; i++) {
                vec column[3] = {vload(tap[i] + j), vload(tap[3 + i] + j), vload(tap[6 + i] + j)};
                wino_filter(q + i, 3, column);
            }
            for (size_t i = 0; i < WINO_IN; i++) {
                vec r[WINO_IN];
                wino_filter(r, 1, q + 3 * i);
                for (size_t t = 0; t < WINO_IN; t++) {
                    vstore(u + (i * WINO_IN + t) * a->u_plane + j, r[t]);
                }
            }
        }
    }
}

static void wino_input_part(void *context, size_t part)
{
    const wino_block *b = context;
    size_t end = min_size((part + 1) * WINO_TILES_PER_PART, b->count);

    for (size_t t = part * WINO_TILES_PER_PART; t < end; t++) {
        wino_input_tile(b->v + t * b->a->g.ld_in, b->a->v_plane, &b->a->g, b->first + t);
    }
}

static void wino_output_part(void *context, size_t part)
{
    const wino_block *b = context;
    size_t end = min_size((part + 1) * WINO_TILES_PER_PART, b->count);

    for (size_t t = part * WINO_TILES_PER_PART; t < end; t++) {
        wino_output_tile(b->m + t * b->a->g.ld_out, b->a->m_plane, &b->a->g, b->first + t);
    }
}

/* M[xi] = V[xi] U[xi], WINO_GROUP columns of one xi */
static void wino_product_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t groups = (g->co_pad + WINO_GROUP - 1) / WINO_GROUP, xi = part / groups;
    size_t o0 = part % groups * WINO_GROUP, o1 = min_size(o0 + WINO_GROUP, g->co_pad);
    const float *v = b->v + xi * a->v_plane, *u = a->u + xi * a->u_plane;
    float *c[WINO_ROWS];

    for (size_t t0 = 0; t0 < b->count; t0 += WINO_ROWS) {
        size_t rows = min_size(b->count - t0, WINO_ROWS);
        for (size_t i = 0; i < rows; i++) {
            c[i] = b->m + xi * a->m_plane + (t0 + i) * g->ld_out;
        }
        for (size_t k = 0; k < g->ci; k += WINO_DEPTH) {
            for (size_t o = o0; o < o1; o += NR) {
                tile t = {.c = c,
                          .col = o,
                          .cols = NR,
                          .a = v + t0 * g->ld_in + k,
                          .a_row = g->ld_in,
                          .a_col = 1,
                          .b = u + o * g->ci + k * NR,
                          .b_row = NR,
                          .k = min_size(g->ci - k, WINO_DEPTH),
                          .accumulate = k > 0};
                tile_sliver(&t, rows);
            }
        }
    }
}

static size_t wino_product_parts(const wino_shape *g)
{
    return WINO_POINTS * ((g->co_pad + WINO_GROUP - 1) / WINO_GROUP);
}

static void wino_slot(void *context, size_t slot)
{
    const wino_args *a = context;
    wino_block b = {.a = a,
                    .v = a->v + slot * WINO_POINTS * a->v_plane,
                    .m = a->m + slot * WINO_POINTS * a->m_plane};
    size_t begin, end, blocks = (a->tiles + a->block - 1) / a->block;

    sc_part_range(&begin, &end, blocks, a->slots, slot);
    for (size_t i = begin; i < end; i++) {
        b.first = i * a->block;
        b.count = min_size(a->tiles - b.first, a->block);
        size_t parts = (b.count + WINO_TILES_PER_PART - 1) / WINO_TILES_PER_PART;
        sc_parallel_for(parts, wino_input_part, &b);
        sc_parallel_for(wino_product_parts(&a->g), wino_product_part, &b);
        sc_parallel_for(parts, wino_output_part, &b);
    }
}

static void wino_convolve(wino_args *a, float *scratch)
{
    wino_sizes(a, false);
    wino_layout(a, scratch);
    sc_parallel_for(a->g.co_pad / NR * (a->g.ci / 8), wino_filter_part, a);
    sc_parallel_for(a->slots, wino_slot, a);
}

static wino_args wino_forward_args(const sc_conv_shape *s)
{
    wino_args a = {.g = {.n = s->n,
                         .ih = s->h,
                         .iw = s->w,
                         .ci = s->c,
                         .oh = s->p,
                         .ow = s->q,
                         .co = s->k,
                         .pad = (ptrdiff_t)s->pad},
                   .w_ci = 9,
                   .w_co = 9 * s->c};
    return a;
}

static wino_args wino_backward_args(const sc_conv_shape *s)
{
    wino_args a = {.g = {.n = s->n,
                         .ih = s->p,
                         .iw = s->q,
                         .ci = s->k,
                         .oh = s->h,
                         .ow = s->w,
                         .co = s->c,
                         .pad = 2 - (ptrdiff_t)s->pad},
                   .w_ci = 9 * s->c,
                   .w_co = 9,
                   .flip = true};
    return a;
}

static void wino_forward(float *y, const float *x, const float *w, const sc_conv_shape *s,
                         float *scratch)
{
    wino_args a = wino_forward_args(s);
    a.g.in = x;
    a.g.out = y;
    a.w = w;
    wino_convolve(&a, scratch);
}

static void wino_backward_data(float *dx, const float *dy, const float *w, const sc_conv_shape *s,
                               float *scratch)
{
    wino_args a = wino_backward_args(s);
    a.g.in = dy;
    a.g.out = dx;
    a.w = w;
    wino_convolve(&a, scratch);
}

#endif
