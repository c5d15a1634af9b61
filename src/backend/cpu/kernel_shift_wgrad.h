/* SPDX-License-Identifier: MIT
 *
 * kernel_shift_wgrad.h - weight gradient by the matrix unit where the image's taps are shifts (kernel_shift.h).
 *
 *   slot[k, c, (i,j)] = sum over the slot's outputs (n,p,q) of dy[n,(p,q),k] x[n,(p step + i, q step + j),c]
 *   dw[k,c,i,j]      += slot 0 + slot 1 + ...
 *
 * The sum is along the outputs, of which a word has two that follow each other.  dy is turned, so that its words
 * are; of x 32 channels of a pair are a row of words, and the layout is that of pairs.  The three taps of a
 * column have sums in registers at once: what they read of x is nearly the same, and what of dy the same.
 *
 * Of 32 channels or filters the words are in the order in which two instructions pair them (shift_channel).
 */
#ifndef SC_CPU_KERNEL_SHIFT_WGRAD_H
#define SC_CPU_KERNEL_SHIFT_WGRAD_H

#include "backend/cpu/kernel_pack.h"
#include "backend/cpu/kernel_shift.h"

enum {
    /* Outputs of a chunk, or one image's, and bytes of its operands, for L2. */
    SHIFT_PAIRS_OUTPUTS = 1024,
    SHIFT_PAIRS_CHUNK = 1280 << 10,
    SHIFT_PAIRS_SLOTS = 16,
    SHIFT_PAIRS_STEPS = SHIFT_OUTPUTS / SHIFT_STEP,
    SHIFT_BLOCK = TILE_ROWS * NR /* sums of a tap */
};

typedef struct {
    sc_conv_shape s;
    shift_map map;
    const elem *dy, *x, *zeros;
    float *dw, *sums;     /* sums (k / 32, c / 32, tap, 32, 32) of the slot's chunks so far */
    word *turned, *pairs; /* of dy (k / 32, steps, 32, TILE_K), of x (c / 32, images, layout) */
    size_t slots, images; /* of a chunk */
    size_t sum_words, turned_words, pair_words; /* of a slot */
    row_maker make;                             /* of x */
    fetch_list fetch;
    size_t first, count; /* images of this chunk */
    bool begun;          /* there are sums to add to */
} shift_wgrad_args;

/* Which of 32 channels is number i: 0 to 3, 8 to 11, 16 to 19, 24 to 27, and then the others. */
SC_INLINE size_t shift_channel(size_t i)
{
    return i % 16 / 4 * 8 + i / 16 * 4 + i % 4;
}

/* 32 words of two pixels. */
SC_INLINE void shift_pair(word *to, const elem *even, const elem *odd)
{
    __m512i e = _mm512_loadu_si512((const void *)even), o = _mm512_loadu_si512((const void *)odd);

    _mm512_storeu_si512((void *)to, _mm512_unpacklo_epi16(e, o));
    _mm512_storeu_si512((void *)(to + VEC), _mm512_unpackhi_epi16(e, o));
}

static size_t shift_image_steps(const shift_wgrad_args *a)
{
    return a->map.p * a->map.q / SHIFT_STEP;
}

/* Where the steps of filters k0..k0+31 begin. */
SC_INLINE word *shift_turned(const shift_wgrad_args *a, size_t k0)
{
    return a->turned + k0 * a->images * shift_image_steps(a) * TILE_K;
}

/* Where the images of channels c0..c0+31 begin. */
SC_INLINE word *shift_pairs(const shift_wgrad_args *a, size_t c0)
{
    return a->pairs + c0 / NR * a->images * a->map.image / WORD_K;
}

static void shift_turn_part(void *context, size_t step)
{
    const shift_wgrad_args *a = context;
    size_t k = a->s.k;
    const elem *dy = a->dy + (a->first * shift_image_steps(a) + step) * SHIFT_STEP * k;
    word pairs[TILE_K * NR];

    for (size_t k0 = 0; k0 < k; k0 += TILE_ROWS) {
        for (size_t i = 0; i < TILE_K; i++) {
            const elem *even = dy + i * WORD_K * k + k0;
            shift_pair(pairs + i * NR, even, even + k);
        }
        pack_transposed(shift_turned(a, k0) + step * TILE_ROWS * TILE_K, TILE_K, pairs, NR, TILE_K,
                        TILE_ROWS);
    }
}

