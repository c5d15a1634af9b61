/* SPDX-License-Identifier: MIT
 *
 * kernel_shift_pairs.h - what a weight gradient multiplies where the image's taps are shifts (kernel_shift.h).
 *
 *   dw[k,c,i,j] += sum over the outputs (n,p,q) of dy[n,(p,q),k] x[n,(p step + i - 1, q step + j - 1),c]
 *
 * The sum is along the outputs, of which a word has two that follow each other.  dy is turned, so that its words
 * are; of x 32 channels of a pair are a row of words, and the layout is that of pairs.
 *
 * A step of tiles is 32 outputs of a line.  Images whose lines are shorter stand side by side, as one of lines as
 * long: 2 of 16 outputs, 4 of 8, and of 7 outputs and one of zeros.  So a tap is a shift by whole steps, and what
 * three taps of a column need of dy are three steps that follow each other, two of which the line before had
 * (tile_lines).  With a stride taps read lines of two kinds, and three have the same dy instead (tile_three).
 *
 * Of 32 channels or filters the words are in the order in which two instructions pair them (shift_channel).
 */
#ifndef SC_CPU_KERNEL_SHIFT_PAIRS_H
#define SC_CPU_KERNEL_SHIFT_PAIRS_H

#include "backend/cpu/kernel_pack.h"
#include "backend/cpu/kernel_shift.h"

enum {
    SHIFT_PAIRS_STEPS = 1024,    /* of a chunk */
    SHIFT_AHEAD = 4,             /* lines of a slab that are asked for */
    SHIFT_BLOCK = TILE_ROWS * NR /* sums of a tap */
};

typedef struct {
    sc_conv_shape s;
    shift_map map;
    const elem *dy, *x, *zeros;
    float *dw, *sums;     /* sums (k / 32, slab / 32, tap, 32, 32) of a job's chunks so far */
    word *turned, *pairs; /* of dy (k / 32, steps, 32, TILE_K), of x (slab / 32, groups, layout) */
    bool slabs;           /* there are many channels: a job is a slab of them, not images */
    size_t jobs, slab;    /* channels of a job */
    size_t pitch, joined; /* outputs of a line that an image has place for; images of a group */
    size_t groups, steps; /* of a chunk, at most; of turned dy */
    size_t sum_words, pair_words; /* of a job */
    size_t turned_words;          /* of a job; with slabs, of all */
    row_maker make;               /* of x */
    fetch_list fetch;
    size_t c0;           /* of a slab */
    size_t first, count; /* images of this chunk */
    bool begun;          /* there are sums to add to */
} shift_wgrad_args;

/* Outputs that a line of q has place for: a part of a step that lines of several images fill, or whole steps. */
static size_t shift_pitch(size_t q)
{
    size_t pitch = WORD_K;

    while (pitch < q && pitch < SHIFT_STEP) {
        pitch *= 2;
    }
    return round_up(q, pitch);
}

/* Steps of a group of images. */
static size_t shift_group_steps(const sc_conv_shape *s)
{
    return s->p * round_up(shift_pitch(s->q), SHIFT_STEP) / SHIFT_STEP;
}

/* Which of 32 channels is number i: 0 to 3, 8 to 11, 16 to 19, 24 to 27, and then the others. */
SC_INLINE size_t shift_channel(size_t i)
{
    return i % 16 / 4 * 8 + i / 16 * 4 + i % 4;
}

/* 32 words of two pixels, half of them from `to` on, half from `to` + next. */
SC_INLINE void shift_pair(word *to, size_t next, const elem *even, const elem *odd)
{
    __m512i e = _mm512_loadu_si512((const void *)even), o = _mm512_loadu_si512((const void *)odd);

    _mm512_storeu_si512((void *)to, _mm512_unpacklo_epi16(e, o));
    _mm512_storeu_si512((void *)(to + next), _mm512_unpackhi_epi16(e, o));
}

static size_t shift_groups(const shift_wgrad_args *a, size_t images)
{
    return (images + a->joined - 1) / a->joined;
}

/* Where the steps of filters k0..k0+31 begin, of this chunk. */
SC_INLINE word *shift_turned(const shift_wgrad_args *a, size_t k0)
{
    size_t before = a->slabs ? a->first / a->joined * shift_group_steps(&a->s) : 0;

    return a->turned + (k0 * a->steps + before * TILE_ROWS) * TILE_K;
}

/* The pixels of dy of step (group, h, line) of this chunk, or zeros. */
SC_INLINE void shift_outputs(const elem **output, const shift_wgrad_args *a, size_t step)
{
    const sc_conv_shape *s = &a->s;
    size_t line = step % s->p, across = a->map.q / SHIFT_STEP, group = step / s->p / across;
    size_t q0 = step / s->p % across * SHIFT_STEP; /* 0 where images are joined */
    size_t image = group * a->joined, width = min_size(a->pitch, SHIFT_STEP);

    for (size_t o = 0; o < SHIFT_STEP; o += width, image++) {
        const elem *dy = a->dy + (((a->first + image) * s->p + line) * s->q + q0) * s->k;
        size_t count = image < a->count ? min_size(s->q - q0, width) : 0;
        for (size_t q = 0; q < width; q++) {
            output[o + q] = q < count ? dy + q * s->k : a->zeros;
        }
    }
}

