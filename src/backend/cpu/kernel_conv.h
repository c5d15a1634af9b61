/* SPDX-License-Identifier: MIT
 *
 * kernel_conv.h - convolution and its data gradient as implicit matrix products.
 *
 * Both are a correlation of an image with taps:
 *
 *   out[n, oh step_out + h_out, ..., o] = sum_{i,j,c} in[n, oh step_in + h_in + i dilation, ..., c]
 *                                                     W[(i,j,c), o]
 *
 * The data gradient of stride t is t*t of them, one for each remainder of the pixel's position: the
 * taps that meet such pixels lie evenly spaced.  Taps that meet only padding are left out.  W is
 * packed in slivers of NR columns; the rows of the unfolded image are gathered block by block to the
 * stack, straight from the image, and the sums are kept there until they are complete.
 */
#ifndef SC_CPU_KERNEL_CONV_H
#define SC_CPU_KERNEL_CONV_H

#include <assert.h>

#include "backend/cpu/kernel_micro.h"
#include "backend/cpu/kernel_stats.h"
#include "core/parallel.h"

enum {
    CONV_ROWS = STATS_ROWS,
    CONV_RANGES = STATS_RANGES,
    CONV_DEPTH = 256, /* of a block, in elements: a multiple of WORD_K */
    CONV_COLS = 256,  /* columns of the sums kept on the stack */
    CONV_PACK = 32    /* words of W along k that one part packs */
};

/* Along one side (height or width). */
typedef struct {
    size_t in, out;           /* sizes of the images */
    size_t count;             /* outputs computed */
    ptrdiff_t in_first;       /* input position of output 0 at tap 0 */
    size_t in_step, dilation; /* per output, per tap */
    size_t out_first, out_step;
    size_t taps;
    size_t tap_first; /* index in w of tap 0 */
    ptrdiff_t tap_step;
} corr_side;

typedef struct {
    const elem *in;
    elem *out;
    const elem *base; /* added to the sums, like out; or NULL; may be out */
    const float *w;   /* as PyTorch stores it */
    word *packed;     /* (ceil(co / NR), words, NR) */
    size_t n, ci, co;
    size_t w_ci, w_co, w_row; /* strides of w; its columns are adjacent */
    corr_side h, v;           /* height, width */
    size_t depth, words;      /* taps * ci, and the words that hold them */
    stats_whole *stats;       /* of the output, whose rows must be adjacent; or NULL */
} correlation;

/* Where a row of the unfolded image begins: position of tap (0,0), may lie outside. */
typedef struct {
    const elem *image;
    ptrdiff_t h, w;
    size_t left; /* rows from here on, this one too, that begin in the same line */
} corr_row;

/* Index in w of tap number `tap`, 0 .. taps-1. */
SC_INLINE size_t corr_tap(const corr_side *side, size_t tap)
{
    return (size_t)((ptrdiff_t)side->tap_first + (ptrdiff_t)tap * side->tap_step);
}

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

/* Positions of `rows` rows from `first` on. */
static void corr_rows(corr_row *row, const correlation *g, size_t first, size_t rows)
{
    size_t q = first % g->v.count, p = first / g->v.count % g->h.count;
    size_t n = first / g->v.count / g->h.count;

    for (size_t i = 0; i < rows; i++) {
        row[i].image = g->in + n * g->h.in * g->v.in * g->ci;
        row[i].h = (ptrdiff_t)(p * g->h.in_step) + g->h.in_first;
        row[i].w = (ptrdiff_t)(q * g->v.in_step) + g->v.in_first;
        row[i].left = g->v.count - q;
        if (++q == g->v.count) {
            q = 0;
            if (++p == g->h.count) {
                p = 0;
                n++;
            }
        }
    }
}

/* to (length) = the elements from `begin` on of a line of the image; zero outside. */
static void corr_gather_edge(kelem *to, const elem *line, ptrdiff_t size, ptrdiff_t begin,
                             size_t length)
{
    ptrdiff_t len = (ptrdiff_t)length, first = begin < 0 ? -begin : 0;
    ptrdiff_t end = begin + len > size ? size - begin : len;

    memset(to, 0, length * sizeof *to);
    if (first < end) {
        elems_to_operand(to + first, line + (begin + first), (size_t)(end - first));
    }
}

/* to (rows, length; ld) = for each row the elements at .. at+length-1 of image line `h` away from the
 * row's own, counted from column `w` away from its own; zero outside the image. */
