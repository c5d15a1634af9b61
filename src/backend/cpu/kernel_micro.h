/* SPDX-License-Identifier: MIT
 *
 * kernel_micro.h - the inner loop of every matrix product and convolution.
 *
 *   C[i,j] = (accumulate ? C[i,j] : 0) + sum_l A[i,l] B[l,j]     i < rows, j < cols
 *
 * The tile of MR x NR sums stays in registers.  A and B are words (kernel_word.h): floats, or pairs
 * of bf16 along l.  A is read in place, word by word (rows of A one after the other, or A
 * transposed); B in rows of NR words, which must be readable even where cols < NR.  The sum over l
 * has one order, l = 0, 1, ..., for every element.
 *
 * Products that go from panel to panel are faster than the last-level cache: they ask for what comes next,
 * a line each step, to find it in the second level, and for their own B some rows ahead.
 */
#ifndef SC_CPU_KERNEL_MICRO_H
#define SC_CPU_KERNEL_MICRO_H

#include <stdbool.h>

#include "backend/cpu/kernel_fetch.h"
#include "backend/cpu/kernel_word.h"

/* Loops over the rows of a tile unroll fully, or its sums would not stay in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

typedef struct {
    float *c;
    size_t c_row, cols; /* cols <= NR */
    const word *a;
    size_t a_row, a_col; /* one of them is 1 */
    const word *b;       /* rows of NR words, one after the other */
    size_t k;            /* in words */
    bool accumulate;
    const word *next_b, *next_a; /* of the product after this; NULL: nobody knows */
    /* For the matrix unit alone: where the steps of A begin, in elements, or NULL, one after the other; and
     * maps of which each step asks for so many lines. */
    const size_t *at;
    fetch_list *maps;
    size_t map_lines;
} tile;

#if defined(KERNEL_AMX)
enum { MATRIX_UNIT = 1, TILE_ROWS = 32, TILE_K = 16 };
#include "backend/cpu/kernel_micro_amx.h"
#else
enum { MATRIX_UNIT = 0, TILE_ROWS = MR, TILE_K = 1 }; /* k is a multiple of it */

SC_INLINE bool tile_begin(void)
{
    return false;
}
SC_INLINE void tile_end(bool begun)
{
    (void)begun;
}

/* The last columns of C: fewer than NR. */
SC_INLINE void tile_store_edge(const tile *t, const size_t rows, const vec *sum0, const vec *sum1)
{
    float edge[MR][NR];

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        vstore(edge[i], sum0[i]);
        vstore(edge[i] + VEC, sum1[i]);
    }
    for (size_t i = 0; i < rows; i++) {
        float *c = t->c + i * t->c_row;
        for (size_t j = 0; j < t->cols; j++) {
            c[j] = t->accumulate ? edge[i][j] + c[j] : edge[i][j];
        }
    }
}

SC_INLINE void tile_store(const tile *t, const size_t rows, const vec *sum0, const vec *sum1)
{
    float *c = t->c;
    const size_t c_row = t->c_row; /* compilers think that stores might change *t */

    if (t->cols < NR) {
        tile_store_edge(t, rows, sum0, sum1);
        return;
    }
    if (!t->accumulate) {
        UNROLL
        for (size_t i = 0; i < rows; i++, c += c_row) {
            vstore(c, sum0[i]);
            vstore(c + VEC, sum1[i]);
        }
        return;
    }
    UNROLL
    for (size_t i = 0; i < rows; i++, c += c_row) {
        vstore(c, sum0[i] + vload(c));
        vstore(c + VEC, sum1[i] + vload(c + VEC));
    }
}

enum { TILE_AHEAD = 8 }; /* rows of B */

/* rows, the stride that is 1, and whether lines of the next product's B and A are fetched, are constants where
 * this is called: the loops unroll. */
SC_INLINE void tile_body(const tile *t, const size_t rows, const size_t a_row, const size_t a_col,
                         const bool fetch_b, const bool fetch_a)
{
    vec sum0[MR], sum1[MR];
    const word *a = t->a, *b = t->b, *next_a = t->next_a, *next_b = t->next_b;

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum0[i] = vzero();
        sum1[i] = vzero();
    }
    for (size_t l = t->k; l > 0; l--) {
        vec b0 = vload(b), b1 = vload(b + VEC);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vset(a[i * a_row]);
            sum0[i] = vdot(x, b0, sum0[i]);
            sum1[i] = vdot(x, b1, sum1[i]);
        }
        a += a_col;
        b += NR;
        prefetch(b + TILE_AHEAD * NR, NR * sizeof(word), false);
        if (fetch_b) {
            prefetch(next_b, 1, true);
            next_b += WORD_LINE;
        }
        if (fetch_a && a_row == 1) { /* rows of A need none: they are read along */
            prefetch(next_a, 1, true);
            next_a += a_col;
        }
    }
    tile_store(t, rows, sum0, sum1);
}

SC_INLINE void tile_rows(const tile *t, const size_t rows, const bool fetch)
{
    if (t->a_col == 1) {
        tile_body(t, rows, t->a_row, 1, fetch, false);
    } else {
        tile_body(t, rows, 1, t->a_col, fetch, fetch);
    }
}

/* Functions of their own, so that registers are left for their loops. */
SC_NOINLINE static void tile_whole(const tile *t)
{
    tile_rows(t, MR, false);
}

SC_NOINLINE static void tile_fetching(const tile *t)
{
    tile_rows(t, MR, true);
}

SC_NOINLINE static void tile_fetching_a(const tile *t)
{
    tile_body(t, MR, 1, t->a_col, false, true);
}

static void tile_small(const tile *t, size_t rows)
{
    switch (rows) {
    case 1:
        tile_rows(t, 1, false);
        break;
    case 2:
        tile_rows(t, 2, false);
        break;
    case 3:
        tile_rows(t, 3, false);
        break;
    case 4:
        tile_rows(t, 4, false);
        break;
    case 5:
        tile_rows(t, 5, false);
        break;
    default:
        tile_rows(t, 6, false);
        break;
    }
}

/* C (rows, cols <= NR) from all tiles of one sliver of B. */
static void tile_sliver(const tile *sliver, size_t rows)
{
    tile t = *sliver;
    /* Of a row of the next B and A: each tile fetches one. */
    const size_t lines_b = t.next_b ? (NR + WORD_LINE - 1) / WORD_LINE : 0;
    const size_t lines_a = t.next_a ? (rows + WORD_LINE - 1) / WORD_LINE : 0;

    for (size_t i = 0; rows >= MR; rows -= MR, i++) {
        if (i < lines_b) {
            tile_fetching(&t);
            t.next_b += t.k * WORD_LINE;
            t.next_a += t.next_a ? WORD_LINE : 0;
        } else if (i < lines_a) {
            tile_fetching_a(&t);
            t.next_a += WORD_LINE;
        } else {
            tile_whole(&t);
        }
        t.a += MR * t.a_row;
        t.c += MR * t.c_row;
    }
    while (rows > 0) { /* MR is 6 or 12 */
        size_t step = min_size(rows, 6);
        tile_small(&t, step);
        t.a += step * t.a_row;
        t.c += step * t.c_row;
        rows -= step;
    }
}
#endif

#endif
