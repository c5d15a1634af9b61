/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_lines.h - Winograd's F(4,3) along the lines of a map alone: tiles of one line, four pixels wide.
 *
 *   V[xi] (line, tile) = B' d     M[xi] (line) = sum over the taps i of V[xi] (line + i) U[xi,i]     y = A' M
 *   dU[xi,i] = sum over lines and tiles of W[xi] (line)' V[xi] (line + i)                      dw[i] = G' dU
 *
 * for six points xi; the three taps across the lines are rows of V, a line from each other.  So an output
 * takes 4.5 multiplications, twice as many as with F(4x4), and a third of the additions, two thirds of V and M.
 * That is faster where a matrix unit multiplies, and few channels make transforms the larger part.
 *
 * Lines of all images follow each other, with one of zeros between two images: a convolution's line is number
 * n (h + 1) + y, where y = h is between images and nothing is stored.  Line i of V is the image's i - 1.
 */
#ifndef SC_CPU_KERNEL_WINO_LINES_H
#define SC_CPU_KERNEL_WINO_LINES_H

#include "backend/cpu/kernel_wino_output.h"

enum {
    LINES_TAPS = 3,
    LINES_PART = 16, /* tiles, or one line of them, that are transformed, and summed up, together */
    LINES_CHUNK = 288,      /* tiles of a weight gradient's sum */
    LINES_MOST = 128 * 128, /* channels times outputs: with more, products are the larger part */
    LINES_STEPS =
        LINES_TAPS * LINES_MOST / 16 / 32 /* of a product, at most: there are 16 outputs or more */
};

/* Whether a convolution that Winograd takes is computed so: a matter of speed. */
static bool lines_choice(const sc_conv_shape *s)
{
    return MATRIX_UNIT && s->algorithm == SC_CONV_FASTEST && s->stride == 1 && s->pad == 1 &&
           s->q % 4 == 0 && s->c * s->k <= LINES_MOST;
}

/* The six pixels of tile t of the image's line y of all images' lines, or zeros. */
SC_INLINE void lines_pixels(const elem **pixel, const wino_shape *g, const elem *line, size_t t)
{
    for (size_t j = 0; j < WINO_MOST; j++) {
        size_t x = 4 * t + j - 1; /* below zero wraps around to a huge number */
        pixel[j] = line && x < g->iw ? line + x * g->ci : g->zeros;
    }
}

/* The image's line that is line i of V, or NULL for zeros. */
SC_INLINE const elem *lines_in(const wino_shape *g, size_t i)
{
    size_t n = i / g->th, y = i % g->th;

    return y > 0 && n < g->n ? g->in + (n * g->ih + y - 1) * g->iw * g->ci : NULL;
}

/* Lines of all images that the output's lines before i need. */
static size_t lines_rows_in(const wino_shape *g, size_t i)
{
    size_t n = (i + 1) / g->th;

    return n >= g->n ? g->n * g->ih : n * g->ih + (i + 1) % g->th;
}

/* VEC words of the channels from c on, of which `left` are left: to[xi plane] */
SC_INLINE void lines_input_words(word *to, size_t plane, const elem *const *pixel, size_t c,
                                 size_t left)
{
    vec r[WORD_K][WINO_MOST];

    for (size_t h = 0; h < WORD_K; h++) {
        vec d[WINO_MOST];
        for (size_t j = 0; j < WINO_MOST; j++) {
            d[j] = eload_lanes(pixel[j] + c, lanes_of(h), left);
        }
        wino_input(r[h], 1, d, 4);
    }
    for (size_t j = 0; j < WINO_MOST; j++) {
        vstore(to + j * plane, words_of(r[0][j], r[WORD_K - 1][j]));
    }
}

