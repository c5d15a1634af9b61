/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_tile.h - Winograd's transforms of one tile, all channels: image and gradient.
 *
 *   V = B' d B (words along the channels)     W = A dy A' (words along the tiles)
 *
 * Each is written once for m = 4 and m = 2; the function without _of chooses.
 */
#ifndef SC_CPU_KERNEL_WINO_TILE_H
#define SC_CPU_KERNEL_WINO_TILE_H

#include "backend/cpu/kernel_direct.h"
#include "backend/cpu/kernel_wino.h"

/* One convolution, or data gradient, as Winograd sees it. */
typedef struct {
    const elem *in;
    elem *out;
    const elem *base; /* added to the output, or NULL; may be out */
    bool joined;      /* base is that of a step 2: the pixels of even rows and columns */
    const elem *dy;   /* of the weight gradient: (n,oh,ow,co) */
    size_t n, ih, iw, ci, oh, ow, co;
    ptrdiff_t pad;
    size_t m, points; /* 4 and 36, or 2 and 16; with phases 4 and 25, of lines 4 and 6 */
    /* A convolution of stride 2 reads, its data gradient writes, every phase of the pixels apart
     * (kernel_wino_phase_tile.h): their step is 2; else both are 1, and there is one block. */
    bool phases;
    size_t in_step, out_step;
    /* Tiles of single lines (kernel_wino_lines.h): 6 points, and rows of tiles between the images. */
    bool lines;
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

/* Channels from c on, of which `left` are left, of a transform's first half, over the columns: of the image
 * (B' d, n = m + 2), or with `gradient` of dy (A y, n = m). */
SC_INLINE void wino_columns(vec *q, const elem *const *pixel, size_t c, size_t left,
                            const lanes which, const size_t m, const bool gradient)
{
    const size_t n = gradient ? m : m + 2;

    for (size_t j = 0; j < n; j++) {
        vec d[WINO_MOST];
        for (size_t i = 0; i < n; i++) {
            d[i] = eload_lanes(pixel[i * n + j] + c, which, left);
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

/* VEC words of the channels from c on, of which `left` are left. */
SC_INLINE void wino_input_words(word *v, size_t plane, const elem *const *pixel, size_t c,
                                size_t left, const size_t m)
{
    vec q[WORD_K][WINO_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        wino_columns(q[h], pixel, c, left, lanes_of(h), m, false);
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
        wino_input_words(v, plane, pixel, c, WORD_K * VEC, m);
    }
    if (c < g->ci) {
        wino_input_words(v, plane, pixel, c, g->ci - c, m);
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

/* Asks for what the next row will be written to, nh x nw points of `points` a row, when a line of the cache
 * begins: of vectors that are less than a line the second would wait for the first one's line. */
SC_INLINE void wino_panel_ahead(const wino_panels *p, size_t row, size_t column, const size_t nh,
                                const size_t nw, const size_t points)
{
    const size_t line = WORD_LINE;
    if (VEC >= line || column % line != 0) {
        return;
    }
    const word *next = wino_panel_at(p, row, column) + p->width;
    for (size_t i = 0; i < nh; i++) {
        for (size_t j = 0; j < nw; j++) {
            prefetch_write(next + (i * points + j) * p->plane);
        }
    }
}

/* Words of WORD_K tiles, channels c .. c+VEC-1, of which `left` are left: to[xi plane] = transform of each
 * tile's pixels. */
SC_INLINE void wino_pair_channels(word *to, size_t plane, const elem *pixel[WORD_K][WINO_POINTS],
                                  size_t c, size_t left, const size_t m, const bool gradient)
{
    vec q[WORD_K][WINO_POINTS];

    for (size_t h = 0; h < WORD_K; h++) {
        wino_columns(q[h], pixel[h], c, left, EVERY, m, gradient);
    }
    wino_put_words(to, plane, q, m, gradient);
}

/* Row `row` of V or W, all channels. */
SC_INLINE void wino_pair_map(const wino_panels *to, size_t channels, size_t row,
                             const elem *pixel[WORD_K][WINO_POINTS], const size_t m,
                             const bool gradient)
{
    size_t c = 0;

    for (; c + VEC <= channels; c += VEC) {
        wino_pair_channels(wino_panel_at(to, row, c), to->plane, pixel, c, VEC, m, gradient);
        wino_panel_ahead(to, row, c, m + 2, m + 2, m + 2);
    }
    if (c < channels) {
        wino_pair_channels(wino_panel_at(to, row, c), to->plane, pixel, c, channels - c, m,
                           gradient);
    }
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
    wino_pair_map(v, g->ci, row, x, m, false);
    wino_pair_map(w, g->co, row, dy, m, true);
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
