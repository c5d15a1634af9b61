/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_phase_tile.h - F(4,2)'s transforms of one tile, all channels, for the four phases of the
 * pixels of a convolution of stride 2.
 *
 * The phases are blocks of channels in the order oe, oo, eo, ee (odd or even rows, then columns): of V
 * in the convolution, of M in its data gradient.  At a point that is infinity down the rows only the
 * phases of odd rows have anything, across the columns only those of odd columns; in this order those
 * are neighbours (wino_range).  Words of other phases at such a point are never touched.  An image
 * whose pixels are not split (`step` 1) is one block with all points, like the phase oo.
 */
#ifndef SC_CPU_KERNEL_WINO_PHASE_TILE_H
#define SC_CPU_KERNEL_WINO_PHASE_TILE_H

#include "backend/cpu/kernel_wino_output.h"
#include "backend/cpu/kernel_wino_phase.h"

/* Of `width` words or columns that hold the blocks of step x step phases, those used at point xi. */
SC_INLINE void wino_range(size_t *begin, size_t *end, size_t xi, size_t step, size_t width)
{
    bool rows = step == 2 && xi / PHASE_MOST == PHASE_TILE; /* at infinity */
    bool columns = step == 2 && xi % PHASE_MOST == PHASE_TILE;

    *begin = columns ? width / 4 : 0;
    *end = rows ? width / 2 : columns ? width / 4 * 3 : width;
}

/* The pixels of a tile in a phase: nh x nw of them, 5 where the phase is odd, else 4. */
SC_INLINE void phase_pixels(const elem **pixel, const wino_shape *g, size_t tile_index,
                            const size_t nh, const size_t nw)
{
    size_t n, h, w, step = g->in_step;

    wino_locate(g, tile_index, &n, &h, &w);
    for (size_t i = 0; i < nh; i++) {
        size_t y = (h + i) * step - (nh == 5 ? step - 1 : 0); /* -1 wraps around to a huge number */
        const elem *line = g->in + (n * g->ih + y) * g->iw * g->ci;
        for (size_t j = 0; j < nw; j++) {
            size_t x = (w + j) * step - (nw == 5 ? step - 1 : 0);
            pixel[i * nw + j] = y < g->ih && x < g->iw ? line + x * g->ci : g->zeros;
        }
    }
}

/* Channels from c on, of which `left` are left, of a transform's first half, over the columns: B' d of the nh x nw pixels, or with
 * `gradient` A d of 4 x 4 (nh = nw = 5) */
SC_INLINE void phase_columns(vec *q, const elem *const *pixel, size_t c, size_t left,
                             const lanes which, const size_t nh, const size_t nw,
                             const bool gradient)
{
    const size_t rows = gradient ? PHASE_TILE : nh, columns = gradient ? PHASE_TILE : nw;

    for (size_t j = 0; j < columns; j++) {
        vec d[PHASE_MOST];
        for (size_t i = 0; i < rows; i++) {
            d[i] = eload_lanes(pixel[i * columns + j] + c, which, left);
        }
        if (gradient) {
            phase_gradient(q + j, columns, d);
        } else {
            phase_input(q + j, columns, d, nh);
        }
    }
}

/* The second half of both halves of VEC words: to[xi plane] = q at each point where it is among 5 x 5. */
SC_INLINE void phase_put_words(word *to, size_t plane, vec (*q)[PHASE_POINTS], const size_t nh,
                               const size_t nw, const bool gradient)
{
    for (size_t i = 0; i < nh; i++) {
        vec r[WORD_K][PHASE_MOST];
        for (size_t h = 0; h < WORD_K; h++) {
            if (gradient) {
                phase_gradient(r[h], 1, q[h] + i * PHASE_TILE);
            } else {
                phase_input(r[h], 1, q[h] + i * nw, nw);
            }
        }
        for (size_t j = 0; j < nw; j++) {
            vstore(to + (i * PHASE_MOST + j) * plane, words_of(r[0][j], r[WORD_K - 1][j]));
        }
    }
}

/* ---- V, words along the channels ---- */

SC_INLINE void phase_input_words(word *v, size_t plane, const elem *const *pixel, size_t c,
                                 size_t left, const size_t nh, const size_t nw)
{
    vec q[WORD_K][PHASE_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        phase_columns(q[h], pixel, c, left, lanes_of(h), nh, nw, false);
    }
    phase_put_words(v + c / WORD_K, plane, q, nh, nw, false);
}

