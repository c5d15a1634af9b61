/* SPDX-License-Identifier: MIT
 *
 * kernel_micro_amx.h - kernel_micro.h's tile_sliver on the matrix unit (AMX-TILE, AMX-BF16).
 *
 * A tile register holds 16 rows of 64 bytes.  Words lie in memory as the unit wants them: 16 rows of A are
 * 16 words each, 16 rows of B are 16 columns each, and one instruction adds their product, 16 x 16 sums of
 * 32 multiply-adds.  Two tiles of A and two of B, loaded once, make four of C, so that the unit, which
 * takes 16 cycles for a product, waits for no load (8 cycles each).
 *
 *   C 0 1    A 4    B 6 7
 *     2 3      5
 *
 * A is read along k (a_col is 1), and k is a multiple of TILE_K.  The sum over k has one order here too, but
 * subnormal numbers count as zero.
 */
#ifndef SC_CPU_KERNEL_MICRO_AMX_H
#define SC_CPU_KERNEL_MICRO_AMX_H

#include <assert.h>
#include <stdatomic.h>

#include "backend/cpu/kernel_word.h"

enum { AMX_ROWS = 16, AMX_BYTES = 64 };

/* What LDTILECFG reads. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_config;

/* Tiles for `rows` rows of C, 1 to 32; those that would be empty are not used. */
static void amx_configure(size_t rows)
{
    uint8_t upper = (uint8_t)min_size(rows, AMX_ROWS), lower = (uint8_t)(rows - upper);
    amx_config config = {.palette = 1,
                         .row_bytes = {AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES,
                                       AMX_BYTES, AMX_BYTES, AMX_BYTES},
                         .rows = {upper, upper, lower, lower, upper, lower, AMX_ROWS, AMX_ROWS}};

    for (size_t i = 0; i < 8; i++) {
        config.row_bytes[i] = config.rows[i] > 0 ? AMX_BYTES : 0;
    }
    _tile_loadconfig(&config);
}

