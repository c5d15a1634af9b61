/* SPDX-License-Identifier: MIT
 *
 * kernel_conv.h - correlations of an image with taps (kernel_unfold.h) as implicit matrix products.
 *
 * W is packed in slivers of NR columns; the rows of the unfolded image are gathered block by block to the
 * stack, and the sums are kept there until they are complete.  The rows that a block reads are made before
 * it, if they are still to be, and its outputs are summed up after it, while they are in the cache.
 */
#ifndef SC_CPU_KERNEL_CONV_H
#define SC_CPU_KERNEL_CONV_H

#include <assert.h>

#include "backend/cpu/kernel_micro.h"
#include "backend/cpu/kernel_stats.h"
#include "backend/cpu/kernel_strip.h"
#include "backend/cpu/kernel_unfold.h"
#include "core/parallel.h"

enum {
    CONV_GAP = MATRIX_UNIT ? 32 : 0, /* between rows of a block, which keeps cache sets apart */
    /* The matrix unit is so fast that W must be read seldom: a block for it fills L2. */
    CONV_ROWS = MATRIX_UNIT ? 256 : STATS_ROWS,
    CONV_RANGES = STATS_RANGES,
    CONV_DEPTH = MATRIX_UNIT ? 512 : 256, /* of a block, in elements: a multiple of WORD_K TILE_K */
    CONV_COLS = 256,                      /* columns of the sums kept on the stack */
    CONV_PACK = 32,                       /* words of W along k that one part packs */
    CONV_IMAGES = 16                      /* fewer are not cut between images */
};

/* CONV_PACK words along k of one sliver; k runs in the order (i,j,c). */
static void corr_pack_part(void *context, size_t part)
{
    const correlation *g = context;
    size_t chunks = (g->words + CONV_PACK - 1) / CONV_PACK;
    size_t l0 = part % chunks * CONV_PACK, o0 = part / chunks * NR;
    size_t l1 = min_size(l0 + CONV_PACK, g->words), cols = min_size(g->co - o0, NR);

    for (size_t k = l0 * WORD_K; k < l1 * WORD_K; k++) {
        kelem *to = (kelem *)(void *)(g->packed + o0 * g->words + k / WORD_K * NR) + k % WORD_K;
        size_t used = k < g->depth ? cols : 0, tap = k / g->ci;
        size_t r = corr_tap(&g->h, tap / g->v.taps), s = corr_tap(&g->v, tap % g->v.taps);
        for (size_t j = 0; j < used; j++) {
            to[j * WORD_K] =
                kput(g->w[r * g->w_row + s + k % g->ci * g->w_ci + (o0 + j) * g->w_co]);
        }
        for (size_t j = used; j < NR; j++) {
            to[j * WORD_K] = 0;
        }
    }
}

/* Addresses of the output pixels of these rows. */
static void corr_outputs(elem **c, const correlation *g, size_t first, size_t rows)
{
    size_t q = first % g->v.count, p = first / g->v.count % g->h.count;
    size_t n = first / g->v.count / g->h.count;

    for (size_t i = 0; i < rows; i++) {
        size_t h = p * g->h.out_step + g->h.out_first, w = q * g->v.out_step + g->v.out_first;
        c[i] = g->out + ((n * g->h.out + h) * g->v.out + w) * g->co;
        if (++q == g->v.count) {
            q = 0;
            if (++p == g->h.count) {
                p = 0;
                n++;
            }
        }
    }
}

