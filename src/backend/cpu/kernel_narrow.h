/* SPDX-License-Identifier: MIT
 *
 * kernel_narrow.h - convolution of images of few channels (a stem), and its weight gradient.
 *
 *   y[q,k]   = sum_l x[q,l] w[l,k]        l = (i,j,c): line and column of the window, channel
 *   dw[l,k] += sum_q x[q,l] dy[q,k]
 *
 * Unfolded rows of such an image are short and begin anywhere; to copy them (kernel_unfold.h) takes as long
 * as the products.  So the lines that some outputs read are copied once, with their padding, and words are
 * read where they lie, x[q,l] at a distance of at[l] from where q begins.  A word holds WORD_K elements of a
 * sum: adjacent columns of the window forward, adjacent outputs for the weights, for which the lines are
 * split by channel and by remainder of the stride.
 */
#ifndef SC_CPU_KERNEL_NARROW_H
#define SC_CPU_KERNEL_NARROW_H

#include "backend/cpu/kernel_direct.h"
#include "backend/cpu/kernel_strip.h"
#include "backend/cpu/kernel_wgrad.h"

enum {
    NARROW_CHANNELS = 4,
    NARROW_RUN = STATS_ROWS,   /* outputs of a line at once: a multiple of TILE_ROWS */
    NARROW_LINES = 8 * WORD_K, /* lines of outputs at once, for the weights */
    NARROW_TAPS = 1024,        /* r s c at most */
    NARROW_STAGE = MATRIX_UNIT ? 98304 : 32768 /* elements of copied lines at most */
};

typedef struct {
    sc_conv_shape s;
    const elem *x;
    size_t words, at[NARROW_TAPS]; /* at: of every TILE_K words */
    elem *y;                       /* forward */
    strip strip;
    size_t ld; /* of the copied lines */
    word *packed;
    const float *w;
    stats_whole *stats;
    const elem *dy; /* weights */
    row_maker make_dy;
    float *dw, *slots;
    size_t slot_count;
    size_t plane, line; /* elements of a plane; of all planes of a line */
} narrow_args;

/* Lines p .. p+lines-1 and columns q .. q+count-1 of the outputs of image n. */
typedef struct {
    size_t n, p, lines, q, count;
} narrow_block;

/* Elements of a line of the window, with what the matrix unit's words are filled up with. */
static size_t narrow_window(const sc_conv_shape *s)
{
    return MATRIX_UNIT ? round_up(s->s * s->c, WORD_K * TILE_K) : s->s * s->c;
}

/* Elements that `count` outputs of a line read. */
static size_t narrow_reach(const sc_conv_shape *s, size_t count)
{
    return (count - 1) * s->stride * s->c + narrow_window(s);
}

/* Outputs of a line whose words are read at once, with what rounding up adds. */
static size_t narrow_plane(const sc_conv_shape *s)
{
    size_t outputs = round_up(min_size(s->q, NARROW_RUN), WORD_K * TILE_K);
    return MATRIX_UNIT ? outputs : outputs + (s->s - 1) / s->stride;
}

/* Planes of a line of the image: one for each channel and remainder of the stride, or on the matrix unit for
 * each tap of a line of the window. */
static size_t narrow_planes_of(const sc_conv_shape *s)
{
    return MATRIX_UNIT ? s->s * s->c : s->stride * s->c;
}

static bool narrow_takes(const sc_conv_shape *s)
{
    size_t taps = s->r * s->s * s->c, lines = (NARROW_LINES - 1) * s->stride + s->r;
    /* a tile reads TILE_ROWS planes, also beyond the last */
    size_t planes = lines * narrow_planes_of(s) + (MATRIX_UNIT ? TILE_ROWS : 0);

    return s->c <= NARROW_CHANNELS && s->dilation == 1 && s->s * s->c >= WORD_K &&
           taps <= NARROW_TAPS && s->r * narrow_reach(s, NARROW_RUN) <= NARROW_STAGE &&
           planes * narrow_plane(s) <= NARROW_STAGE;
}

/* to (length) = line `h` of image n from element `begin` on; zero outside the image. */
static void narrow_line(kelem *to, const narrow_args *g, size_t n, ptrdiff_t h, ptrdiff_t begin,
                        size_t length)
{
    size_t size = g->s.w * g->s.c;

    if (h < 0 || h >= (ptrdiff_t)g->s.h) {
        memset(to, 0, length * sizeof *to);
        return;
    }
    corr_gather_edge(to, g->x + (n * g->s.h + (size_t)h) * size, (ptrdiff_t)size, begin, length);
}

