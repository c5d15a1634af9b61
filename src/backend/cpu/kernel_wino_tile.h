/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_tile.h - Winograd's transforms of one tile, all channels: image, output, gradient.
 *
 *   V = B' d B (words along the channels)     out = A' M A     W = A dy A' (words along the tiles)
 *
 * Each is written once for m = 4 and m = 2; the function without _of chooses.
 */
#ifndef SC_CPU_KERNEL_WINO_TILE_H
#define SC_CPU_KERNEL_WINO_TILE_H

#include "backend/cpu/kernel_direct.h"
#include "backend/cpu/kernel_wino.h"
#include "backend/cpu/kernel_wino_sink.h"

/* One convolution, or data gradient, as Winograd sees it. */
typedef struct {
    const elem *in;
    elem *out;
    const elem *base; /* added to the output, or NULL; may be out */
    bool joined;      /* base is that of a step 2: the pixels of even rows and columns */
    const elem *dy;   /* of the weight gradient: (n,oh,ow,co) */
    size_t n, ih, iw, ci, oh, ow, co;
    ptrdiff_t pad;
    size_t m, points; /* 4 and 36, or 2 and 16; with phases 4 and 25 */
    /* A convolution of stride 2 reads, its data gradient writes, every phase of the pixels apart
     * (kernel_wino_phase_tile.h): their step is 2; else both are 1, and there is one block. */
    bool phases;
    size_t in_step, out_step;
    size_t th, tw;              /* tiles of an image */
    size_t in_block, out_block; /* words of ci, and co rounded up to slivers: of one phase */
    size_t co_pad;              /* columns: out_block for each phase */
    size_t ld_in, ld_out;       /* row strides of transformed tiles; the 16 keep cache sets apart */
    const elem *zeros;          /* for every channel: what lies outside the image */
} wino_shape;

SC_INLINE void wino_locate(const wino_shape *g, size_t tile_index, size_t *n, size_t *h, size_t *w)
{
    *n = tile_index / (g->th * g->tw);
    *h = tile_index / g->tw % g->th * g->m;
    *w = tile_index % g->tw * g->m;
}

/* The (m+2)^2 pixels of a tile. */
SC_INLINE void wino_pixels(const elem **pixel, const wino_shape *g, size_t tile_index,
                           const size_t m)
{
    const size_t side = m + 2;
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    for (size_t i = 0; i < side; i++) {
        size_t y = h + i - (size_t)g->pad; /* below zero wraps around to a huge number */
        const elem *line = g->in + (n * g->ih + y) * g->iw * g->ci;
        for (size_t j = 0; j < side; j++) {
            size_t x = w + j - (size_t)g->pad;
            pixel[i * side + j] = y < g->ih && x < g->iw ? line + x * g->ci : g->zeros;
        }
    }
}

/* Asks for side x side pixels of image n of a map (height,width,channels) from (y,x) on, as far as they
 * are there: tiles jump from line to line, which the processor's own prefetching does not follow. */
SC_INLINE void wino_fetch(const elem *map, size_t height, size_t width, size_t channels, size_t n,
                          size_t y, size_t x, size_t side)
{
    size_t end = min_size(y + side, height);
    size_t bytes = min_size(side, width - x) * channels * sizeof(elem);

    for (; y < end; y++) {
        prefetch(map + ((n * height + y) * width + x) * channels, bytes, false);
    }
}

/* The pixels of the image that the tile before has not read. */
SC_INLINE void wino_fetch_in(const wino_shape *g, size_t tile_index)
{
    size_t n, h, w, step = g->in_step;

    wino_locate(g, tile_index, &n, &h, &w);
    if (n < g->n) {
        wino_fetch(g->in, g->ih, g->iw, g->ci, n, h * step, w * step, g->m * step + 1);
    }
}

/* The pixels of dy. */
SC_INLINE void wino_fetch_gradient(const wino_shape *g, size_t tile_index)
{
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    if (n < g->n) {
        wino_fetch(g->dy, g->oh, g->ow, g->co, n, h, w, g->m);
    }
}

/* Channels from c on of a transform's first half, over the columns: of the image (B' d, n = m + 2), or
 * with `gradient` of dy (A y, n = m). */