/* Compilers do not know which memory tiles are loaded from and stored to. */
SC_INLINE void amx_fence(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* Steps of TILE_K words along k: of A at at[0], at[1], ... elements from where a row begins, or with NULL
 * one after the other.  b_at: of B, in words, for tile_three alone. */
typedef struct {
    const kelem *a;
    size_t a_row; /* elements */
    const size_t *at;
    const word *b;
    const size_t *b_at;
    size_t steps;
    const word *next_b, *next_a; /* as in a tile: a_row of next_a is that of a */
    fetch_list *maps;
    size_t map_lines;
} amx_steps;

/* Asks for what one step of the next product reads of B, and of A. */
SC_INLINE void amx_fetch_b(const amx_steps *t, size_t step)
{
    prefetch(t->next_b + step * TILE_K * NR, TILE_K * NR * sizeof(word), true);
}

SC_INLINE void amx_fetch_a(const amx_steps *t, size_t step)
{
    const word *a = t->next_a + step * TILE_K;
    const size_t a_row = t->a_row / WORD_K;

    UNROLL
    for (size_t i = 0; i < TILE_ROWS; i++) {
        prefetch(a + i * a_row, AMX_BYTES, true);
    }
}

/* c (16 or 32 rows, NR) = the product; constants: `both`, more than 16 rows; `fetch`, there is a next one */
SC_INLINE void amx_product(float *c, size_t c_row, const amx_steps *t, const bool accumulate,
                           const bool both, const bool fetch)
{
    const size_t c_bytes = c_row * sizeof *c, a_bytes = t->a_row * sizeof *t->a;
    const word *b = t->b;

    if (accumulate) {
        _tile_loadd(0, c, c_bytes);
        _tile_loadd(1, c + VEC, c_bytes);
        if (both) {
            _tile_loadd(2, c + AMX_ROWS * c_row, c_bytes);
            _tile_loadd(3, c + AMX_ROWS * c_row + VEC, c_bytes);
        }
    } else {
        _tile_zero(0);
        _tile_zero(1);
        if (both) {
            _tile_zero(2);
            _tile_zero(3);
        }
    }
    for (size_t step = 0; step < t->steps; step++, b += TILE_K * NR) {
        const kelem *a = t->a + (t->at ? t->at[step] : step * TILE_K * WORD_K);
        if (fetch) {
            amx_fetch_b(t, step);
        }
        _tile_loadd(4, a, a_bytes);
        _tile_loadd(6, b, NR * sizeof *b);
        _tile_loadd(7, b + VEC, NR * sizeof *b);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (fetch && t->next_a) { /* not both at once: the loads of tiles would wait */
            amx_fetch_a(t, step);
        }
        if (t->maps) {
            fetch_lines(t->maps, t->map_lines);
        }
        if (both) {
            _tile_loadd(5, a + AMX_ROWS * t->a_row, a_bytes);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + VEC, c_bytes);
    if (both) {
        _tile_stored(2, c + AMX_ROWS * c_row, c_bytes);
        _tile_stored(3, c + AMX_ROWS * c_row + VEC, c_bytes);
    }
}

SC_INLINE amx_steps amx_steps_of(const tile *t)
{
    return (amx_steps){.a = (const kelem *)(const void *)t->a,
                       .a_row = t->a_row * WORD_K,
                       .b = t->b,
                       .steps = t->k / TILE_K,
                       .at = t->at,
                       .next_b = t->next_b,
                       .next_a = t->next_a,
                       .maps = t->maps,
                       .map_lines = t->map_lines};
}

SC_INLINE void amx_rows(float *c, size_t c_row, const tile *t, size_t rows, const bool accumulate)
{
    amx_steps steps = amx_steps_of(t);

    if (rows > AMX_ROWS) {
        amx_product(c, c_row, &steps, accumulate, true, false);
    } else {
        amx_product(c, c_row, &steps, accumulate, false, false);
    }
}

/* The last columns of C: fewer than NR. */
SC_NOINLINE static void amx_edge(const tile *t, size_t rows)
{
    float edge[TILE_ROWS][NR];

    amx_rows(edge[0], NR, t, rows, false);
    amx_fence();
    for (size_t i = 0; i < rows; i++) {
        float *c = t->c + i * t->c_row;
        for (size_t j = 0; j < t->cols; j++) {
            c[j] = t->accumulate ? edge[i][j] + c[j] : edge[i][j];
        }
    }
}

/* Tiles that are all whole. */
static void amx_configure_whole(void)
{
    static const amx_config whole = {
        .palette = 1,
        .row_bytes = {AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES, AMX_BYTES,
                      AMX_BYTES},
        .rows = {AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS}};

    _tile_loadconfig(&whole);
}

static _Thread_local bool amx_ready;

/* Before slivers and after them, on this thread: setting the tiles up takes longer than some products.
 * Within others a pair does nothing. */
static bool tile_begin(void)
{
    if (amx_ready) {
        return false;
    }
    amx_configure_whole();
    amx_ready = true;
    return true;
}

static void tile_end(bool begun)
{
    if (begun) {
        _tile_release();
        amx_ready = false;
    }
}

/* Tiles that are not whole: a function of its own, so that whole ones need no stack. */
SC_NOINLINE static void amx_rest(const tile *rest, size_t rows)
{
    tile t = *rest;

    for (size_t part; rows > 0; rows -= part) {
        part = min_size(rows, TILE_ROWS);
        amx_configure(part);
        if (t.cols < NR) {
            amx_edge(&t, part);
        } else {
            amx_rows(t.c, t.c_row, &t, part, t.accumulate);
        }
        t.a += part * t.a_row;
        t.c += part * t.c_row;
    }
    amx_configure_whole();
}

/* C (rows, cols <= NR) from all tiles of one sliver of B. */
SC_NOINLINE static void tile_sliver(const tile *sliver, size_t rows)
{
    tile t = *sliver;

    assert(amx_ready && t.a_col == 1 && t.k % TILE_K == 0);
    amx_fence();
    for (; rows >= TILE_ROWS && t.cols == NR; rows -= TILE_ROWS) {
        amx_steps steps = amx_steps_of(&t);
        if (t.next_b) {
            amx_product(t.c, t.c_row, &steps, t.accumulate, true, true);
            t.next_b = NULL;
        } else {
            amx_product(t.c, t.c_row, &steps, t.accumulate, true, false);
        }
        t.a += TILE_ROWS * t.a_row;
        t.c += TILE_ROWS * t.c_row;
    }
    if (rows > 0) {
        amx_rest(&t, rows);
    }
    amx_fence();
}

/* c (TILE_ROWS, NR) = the product of rows of A that may overlap, all of which must be readable. */
SC_NOINLINE static void tile_apart(float *c, const amx_steps *t)
{
    assert(amx_ready);
    amx_fence();
    amx_product(c, NR, t, false, true, false);
    amx_fence();
}

/* c[0], c[1], c[2] (AMX_ROWS, NR) += (or =) the products of one A and of three B, which begin b_more[0], ... words
 * after t->b: where the three read nearly the same, the second-level cache is asked for half as much.
 *
 *   C 0 1, 2 3, 4 5    A 6    B 7
 */
SC_NOINLINE static void tile_three(float *const c[3], const amx_steps *t, const size_t b_more[3],
                                   bool accumulate)
{
    const size_t row = NR * sizeof(float), b_row = VEC * sizeof(word),
                 a_row = t->a_row * sizeof *t->a;

    assert(amx_ready);
    amx_fence();
    if (accumulate) {
        _tile_loadd(0, c[0], row);
        _tile_loadd(1, c[0] + VEC, row);
        _tile_loadd(2, c[1], row);
        _tile_loadd(3, c[1] + VEC, row);
        _tile_loadd(4, c[2], row);
        _tile_loadd(5, c[2] + VEC, row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        _tile_zero(4);
        _tile_zero(5);
    }
    for (size_t step = 0; step < t->steps; step++) {
        const word *b = t->b + t->b_at[step];
        _tile_loadd(6, t->a + t->at[step], a_row);
        _tile_loadd(7, b + b_more[0], b_row);
        _tile_dpbf16ps(0, 6, 7);
        _tile_loadd(7, b + b_more[0] + TILE_K * VEC, b_row);
        _tile_dpbf16ps(1, 6, 7);
        _tile_loadd(7, b + b_more[1], b_row);
        _tile_dpbf16ps(2, 6, 7);
        _tile_loadd(7, b + b_more[1] + TILE_K * VEC, b_row);
        _tile_dpbf16ps(3, 6, 7);
        _tile_loadd(7, b + b_more[2], b_row);
        _tile_dpbf16ps(4, 6, 7);
        _tile_loadd(7, b + b_more[2] + TILE_K * VEC, b_row);
        _tile_dpbf16ps(5, 6, 7);
        fetch_lines(t->maps, t->map_lines);
    }
    _tile_stored(0, c[0], row);
    _tile_stored(1, c[0] + VEC, row);
    _tile_stored(2, c[1], row);
    _tile_stored(3, c[1] + VEC, row);
    _tile_stored(4, c[2], row);
    _tile_stored(5, c[2] + VEC, row);
    amx_fence();
}

/* Of line l: what three taps above each other read of B meets with the lines of A after it, at it and before it. */
#define AMX_LINE(l, after, here, before)                                                           \
    if ((l) < lines) {                                                                             \
        _tile_loadd(6, t->b + b_at[l], b_row);                                                     \
        _tile_dpbf16ps(1, here, 6);                                                                \
        if ((l) > 0) {                                                                             \
            _tile_dpbf16ps(2, before, 6);                                                          \
        }                                                                                          \
        if ((l) + 1 < lines) {                                                                     \
            _tile_loadd(after, t->a + a_at[(l) + 1], a_row);                                       \
            _tile_dpbf16ps(0, after, 6);                                                           \
        }                                                                                          \
        fetch_lines(t->maps, t->map_lines);                                                        \
    }

/* c[i] (AMX_ROWS, VEC) += (or =) sum over the lines l of A(l + 1 - i) B(l), i = 0, 1, 2, of images of `lines` steps,
 * one after the other.  A line of A is loaded once for all three: two loads for three products, where tiles from
 * the second-level cache take longer than a product, or the unit is shared.
 *
 *   C 0 1 2    A 3 4 5    B 6
 */
SC_NOINLINE static void tile_lines(float *const c[3], const amx_steps *t, size_t lines,
                                   bool accumulate)
{
    const size_t row = NR * sizeof(float), b_row = VEC * sizeof(word),
                 a_row = t->a_row * sizeof *t->a;

    assert(amx_ready);
    amx_fence();
    if (accumulate) {
        _tile_loadd(0, c[0], row);
        _tile_loadd(1, c[1], row);
        _tile_loadd(2, c[2], row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
    }
    for (size_t first = 0; first < t->steps; first += lines) {
        const size_t *a_at = t->at + first, *b_at = t->b_at + first;
        _tile_loadd(3, t->a + a_at[0], a_row);
        for (size_t l = 0; l < lines; l += 3) {
            AMX_LINE(l, 4, 3, 5)
            AMX_LINE(l + 1, 5, 4, 3)
            AMX_LINE(l + 2, 3, 5, 4)
        }
    }
    _tile_stored(0, c[0], row);
    _tile_stored(1, c[1], row);
    _tile_stored(2, c[2], row);
    amx_fence();
}

#undef AMX_LINE

#endif