static void corr_gather_run(kelem *to, size_t ld, const correlation *g, const corr_row *row,
                            size_t rows, ptrdiff_t h, ptrdiff_t at, size_t length)
{
    ptrdiff_t size = (ptrdiff_t)(g->v.in * g->ci), c = (ptrdiff_t)g->ci;
    ptrdiff_t step = (ptrdiff_t)g->v.in_step * c, last = size - (ptrdiff_t)length;

    for (size_t i = 0; i < rows;) {
        size_t end = min_size(rows, i + row[i].left);
        ptrdiff_t y = row[i].h + h, begin = row[i].w * c + at;
        if (y < 0 || y >= (ptrdiff_t)g->h.in) {
            for (; i < end; i++) {
                memset(to + i * ld, 0, length * sizeof *to);
            }
            continue;
        }
        const elem *line = row[i].image + y * size;
        for (; i < end && begin < 0; i++, begin += step) {
            corr_gather_edge(to + i * ld, line, size, begin, length);
        }
        for (; i < end && begin <= last; i++, begin += step) {
            elems_to_operand(to + i * ld, line + begin, length);
        }
        for (; i < end; i++, begin += step) {
            corr_gather_edge(to + i * ld, line, size, begin, length);
        }
    }
}

/* to (rows, k1 - k0; ld) = columns k0 .. k1-1, in order (i,j,c), of the unfolded image. */
static void corr_gather(kelem *to, size_t ld, const correlation *g, const corr_row *row,
                        size_t rows, size_t k0, size_t k1)
{
    /* Without dilation the taps of a line are adjacent in memory: one run for all. */
    bool joined = g->v.dilation == 1;
    size_t run = joined ? g->v.taps * g->ci : g->ci;

    for (size_t k = k0; k < k1;) {
        size_t segment = k / run, within = k % run, length = min_size(run - within, k1 - k);
        size_t i = joined ? segment : segment / g->v.taps;
        size_t j = joined ? 0 : segment % g->v.taps;
        corr_gather_run(to + (k - k0), ld, g, row, rows, (ptrdiff_t)(i * g->h.dilation),
                        (ptrdiff_t)(j * g->v.dilation * g->ci + within), length);
        k += length;
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
    kelem block[CONV_ROWS * CONV_DEPTH];
    float *c[CONV_ROWS];

    for (size_t i = 0; i < rows; i++) {
        c[i] = sum + i * CONV_COLS;
    }
    for (size_t k = 0; k < g->depth; k += CONV_DEPTH) {
        size_t depth = min_size(g->depth - k, CONV_DEPTH), ld = round_up(depth, WORD_K);
        corr_gather(block, ld, g, row, rows, k, k + depth);
        for (size_t i = 0; depth < ld && i < rows; i++) {
            block[i * ld + depth] = 0;
        }
        for (size_t o = o0; o < o1; o += NR) {
            tile t = {.c = c,
                      .col = o - o0,
                      .cols = NR,
                      .a = (const word *)(const void *)block,
                      .a_row = ld / WORD_K,
                      .a_col = 1,
                      .b = g->packed + o * g->words + k / WORD_K * NR,
                      .b_row = NR,
                      .k = ld / WORD_K,
                      .accumulate = k > 0};
            tile_sliver(&t, rows);
        }
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
                copy_elems(out[i], g->base + (out[i] - g->out), g->co);
            }
        }
        return;
    }
    corr_rows(row, g, first, rows);
    for (size_t o = 0; o < g->co; o += CONV_COLS) {
        size_t cols = min_size(g->co - o, CONV_COLS);
        corr_product(sum, g, row, rows, o, o + cols);
        for (size_t i = 0; i < rows; i++) {
            if (g->base) {
                const elem *base = g->base + (out[i] - g->out);
                add_to_elems(out[i] + o, base + o, sum + i * CONV_COLS, cols);
            } else {
                floats_to_elems(out[i] + o, sum + i * CONV_COLS, cols);
            }
        }
    }
}

static size_t corr_count_rows(const correlation *g)
{
    return g->n * g->h.count * g->v.count;
}

/* One of CONV_RANGES ranges of parts. */
static void corr_range(void *context, size_t range)
{
    const correlation *g = context;
    size_t all = corr_count_rows(g), begin, end;

    sc_part_range(&begin, &end, (all + CONV_ROWS - 1) / CONV_ROWS, CONV_RANGES, range);
    for (size_t first = begin * CONV_ROWS; first < min_size(end * CONV_ROWS, all);
         first += CONV_ROWS) {
        size_t rows = min_size(all - first, CONV_ROWS);
        corr_part(g, first, rows);
        if (g->stats) {
            stats_join_rows(&g->stats->range[range], g->out + first * g->co, rows, g->co, g->co);
        }
    }
}

static void correlate(correlation *g)
{
    g->depth = g->h.taps * g->v.taps * g->ci;
    g->words = (g->depth + WORD_K - 1) / WORD_K;
    sc_parallel_for((g->co + NR - 1) / NR * ((g->words + CONV_PACK - 1) / CONV_PACK),
                    corr_pack_part, g);
    sc_parallel_for(CONV_RANGES, corr_range, g);
}