SC_INLINE void phase_input_block(word *v, size_t plane, const wino_shape *g, size_t tile_index,
                                 const size_t nh, const size_t nw)
{
    const elem *pixel[PHASE_POINTS];
    size_t c = 0;

    phase_pixels(pixel, g, tile_index, nh, nw);
    for (; c + WORD_K * VEC <= g->ci; c += WORD_K * VEC) {
        phase_input_words(v, plane, pixel, c, WORD_K * VEC, nh, nw);
    }
    if (c < g->ci) {
        phase_input_words(v, plane, pixel, c, g->ci - c, nh, nw);
    }
}

static void phase_input_tile(word *v, size_t plane, const wino_shape *g, size_t tile_index)
{
    wino_fetch_in(g, tile_index + 1);
    if (g->in_step == 1) {
        phase_input_block(v, plane, g, tile_index, 5, 5);
        return;
    }
    phase_input_block(v, plane, g, tile_index, 5, 4);
    phase_input_block(v + g->in_block, plane, g, tile_index, 5, 5);
    phase_input_block(v + 2 * g->in_block, plane, g, tile_index, 4, 5);
    phase_input_block(v + 3 * g->in_block, plane, g, tile_index, 4, 4);
}

/* ---- out ---- */

/* Where the pixels of a tile in a phase go.  Of a joined base all is in the phase of even rows and columns. */
SC_INLINE wino_target phase_target(const wino_shape *g, size_t tile_index, const size_t nh,
                                   const size_t nw)
{
    size_t n, h, w, step = g->out_step, line = g->ow * step * g->co;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t at = (n * g->oh + h) * step * line + w * step * g->co;
    at += (nh == 5 ? (step - 1) * line : 0) + (nw == 5 ? (step - 1) * g->co : 0);
    wino_target t = {.out = g->out + at,
                     .rows = min_size(g->oh - h, PHASE_TILE),
                     .columns = min_size(g->ow - w, PHASE_TILE),
                     .line = step * line,
                     .step = step * g->co,
                     .at = at};
    if (g->joined && nh == 4 && nw == 4) {
        t.base = g->base + ((n * g->oh + h) * g->ow + w) * g->co;
        t.base_line = g->ow * g->co;
        t.base_step = g->co;
    } else if (g->base && !g->joined) {
        t.base = g->base + at;
        t.base_line = t.line;
        t.base_step = t.step;
    }
    return t;
}

/* VEC channels from c on of out = base + A' M A, to the pixels of one phase. */
SC_INLINE void phase_output_channels(const wino_target *t, const float *u, size_t plane, size_t c,
                                     size_t left, const wino_sink *sink, const size_t nh,
                                     const size_t nw, const sink_kind kind)
{
    vec q[PHASE_TILE * PHASE_MOST];

    for (size_t j = 0; j < nw; j++) {
        vec d[PHASE_MOST];
        for (size_t i = 0; i < nh; i++) {
            d[i] = vload(u + (i * PHASE_MOST + j) * plane + c);
        }
        phase_output(q + j, nw, d, nh);
    }
    stats_vec sum = stats_vec_begin(vzero());
    for (size_t i = 0; i < t->rows; i++) {
        vec r[PHASE_TILE];
        phase_output(r, 1, q + i * nw, nw);
        if (kind != SINK_NONE && i == 0) {
            sum = sink_begin(sink, c, r[0]);
        }
        wino_put_line(t, i, c, left, r, sink, &sum, kind);
    }
    if (kind != SINK_NONE) {
        stats_vec_store(&sink->at, c, &sum);
    }
}

/* All channels; the sink as of wino_output_tile_of. */
SC_INLINE void phase_output_block(const float *u, size_t plane, const wino_shape *g,
                                  size_t tile_index, const wino_sink *sink, const size_t nh,
                                  const size_t nw, const sink_kind kind)
{
    wino_target t = phase_target(g, tile_index, nh, nw);
    size_t c = 0;

    for (; c + VEC <= g->co; c += VEC) {
        phase_output_channels(&t, u, plane, c, VEC, sink, nh, nw, kind);
    }
    if (kind == SINK_NONE && c < g->co) {
        phase_output_channels(&t, u, plane, c, g->co - c, sink, nh, nw, kind);
    }
}

