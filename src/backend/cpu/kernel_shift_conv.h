/* SPDX-License-Identifier: MIT
 *
 * kernel_shift_conv.h - convolution by the matrix unit where its image's taps are shifts (kernel_shift.h), and
 * its data gradient.
 *
 *   out[n,(p,q),o] = base + sum over taps (i,j) and channels c of in[n,(p step + i, q step + j),c] W[(i,j,c),o]
 *
 * The rows of a tile are outputs that follow each other; their sums go straight to the map.  The data gradient
 * of stride t is t t correlations of one layout (kernel_unfold.h), one for each remainder of the pixels.
 * A chunk of images is made (kernel_rows.h), laid out, multiplied and summed up, while the maps of the next
 * are fetched.  Chunks are dealt to slots as blocks of Winograd's are (kernel_wino_conv.h).
 */
#ifndef SC_CPU_KERNEL_SHIFT_CONV_H
#define SC_CPU_KERNEL_SHIFT_CONV_H

#include "backend/cpu/kernel_direct.h"
#include "backend/cpu/kernel_shift.h"

enum {
    SHIFT_SLOTS = 16,
    SHIFT_CHUNK = 256 << 10, /* bytes of a chunk's layout, or one image's: L2 holds its maps too */
    SHIFT_PHASES = SHIFT_STRIDE * SHIFT_STRIDE,
    SHIFT_STEPS = SHIFT_TAPS * SHIFT_TAPS * SHIFT_CHANNELS / SHIFT_STEP
};

typedef struct {
    correlation of[SHIFT_PHASES];
    size_t at[SHIFT_PHASES][SHIFT_STEPS]; /* where a step of tiles begins in an image's layout */
    size_t phases;
    shift_map map;
    size_t slots, images; /* of a chunk */
    kelem *planes, *zeros;
    row_maker make;
    stats_whole *stats; /* of the output, or NULL, as norm */
    norm_args *norm;
    fetch_list fetch;
    size_t first, count; /* images of this chunk */
} shift_args;

/* ---- what is multiplied ---- */

static void shift_line(kelem *to, const void *context, const elem *line, size_t j)
{
    const shift_args *a = context;
    const shift_map *m = &a->map;

    for (size_t q = 0; q < m->q; q++, to += m->c) {
        elems_to_operand(to, shift_pixel(m, line, a->zeros, q, j), m->c);
    }
}

static void shift_image_part(void *context, size_t image)
{
    const shift_args *a = context;
    const shift_map *m = &a->map;

    shift_lay_out(a->planes + image * m->image, m,
                  a->of[0].in + (a->first + image) * m->h * m->w * m->c, shift_line, a);
}

/* Rows from..from+TILE_ROWS-1 of a phase's outputs of an image, columns o..o+NR-1. */
SC_INLINE void shift_store(const correlation *g, const float *sum, size_t image, size_t from,
                           size_t o)
{
    size_t p = from / g->v.count, q = from % g->v.count;

    for (size_t i = 0; i < TILE_ROWS; i++, sum += NR) {
        size_t h = p * g->h.out_step + g->h.out_first, w = q * g->v.out_step + g->v.out_first;
        elem *to = g->out + ((image * g->h.out + h) * g->v.out + w) * g->co;
        size_t row = image * g->h.count * g->v.count + from + i;
        const elem *base = g->base ? corr_base(g, to, row) + o : NULL;
        strip_store(to + o, base, vload(sum), vload(sum + VEC));
        if (++q == g->v.count) {
            q = 0;
            p++;
        }
    }
}

/* NR columns of a phase's outputs of the chunk. */
static void shift_product_part(void *context, size_t part)
{
    const shift_args *a = context;
    const shift_map *m = &a->map;
    size_t phase = part % a->phases, o = part / a->phases * NR;
    const correlation *g = &a->of[phase];
    size_t outputs = m->p * m->q, steps = g->words / TILE_K;
    size_t all = a->count * (outputs / TILE_ROWS) * steps;
    float sum[TILE_ROWS * NR];
    fetch_list maps = fetch_part(&a->fetch, part);
    amx_steps t = {.a_row = m->pixel,
                   .at = a->at[phase],
                   .b = g->packed + o * g->words,
                   .steps = steps,
                   .maps = &maps,
                   .map_lines = (fetch_count(&maps) + all - 1) / all};

    bool begun = tile_begin();
    for (size_t image = 0; image < a->count; image++) {
        for (size_t row = 0; row < outputs; row += TILE_ROWS) {
            t.a = a->planes + image * m->image + row * m->pixel;
            tile_apart(sum, &t);
            shift_store(g, sum, a->first + image, row, o);
        }
    }
    tile_end(begun);
}