static void shift_pair_line(kelem *to, const void *context, const elem *line, size_t j)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;
    size_t panel = a->images * m->image;

    for (size_t q = 0; q < m->q; q += WORD_K, to += WORD_K * NR) {
        const elem *even = shift_pixel(m, line, a->zeros, q, j);
        const elem *odd = shift_pixel(m, line, a->zeros, q + 1, j);
        for (size_t c0 = 0; c0 < m->c; c0 += NR) {
            shift_pair((word *)(void *)(to + c0 / NR * panel), even + c0, odd + c0);
        }
    }
}

static void shift_pair_part(void *context, size_t image)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;

    shift_lay_out((kelem *)(void *)a->pairs + image * m->image, m,
                  a->x + (a->first + image) * m->h * m->w * m->c, shift_pair_line, a);
}

/* 32 filters and 32 channels: all taps. */
static void shift_wgrad_part(void *context, size_t part)
{
    const shift_wgrad_args *a = context;
    const shift_map *m = &a->map;
    size_t blocks = m->c / NR, c0 = part % blocks * NR, k0 = part / blocks * TILE_ROWS;
    size_t each = shift_image_steps(a), at[SHIFT_PAIRS_STEPS], b_at[SHIFT_PAIRS_STEPS];
    float *sums = a->sums + part * m->lines * m->columns * SHIFT_BLOCK;
    fetch_list maps = fetch_part(&a->fetch, part);
    amx_steps t = {
        .a_row = SHIFT_STEP, .at = at, .b_at = b_at, .steps = a->count * each, .maps = &maps};
    size_t all = m->columns * (TILE_ROWS / AMX_ROWS) * t.steps;

    for (size_t i = 0; i < t.steps; i++) {
        at[i] = i * TILE_ROWS * SHIFT_STEP;
        b_at[i] = i / each * m->image / WORD_K + i % each * TILE_K * NR;
    }
    t.map_lines = (fetch_count(&maps) + all - 1) / all;
    bool begun = tile_begin();
    for (size_t j = 0; j < m->columns; j++) {
        for (size_t k = 0; k < TILE_ROWS; k += AMX_ROWS) {
            float *c[SHIFT_TAPS];
            size_t tap[SHIFT_TAPS];
            for (size_t i = 0; i < SHIFT_TAPS; i++) {
                tap[i] = shift_at(m, i, j) / WORD_K;
                c[i] = sums + (i * m->columns + j) * SHIFT_BLOCK + k * NR;
            }
            t.a = (const kelem *)(const void *)shift_turned(a, k0) + k * SHIFT_STEP;
            t.b = shift_pairs(a, c0);
            tile_three(c, &t, tap, a->begun);
        }
    }
    tile_end(begun);
}

/* What the images after this chunk, as many, are, or are made of. */
static void shift_wgrad_fetch(shift_wgrad_args *a, size_t end, size_t parts)
{
    const shift_map *m = &a->map;
    size_t next = a->first + a->count, stop = min_size(next + a->count, end);

    a->fetch = (fetch_list){.pieces = 0};
    fetch_add(&a->fetch, a->x, m->h * m->w * m->c, next, stop);
    for (size_t i = 0; i < ROWS_MAPS; i++) {
        if (a->make.map[i]) {
            fetch_add(&a->fetch, a->make.map[i], m->h * m->w * m->c, next, stop);
        }
    }
    fetch_add(&a->fetch, a->dy, m->p * m->q * a->s.k, next, stop);
    fetch_divide(&a->fetch, parts);
}

static void shift_wgrad_slot(void *context, size_t slot)
{
    shift_wgrad_args a = *(const shift_wgrad_args *)context;
    size_t place = wino_place(a.slots, slot), parts = a.s.k / TILE_ROWS * (a.s.c / NR), begin, end;

    a.sums += slot * a.sum_words;
    a.turned += place * a.turned_words;
    a.pairs += place * a.pair_words;
    bool begun = tile_begin();
    sc_part_range(&begin, &end, a.s.n, a.slots, slot);
    a.make.made = begin * a.s.h * a.s.w;
    for (a.first = begin; a.first < end; a.first += a.count) {
        a.count = min_size(end - a.first, a.images);
        a.begun = a.first > begin;
        make_rows(&a.make, (a.first + a.count) * a.s.h * a.s.w);
        shift_wgrad_fetch(&a, end, parts);
        sc_parallel_for(a.count * shift_image_steps(&a), shift_turn_part, &a);
        sc_parallel_for(a.count, shift_pair_part, &a);
        sc_parallel_for(parts, shift_wgrad_part, &a);
    }
    tile_end(begun);
}

