/* SPDX-License-Identifier: MIT
 *
 * kernel_gemm.h - matrix product, C = op(A) op(B) + (accumulate ? C : 0).
 *
 * C is cut into blocks of at most ROWS x COLS, one part each.  Within a block k runs in steps of
 * DEPTH; each NR columns of op(B) are packed to the stack (DEPTH * NR floats, which fit L2) for all
 * rows of the block, A is read in place.
 * A C of one small block with a long k (a gradient of a small layer) is cut along k instead, into
 * SPLITS slots that are added in their order.
 */
#ifndef SC_CPU_KERNEL_GEMM_H
#define SC_CPU_KERNEL_GEMM_H

#include <assert.h>

#include "backend/backend.h"
#include "backend/cpu/kernel_micro.h"
#include "backend/cpu/kernel_pack.h"
#include "core/parallel.h"

enum {
    GEMM_ROWS = 384,
    GEMM_COLS = 64,
    GEMM_DEPTH = 256,
    GEMM_SPLITS = 8,
    GEMM_SPLIT_ROWS = 48,
    GEMM_SPLIT_DEPTH = 2048 /* shortest k worth a split */
};

_Static_assert(GEMM_ROWS % MR == 0, "gemm_block_rows rounds up to MR");

typedef struct {
    float *c;
    const float *a, *b;
    size_t ldc, m, n, k;
    size_t a_row, a_col, b_row, b_col; /* strides of op(A), op(B) */
    size_t rows, blocks_n;             /* of a block; of C, across */
    bool accumulate;
} gemm_args;

/* sliver (depth, NR) = op(B)[l0 .. l0+depth-1, j0 ..], zero beyond n */
static void gemm_pack(float *restrict sliver, const gemm_args *g, size_t l0, size_t depth,
                      size_t j0)
{
    const float *b = g->b + l0 * g->b_row + j0 * g->b_col;
    size_t cols = min_size(g->n - j0, NR);

    if (cols < NR) {
        zero_floats(sliver, depth * NR);
    }
    if (g->b_col == 1) {
        for (size_t l = 0; l < depth; l++) {
            copy_floats(sliver + l * NR, b + l * g->b_row, cols);
        }
        return;
    }
    pack_transposed(sliver, NR, b, g->b_col, cols, depth);
}

/* Rows i0 .. i0+rows-1 and columns j0 .. j1-1 of C over l0 .. l1-1. */
static void gemm_block(const gemm_args *g, float *c, size_t ldc, size_t i0, size_t rows, size_t j0,
                       size_t j1, size_t l0, size_t l1)
{
    float sliver[GEMM_DEPTH * NR];

    for (size_t l = l0; l < l1; l += GEMM_DEPTH) {
        size_t depth = min_size(l1 - l, GEMM_DEPTH);
        for (size_t j = j0; j < j1; j += NR) {
            gemm_pack(sliver, g, l, depth, j);
            tile t = {.c = c + j - j0,
                      .c_row = ldc,
                      .cols = min_size(j1 - j, NR),
                      .a = g->a + i0 * g->a_row + l * g->a_col,
                      .a_row = g->a_row,
                      .a_col = g->a_col,
                      .b = sliver,
                      .k = depth,
                      .accumulate = g->accumulate || l > l0};
            tile_sliver(&t, rows);
        }
    }
}

static void gemm_part(void *context, size_t part)
{
    const gemm_args *g = context;
    size_t i0 = part / g->blocks_n * g->rows, j0 = part % g->blocks_n * GEMM_COLS;
    size_t rows = min_size(g->m - i0, g->rows), j1 = min_size(j0 + GEMM_COLS, g->n);

    gemm_block(g, g->c + i0 * g->ldc + j0, g->ldc, i0, rows, j0, j1, 0, g->k);
}

typedef struct {
    gemm_args g;
    float (*slot)[GEMM_SPLIT_ROWS * GEMM_COLS];
} gemm_split_args;

static void gemm_split_part(void *context, size_t part)
{
    const gemm_split_args *s = context;
    size_t l0, l1;

    sc_part_range(&l0, &l1, s->g.k, GEMM_SPLITS, part);
    gemm_block(&s->g, s->slot[part], GEMM_COLS, 0, s->g.m, 0, s->g.n, l0, l1);
}

static void gemm_split(const gemm_args *g)
{
    float slot[GEMM_SPLITS][GEMM_SPLIT_ROWS * GEMM_COLS];
    gemm_split_args s = {*g, slot};

    s.g.accumulate = false;
    sc_parallel_for(GEMM_SPLITS, gemm_split_part, &s);
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->n; j++) {
            float sum = g->accumulate ? g->c[i * g->ldc + j] : 0;
            for (size_t p = 0; p < GEMM_SPLITS; p++) {
                sum += slot[p][i * GEMM_COLS + j];
            }
            g->c[i * g->ldc + j] = sum;
        }
    }
}

/* As few blocks as can be, of nearly equal heights: threads get equal shares. */
static size_t gemm_block_rows(size_t m)
{
    size_t blocks = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    return blocks > 0 ? round_up((m + blocks - 1) / blocks, MR) : MR;
}

static void gemm(float *c, size_t ldc, const float *a, size_t lda, bool trans_a, const float *b,
                 size_t ldb, bool trans_b, size_t m, size_t n, size_t k, bool accumulate)
{
    assert(ldc >= n && lda >= (trans_a ? m : k) && ldb >= (trans_b ? k : n));
    gemm_args g = {
        .c = c, .a = a, .b = b, .ldc = ldc, .m = m, .n = n, .k = k, .accumulate = accumulate};
    g.a_row = trans_a ? 1 : lda;
    g.a_col = trans_a ? lda : 1;
    g.b_row = trans_b ? 1 : ldb;
    g.b_col = trans_b ? ldb : 1;
    g.rows = gemm_block_rows(m);
    g.blocks_n = (n + GEMM_COLS - 1) / GEMM_COLS;
    if (k == 0) { /* an empty sum */
        for (size_t i = 0; i < m && !accumulate; i++) {
            zero_floats(c + i * ldc, n);
        }
        return;
    }
    if (m <= GEMM_SPLIT_ROWS && n <= GEMM_COLS && k >= GEMM_SPLIT_DEPTH) {
        gemm_split(&g);
        return;
    }
    sc_parallel_for((m + g.rows - 1) / g.rows * g.blocks_n, gemm_part, &g);
}

#endif
