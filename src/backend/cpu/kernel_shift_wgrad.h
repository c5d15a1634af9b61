/* SPDX-License-Identifier: MIT
 *
 * kernel_shift_wgrad.h - weight gradient by the matrix unit where the image's taps are shifts: how it is dealt.
 *
 * Few channels: images are dealt to slots, whose sums are added in the end.  Many: their sums would be too
 * large; x is dealt, in slabs of channels, and dy of all images is turned beforehand.  Either is a job, which
 * goes through its images chunk by chunk: their layout and products are kernel_shift_pairs.h.
 */
#ifndef SC_CPU_KERNEL_SHIFT_WGRAD_H
#define SC_CPU_KERNEL_SHIFT_WGRAD_H

#include "backend/cpu/kernel_shift_pairs.h"

enum {
    SHIFT_PAIRS_CHUNK = 640 << 10, /* bytes of a chunk's dy and x, or one image's, for L2, */
    SHIFT_PAIRS_SLAB = 800 << 10,  /* or of a slab's x: its sums and some of dy lie there too */
    SHIFT_PAIRS_SLOTS = 16,
    SHIFT_PAIRS_RANGES = 64 /* in which dy is turned beforehand */
};

/* Whether a weight gradient is computed so. */
static bool shift_wgrad_takes(const sc_conv_shape *s)
{
    return shift_window(s) && shift_group_steps(s) <= SHIFT_PAIRS_STEPS;
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
    fetch_add(&a->fetch, a->dy, m->p * a->s.q * a->s.k, next, stop);
    fetch_divide(&a->fetch, parts);
}

/* dw of 32 filters and 32 channels += the jobs' sums, which are added first */
static void shift_wgrad_finish(void *context, size_t part)
{
    const shift_wgrad_args *a = context;
    size_t taps = SHIFT_TAPS * SHIFT_TAPS, blocks = a->slab / NR;
    size_t c0 = a->c0 + part % blocks * NR, k0 = part / blocks * TILE_ROWS;
    float *sums = a->sums + part * taps * SHIFT_BLOCK, turned[NR * SHIFT_TAPS * SHIFT_TAPS];

    for (size_t job = 1; job < (a->slabs ? 1 : a->jobs); job++) {
        add_floats(sums, sums + job * a->sum_words, taps * SHIFT_BLOCK);
    }
    for (size_t k = 0; k < TILE_ROWS; k++) {
        float *dw = a->dw + ((k0 + shift_channel(k)) * a->s.c + c0) * taps;
        pack_transposed(turned, taps, sums + k * NR, SHIFT_BLOCK, taps, NR);
        for (size_t c = 0; c < NR; c++) {
            add_floats(dw + shift_channel(c) * taps, turned + c * taps, taps);
        }
    }
}

static size_t shift_wgrad_parts(const shift_wgrad_args *a)
{
    return a->s.k / TILE_ROWS * (a->slab / NR);
}

/* The images of a job, chunk by chunk. */
static void shift_wgrad_job(void *context, size_t job)
{
    shift_wgrad_args a = *(const shift_wgrad_args *)context;
    size_t place = wino_place(a.jobs, job), parts = shift_wgrad_parts(&a), begin = 0, end = a.s.n;

    bool begun = tile_begin();
    a.pairs += place * a.pair_words;
    if (a.slabs) {
        a.sums += place * a.sum_words;
        a.c0 = job * a.slab;
    } else {
        a.sums += job * a.sum_words;
        a.turned += place * a.turned_words;
        sc_part_range(&begin, &end, a.s.n, a.jobs, job);
        a.make.made = begin * a.s.h * a.s.w;
    }
    for (a.first = begin; a.first < end; a.first += a.count) {
        a.count = min_size(end - a.first, a.groups * a.joined);
        a.begun = a.first > begin;
        if (!a.slabs) {
            make_rows(&a.make, (a.first + a.count) * a.s.h * a.s.w);
            shift_wgrad_fetch(&a, end, parts);
            sc_parallel_for(shift_groups(&a, a.count) * shift_group_steps(&a.s), shift_turn_part,
                            &a);
        }
        sc_parallel_for(shift_groups(&a, a.count) * a.joined, shift_pair_part, &a);
        sc_parallel_for(parts, shift_wgrad_part, &a);
    }
    if (a.slabs) {
        sc_parallel_for(parts, shift_wgrad_finish, &a);
    }
    tile_end(begun);
}