/* Leaves out the taps at either end that meet only padding. */
static corr_side clip_taps(corr_side side)
{
    ptrdiff_t last = (ptrdiff_t)((side.count ? side.count - 1 : 0) * side.in_step) + side.in_first;
    ptrdiff_t step = (ptrdiff_t)side.dilation, size = (ptrdiff_t)side.in;

    while (side.taps > 0 && side.in_first + (ptrdiff_t)(side.taps - 1) * step >= size) {
        side.taps--;
    }
    while (side.taps > 0 && last < 0) {
        side.taps--;
        side.tap_first = corr_tap(&side, 1);
        side.in_first += step;
        last += step;
    }
    return side;
}

static corr_side forward_side(const sc_conv_shape *s, size_t in, size_t out, size_t taps)
{
    corr_side side = {.in = in,
                      .out = out,
                      .count = out,
                      .in_first = -(ptrdiff_t)s->pad,
                      .in_step = s->stride,
                      .dilation = s->dilation,
                      .out_step = 1,
                      .taps = taps,
                      .tap_step = 1};
    return clip_taps(side);
}

/* The pixels at remainder `phase` of the stride, of an image of size `in`: pixel x = t stride +
 * phase meets output p at tap r when p stride = x + pad - r dilation.  Such r are r0, r0 + step, ...
 * and p falls by `dilation` from one to the next; they are taken from the last to the first. */
static corr_side backward_side(const sc_conv_shape *s, size_t in, size_t out, size_t taps,
                               size_t phase)
{
    corr_side side = {.in = out,
                      .out = in,
                      .in_step = 1,
                      .dilation = 1,
                      .out_first = phase,
                      .out_step = s->stride};
    size_t found[2] = {0, 0};

    side.count = in > phase ? (in - phase + s->stride - 1) / s->stride : 0;
    for (size_t r = 0; r < taps; r++) {
        ptrdiff_t at = (ptrdiff_t)(phase + s->pad) - (ptrdiff_t)(r * s->dilation);
        if (at % (ptrdiff_t)s->stride != 0) {
            continue;
        }
        if (side.taps < 2) {
            found[side.taps] = r;
        }
        side.tap_first = r;
        side.in_first = at / (ptrdiff_t)s->stride;
        side.taps++;
    }
    if (side.taps > 1) {
        side.tap_step = -(ptrdiff_t)(found[1] - found[0]);
        side.dilation = (found[1] - found[0]) * s->dilation / s->stride;
    }
    return clip_taps(side);
}

/* Words of the statistics. */
static size_t direct_stats_size(const sc_conv_shape *s)
{
    return stats_memory(CONV_RANGES, s->k) * (sizeof(double) / sizeof(word));
}

/* Words of the packed filters, with the statistics before those of the forward pass. */
static size_t direct_packed_size(const sc_conv_shape *s)
{
    size_t taps = s->r * s->s;
    size_t forward = (taps * s->c + WORD_K - 1) / WORD_K * round_up(s->k, NR);
    size_t backward = (taps * s->k + WORD_K - 1) / WORD_K * round_up(s->c, NR);
    forward += direct_stats_size(s);
    return forward > backward ? forward : backward;
}

static void direct_forward(elem *y, sc_channel_stats stats, const elem *x, const float *w,
                           const sc_conv_shape *s, word *scratch)
{
    stats_whole whole;
    correlation g = {.in = x,
                     .out = y,
                     .w = w,
                     .packed = scratch + direct_stats_size(s),
                     .n = s->n,
                     .ci = s->c,
                     .co = s->k,
                     .w_ci = s->r * s->s,
                     .w_co = s->c * s->r * s->s,
                     .w_row = s->s,
                     .h = forward_side(s, s->h, s->p, s->r),
                     .v = forward_side(s, s->w, s->q, s->s),
                     .stats = stats.mean ? &whole : NULL};

    if (stats.mean) {
        stats_begin(&whole, CONV_RANGES, s->k, (double *)(void *)scratch);
    }
    correlate(&g);
    if (stats.mean) {
        stats_end(&whole, stats.mean, stats.var);
    }
}

static void direct_backward_data(elem *dx, const elem *dy, const float *w, const elem *base,
                                 const sc_conv_shape *s, word *packed)
{
    for (size_t phase = 0; phase < s->stride * s->stride; phase++) {
        correlation g = {.in = dy,
                         .out = dx,
                         .base = base,
                         .w = w,
                         .packed = packed,
                         .n = s->n,
                         .ci = s->k,
                         .co = s->c,
                         .w_ci = s->c * s->r * s->s,
                         .w_co = s->r * s->s,
                         .w_row = s->s,
                         .h = backward_side(s, s->h, s->p, s->r, phase / s->stride),
                         .v = backward_side(s, s->w, s->q, s->s, phase % s->stride)};
        correlate(&g);
    }
}

#endif