/* sum (rows, CONV_COLS) = the columns o0 .. o1-1 of the product. */
static void corr_product(float *sum, const correlation *g, const corr_row *row, size_t rows,
                         size_t o0, size_t o1)
{
    kelem block[CONV_ROWS * (CONV_DEPTH + CONV_GAP)];
    size_t blocks = (g->depth + CONV_DEPTH - 1) / CONV_DEPTH;
    size_t step = round_up((g->depth + blocks - 1) / blocks, WORD_K * TILE_K);

    bool begun = tile_begin();
    for (size_t k = 0; k < g->depth; k += step) {
        size_t depth = min_size(g->depth - k, step), used = round_up(depth, WORD_K * TILE_K);
        size_t ld = used + CONV_GAP;
        corr_gather(block, ld, g, row, rows, k, k + depth);
        for (size_t i = 0; depth < used && i < rows; i++) {
            memset(block + i * ld + depth, 0, (used - depth) * sizeof *block);
        }
        for (size_t o = o0; o < o1; o += NR) {
            tile t = {.c = sum + o - o0,
                      .c_row = CONV_COLS,
                      .cols = NR,
                      .a = (const word *)(const void *)block,
                      .a_row = ld / WORD_K,
                      .a_col = 1,
                      .b = g->packed + o * g->words + k / WORD_K * NR,
                      .k = used / WORD_K,
                      .accumulate = k > 0};
            tile_sliver(&t, rows);
        }
    }
    tile_end(begun);
}

/* Whether outputs have one tap each, whose pixels lie side by side in the image, so that strips can read
 * them in place.  (Of a stride, which leaves pixels out, copying them costs no more.) */
static bool corr_in_place(const correlation *g)
{
    const corr_side *side[] = {&g->h, &g->v};

    for (size_t i = 0; i < 2; i++) {
        ptrdiff_t end = side[i]->in_first + (ptrdiff_t)side[i]->count;
        bool inside = side[i]->in_first >= 0 && end <= (ptrdiff_t)side[i]->in;
        if (side[i]->taps != 1 || side[i]->in_step != 1 || !inside) {
            return false;
        }
    }
    return !MATRIX_UNIT && sizeof(elem) == sizeof(kelem) && g->ci % WORD_K == 0;
}

/* Whether each output is beside the one before, and its pixel too. */
static bool corr_adjacent(const correlation *g)
{
    return g->h.out_step == 1 && g->v.out_step == 1 && g->h.count == g->h.in &&
           g->v.count == g->v.in;
}

/* What is added to output number `row`, whose address is `out`; base is not NULL. */
SC_INLINE const elem *corr_base(const correlation *g, const elem *out, size_t row)
{
    return g->joined ? g->base + row * g->co : g->base + (out - g->out);
}

/* Outputs of the part after this one, and their pixels, where all are adjacent. */
static void corr_fetch(fetch_list *f, const correlation *g, size_t first, size_t rows)
{
    size_t begin = first + rows, end = min_size(begin + rows, g->n * g->h.count * g->v.count);

    *f = (fetch_list){.pieces = 0};
    if (corr_adjacent(g)) {
        fetch_add(f, g->in, g->ci, begin, end);
        fetch_add(f, g->out, g->co, begin, end);
        if (g->base && g->base != g->out) {
            fetch_add(f, g->base, g->co, begin, end);
        }
    }
}

static void corr_strips(const correlation *g, size_t first, elem *const *out, const corr_row *row,
                        size_t rows)
{
    size_t step = g->v.out_step * g->co;
    strip s = {g->packed, NULL, g->words, g->co, g->ci, step, g->joined ? g->co : step};
    bool adjacent = corr_adjacent(g);
    fetch_list next;

    corr_fetch(&next, g, first, rows);
    for (size_t i = 0, count; i < rows; i += count) {
        const elem *x = row[i].image + ((size_t)row[i].h * g->v.in + (size_t)row[i].w) * g->ci;
        const elem *base = g->base ? corr_base(g, out[i], first + i) : NULL;
        count = adjacent ? rows : min_size(rows - i, row[i].left);
        strip_outputs(out[i], base, &s, (const kelem *)(const void *)x, count, &next);
    }
}