/* What slabs share: a range of the groups of images, whose x is made and whose dy is turned. */
static void shift_wgrad_before(void *context, size_t range)
{
    shift_wgrad_args a = *(const shift_wgrad_args *)context;
    size_t begin, end, each = shift_group_steps(&a.s);

    sc_part_range(&begin, &end, shift_groups(&a, a.s.n), SHIFT_PAIRS_RANGES, range);
    a.make.made = begin * a.joined * a.s.h * a.s.w;
    make_rows(&a.make, min_size(end * a.joined, a.s.n) * a.s.h * a.s.w);
    a.count = a.s.n;
    for (size_t step = begin * each; step < end * each; step++) {
        shift_turn_part(&a, step);
    }
}

static void shift_wgrad_sizes(shift_wgrad_args *a)
{
    const sc_conv_shape *s = &a->s;
    shift_map *m = &a->map;
    bool shifts = s->stride == 1; /* lines of zeros meet nothing: they have no place */

    a->pitch = shift_pitch(s->q);
    a->joined = max_size(1, SHIFT_STEP / a->pitch);
    *m = (shift_map){.h = s->h,
                     .w = s->w,
                     .c = s->c,
                     .p = s->p,
                     .q = a->joined * a->pitch,
                     .step = s->stride,
                     .top = shifts ? 0 : -(ptrdiff_t)s->pad,
                     .left = -(ptrdiff_t)s->pad,
                     .lines = shifts ? 1 : s->r,
                     .columns = s->s,
                     .pixel = NR};
    shift_map_sizes(m);
    a->slabs = s->c * s->k > SHIFT_FEW;
    a->slab = !a->slabs ? s->c : s->c % (2 * NR) == 0 ? 2 * NR : NR;
    a->jobs = a->slabs ? s->c / a->slab : min_size(s->n, SHIFT_PAIRS_SLOTS);
    size_t each = shift_group_steps(s), all = shift_groups(a, s->n);
    size_t x = m->image / WORD_K * (a->slab / NR), dy = each * TILE_K * s->k; /* words of a group */
    size_t fit = a->slabs ? SHIFT_PAIRS_SLAB / x : SHIFT_PAIRS_CHUNK / (x + dy);
    a->groups = max_size(1, min_size(fit / sizeof(word), min_size(all, SHIFT_PAIRS_STEPS / each)));
    a->steps = each * (a->slabs ? all : a->groups);
    a->turned_words = a->steps * TILE_K * s->k;
    a->pair_words = a->groups * x;
    a->sum_words = s->r * s->s * s->k * a->slab;
}

/* zeros, sums of all jobs, x of each, dy of each or of all; in words */
static size_t shift_wgrad_layout(shift_wgrad_args *a, word *base)
{
    size_t zeros = round_up(max_size(a->s.c, a->s.k), VEC), sums = a->jobs * a->sum_words;

    if (base) {
        a->zeros = (const elem *)(const void *)base;
        a->sums = (float *)base + zeros;
        a->pairs = base + zeros + sums;
        a->turned = a->pairs + a->jobs * a->pair_words;
        memset(base, 0, zeros * sizeof *base);
    }
    return zeros + sums + a->jobs * a->pair_words + (a->slabs ? 1 : a->jobs) * a->turned_words;
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
    if (a.slabs) {
        sc_parallel_for(SHIFT_PAIRS_RANGES, shift_wgrad_before, &a);
    }
    wino_each_slot(a.jobs, shift_wgrad_job, &a);
    if (!a.slabs) {
        sc_parallel_for(shift_wgrad_parts(&a), shift_wgrad_finish, &a);
    }
}

static size_t shift_wgrad_scratch(const sc_conv_shape *s)
{
    shift_wgrad_args a = {.s = *s};

    shift_wgrad_sizes(&a);
    return shift_wgrad_layout(&a, NULL);
}

#endif