/* Line i of V, at v. */
static void lines_input(word *v, size_t plane, const wino_shape *g, size_t i)
{
    const elem *pixel[WINO_MOST], *line = lines_in(g, i);

    for (size_t t = 0; t < g->tw; t++, v += g->ld_in) {
        size_t c = 0;
        lines_pixels(pixel, g, line, t);
        for (; c + WORD_K * VEC <= g->ci; c += WORD_K * VEC) {
            lines_input_words(v + c / WORD_K, plane, pixel, c, WORD_K * VEC);
        }
        if (c < g->ci) {
            lines_input_words(v + c / WORD_K, plane, pixel, c, g->ci - c);
        }
    }
}

/* U of a word of input channels and NR outputs: at u, `tap` words from it for the next tap. */
static void lines_filter_words(word *u, size_t plane, size_t tap, float (*g)[9][NR])
{
    for (size_t i = 0; i < LINES_TAPS; i++, u += tap) {
        for (size_t j = 0; j < NR; j += VEC) {
            vec r[WORD_K][WINO_MOST];
            for (size_t h = 0; h < WORD_K; h++) {
                vec d[3];
                for (size_t s = 0; s < 3; s++) {
                    d[s] = vload(g[h][3 * i + s] + j);
                }
                wino_filter(r[h], 1, d, 4);
            }
            for (size_t s = 0; s < WINO_MOST; s++) {
                vstore(u + s * plane + j, words_of(r[0][s], r[WORD_K - 1][s]));
            }
        }
    }
}

/* VEC channels from c on, of which `left` are left, of a tile's four pixels. */
SC_INLINE void lines_output_channels(const wino_target *t, const float *u, size_t plane, size_t c,
                                     size_t left, const wino_sink *sink, const sink_kind kind)
{
    vec d[WINO_MOST], r[WINO_MOST];
    stats_vec sum = stats_vec_begin(vzero());

    for (size_t j = 0; j < WINO_MOST; j++) {
        d[j] = vload(u + j * plane + c);
    }
    wino_output(r, 1, d, 4);
    if (kind != SINK_NONE) {
        sum = sink_begin(sink, c, r[0]);
    }
    wino_put_line(t, 0, c, left, r, sink, &sum, kind);
    if (kind != SINK_NONE) {
        stats_vec_store(&sink->at, c, &sum);
    }
}

SC_INLINE void lines_output_of(const float *u, size_t plane, const wino_shape *g, size_t at,
                               wino_sink *sink, const sink_kind kind)
{
    for (size_t i = 0; i < g->tw; i++, u += g->ld_out, at += 4 * g->co) {
        wino_target t = {.out = g->out + at,
                         .base = g->base ? g->base + at : NULL,
                         .rows = 1,
                         .columns = 4,
                         .step = g->co,
                         .base_step = g->co,
                         .at = at};
        size_t c = 0;
        for (; c + VEC <= g->co; c += VEC) {
            lines_output_channels(&t, u, plane, c, VEC, sink, kind);
        }
        if (kind == SINK_NONE && c < g->co) { /* sinks take whole vectors: wino_sinks */
            lines_output_channels(&t, u, plane, c, g->co - c, sink, kind);
        }
        if (kind != SINK_NONE) {
            sink->at.begun = true;
        }
    }
}

/* Line i of the output, unless it is between images. */
static void lines_output(const float *u, size_t plane, const wino_shape *g, size_t i,
                         wino_sink *sink)
{
    size_t n = i / g->th, y = i % g->th, at = (n * g->oh + y) * g->ow * g->co;

    if (y == g->oh) {
        return;
    }
    switch (sink_kind_of(sink)) {
    case SINK_NONE:
        lines_output_of(u, plane, g, at, sink, SINK_NONE);
        break;
    case SINK_STATS:
        lines_output_of(u, plane, g, at, sink, SINK_STATS);
        break;
    default:
        lines_output_of(u, plane, g, at, sink, SINK_NORM);
        break;
    }
}

/* Pixels of lines first .. end-1. */
static size_t lines_count_pixels(const wino_shape *g, size_t first, size_t end)
{
    size_t count = 0;

    for (size_t i = first; i < end; i++) {
        count += i % g->th < g->oh ? g->ow : 0;
    }
    return count;
}