/* dw of 32 filters and 32 channels += the slots' sums, which are added first */
static void shift_wgrad_finish(void *context, size_t part)
{
    const shift_wgrad_args *a = context;
    size_t taps = a->map.lines * a->map.columns, blocks = a->s.c / NR;
    size_t c0 = part % blocks * NR, k0 = part / blocks * TILE_ROWS;
    float *sums = a->sums + part * taps * SHIFT_BLOCK, turned[NR * SHIFT_TAPS * SHIFT_TAPS];

    for (size_t slot = 1; slot < a->slots; slot++) {
        add_floats(sums, sums + slot * a->sum_words, taps * SHIFT_BLOCK);
    }
    for (size_t k = 0; k < TILE_ROWS; k++) {
        float *dw = a->dw + ((k0 + shift_channel(k)) * a->s.c + c0) * taps;
        pack_transposed(turned, taps, sums + k * NR, SHIFT_BLOCK, taps, NR);
        for (size_t c = 0; c < NR; c++) {
            add_floats(dw + shift_channel(c) * taps, turned + c * taps, taps);
        }
    }
}

static void shift_wgrad_sizes(shift_wgrad_args *a)
{
    const sc_conv_shape *s = &a->s;
    shift_map *m = &a->map;

    *m = (shift_map){.h = s->h,
                     .w = s->w,
                     .c = s->c,
                     .p = s->p,
                     .q = s->q,
                     .step = s->stride,
                     .top = -(ptrdiff_t)s->pad,
                     .left = -(ptrdiff_t)s->pad,
                     .lines = s->r,
                     .columns = s->s,
                     .pixel = NR};
    shift_map_sizes(m);
    size_t outputs = s->p * s->q, dy = outputs / WORD_K * s->k, x = m->image / WORD_K * (s->c / NR);
    size_t fit = SHIFT_PAIRS_CHUNK / sizeof(word) / (dy + x);
    a->images = max_size(1, min_size(fit, SHIFT_PAIRS_OUTPUTS / outputs));
    a->slots = min_size(s->n, SHIFT_PAIRS_SLOTS);
    a->turned_words = a->images * dy;
    a->pair_words = a->images * x;
    a->sum_words = s->r * s->s * s->k * s->c;
}

/* zeros, sums of all slots, dy and x of each; in words */
static size_t shift_wgrad_layout(shift_wgrad_args *a, word *base)
{
    size_t zeros = round_up(a->s.c, VEC), sums = a->slots * a->sum_words;

    if (base) {
        a->zeros = (const elem *)(const void *)base;
        a->sums = (float *)base + zeros;
        a->turned = base + zeros + sums;
        a->pairs = a->turned + a->slots * a->turned_words;
        memset(base, 0, zeros * sizeof *base);
    }
    return zeros + sums + a->slots * (a->turned_words + a->pair_words);
}

static void shift_backward_weight(float *dw, const elem *dy, const sc_batchnorm *make_dy,
                                  const elem *x, const sc_affine *make_x, const sc_conv_shape *s,
                                  word *scratch)
{
    shift_wgrad_args a = {.s = *s, .dy = dy, .x = x, .dw = dw, .make = affine_maker(make_x, s->c)};

    if (make_dy) {
        batchnorm_gradient(make_dy, s->n * s->p * s->q, s->k);
    }
    shift_wgrad_sizes(&a);
    shift_wgrad_layout(&a, scratch);
    wino_each_slot(a.slots, shift_wgrad_slot, &a);
    sc_parallel_for(s->k / TILE_ROWS * (s->c / NR), shift_wgrad_finish, &a);
}

static size_t shift_wgrad_scratch(const sc_conv_shape *s)
{
    shift_wgrad_args a = {.s = *s};

    shift_wgrad_sizes(&a);
    return shift_wgrad_layout(&a, NULL);
}

#endif
