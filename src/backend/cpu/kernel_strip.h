/* SPDX-License-Identifier: MIT
 *
 * kernel_strip.h - outputs beside each other whose operands are read where they lie.
 *
 *   y[q, o] = base[q, o] + sum_l x[q step + at[l]] W[l, o]        q < count
 *
 * As kernel_micro.h, but nothing is gathered before and the sums go to the map straight from registers.
 * x are elements of an operand; a word may begin at any of them.  The matrix unit takes TILE_ROWS outputs at
 * once, so all of x must be readable, also for outputs that are not.
 */
#ifndef SC_CPU_KERNEL_STRIP_H
#define SC_CPU_KERNEL_STRIP_H

#include "backend/cpu/kernel_fetch.h"
#include "backend/cpu/kernel_micro.h"

typedef struct {
    const word *packed; /* W: (ceil(co / NR), words, NR), zero beyond co */
    const size_t *at;   /* of every TILE_K words; NULL: all follow each other */
    size_t words, co;
    size_t x_step, y_step, base_step; /* elements from one output to the next */
} strip;

/* A word that begins at any element. */
SC_INLINE word word_at(const kelem *p)
{
    word w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* The sums of `cols` columns, fewer than a tile has. */
SC_INLINE void strip_store_edge(elem *y, const elem *base, vec sum0, vec sum1, size_t cols)
{
    float edge[NR];

    vstore(edge, sum0);
    vstore(edge + VEC, sum1);
    if (base) {
        add_to_elems(y, base, edge, cols);
    } else {
        floats_to_elems(y, edge, cols);
    }
}

SC_INLINE void strip_store(elem *y, const elem *base, vec sum0, vec sum1)
{
    if (base) {
        sum0 += eload(base);
        sum1 += eload(base + VEC);
    }
    estore(y, sum0);
    estore(y + VEC, sum1);
}

#if defined(KERNEL_AMX)

/* Columns o .. of some of the outputs that are left; returns of how many. */
static size_t strip_some(elem *y, const elem *base, const strip *g, const kelem *x, size_t o,
                         size_t left)
{
    float sum[TILE_ROWS * NR];
    size_t rows = min_size(left, TILE_ROWS), cols = min_size(g->co - o, NR);
    amx_steps steps = {.a = x,
                       .a_row = g->x_step,
                       .at = g->at,
                       .b = g->packed + o * g->words,
                       .steps = g->words / TILE_K};

    tile_apart(sum, &steps);
    for (size_t i = 0; i < rows; i++) {
        elem *to = y + i * g->y_step + o;
        const elem *from = base ? base + i * g->base_step + o : NULL;
        vec sum0 = vload(sum + i * NR), sum1 = vload(sum + i * NR + VEC);
        if (cols == NR) {
            strip_store(to, from, sum0, sum1);
        } else {
            strip_store_edge(to, from, sum0, sum1, cols);
        }
    }
    return rows;
}

#else

/* `rows` outputs, columns o .. */
SC_INLINE void strip_tile(elem *y, const elem *base, const strip *g, const kelem *x, size_t o,
                          const size_t rows, const bool joined)
{
    const word *w = g->packed + o * g->words;
    vec sum0[MR], sum1[MR];
    const kelem *row[MR];

    UNROLL
    for (size_t i = 0; i < rows; i++) {
        row[i] = x + i * g->x_step;
        sum0[i] = vzero();
        sum1[i] = vzero();
    }
    for (size_t l = 0; l < g->words; l++, w += NR) {
        size_t at = joined ? l * WORD_K : g->at[l];
        vec w0 = vload(w), w1 = vload(w + VEC);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec v = vset(word_at(row[i] + at));
            sum0[i] = vdot(v, w0, sum0[i]);
            sum1[i] = vdot(v, w1, sum1[i]);
        }
    }
    size_t cols = min_size(g->co - o, NR);
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        elem *to = y + i * g->y_step + o;
        const elem *from = base ? base + i * g->base_step + o : NULL;
        if (cols == NR) {
            strip_store(to, from, sum0[i], sum1[i]);
        } else {
            strip_store_edge(to, from, sum0[i], sum1[i], cols);
        }
    }
}

/* MR outputs whose words lie apart; a function of its own for the same reason as tile_whole. */
SC_NOINLINE static void strip_apart(elem *y, const elem *base, const strip *g, const kelem *x,
                                    size_t o)
{
    strip_tile(y, base, g, x, o, MR, false);
}

SC_INLINE void strip_rows(elem *y, const elem *base, const strip *g, const kelem *x, size_t o,
                          const size_t rows)
{
    if (g->at && rows == MR) {
        strip_apart(y, base, g, x, o);
    } else if (g->at) {
        strip_tile(y, base, g, x, o, rows, false);
    } else {
        strip_tile(y, base, g, x, o, rows, true);
    }
}

/* Columns o .. of some of the outputs that are left; returns of how many. */
SC_INLINE size_t strip_some(elem *y, const elem *base, const strip *g, const kelem *x, size_t o,
                            size_t left)
{
    size_t rows;

    if (left >= MR) {
        strip_rows(y, base, g, x, o, rows = MR);
    } else if (left >= 2 * MR / 3) {
        strip_rows(y, base, g, x, o, rows = 2 * MR / 3);
    } else if (left >= MR / 3) {
        strip_rows(y, base, g, x, o, rows = MR / 3);
    } else {
        strip_rows(y, base, g, x, o, rows = 1);
    }
    return rows;
}

#endif

/* NR columns of all `count` outputs at a time, so that they share what they load of W.  base: NULL, or added
 * to them; it may be y.  What is in `next` is fetched meanwhile. */
static void strip_outputs(elem *y, const elem *base, const strip *g, const kelem *x, size_t count,
                          fetch_list *next)
{
    size_t tiles = (count + MR - 1) / MR * ((g->co + NR - 1) / NR);
    size_t fetch = fetch_count(next) / tiles + 1;

    for (size_t o = 0; o < g->co; o += NR) {
        for (size_t i = 0, rows; i < count; i += rows) {
            const elem *from = base ? base + i * g->base_step : NULL;
            fetch_lines(next, fetch);
            rows = strip_some(y + i * g->y_step, from, g, x + i * g->x_step, o, count - i);
        }
    }
}

#endif
