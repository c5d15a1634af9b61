/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_filter.h - U, the transformed filters of a convolution: U[xi] (ci, co) = (G g G')[xi].
 *
 * Stride 2: of each phase of the pixels, from the taps that it has: odd 0 and 2, even 1.
 */
#ifndef SC_CPU_KERNEL_WINO_FILTER_H
#define SC_CPU_KERNEL_WINO_FILTER_H

#include "backend/cpu/kernel_pack.h"
#include "backend/cpu/kernel_wino_fetch.h"

enum {
    WINO_FILTERS = 8,       /* words of input channels of one part */
    WINO_STREAM = 12 << 20, /* bytes of U, read seldom, that go past the caches: 3 ms less of 35 at
                             * 512 filters and channels; at 9 MiB no difference (Zen 4, L3 32 MiB) */
};

typedef struct {
    wino_shape g;
    const float *w;
    size_t w_ci, w_co;
    bool flip;    /* filters turned round */
    word *u;      /* (xi, co_pad / NR, words, NR) */
    word *v;      /* per slot (xi, tiles of a block, words of ci) */
    float *m;     /* per slot (xi, tiles of a block, co_pad) */
    size_t words; /* that hold ci, of every phase, or for every tap across the lines */
    size_t block, slots, u_plane, v_plane, m_plane;
    size_t part;     /* tiles that are transformed and summed up together */
    bool stream;     /* U goes past the caches */
    row_maker make;  /* of the image, if it is not there yet */
    wino_sums sums;  /* of the output, a range a slot */
    double *sums_at; /* their memory */
} wino_args;

/* tap[h][i] = weight i of channel c0 + h for NR outputs from o0 on, one by one; zero beyond ci and co. */
static void wino_taps_edge(float (*tap)[9][NR], const wino_args *a, size_t c0, size_t channels,
                           size_t o0)
{
    size_t cols = min_size(a->g.co - o0, NR),
           real = min_size(a->g.ci - min_size(c0, a->g.ci), channels);

    memset(tap, 0, channels * sizeof *tap);
    for (size_t j = 0; j < cols; j++) {
        for (size_t c = 0; c < real; c++) {
            const float *w = a->w + (o0 + j) * a->w_co + (c0 + c) * a->w_ci;
            for (size_t i = 0; i < 9; i++) {
                tap[c][i][j] = w[a->flip ? 8 - i : i];
            }
        }
    }
}

/* The same.  Of a convolution the weights of an output's channels are adjacent, of its data gradient those of
 * a channel's outputs. */
static void wino_taps(float (*tap)[9][NR], const wino_args *a, size_t c0, size_t channels,
                      size_t o0)
{
    const float *w = a->w + o0 * a->w_co + c0 * a->w_ci;

    if (c0 + channels > a->g.ci || o0 + NR > a->g.co) {
        wino_taps_edge(tap, a, c0, channels, o0);
    } else if (!a->flip) {
        pack_transposed(tap[0][0], NR, w, a->w_co, NR, channels * 9);
    } else {
        for (size_t c = 0; c < channels; c++) {
            float turned[9][NR];
            pack_transposed(turned[0], NR, w + c * a->w_ci, 9, NR, 9);
            for (size_t i = 0; i < 9; i++) {
                copy_floats(tap[c][i], turned[8 - i], NR);
            }
        }
    }
}

/* VEC words of U */
SC_INLINE void wino_put(word *u, vec words, bool stream)
{
    if (stream) {
        vstream(u, words);
    } else {
        vstore(u, words);
    }
}

/* q = G g of outputs j .. j+VEC-1 */
SC_INLINE void wino_filter_columns(vec *q, float (*tap)[NR], size_t j, const size_t m)
{
    for (size_t i = 0; i < 3; i++) {
        vec column[3] = {vload(tap[i] + j), vload(tap[3 + i] + j), vload(tap[6 + i] + j)};
        wino_filter(q + i, 3, column, m);
    }
}

/* U of a word of input channels and NR outputs, at u. */
SC_INLINE void wino_filter_word(word *u, const wino_args *a, float (*tap)[9][NR], const size_t m)
{
    const size_t side = m + 2;

    for (size_t j = 0; j < NR; j += VEC) {
        vec q[WORD_K][3 * WINO_MOST];
        for (size_t h = 0; h < WORD_K; h++) {
            wino_filter_columns(q[h], tap[h], j, m);
        }
        for (size_t i = 0; i < side; i++) {
            vec r[WORD_K][WINO_MOST];
            for (size_t h = 0; h < WORD_K; h++) {
                wino_filter(r[h], 1, q[h] + 3 * i, m);
            }
            for (size_t s = 0; s < side; s++) {
                wino_put(u + (i * side + s) * a->u_plane + j, words_of(r[0][s], r[WORD_K - 1][s]),
                         a->stream);
            }
        }
    }
}

/* G g of one phase: nh and nw are 5 where it is odd, else 4. */
SC_INLINE void phase_filter_columns(vec *q, float (*tap)[NR], size_t j, const size_t nh,
                                    const size_t nw)
{
    for (size_t s = 0; s < nw - 3; s++) {
        size_t column = nw == 5 ? 2 * s : 1;
        const vec g[2] = {vload(tap[(nh == 5 ? 0 : 3) + column] + j), vload(tap[6 + column] + j)};
        phase_filter(q + s, 2, g, nh);
    }
}

/* U of a word of one phase. */
SC_INLINE void phase_filter_word(word *u, const wino_args *a, float (*tap)[9][NR], const size_t nh,
                                 const size_t nw)
{
    for (size_t j = 0; j < NR; j += VEC) {
        vec q[WORD_K][2 * PHASE_MOST];
        for (size_t h = 0; h < WORD_K; h++) {
            phase_filter_columns(q[h], tap[h], j, nh, nw);
        }
        for (size_t i = 0; i < nh; i++) {
            vec r[WORD_K][PHASE_MOST];
            for (size_t h = 0; h < WORD_K; h++) {
                phase_filter(r[h], 1, q[h] + 2 * i, nw);
            }
            for (size_t s = 0; s < nw; s++) {
                wino_put(u + (i * PHASE_MOST + s) * a->u_plane + j,
                         words_of(r[0][s], r[WORD_K - 1][s]), a->stream);
            }
        }
    }
}

static void phase_filter_words(word *u, const wino_args *a, float (*tap)[9][NR])
{
    size_t block = a->g.in_step == 2 ? a->g.in_block * NR : a->g.out_block * a->words;

    phase_filter_word(u, a, tap, 5, 4);
    phase_filter_word(u + block, a, tap, 5, 5);
    phase_filter_word(u + 2 * block, a, tap, 4, 5);
    phase_filter_word(u + 3 * block, a, tap, 4, 4);
}

/* Transformed filters of one sliver of output channels and WINO_FILTERS words of input channels. */
static void wino_filter_part(void *context, size_t part)
{
    const wino_args *a = context;
    size_t l0 = part % (a->g.in_block / WINO_FILTERS) * WINO_FILTERS;
    size_t o0 = part / (a->g.in_block / WINO_FILTERS) * NR;
    float tap[WINO_FILTERS * WORD_K][9][NR];

    wino_taps(tap, a, l0 * WORD_K, WINO_FILTERS * WORD_K, o0);
    for (size_t l = 0; l < WINO_FILTERS; l++) {
        word *u = a->u + o0 * a->words + (l0 + l) * NR;
        if (a->g.lines) {
            lines_filter_words(u, a->u_plane, a->g.in_block * NR, tap + l * WORD_K);
        } else if (a->g.phases) {
            phase_filter_words(u, a, tap + l * WORD_K);
        } else if (a->g.m == 4) {
            wino_filter_word(u, a, tap + l * WORD_K, 4);
        } else {
            wino_filter_word(u, a, tap + l * WORD_K, 2);
        }
    }
    if (a->stream) {
        vstream_end();
    }
}

#endif
