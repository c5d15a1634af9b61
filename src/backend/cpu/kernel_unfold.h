/* SPDX-License-Identifier: MIT
 *
 * kernel_unfold.h - the image of a correlation unfolded: a row for each output, (taps, ci) columns.
 *
 *   out[n, oh step_out + h_out, ..., o] = sum_{i,j,c} in[n, oh step_in + h_in + i dilation, ..., c]
 *                                                     W[(i,j,c), o]
 *
 * A convolution is one correlation, its data gradient of stride t is t*t of them, one for each
 * remainder of the pixel's position: the taps that meet such pixels lie evenly spaced.  Taps that meet
 * only padding are left out.  Rows are gathered as they are needed, straight from the image.
 */
#ifndef SC_CPU_KERNEL_UNFOLD_H
#define SC_CPU_KERNEL_UNFOLD_H

#include "backend/cpu/kernel_norm.h"
#include "backend/cpu/kernel_word.h"

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
    const elem
        *base;      /* added to the sums, or NULL: pixels like those of out, which it may be, or */
    bool joined;    /* those that are computed and no others, one after the other */
    const float *w; /* as PyTorch stores it */
    word *packed;   /* (ceil(co / NR), words, NR) */
    size_t n, ci, co;
    size_t w_ci, w_co, w_row; /* strides of w; its columns are adjacent */
    corr_side h, v;           /* height, width */
    size_t depth, words;      /* taps * ci, and the words that hold them */
    /* of the output, whose rows must be adjacent; or NULL */
    stats_whole *stats;
    norm_args *norm;
    row_maker make; /* of the image, if its rows are still to be made */
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

#endif