/* Elements 0, step, 2 step, ... of a line. */
SC_INLINE void narrow_split(kelem *plane, const kelem *line, size_t step, size_t count)
{
    for (size_t t = 0; t < count; t++) {
        plane[t] = line[t * step];
    }
}

/* ---- y ---- */

static size_t narrow_line_words(const sc_conv_shape *s)
{
    return (narrow_window(s) + WORD_K - 1) / WORD_K;
}

/* Where a word of a line of the window begins: the last one ends with the line, so that it reads nothing
 * else; what it has in common with the word before counts as zero in its filters. */
static size_t narrow_begin(const sc_conv_shape *s, size_t l)
{
    return min_size(l * WORD_K, narrow_window(s) - WORD_K);
}

/* The words of NR filters. */
static void narrow_pack_part(void *context, size_t part)
{
    const narrow_args *g = context;
    const sc_conv_shape *s = &g->s;
    size_t o0 = part * NR, cols = min_size(s->k - o0, NR), words = narrow_line_words(s);

    memset(g->packed + o0 * g->words, 0, g->words * NR * sizeof(word));
    for (size_t l = 0; l < g->words; l++) {
        kelem *to = (kelem *)(void *)(g->packed + o0 * g->words + l * NR);
        size_t i = l / words, begin = narrow_begin(s, l % words);
        for (size_t e = l % words * WORD_K; e < min_size(begin + WORD_K, s->s * s->c); e++) {
            for (size_t k = 0; k < cols; k++) {
                size_t row = ((o0 + k) * s->c + e % s->c) * s->r + i;
                to[k * WORD_K + (e - begin)] = kput(g->w[row * s->s + e / s->c]);
            }
        }
    }
}

/* One of CONV_RANGES ranges of lines. */
static void narrow_range(void *context, size_t range)
{
    const narrow_args *g = context;
    const sc_conv_shape *s = &g->s;
    kelem stage[NARROW_STAGE];
    size_t begin, end;

    bool begun = tile_begin();
    sc_part_range(&begin, &end, s->n * s->p, CONV_RANGES, range);
    for (size_t at = begin * s->q; at < end * s->q;) {
        size_t q = at % s->q, count = min_size(s->q - q, NARROW_RUN), line = at / s->q;
        size_t length = narrow_reach(s, count);
        ptrdiff_t h = (ptrdiff_t)(line % s->p * s->stride) - (ptrdiff_t)s->pad;
        ptrdiff_t w = (ptrdiff_t)(q * s->stride) - (ptrdiff_t)s->pad;
        for (size_t i = 0; i < s->r; i++) {
            narrow_line(stage + i * g->ld, g, line / s->p, h + (ptrdiff_t)i, w * (ptrdiff_t)s->c,
                        length);
        }
        fetch_list next = {.pieces = 0};
        fetch_add(&next, g->y, s->k, at + count, min_size(at + 2 * count, s->n * s->p * s->q));
        strip_outputs(g->y + at * s->k, NULL, &g->strip, stage, count, &next);
        if (g->stats) {
            stats_join_rows(&g->stats->range[range], g->y + at * s->k, count, s->k, s->k);
        }
        at += count;
    }
    tile_end(begun);
}

/* Words of the packed filters, with the statistics before them; the data gradient is direct. */
static size_t narrow_scratch(const sc_conv_shape *s)
{
    size_t packed = direct_stats_size(s) + s->r * narrow_line_words(s) * round_up(s->k, NR);

    return max_size(packed, direct_scratch(s));
}

static void narrow_forward(elem *y, sc_channel_stats stats, const elem *x, const sc_affine *make,
                           const float *w, const sc_conv_shape *s, word *scratch)
{
    stats_whole whole;
    size_t words = narrow_line_words(s);
    narrow_args g = {.s = *s,
                     .x = x,
                     .words = s->r * words,
                     .y = y,
                     .packed = scratch + direct_stats_size(s),
                     .w = w,
                     .stats = stats.mean ? &whole : NULL,
                     .ld = narrow_reach(s, NARROW_RUN)};

    g.strip = (strip){g.packed, g.at, g.words, s->k, s->stride * s->c, s->k, s->k};
    for (size_t l = 0; l < g.words; l += TILE_K) {
        g.at[l / TILE_K] = l / words * g.ld + narrow_begin(s, l % words);
    }
    if (make) {
        channel_affine(make, s->n * s->h * s->w, s->c);
    }
    sc_parallel_for((s->k + NR - 1) / NR, narrow_pack_part, &g);
    if (stats.mean) {
        stats_begin(&whole, CONV_RANGES, s->k, (double *)(void *)scratch);
    }
    sc_parallel_for(CONV_RANGES, narrow_range, &g);
    if (stats.mean) {
        stats_end(&whole, stats.mean, stats.var);
    }
}

#endif