SC_INLINE void wino_columns(vec *q, const elem *const *pixel, size_t c, const lanes which,
                            const size_t m, const bool gradient)
{
    const size_t n = gradient ? m : m + 2;

    for (size_t j = 0; j < n; j++) {
        vec d[WINO_MOST];
        for (size_t i = 0; i < n; i++) {
            d[i] = eload_lanes(pixel[i * n + j] + c, which);
        }
        if (gradient) {
            wino_gradient(q + j, n, d, m);
        } else {
            wino_input(q + j, n, d, m);
        }
    }
}

/* r = row i of the result: (B' d) B or (A y) A' */
SC_INLINE void wino_row(vec *r, const vec *q, size_t i, const size_t m, const bool gradient)
{
    if (gradient) {
        wino_gradient(r, 1, q + i * m, m);
    } else {
        wino_input(r, 1, q + i * (m + 2), m);
    }
}

/* The second half of both halves of VEC words: to[xi plane] = all points of q. */
SC_INLINE void wino_put_words(word *to, size_t plane, vec (*q)[WINO_POINTS], const size_t m,
                              const bool gradient)
{
    const size_t side = m + 2;

    for (size_t i = 0; i < side; i++) {
        vec r[WORD_K][WINO_MOST];
        for (size_t h = 0; h < WORD_K; h++) {
            wino_row(r[h], q[h], i, m, gradient);
        }
        for (size_t j = 0; j < side; j++) {
            vstore(to + (i * side + j) * plane, words_of(r[0][j], r[WORD_K - 1][j]));
        }
    }
}

/* VEC words of the channels from c on, half of them with `last`. */
SC_INLINE void wino_input_words(word *v, size_t plane, const elem *const *pixel, size_t c,
                                const bool last, const size_t m)
{
    vec q[WORD_K][WINO_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        wino_columns(q[h], pixel, c, lanes_of(h, last), m, false);
    }
    wino_put_words(v + c / WORD_K, plane, q, m, false);
}

/* v[xi plane + word of c] = (B' d B)[xi]; the last words are filled up with zeros */
SC_INLINE void wino_input_tile_of(word *v, size_t plane, const wino_shape *g, size_t tile_index,
                                  const size_t m)
{
    const elem *pixel[WINO_POINTS];
    size_t c = 0;

    wino_pixels(pixel, g, tile_index, m);
    wino_fetch_in(g, tile_index + 1);
    for (; c + WORD_K * VEC <= g->ci; c += WORD_K * VEC) {
        wino_input_words(v, plane, pixel, c, false, m);
    }
    if (c < g->ci) {
        wino_input_words(v, plane, pixel, c, true, m);
    }
}

static void wino_input_tile(word *v, size_t plane, const wino_shape *g, size_t tile_index)
{
    if (g->m == 4) {
        wino_input_tile_of(v, plane, g, tile_index, 4);
    } else {
        wino_input_tile_of(v, plane, g, tile_index, 2);
    }
}

/* What an output tile does besides storing: constants where they are used. */
typedef enum { SINK_NONE, SINK_STATS, SINK_NORM } sink_kind;

SC_INLINE sink_kind sink_kind_of(const wino_sink *s)
{
    return !s ? SINK_NONE : s->norm ? SINK_NORM : SINK_STATS;
}

/* Pixels of one line of the output from element `at` on, `step` apart, VEC channels from c on; adds the
 * pixels at `base`, base_step apart, unless NULL, and to `sum` what the sink takes of the pixels as they
 * are stored. */
SC_INLINE void wino_put_line(const wino_shape *g, size_t at, size_t step, const elem *base,
                             size_t base_step, size_t c, const vec *r, size_t count,
                             const wino_sink *sink, stats_vec *sum, const sink_kind kind)
{
    for (size_t j = 0; j < count; j++, at += step) {
        vec x = r[j];
        if (base) {
            x += eload(base + j * base_step + c);
        }
        estore(g->out + at + c, x);
        if (kind != SINK_NONE) {
            sink_add(sink, sum, at + c, c, erounded(x), kind == SINK_NORM);
        }
    }
}