/* All phases; the sums begin with the first, whose M lies where they are stored. */
SC_INLINE void phase_output_blocks(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const wino_sink *sink, const sink_kind kind)
{
    wino_sink rest = {.norm = NULL};

    phase_output_block(u, plane, g, tile_index, sink, 5, 4, kind);
    if (sink) {
        rest = *sink;
        rest.at.begun = true;
    }
    phase_output_block(u + g->out_block, plane, g, tile_index, &rest, 5, 5, kind);
    phase_output_block(u + 2 * g->out_block, plane, g, tile_index, &rest, 4, 5, kind);
    phase_output_block(u + 3 * g->out_block, plane, g, tile_index, &rest, 4, 4, kind);
}

/* Statistics are asked of a convolution alone, sums for a norm of its data gradient alone. */
static void phase_output_tile(const float *u, size_t plane, const wino_shape *g, size_t tile_index,
                              const wino_sink *sink)
{
    if (g->out_step == 1 && sink) {
        phase_output_block(u, plane, g, tile_index, sink, 5, 5, SINK_STATS);
    } else if (g->out_step == 1) {
        phase_output_block(u, plane, g, tile_index, NULL, 5, 5, SINK_NONE);
    } else if (sink) {
        phase_output_blocks(u, plane, g, tile_index, sink, SINK_NORM);
    } else {
        phase_output_blocks(u, plane, g, tile_index, NULL, SINK_NONE);
    }
}

/* ---- V and W, words along the tiles ---- */

/* Words of WORD_K tiles, VEC channels from c on: to[xi plane]. */
SC_INLINE void phase_pair_channels(word *to, size_t plane, const elem *pixel[WORD_K][PHASE_POINTS],
                                   size_t c, size_t left, const size_t nh, const size_t nw,
                                   const bool gradient)
{
    vec q[WORD_K][PHASE_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        phase_columns(q[h], pixel[h], c, left, EVERY, nh, nw, gradient);
    }
    phase_put_words(to, plane, q, nh, nw, gradient);
}

/* Every channel: columns of the panels from `column` on. */
SC_INLINE void phase_pair_block(const wino_panels *to, size_t row, size_t column, size_t channels,
                                const elem *pixel[WORD_K][PHASE_POINTS], const size_t nh,
                                const size_t nw, const bool gradient)
{
    size_t c = 0;

    for (; c + VEC <= channels; c += VEC) {
        phase_pair_channels(wino_panel_at(to, row, column + c), to->plane, pixel, c, VEC, nh, nw,
                            gradient);
        wino_panel_ahead(to, row, column + c, nh, nw, PHASE_MOST);
    }
    if (c < channels) {
        phase_pair_channels(wino_panel_at(to, row, column + c), to->plane, pixel, c, channels - c,
                            nh, nw, gradient);
    }
}

/* Of one phase of the image; as wino_pair. */
SC_INLINE void phase_pair_image(const wino_panels *v, const wino_shape *g, size_t row,
                                size_t column, size_t first, size_t end, const size_t nh,
                                const size_t nw)
{
    const elem *x[WORD_K][PHASE_POINTS];

    for (size_t i = 0; i < WORD_K; i++) {
        phase_pixels(x[i], g, min_size(first + i, end - 1), nh, nw);
    }
    phase_pair_block(v, row, column, g->ci, x, nh, nw, false);
}

static void phase_pair(const wino_panels *v, const wino_panels *w, const wino_shape *g, size_t row,
                       size_t first, size_t end)
{
    const elem *dy[WORD_K][PHASE_POINTS];
    size_t block = round_up(g->ci, NR);

    for (size_t i = 0; i < WORD_K; i++) {
        wino_gradient_pixels(dy[i], g, first + i, end, PHASE_TILE);
        wino_fetch_in(g, first + i + WORD_K);
        wino_fetch_gradient(g, first + i + WORD_K);
    }
    phase_pair_image(v, g, row, 0, first, end, 5, 4);
    phase_pair_image(v, g, row, block, first, end, 5, 5);
    phase_pair_image(v, g, row, 2 * block, first, end, 4, 5);
    phase_pair_image(v, g, row, 3 * block, first, end, 4, 4);
    phase_pair_block(w, row, 0, g->co, dy, 5, 5, true);
}

#endif