static void corr_part(const correlation *g, size_t first, size_t rows)
{
    float sum[CONV_ROWS * CONV_COLS];
    elem *out[CONV_ROWS];
    corr_row row[CONV_ROWS];

    corr_outputs(out, g, first, rows);
    if (g->depth == 0) { /* no tap meets these pixels */
        for (size_t i = 0; i < rows; i++) {
            if (!g->base) {
                zero_elems(out[i], g->co);
            } else if (g->base != g->out) {
                copy_elems(out[i], corr_base(g, out[i], first + i), g->co);
            }
        }
        return;
    }
    corr_rows(row, g, first, rows);
    if (corr_in_place(g)) {
        corr_strips(g, first, out, row, rows);
        return;
    }
    for (size_t o = 0; o < g->co; o += CONV_COLS) {
        size_t cols = min_size(g->co - o, CONV_COLS);
        corr_product(sum, g, row, rows, o, o + cols);
        for (size_t i = 0; i < rows; i++) {
            if (g->base) {
                const elem *base = corr_base(g, out[i], first + i);
                add_to_elems(out[i] + o, base + o, sum + i * CONV_COLS, cols);
            } else {
                floats_to_elems(out[i] + o, sum + i * CONV_COLS, cols);
            }
        }
    }
}

/* Words along k, with what a tile is filled up with. */
static size_t corr_words(size_t depth)
{
    return round_up(depth, WORD_K * TILE_K) / WORD_K;
}

static size_t corr_count_rows(const correlation *g)
{
    return g->n * g->h.count * g->v.count;
}

/* Outputs of one of CONV_RANGES ranges: whole images, whose rows it makes, or whole parts. */
static void corr_range_rows(size_t *begin, size_t *end, const correlation *g, size_t range)
{
    size_t all = corr_count_rows(g), parts = (all + CONV_ROWS - 1) / CONV_ROWS;
    size_t unit = g->make.pass ? g->h.count * g->v.count : CONV_ROWS;
    size_t ranges = g->make.pass ? min_size(parts, CONV_RANGES) : CONV_RANGES;

    *begin = *end = 0;
    if (range < ranges) {
        sc_part_range(begin, end, (all + unit - 1) / unit, ranges, range);
    }
    *begin = min_size(*begin * unit, all);
    *end = min_size(*end * unit, all);
}

/* Pixels of the images that the outputs before `end` read, and all before them. */
static size_t corr_reach(const correlation *g, size_t end)
{
    size_t line = (end + g->v.count - 1) / g->v.count, n = line / g->h.count;
    ptrdiff_t lines = (ptrdiff_t)(line % g->h.count);

    if (lines > 0) {
        lines = (lines - 1) * (ptrdiff_t)g->h.in_step + g->h.in_first;
        lines += (ptrdiff_t)((g->h.taps - 1) * g->h.dilation) + 1;
    }
    lines = lines < 0 ? 0 : lines;
    return (n * g->h.in + min_size((size_t)lines, g->h.in)) * g->v.in;
}

/* Adds finished outputs to the sums of their range. */
static void corr_sum(const correlation *g, size_t range, size_t first, size_t end)
{
    for (size_t row = first; g->stats && row < end; row += STATS_ROWS) {
        stats_join_rows(&g->stats->range[range], g->out + row * g->co,
                        min_size(end - row, STATS_ROWS), g->co, g->co);
    }
    for (size_t row = first; g->norm && row < end; row += NORM_RUN) {
        norm_sum_rows(g->norm, row, min_size(row + NORM_RUN, end), range);
    }
}

static void corr_range(void *context, size_t range)
{
    const correlation *g = context;
    row_maker make = g->make;
    size_t begin, end;

    corr_range_rows(&begin, &end, g, range);
    make.made = corr_reach(g, begin);
    for (size_t first = begin, next; first < end; first = next) {
        next = min_size(end, first + CONV_ROWS);
        make_rows(&make, corr_reach(g, next));
        corr_part(g, first, next - first);
        corr_sum(g, range, first, next);
    }
}

static void correlate(correlation *g)
{
    if (corr_count_rows(g) ==
        0) { /* a phase of the data gradient may have no pixel: 1x1 with stride 2 */
        return;
    }
    g->depth = g->h.taps * g->v.taps * g->ci;
    g->words = corr_words(g->depth);
    sc_parallel_for((g->co + NR - 1) / NR * ((g->words + CONV_PACK - 1) / CONV_PACK),
                    corr_pack_part, g);
    sc_parallel_for(CONV_RANGES, corr_range, g);
}

#endif