/* out = A' M A; what reaches over the edge is dropped. */
SC_INLINE void wino_output_tile_of(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const wino_sink *sink, const size_t m,
                                   const sink_kind kind)
{
    const size_t side = m + 2;
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t rows = min_size(g->oh - h, m), cols = min_size(g->ow - w, m);
    size_t first = ((n * g->oh + h) * g->ow + w) * g->co;
    for (size_t c = 0; c < g->co; c += VEC) {
        vec q[WINO_POINTS];
        for (size_t j = 0; j < side; j++) {
            vec d[WINO_MOST];
            for (size_t i = 0; i < side; i++) {
                d[i] = vload(u + (i * side + j) * plane + c);
            }
            wino_output(q + j, side, d, m);
        }
        stats_vec sum = stats_vec_begin(vzero());
        for (size_t i = 0; i < rows; i++) {
            vec r[WINO_MOST];
            wino_output(r, 1, q + i * side, m);
            if (kind != SINK_NONE && i == 0) {
                sum = sink_begin(sink, c, r[0]);
            }
            size_t at = first + i * g->ow * g->co;
            const elem *base = g->base ? g->base + at : NULL;
            wino_put_line(g, at, g->co, base, g->co, c, r, cols, sink, &sum, kind);
        }
        if (kind != SINK_NONE) {
            stats_vec_store(&sink->at, c, &sum);
        }
    }
}

SC_INLINE void wino_output_tile_by(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const wino_sink *sink, const sink_kind kind)
{
    if (g->m == 4) {
        wino_output_tile_of(u, plane, g, tile_index, sink, 4, kind);
    } else {
        wino_output_tile_of(u, plane, g, tile_index, sink, 2, kind);
    }
}

/* The sums of the sink, unless NULL, may lie where M was. */
static void wino_output_tile(const float *u, size_t plane, const wino_shape *g, size_t tile_index,
                             const wino_sink *sink)
{
    switch (sink_kind_of(sink)) {
    case SINK_NONE:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_NONE);
        break;
    case SINK_STATS:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_STATS);
        break;
    default:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_NORM);
        break;
    }
}

/* The m^2 pixels of dy under a tile; zeros from tile `end` on and beyond the edge. */
SC_INLINE void wino_gradient_pixels(const elem **pixel, const wino_shape *g, size_t tile_index,
                                    size_t end, const size_t m)
{
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    for (size_t i = 0; i < m; i++) {
        const elem *line = g->dy + (n * g->oh + h + i) * g->ow * g->co;
        for (size_t j = 0; j < m; j++) {
            bool inside = tile_index < end && h + i < g->oh && w + j < g->ow;
            pixel[i * m + j] = inside ? line + (w + j) * g->co : g->zeros;
        }
    }
}

/* Where the transformed tiles of a weight gradient lie: columns in panels, each panel a row of
 * `width` words a step, so that the products read them one after the other. */
typedef struct {
    word *at;
    size_t plane, panel, width; /* words between points, between panels, of a row */
} wino_panels;

/* Of point 0. */
SC_INLINE word *wino_panel_at(const wino_panels *p, size_t row, size_t column)
{
    return p->at + column / p->width * p->panel + row * p->width + column % p->width;
}

/* Words of WORD_K tiles, channels c .. c+VEC-1: to[xi plane] = transform of each tile's pixels. */
SC_INLINE void wino_pair_channels(word *to, size_t plane, const elem *pixel[WORD_K][WINO_POINTS],
                                  size_t c, const size_t m, const bool gradient)
{
    vec q[WORD_K][WINO_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        wino_columns(q[h], pixel[h], c, EVERY, m, gradient);
    }
    wino_put_words(to, plane, q, m, gradient);
}

/* Row `row` of V and W from the tiles first .. first+WORD_K-1; W is zero from tile `end` on. */
SC_INLINE void wino_pair_of(const wino_panels *v, const wino_panels *w, const wino_shape *g,
                            size_t row, size_t first, size_t end, const size_t m)
{
    const elem *x[WORD_K][WINO_POINTS], *dy[WORD_K][WINO_POINTS];

    for (size_t i = 0; i < WORD_K; i++) {
        wino_pixels(x[i], g, min_size(first + i, end - 1), m);
        wino_gradient_pixels(dy[i], g, first + i, end, m);
        wino_fetch_in(g, first + i + WORD_K);
        wino_fetch_gradient(g, first + i + WORD_K);
    }
    for (size_t c = 0; c < g->ci; c += VEC) {
        wino_pair_channels(wino_panel_at(v, row, c), v->plane, x, c, m, false);
    }
    for (size_t k = 0; k < g->co; k += VEC) {
        wino_pair_channels(wino_panel_at(w, row, k), w->plane, dy, k, m, true);
    }
}

static void wino_pair(const wino_panels *v, const wino_panels *w, const wino_shape *g, size_t row,
                      size_t first, size_t end)
{
    if (g->m == 4) {
        wino_pair_of(v, w, g, row, first, end, 4);
    } else {
        wino_pair_of(v, w, g, row, first, end, 2);
    }
}

#endif
