/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_wgrad.h - weight gradient by Winograd's transforms.
 *
 *   dU[xi] (ci, co) = sum over tiles of V[xi]' W[xi],  V = B' x B,  W = A dy A'
 *   dw[k,c,:,:]    += G' dU[:,c,k] G
 *
 * As in kernel_wino_conv.h: slots side by side with their own small dU, added in their order, or one
 * slot whose stages are parallel, each part with its own place in the large dU.
 */
#ifndef SC_CPU_KERNEL_WINO_WGRAD_H
#define SC_CPU_KERNEL_WINO_WGRAD_H

#include "backend/cpu/kernel_wino_conv.h"

static void wino_pair_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    size_t end = min_size((part + 1) * WINO_TILES_PER_PART, b->count);

    for (size_t t = part * WINO_TILES_PER_PART; t < end; t++) {
        wino_input_tile(b->v + t * a->g.ld_in, a->v_plane, &a->g, b->first + t);
        wino_gradient_tile(b->m + t * a->g.ld_out, a->m_plane, &a->g, b->first + t);
    }
}

/* dU[xi] += V[xi]' W[xi], WINO_GROUP columns of one xi */
static void wino_wgrad_part(void *context, size_t part)
{
    const wino_block *b = context;
    const wino_args *a = b->a;
    const wino_shape *g = &a->g;
    size_t groups = (g->co_pad + WINO_GROUP - 1) / WINO_GROUP, xi = part / groups;
    size_t o0 = part % groups * WINO_GROUP, o1 = min_size(o0 + WINO_GROUP, g->co_pad);
    float *c[WINO_ROWS];

    for (size_t o = o0; o < o1; o += NR) {
        for (size_t c0 = 0; c0 < g->ci; c0 += WINO_ROWS) {
            size_t rows = min_size(g->ci - c0, WINO_ROWS);
            for (size_t i = 0; i < rows; i++) {
                c[i] = b->du + xi * a->u_plane + (c0 + i) * g->co_pad;
            }
            tile t = {.c = c,
                      .col = o,
                      .cols = NR,
                      .a = b->v + xi * a->v_plane + c0,
                      .a_row = 1,
                      .a_col = g->ld_in,
                      .b = b->m + xi * a->m_plane + o,
                      .b_row = g->ld_out,
                      .k = b->count,
                      .accumulate = b->accumulate};
            tile_sliver(&t, rows);
        }
    }
}

static void wino_wgrad_slot(void *context, size_t slot)
{
    const wino_args *a = context;
    wino_block b = {.a = a,
                    .v = a->v + slot * WINO_POINTS * a->v_plane,
                    .m = a->m + slot * WINO_POINTS * a->m_plane,
                    .du = a->u + slot * WINO_POINTS * a->u_plane};
    size_t begin, end, blocks = (a->tiles + a->block - 1) / a->block;

    sc_part_range(&begin, &end, blocks, a->slots, slot);
    for (size_t i = begin; i < end; i++) {
        b.first = i * a->block;
        b.count = min_size(a->tiles - b.first, a->block);
        b.accumulate = i > begin;
        sc_parallel_for((b.count + WINO_TILES_PER_PART - 1) / WINO_TILES_PER_PART, wino_pair_part,
                        &b);
        sc_parallel_for(wino_product_parts(&a->g), wino_wgrad_part, &b);
    }
}

/* lanes[3 i + j] = (G' dU G)[i,j] for channel c and filters k .. k+VEC-1 */
SC_INLINE void wino_wgrad_taps(float lanes[9][VEC], const wino_args *a, size_t c, size_t k)
{
    vec q[3 * WINO_IN];

    for (size_t j = 0; j < WINO_IN; j++) {
        vec column[WINO_IN];
        for (size_t i = 0; i < WINO_IN; i++) {
            const float *u = a->u + (i * WINO_IN + j) * a->u_plane + c * a->g.co_pad + k;
            column[i] = vload(u);
            for (size_t slot = 1; slot < a->slots; slot++) {
                column[i] += vload(u + slot * WINO_POINTS * a->u_plane);
            }
        }
        wino_filter_gradient(q + j, WINO_IN, column);
    }
    for (size_t i = 0; i < 3; i++) {
        vec r[3];
        wino_filter_gradient(r, 1, q + i * WINO_IN);
        for (size_t j = 0; j < 3; j++) {
            vstore(lanes[3 * i + j], r[j]);
        }
    }
}

/* dw += G' dU G for 8 input channels */
static void wino_wgrad_finish(void *context, size_t part)
{
    const wino_args *a = context;

    for (size_t c = part * 8; c < part * 8 + 8; c++) {
        for (size_t k = 0; k < a->g.co; k += VEC) {
            float lanes[9][VEC];
            wino_wgrad_taps(lanes, a, c, k);
            for (size_t lane = 0; lane < VEC; lane++) {
                float *dw = a->dw + ((k + lane) * a->g.ci + c) * 9;
                for (size_t i = 0; i < 9; i++) {
                    dw[i] += lanes[i][lane];
                }
            }
        }
    }
}

static void wino_backward_weight(float *dw, const float *dy, const float *x, const sc_conv_shape *s,
                                 float *scratch)
{
    wino_args a = wino_forward_args(s);

    a.g.in = x;
    a.g.out = (float *)dy; /* only read here */
    a.dw = dw;
    wino_sizes(&a, true);
    wino_layout(&a, scratch);
    sc_parallel_for(a.slots, wino_wgrad_slot, &a);
    sc_parallel_for(a.g.ci / 8, wino_wgrad_finish, &a);
}

static size_t wino_scratch(const sc_conv_shape *s)
{
    wino_args forward = wino_forward_args(s), backward = wino_backward_args(s), weight = forward;

    wino_sizes(&forward, false);
    wino_sizes(&backward, false);
    wino_sizes(&weight, true);
    size_t f = wino_layout(&forward, NULL), d = wino_layout(&backward, NULL);
    size_t w = wino_layout(&weight, NULL);
    return f > d ? f > w ? f : w : d > w ? d : w;
}

#endif
