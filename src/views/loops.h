/* SPDX-License-Identifier: MIT
 *
 * loops.h - the inner loops over bytes, compiled twice: for any processor, and for AVX2.
 *
 * Both give the same bits: integers, and floats without fused multiply-add.
 */
#ifndef SC_VIEWS_LOOPS_H
#define SC_VIEWS_LOOPS_H

#include <stddef.h>
#include <stdint.h>

enum { SC_HSV_BLOCK = 256 };

typedef struct {
    uint8_t h[SC_HSV_BLOCK], s[SC_HSV_BLOCK], v[SC_HSV_BLOCK];
} sc_hsv_block;

typedef struct {
    /* out = (19595 r + 38470 g + 7471 b + 32768) >> 16 */
    void (*luma)(uint8_t *restrict out, const uint8_t *r, const uint8_t *g, const uint8_t *b,
                 size_t n);
    /* pixels = clip(luma + factor (pixels - luma)), truncated */
    void (*blend)(uint8_t *restrict pixels, const uint8_t *restrict luma, size_t n, float factor);
    /* At most SC_HSV_BLOCK colours. */
    void (*to_hsv)(sc_hsv_block *restrict out, const uint8_t *r, const uint8_t *g, const uint8_t *b,
                   size_t n);
    void (*from_hsv)(uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b,
                     const sc_hsv_block *restrict in, size_t n);
    /* Resize, 22-bit weights: out = round(a w[0] + b w[1]) for weights >= 0 of sum 1 */
    void (*mix_rows)(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b,
                     size_t n, const int32_t *w);
    void (*add_row)(int32_t *restrict sum, const uint8_t *restrict in, size_t n, int32_t w);
    void (*clip_row)(uint8_t *restrict out, const int32_t *restrict sum, size_t n);
    /* Blur: sum += w in, of bytes and of floats; out = sum rounded to even, at most 255 */
    void (*add_bytes)(float *restrict sum, const uint8_t *restrict in, size_t n, float w);
    void (*add_floats)(float *restrict sum, const float *restrict in, size_t n, float w);
    void (*round_row)(uint8_t *restrict out, const float *restrict sum, size_t n);
} sc_loops;

extern const sc_loops sc_loops_any;
#if defined(__x86_64__)
extern const sc_loops sc_loops_avx2;
#endif
const sc_loops *sc_loops_here(void); /* the fastest for this processor */

#endif
