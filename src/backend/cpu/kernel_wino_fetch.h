/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_fetch.h - what a block of tiles fetches (kernel_fetch.h).
 *
 * Tiles jump from line to line of the maps, which the processor's own prefetching does not follow.  But
 * what a block of tiles needs, and no tile before it, is one piece of each map, up to the end of its last
 * row of tiles.
 */
#ifndef SC_CPU_KERNEL_WINO_FETCH_H
#define SC_CPU_KERNEL_WINO_FETCH_H

#include "backend/cpu/kernel_fetch.h"
#include "backend/cpu/kernel_rows.h"
#include "backend/cpu/kernel_wino_lines.h"
#include "backend/cpu/kernel_wino_phase_tile.h"

/* Rows of the image, or of the output or its gradient, that the tiles before `tile_index` and the others
 * of their rows need; of all images, one after the other. */
static size_t wino_rows_in(const wino_shape *g, size_t tile_index)
{
    size_t row = (tile_index + g->tw - 1) / g->tw, n = row / g->th, lines = row % g->th * g->m;
    size_t reach = lines * g->in_step + 2 - (size_t)g->pad;

    if (g->lines) {
        return lines_rows_in(g, row);
    }
    return n >= g->n ? g->n * g->ih : n * g->ih + (lines == 0 ? 0 : min_size(reach, g->ih));
}

static size_t wino_rows_out(const wino_shape *g, size_t tile_index)
{
    size_t row = (tile_index + g->tw - 1) / g->tw, n = row / g->th;
    size_t lines = row % g->th * (g->lines ? 1 : g->m);

    return n >= g->n ? g->n * g->oh : n * g->oh + lines;
}

/* What the tiles of the next block read: the image, and what its rows are made of. */
static void wino_fetch_next(fetch_list *f, const wino_shape *g, const row_maker *make, size_t next,
                            size_t count)
{
    size_t begin = wino_rows_in(g, next), end = wino_rows_in(g, next + count);

    f->pieces = 0;
    fetch_add(f, g->in, g->iw * g->ci, begin, end);
    for (size_t i = 0; i < ROWS_MAPS; i++) {
        if (make->map[i]) {
            fetch_add(f, make->map[i], g->iw * g->ci, begin, end);
        }
    }
}

/* What this block writes, adds to it and sums up with it. */
static void wino_fetch_output(fetch_list *f, const wino_shape *g, const sc_batchnorm *norm,
                              size_t first, size_t count)
{
    size_t width = g->ow * g->out_step * g->co, begin = wino_rows_out(g, first) * g->out_step;
    size_t end = wino_rows_out(g, first + count) * g->out_step;

    fetch_add(f, g->out, width, begin, end);
    if (g->joined) {
        fetch_add(f, g->base, g->ow * g->co, wino_rows_out(g, first),
                  wino_rows_out(g, first + count));
    } else if (g->base && g->base != g->out) {
        fetch_add(f, g->base, width, begin, end);
    }
    if (norm) {
        fetch_add(f, norm->x, width, begin, end);
    }
    if (norm && norm->y) {
        fetch_add(f, norm->y, width, begin, end);
    }
}

/* What the chunk of a weight gradient from tile `next` on reads, if that is not too much. */
static void wino_fetch_chunk(fetch_list *f, const wino_shape *g, const row_maker *make, size_t next,
                             size_t count)
{
    wino_fetch_next(f, g, make, next, count);
    fetch_add(f, g->dy, g->ow * g->co, wino_rows_out(g, next), wino_rows_out(g, next + count));
    f->pieces = fetch_count(f) <= FETCH_CHUNK ? f->pieces : 0;
}

#endif
