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

#include "backend/cpu/kernel_conv.h"
#include "backend/cpu/kernel_wino.h"

/* One convolution, or data gradient, as Winograd sees it. */
typedef struct {
    const elem *in;
    elem *out;
    const elem *dy; /* of the weight gradient: (n,oh,ow,co) */
    size_t n, ih, iw, ci, oh, ow, co;
    ptrdiff_t pad;
    size_t m, points;     /* 4 and 36, or 2 and 16 */
    size_t th, tw;        /* tiles of an image */
    size_t co_pad;        /* co, rounded up to slivers */
    size_t ld_in, ld_out; /* row strides of transformed tiles; the 16 keep cache sets apart */
    const elem *zeros;    /* ci zeros: what lies outside the image */
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

/* What the tile after this one adds to the image: tiles jump from line to line, which the
 * processor's own prefetching does not follow. */
SC_INLINE void wino_prefetch(const wino_shape *g, size_t tile_index, const size_t m)
{
    const size_t side = m + 2;
    const elem *pixel[WINO_POINTS];

    if (tile_index >= g->n * g->th * g->tw) {
        return;
    }
    wino_pixels(pixel, g, tile_index, m);
    for (size_t i = 0; i < side; i++) {
        for (size_t j = 2; j < side; j++) {
            prefetch(pixel[i * side + j], g->ci * sizeof(elem));
        }
    }
}

/* r = (B' d B) of channels c .. c+VEC-1 */
SC_INLINE void wino_input_vec(vec *r, const elem *const *pixel, size_t c, const size_t m)
{
    const size_t side = m + 2;
    vec q[WINO_POINTS];

    for (size_t j = 0; j < side; j++) {
        vec d[WINO_MOST];
        for (size_t i = 0; i < side; i++) {
            d[i] = eload(pixel[i * side + j] + c);
        }
        wino_input(q + j, side, d, m);
    }
    for (size_t i = 0; i < side; i++) {
        wino_input(r + i * side, 1, q + i * side, m);
    }
}

/* v[xi plane + word of c] = (B' d B)[xi]; the last word is filled up with zeros */
SC_INLINE void wino_input_tile_of(word *v, size_t plane, const wino_shape *g, size_t tile_index,
                                  const size_t m)
{
    const elem *pixel[WINO_POINTS];
    const size_t points = (m + 2) * (m + 2);

    wino_pixels(pixel, g, tile_index, m);
    wino_prefetch(g, tile_index + 1, m);
    for (size_t c = 0; c < round_up(g->ci, WORD_K * VEC); c += VEC) {
        vec r[WINO_POINTS];
        if (c < g->ci) {
            wino_input_vec(r, pixel, c, m);
        } else {
            memset(r, 0, sizeof r);
        }
        for (size_t xi = 0; xi < points; xi++) {
            kstore((kelem *)(void *)(v + xi * plane) + c, kvec_of(r[xi]));
        }
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

/* out = A' M A; what reaches over the edge is dropped */
SC_INLINE void wino_output_tile_of(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const size_t m)
{
    const size_t side = m + 2;
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t rows = min_size(g->oh - h, m), cols = min_size(g->ow - w, m);
    elem *out = g->out + ((n * g->oh + h) * g->ow + w) * g->co;
    for (size_t c = 0; c < g->co; c += VEC) {
        vec q[WINO_POINTS];
        for (size_t j = 0; j < side; j++) {
            vec d[WINO_MOST];
            for (size_t i = 0; i < side; i++) {
                d[i] = vload(u + (i * side + j) * plane + c);
            }
            wino_output(q + j, side, d, m);
        }
        for (size_t i = 0; i < rows; i++) {
            vec r[WINO_MOST];
            wino_output(r, 1, q + i * side, m);
            for (size_t j = 0; j < cols; j++) {
                estore(out + (i * g->ow + j) * g->co + c, r[j]);
            }
        }
    }
}

static void wino_output_tile(const float *u, size_t plane, const wino_shape *g, size_t tile_index)
{
    if (g->m == 4) {
        wino_output_tile_of(u, plane, g, tile_index, 4);
    } else {
        wino_output_tile_of(u, plane, g, tile_index, 2);
    }
}

/* r = (A dy A') of channels c .. c+VEC-1 of one tile */
SC_INLINE void wino_gradient_vec(vec *r, const wino_shape *g, size_t tile_index, size_t c,
                                 const size_t m)
{
    const size_t side = m + 2;
    size_t n, h, w;
    vec q[WINO_POINTS];

    wino_locate(g, tile_index, &n, &h, &w);
    size_t rows = min_size(g->oh - h, m), cols = min_size(g->ow - w, m);
    const elem *dy = g->dy + ((n * g->oh + h) * g->ow + w) * g->co + c;
    for (size_t j = 0; j < m; j++) {
        vec d[WINO_MOST];
        for (size_t i = 0; i < m; i++) {
            d[i] = i < rows && j < cols ? eload(dy + (i * g->ow + j) * g->co) : vzero();
        }
        wino_gradient(q + j, m, d, m);
    }
    for (size_t i = 0; i < side; i++) {
        wino_gradient(r + i * side, 1, q + i * m, m);
    }
}

SC_INLINE void wino_prefetch_gradient(const wino_shape *g, size_t tile_index, const size_t m)
{
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    for (size_t i = 0; n < g->n && i < min_size(g->oh - h, m); i++) {
        const elem *dy = g->dy + ((n * g->oh + h + i) * g->ow + w) * g->co;
        prefetch(dy, min_size(g->ow - w, m) * g->co * sizeof(elem));
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

/* Row `row` of V and W from the tiles first .. first+WORD_K-1; those from `end` on count as zero. */
SC_INLINE void wino_pair_of(const wino_panels *v, const wino_panels *w, const wino_shape *g,
                            size_t row, size_t first, size_t end, const size_t m)
{
    const elem *pixel[WORD_K][WINO_POINTS];
    const size_t points = (m + 2) * (m + 2);
    const size_t tiles = min_size(end - first, WORD_K), v_plane = v->plane, w_plane = w->plane;
    kvec half[WORD_K][WINO_POINTS];
    vec r[WINO_POINTS];

    for (size_t i = 0; i < WORD_K; i++) {
        wino_pixels(pixel[i], g, min_size(first + i, end - 1), m);
        wino_prefetch(g, first + i + WORD_K, m);
        wino_prefetch_gradient(g, first + i + WORD_K, m);
        for (size_t xi = 0; xi < points; xi++) {
            half[i][xi] = kvec_of(vzero());
        }
    }
    for (size_t c = 0; c < g->ci; c += VEC) {
        for (size_t i = 0; i < tiles; i++) {
            wino_input_vec(r, pixel[i], c, m);
            for (size_t xi = 0; xi < points; xi++) {
                half[i][xi] = kvec_of(r[xi]);
            }
        }
        word *to = wino_panel_at(v, row, c);
        for (size_t xi = 0; xi < points; xi++) {
            wput_pair(to + xi * v_plane, half[0][xi], half[WORD_K - 1][xi]);
        }
    }
    for (size_t k = 0; k < g->co; k += VEC) {
        for (size_t i = 0; i < tiles; i++) {
            wino_gradient_vec(r, g, first + i, k, m);
            for (size_t xi = 0; xi < points; xi++) {
                half[i][xi] = kvec_of(r[xi]);
            }
        }
        word *to = wino_panel_at(w, row, k);
        for (size_t xi = 0; xi < points; xi++) {
            wput_pair(to + xi * w_plane, half[0][xi], half[WORD_K - 1][xi]);
        }
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
