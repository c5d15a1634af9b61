/* SPDX-License-Identifier: MIT
 *
 * loops.h - the inner loops over bytes, compiled twice: for any processor, and for AVX2.
 *
 * Both give the same bits: integers, and floats without fused multiply-add (write3 uses it, on values
 * proven to come out the same).  tests/unit/test_view_loops compares them.
 */
#ifndef SC_VIEWS_LOOPS_H
#define SC_VIEWS_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

/* One axis of a resize:
 * output i = sum over t < taps[i] of weight[i * stride + t] * input[first[i] + t]. */
typedef struct {
    int32_t *weight; /* 22-bit fixed point */
    uint32_t *first, *taps;
    size_t stride, count;
    size_t inputs; /* first + taps <= inputs */
    bool pairs;    /* every output has exactly two taps, both >= 0 */
} sc_axis;

enum { SC_RESIZE_BITS = 22, SC_RESIZE_HALF = 1 << (SC_RESIZE_BITS - 1) };

/* x = (u / 255 - mean) / std of each byte u, channel by channel. */
typedef struct {
    sc_real table[3][256];
    float mean[3];
    float inverse[3], rest[3]; /* inverse + rest = 1 / std, to twice float's precision */
    bool direct;               /* arithmetic with these gives every value of the table */
} sc_normal;

typedef struct {
    /* L = (19595 r + 38470 g + 7471 b + 32768) >> 16; the other gives the sum of n of them. */
    void (*luma)(uint8_t *restrict out, const uint8_t *r, const uint8_t *g, const uint8_t *b,
                 size_t n);
    uint64_t (*luma_sum)(const uint8_t *r, const uint8_t *g, const uint8_t *b, size_t n);
    /* pixels = clip(luma + factor (pixels - luma)), truncated; or with one level for all pixels */
    void (*blend)(uint8_t *restrict pixels, const uint8_t *restrict luma, size_t n, float factor);
    void (*blend_level)(uint8_t *pixels, size_t n, int level, float factor);
    /* To HSV, h + step modulo 256, and back. */
    void (*hue)(uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b, size_t n,
                uint8_t step);
    /* Resize along x: `rows` rows of RGB to rows of (channel, x); one channel alike. */
    void (*rows3)(uint8_t *restrict out, const uint8_t *restrict in, size_t in_stride, size_t rows,
                  const sc_axis *axis);
    /* Along y, two weights >= 0 of sum 1: out = round(a w[0] + b w[1]), each of the channels `plane`
     * bytes after the one before. */
    void (*mix_rows)(uint8_t *restrict out, size_t plane, const uint8_t *restrict a,
                     const uint8_t *restrict b, size_t n, size_t channels, const int32_t *w);
    /* Along y, any weights: out = clip(round(sum of w[t] in[t * stride])). */
    void (*weigh_rows)(uint8_t *restrict out, const uint8_t *restrict in, size_t stride, size_t n,
                       const int32_t *restrict w, size_t taps);
    /* Blur: bytes to floats, out = sum of w[k] in[k * stride], and rounded to even. */
    void (*to_floats)(float *restrict out, const uint8_t *restrict in, size_t n);
    void (*weigh_floats)(float *restrict out, const float *restrict in, size_t stride, size_t n,
                         const float *restrict w, size_t taps);
    void (*round_row)(uint8_t *restrict out, const float *restrict in, size_t n);
    /* Planes of n bytes to (pixel, channel). */
    void (*write3)(sc_real *restrict x, const uint8_t *restrict pixels, size_t n,
                   const sc_normal *normal);
} sc_loops;

extern const sc_loops sc_loops_any;
#if defined(__x86_64__)
extern const sc_loops sc_loops_avx2;
#endif
/* The version that belongs to an engine of backend.h, by its name. */
const sc_loops *sc_loops_for(const char *engine);
/* That of the engine in use, which this processor and SIMCLR_CPU decide. */
const sc_loops *sc_loops_here(void);

#endif