static void shift_sum(const shift_args *a, size_t slot)
{
    const correlation *g = &a->of[0];
    size_t pixels = g->h.out * g->v.out, end = (a->first + a->count) * pixels;

    for (size_t row = a->first * pixels; a->stats && row < end; row += STATS_ROWS) {
        stats_join_rows(&a->stats->range[slot], g->out + row * g->co,
                        min_size(end - row, STATS_ROWS), g->co, g->co);
    }
    for (size_t row = a->first * pixels; a->norm && row < end; row += NORM_RUN) {
        norm_sum_rows(a->norm, row, min_size(row + NORM_RUN, end), slot);
    }
}

/* The images after this chunk, as many, or what they are made of; and what goes with the chunk's outputs. */
static void shift_fetch(shift_args *a, size_t end, size_t parts)
{
    const correlation *g = &a->of[0];
    const sc_batchnorm *norm = a->norm ? a->norm->sums.of : NULL;
    size_t in = g->h.in * g->v.in, out = g->h.out * g->v.out, next = a->first + a->count;
    size_t stop = min_size(next + a->count, end);
    const elem *with[] = {g->out, g->joined || g->base == g->out ? NULL : g->base,
                          norm ? norm->x : NULL, norm ? norm->y : NULL};

    a->fetch = (fetch_list){.pieces = 0};
    fetch_add(&a->fetch, g->in, g->ci, next * in, stop * in);
    for (size_t i = 0; i < ROWS_MAPS; i++) {
        if (a->make.map[i]) {
            fetch_add(&a->fetch, a->make.map[i], g->ci, next * in, stop * in);
        }
    }
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        if (with[i]) {
            fetch_add(&a->fetch, with[i], g->co, a->first * out, next * out);
        }
    }
    fetch_divide(&a->fetch, parts);
}

static void shift_slot(void *context, size_t slot)
{
    shift_args a = *(const shift_args *)context;
    const correlation *g = &a.of[0];
    size_t parts = g->co / NR * a.phases, pixels = g->h.in * g->v.in, begin, end;

    a.planes += wino_place(a.slots, slot) * a.images * a.map.image;
    bool begun = tile_begin();
    sc_part_range(&begin, &end, g->n, a.slots, slot);
    a.make.made = begin * pixels;
    for (a.first = begin; a.first < end; a.first += a.count) {
        a.count = min_size(end - a.first, a.images);
        make_rows(&a.make, (a.first + a.count) * pixels);
        shift_fetch(&a, end, parts);
        sc_parallel_for(a.count, shift_image_part, &a);
        sc_parallel_for(parts, shift_product_part, &a);
        shift_sum(&a, slot);
    }
    tile_end(begun);
}

/* ---- how it is cut ---- */

/* The layout that all phases read: their windows together. */
static shift_map shift_map_of(const shift_args *a)
{
    const correlation *g = &a->of[0];
    shift_map m = {.h = g->h.in,
                   .w = g->v.in,
                   .c = g->ci,
                   .p = g->h.count,
                   .q = g->v.count,
                   .step = g->h.in_step,
                   .pixel = g->ci};
    ptrdiff_t bottom = 0, right = 0;

    for (size_t i = 0; i < a->phases; i++) {
        const corr_side *h = &a->of[i].h, *v = &a->of[i].v;
        ptrdiff_t last = h->in_first + (ptrdiff_t)h->taps;
        m.top = h->in_first < m.top ? h->in_first : m.top;
        bottom = last > bottom ? last : bottom;
        last = v->in_first + (ptrdiff_t)v->taps;
        m.left = v->in_first < m.left ? v->in_first : m.left;
        right = last > right ? last : right;
    }
    m.lines = (size_t)(bottom - m.top);
    m.columns = (size_t)(right - m.left);
    shift_map_sizes(&m);
    return m;
}