/* ---- weight gradient ---- */

/* Words of two tiles, VEC channels from c on, of which `left` are left: to[xi plane] = B' d, or with `gradient`
 * A dy. */
SC_INLINE void lines_pair_channels(word *to, size_t plane, const elem *pixel[WORD_K][WINO_MOST],
                                   size_t c, size_t left, const bool gradient)
{
    vec r[WORD_K][WINO_MOST];

    for (size_t h = 0; h < WORD_K; h++) {
        vec d[WINO_MOST];
        for (size_t j = 0; j < (gradient ? 4 : WINO_MOST); j++) {
            d[j] = eload_left(pixel[h][j] + c, left);
        }
        if (gradient) {
            wino_gradient(r[h], 1, d, 4);
        } else {
            wino_input(r[h], 1, d, 4);
        }
    }
    for (size_t j = 0; j < WINO_MOST; j++) {
        vstore(to + j * plane, words_of(r[0][j], r[WORD_K - 1][j]));
    }
}

SC_INLINE void lines_pair_map(const wino_panels *to, size_t channels, size_t row,
                              const elem *pixel[WORD_K][WINO_MOST], const bool gradient)
{
    size_t c = 0;

    for (; c + VEC <= channels; c += VEC) {
        lines_pair_channels(wino_panel_at(to, row, c), to->plane, pixel, c, VEC, gradient);
    }
    if (c < channels) {
        lines_pair_channels(wino_panel_at(to, row, c), to->plane, pixel, c, channels - c, gradient);
    }
}

/* Line i of V, or zeros unless `inside`, in its rows from `row` on, before row `end`. */
static void lines_pairs_in(const wino_panels *v, const wino_shape *g, size_t row, size_t end,
                           size_t i, bool inside)
{
    const elem *line = inside ? lines_in(g, i) : NULL, *x[WORD_K][WINO_MOST];

    for (size_t t = 0; t < g->tw && row < end; t += WORD_K, row++) {
        for (size_t h = 0; h < WORD_K; h++) {
            lines_pixels(x[h], g, line, t + h);
        }
        lines_pair_map(v, g->ci, row, x, false);
    }
}

/* The same of W. */
static void lines_pairs_gradient(const wino_panels *w, const wino_shape *g, size_t row, size_t end,
                                 size_t i, bool inside)
{
    size_t n = i / g->th, y = i % g->th;
    const elem *dy[WORD_K][WINO_MOST];

    inside = inside && y < g->oh;
    for (size_t t = 0; t < g->tw && row < end; t += WORD_K, row++) {
        for (size_t h = 0; h < WORD_K; h++) {
            const elem *first = g->dy + ((n * g->oh + y) * g->ow + 4 * (t + h)) * g->co;
            for (size_t j = 0; j < 4; j++) {
                dy[h][j] = inside ? first + j * g->co : g->zeros;
            }
        }
        lines_pair_map(w, g->co, row, dy, true);
    }
}

/* sums[tap] (stride ci) = or += (G' dU)[tap] of VEC channels, of which `left` are left; du (points, taps across
 * the lines), `step` from one to the next */
static void lines_wgrad_taps(float *sums, size_t ci, size_t left, bool first, const float *du,
                             size_t step)
{
    for (size_t i = 0; i < LINES_TAPS; i++) {
        vec u[WINO_MOST], r[3];
        for (size_t xi = 0; xi < WINO_MOST; xi++) {
            u[xi] = vload(du + (xi * LINES_TAPS + i) * step);
        }
        wino_filter_gradient(r, 1, u, 4);
        for (size_t j = 0; j < 3; j++) {
            float *to = sums + (3 * i + j) * ci;
            vstore_left(to, r[j] + (first ? vzero() : vload_left(to, left)), left);
        }
    }
}

#endif