static void shift_turn_part(void *context, size_t step)
{
    const shift_wgrad_args *a = context;
    const elem *output[SHIFT_STEP];
    word pairs[TILE_K * NR];

    shift_outputs(output, a, step);
    for (size_t k0 = 0; k0 < a->s.k; k0 += TILE_ROWS) {
        for (size_t i = 0; i < TILE_K; i++) {
            shift_pair(pairs + i * NR, VEC, output[WORD_K * i] + k0, output[WORD_K * i + 1] + k0);
        }
        pack_transposed(shift_turned(a, k0) + step * TILE_ROWS * TILE_K, TILE_K, pairs, NR, TILE_K,
                        TILE_ROWS);
    }
}

/* Of a step the layout has 16 words of each pair, then the other 16. */
static void shift_pair_line(kelem *line_to, const void *context, const elem *line, size_t j)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;
    word *to = (word *)(void *)line_to;
    size_t panel = a->groups * m->image / WORD_K;

    line += line ? a->c0 : 0;
    if (a->slabs && line && j == 0) { /* what lies far apart the processor does not foresee */
        for (size_t w = 0; w < m->w; w++) {
            prefetch(line + (SHIFT_AHEAD * m->w + w) * m->c, a->slab * sizeof(elem), true);
        }
    }
    for (size_t q = 0; q < a->pitch; q += WORD_K) {
        const elem *even = shift_pixel(m, line, a->zeros, q, j);
        const elem *odd = shift_pixel(m, line, a->zeros, q + 1, j);
        size_t at = q / SHIFT_STEP * TILE_K * NR + q % SHIFT_STEP / WORD_K * VEC;
        for (size_t c = 0; c < a->slab; c += NR, at += panel) {
            shift_pair(to + at, TILE_K * VEC, even + c, odd + c);
        }
    }
}

/* Places of a group that have no image are zeros. */
static void shift_pair_part(void *context, size_t image)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;
    kelem *to = (kelem *)(void *)a->pairs + image / a->joined * m->image +
                image % a->joined * a->pitch * VEC;
    const elem *x = a->x + (a->first + image) * m->h * m->w * m->c;

    shift_lay_out(to, m, image < a->count ? x : NULL, shift_pair_line, a);
}

/* What follows after this part: a share of the maps of the next chunk, or of the next filters' dy. */
static fetch_list shift_wgrad_next(const shift_wgrad_args *a, size_t part)
{
    size_t blocks = a->slab / NR, k = part / blocks * TILE_ROWS + TILE_ROWS;
    size_t steps = shift_groups(a, a->count) * shift_group_steps(&a->s);

    if (!a->slabs) {
        return fetch_part(&a->fetch, part);
    }
    fetch_list panel = {.pieces = 0};
    if (k < a->s.k) {
        fetch_add(&panel, (const elem *)(const void *)shift_turned(a, k), SHIFT_STEP, 0,
                  steps * TILE_ROWS);
        fetch_divide(&panel, blocks);
    }
    return fetch_part(&panel, part % blocks);
}

/* Sums of AMX_ROWS filters and 32 channels: the taps of column j. */
static void shift_wgrad_column(float *sums, const shift_wgrad_args *a, const amx_steps *t, size_t j)
{
    const shift_map *m = &a->map;
    float *c[SHIFT_TAPS], *half[SHIFT_TAPS];
    size_t tap[SHIFT_TAPS];

    for (size_t i = 0; i < SHIFT_TAPS; i++) {
        c[i] = sums + (i * SHIFT_TAPS + j) * SHIFT_BLOCK;
        half[i] = c[i] + VEC;
        tap[i] = m->step > 1 ? shift_at(m, i, j) / WORD_K : 0;
    }
    if (m->step > 1) {
        tile_three(c, t, tap, a->begun);
        return;
    }
    amx_steps of = *t;
    of.b += shift_at(m, 0, j) / WORD_K;
    tile_lines(c, &of, m->p, a->begun);
    of.b += TILE_K * VEC;
    tile_lines(half, &of, m->p, a->begun);
}

/* 32 filters and 32 channels: all taps. */
static void shift_wgrad_part(void *context, size_t part)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;
    size_t blocks = a->slab / NR, c = part % blocks * NR, k0 = part / blocks * TILE_ROWS;
    size_t at[SHIFT_PAIRS_STEPS], b_at[SHIFT_PAIRS_STEPS], across = m->q / SHIFT_STEP;
    float *sums = a->sums + part * SHIFT_TAPS * SHIFT_TAPS * SHIFT_BLOCK;
    fetch_list maps = shift_wgrad_next(a, part);
    amx_steps t = {.a_row = SHIFT_STEP,
                   .at = at,
                   .b = a->pairs + c / NR * a->groups * m->image / WORD_K,
                   .b_at = b_at,
                   .steps = shift_groups(a, a->count) * shift_group_steps(&a->s),
                   .maps = &maps};
    size_t all = (m->step > 1 ? 1 : 2) * SHIFT_TAPS * (TILE_ROWS / AMX_ROWS) * t.steps;

    for (size_t i = 0; i < t.steps; i++) {
        size_t column = i / m->p % across, group = i / m->p / across;
        at[i] = i * TILE_ROWS * SHIFT_STEP;
        b_at[i] = group * m->image / WORD_K + (i % m->p * across + column) * TILE_K * NR;
    }
    t.map_lines = (fetch_count(&maps) + all - 1) / all;
    bool begun = tile_begin();
    for (size_t k = 0; k < TILE_ROWS; k += AMX_ROWS) {
        t.a = (const kelem *)(const void *)shift_turned(a, k0) + k * SHIFT_STEP;
        for (size_t j = 0; j < SHIFT_TAPS; j++) {
            shift_wgrad_column(sums + k * NR, a, &t, j);
        }
    }
    tile_end(begun);
}

#endif