static void shift_sizes(shift_args *a)
{
    shift_map *m = &a->map;

    *m = shift_map_of(a);
    a->images = max_size(1, SHIFT_CHUNK / sizeof(kelem) / m->image);
    a->slots = min_size(a->of[0].n, SHIFT_SLOTS);
    for (size_t phase = 0; phase < a->phases; phase++) {
        correlation *g = &a->of[phase];
        size_t taps = g->h.taps * g->v.taps, *at = a->at[phase];
        g->depth = taps * g->ci;
        g->words = corr_words(g->depth);
        for (size_t tap = 0; tap < taps; tap++) {
            size_t i = (size_t)(g->h.in_first - m->top) + tap / g->v.taps;
            size_t j = (size_t)(g->v.in_first - m->left) + tap % g->v.taps;
            for (size_t c = 0; c < g->ci; c += SHIFT_STEP) {
                *at++ = shift_at(m, i, j) + c;
            }
        }
    }
}

static void shift_forward_args(shift_args *a, const sc_conv_shape *s)
{
    a->phases = 1;
    a->of[0] = corr_forward(s);
    shift_sizes(a);
}

static void shift_backward_args(shift_args *a, const sc_conv_shape *s, sc_base base)
{
    a->phases = s->stride * s->stride;
    for (size_t i = 0; i < a->phases; i++) {
        a->of[i] = corr_backward(s, i, base);
    }
    shift_sizes(a);
}

/* sums, zeros, W of each phase, layouts; in words */
static size_t shift_layout(shift_args *a, const sc_conv_shape *s, word *base)
{
    size_t zeros = direct_stats_size(s), used = zeros + round_up(a->map.c, VEC);

    for (size_t i = 0; i < a->phases; i++) {
        a->of[i].packed = base ? base + used : NULL;
        used += a->of[i].words * a->of[i].co;
    }
    if (base) {
        a->zeros = (kelem *)(void *)(base + zeros);
        a->planes = (kelem *)(void *)(base + used);
        memset(a->zeros, 0, a->map.c * sizeof *a->zeros);
    }
    return used + a->slots * a->images * a->map.image / WORD_K;
}

/* Words that the convolution, or its data gradient, needs. */
static size_t shift_scratch(const sc_conv_shape *s)
{
    shift_args forward = {.phases = 0}, backward = {.phases = 0};

    shift_forward_args(&forward, s);
    shift_backward_args(&backward, s, SC_NO_BASE);
    return max_size(shift_layout(&forward, s, NULL), shift_layout(&backward, s, NULL));
}

static void shift_correlate(shift_args *a)
{
    for (size_t i = 0; i < a->phases; i++) {
        correlation *g = &a->of[i];
        sc_parallel_for(g->co / NR * ((g->words + CONV_PACK - 1) / CONV_PACK), corr_pack_part, g);
    }
    wino_each_slot(a->slots, shift_slot, a);
}

/* ---- the two passes ---- */

static void shift_forward(elem *y, sc_channel_stats stats, const elem *x, const sc_affine *make,
                          const float *w, const sc_conv_shape *s, word *scratch)
{
    shift_args a = {.make = affine_maker(make, s->c)};
    stats_whole whole;

    shift_forward_args(&a, s);
    shift_layout(&a, s, scratch);
    a.of[0].in = x;
    a.of[0].out = y;
    a.of[0].w = w;
    if (stats.mean) {
        stats_begin(&whole, a.slots, s->k, (double *)(void *)scratch);
        a.stats = &whole;
    }
    shift_correlate(&a);
    if (stats.mean) {
        stats_end(&whole, stats.mean, stats.var);
    }
}

static void shift_backward_data(elem *dx, const sc_batchnorm *sums, const elem *dy,
                                const sc_batchnorm *make, const float *w, sc_base base,
                                const sc_conv_shape *s, word *scratch)
{
    shift_args a = {.make = gradient_maker(make, s->k)};
    norm_args norm = {.rows = s->n * s->h * s->w, .c = s->c};

    shift_backward_args(&a, s, base);
    shift_layout(&a, s, scratch);
    for (size_t i = 0; i < a.phases; i++) {
        a.of[i].in = dy;
        a.of[i].out = dx;
        a.of[i].w = w;
    }
    if (sums) {
        norm_sums_begin(&norm.sums, sums, a.slots, 0, s->c, (double *)(void *)scratch);
        a.norm = &norm;
    }
    shift_correlate(&a);
    if (sums) {
        norm_sums_end(&norm.sums, norm.rows);
    }
}

#endif
