/* SPDX-License-Identifier: MIT
 *
 * kernel_stats.h - mean and variance of channels over pixels, from the sums of small parts.
 *
 *   part: sums of d and d^2 in float, d = x - shift, over at most some hundred pixels; the shift is
 *         one of them, so that a large mean costs no digits
 *   range: mean and squared deviations in double, to which its parts are joined one after the other
 *   whole: the ranges joined in their order (all by Chan, Golub and LeVeque 1979)
 *
 * Parts and ranges are cut by the shape of the data alone.  Sums are taken of x as it is stored: in
 * bf16 after rounding, whose own variance is no small matter where the spread is small beside the mean.
 */
#ifndef SC_CPU_KERNEL_STATS_H
#define SC_CPU_KERNEL_STATS_H

#include <assert.h>
#include <stdbool.h>

#include "backend/cpu/kernel_elem.h"

enum {
    STATS_RANGES = 64, /* at most */
    STATS_WIDTH = 256, /* channels of a part whose sums lie on the stack */
    STATS_ROWS = 96    /* of such a part */
};

/* Sums of a part, of each channel. */
typedef struct {
    float *shift, *first, *second;
    bool begun; /* there are sums to add to */
} stats_sums;

/* The same of VEC channels. */
typedef struct {
    vec shift, first, second;
} stats_vec;

SC_INLINE stats_vec stats_vec_load(const stats_sums *s, size_t c)
{
    stats_vec v = {vload(s->shift + c), vload(s->first + c), vload(s->second + c)};
    return v;
}

SC_INLINE void stats_vec_store(const stats_sums *s, size_t c, const stats_vec *v)
{
    vstore(s->shift + c, v->shift);
    vstore(s->first + c, v->first);
    vstore(s->second + c, v->second);
}

SC_INLINE stats_vec stats_vec_begin(vec shift)
{
    stats_vec v = {shift, vzero(), vzero()};
    return v;
}

SC_INLINE void stats_vec_add(stats_vec *v, vec x)
{
    vec d = x - v->shift;
    v->first += d;
    v->second = vfma(d, d, v->second);
}

/* Sums of channels c .. c+vecs*VEC-1 of `rows` adjacent rows; the shift is the first. */
SC_INLINE void stats_rows_of(const stats_sums *s, const elem *x, size_t rows, size_t ld, size_t c,
                             const size_t vecs)
{
    stats_vec v[4];

    for (size_t i = 0; i < vecs; i++) {
        v[i] = stats_vec_begin(eload(x + c + i * VEC));
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < vecs; i++) {
            stats_vec_add(&v[i], eload(x + row * ld + c + i * VEC));
        }
    }
    for (size_t i = 0; i < vecs; i++) {
        stats_vec_store(s, c + i * VEC, &v[i]);
    }
}

static void stats_rows(const stats_sums *s, const elem *x, size_t rows, size_t ld, size_t width)
{
    size_t c = 0;

    for (; c + 4 * VEC <= width; c += 4 * VEC) {
        stats_rows_of(s, x, rows, ld, c, 4);
    }
    for (; width >= VEC && c < width; c += VEC) { /* the last one may do some channels again */
        stats_rows_of(s, x, rows, ld, min_size(c, width - VEC), 1);
    }
    for (; c < width; c++) {
        s->shift[c] = eget(x[c]);
        s->first[c] = s->second[c] = 0;
        for (size_t row = 0; row < rows; row++) {
            float d = eget(x[row * ld + c]) - s->shift[c];
            s->first[c] += d;
            s->second[c] += d * d;
        }
    }
}

/* Of the pixels so far, of each channel: their mean, and the sum of their squared deviations. */
typedef struct {
    double *mean, *squares;
    size_t count;
} stats_range;

typedef struct {
    stats_range range[STATS_RANGES];
    size_t ranges, channels;
} stats_whole;

/* Doubles that stats_begin needs. */
SC_INLINE size_t stats_memory(size_t ranges, size_t channels)
{
    return 2 * ranges * channels;
}

static void stats_begin(stats_whole *s, size_t ranges, size_t channels, double *memory)
{
    assert(ranges <= STATS_RANGES);
    s->ranges = ranges;
    s->channels = channels;
    for (size_t i = 0; i < ranges; i++) {
        double *mean = memory + 2 * i * channels;
        s->range[i] = (stats_range){mean, mean + channels, 0};
    }
    memset(memory, 0, stats_memory(ranges, channels) * sizeof *memory);
}

/* How n pixels count that join others. */
typedef struct {
    double share, between; /* n / (count + n), count n / (count + n) */
} stats_weight;

SC_INLINE stats_weight stats_weigh(size_t count, size_t n)
{
    double share = (double)n / (double)(count + n);
    stats_weight w = {share, (double)count * share};
    return w;
}

SC_INLINE void stats_merge(double *mean, double *squares, stats_weight w, double part_mean,
                           double part_squares)
{
    double delta = part_mean - *mean;
    *mean += delta * w.share;
    *squares += part_squares + delta * delta * w.between;
}

/* Joins a part of n pixels, channels c0 .. c0+width-1; whoever joins the last of them counts it. */
static void stats_join(const stats_range *r, const stats_sums *s, size_t n, size_t c0, size_t width)
{
    stats_weight w = stats_weigh(r->count, n);
    double each = 1 / (double)n;

    for (size_t c = 0; c < width; c++) {
        double first = (double)s->first[c], shifted = first * each;
        double squares = (double)s->second[c] - first * shifted;
        stats_merge(r->mean + c0 + c, r->squares + c0 + c, w, (double)s->shift[c] + shifted,
                    squares < 0 ? 0 : squares);
    }
}

/* Joins `rows` adjacent rows x, at most STATS_ROWS of them; r has their channels. */
static void stats_join_rows(stats_range *r, const elem *x, size_t rows, size_t ld, size_t channels)
{
    float shift[STATS_WIDTH], first[STATS_WIDTH], second[STATS_WIDTH];
    stats_sums sums = {shift, first, second, true};

    for (size_t c = 0; c < channels; c += STATS_WIDTH) {
        size_t width = min_size(channels - c, STATS_WIDTH);
        stats_rows(&sums, x + c, rows, ld, width);
        stats_join(r, &sums, rows, c, width);
    }
    r->count += rows;
}

/* mean and var (biased) of each channel */
static void stats_end(const stats_whole *s, float *mean, float *var)
{
    for (size_t c = 0; c < s->channels; c++) {
        double m = 0, squares = 0;
        size_t count = 0;
        for (size_t i = 0; i < s->ranges; i++) {
            const stats_range *r = &s->range[i];
            if (r->count > 0) {
                stats_merge(&m, &squares, stats_weigh(count, r->count), r->mean[c], r->squares[c]);
                count += r->count;
            }
        }
        mean[c] = (float)m;
        var[c] = (float)(squares / (double)count);
    }
}

#endif
