/* SPDX-License-Identifier: MIT
 *
 * loops_body.h - definitions of the loops of loops.h; included by loops.c and loops_avx2.c, which
 * are compiled for different processors and set SC_LOOPS to the table's name.
 *
 * No branches and no tables inside a loop, so that the compiler makes vector code of it.
 */
#include <math.h>

#include "views/loops.h"

static void luma(uint8_t *restrict out, const uint8_t *r, const uint8_t *g, const uint8_t *b,
                 size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)((19595u * r[i] + 38470u * g[i] + 7471u * b[i] + 32768u) >> 16);
    }
}

static int clip(int v)
{
    v = v < 0 ? 0 : v;
    return v > 255 ? 255 : v;
}

static void blend(uint8_t *restrict pixels, const uint8_t *restrict grey, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++) {
        float scaled = factor * (float)(pixels[i] - grey[i]);
        pixels[i] = (uint8_t)clip((int)((float)grey[i] + scaled));
    }
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* 255 x truncated, for 0 <= x <= 1, as if in double: 255 x < k is 256 x - k < x, where nothing is
 * rounded. */
static int times_255(float x)
{
    int k = (int)(x * 255.0F + 0.5F);
    return k - (x * 256.0F - (float)k < x);
}

/* a where mask is -1, b where it is 0; as arithmetic, lest the compiler makes a branch of it. */
static int pick(int mask, int a, int b)
{
    return b ^ ((a ^ b) & mask);
}

static void to_hsv(sc_hsv_block *restrict out, const uint8_t *red, const uint8_t *green,
                   const uint8_t *blue, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = red[i], g = green[i], b = blue[i];
        int hi = max_int(r, max_int(g, b)), lo = min_int(r, min_int(g, b));
        /* h = base + part / range; one of the three differences is the range itself. */
        int is_r = -(r == hi), is_g = -(g == hi), b_low = -(b == lo), g_low = -(g == lo);
        int base = pick(is_r, pick(b_low, 1, -1), pick(is_g, pick(b_low, 1, 3), pick(g_low, 5, 3)));
        int part = pick(is_r, pick(b_low, g - hi, hi - b),
                        pick(is_g, pick(b_low, hi - r, b - hi), pick(g_low, r - hi, hi - g)));
        float range = (float)(hi - lo + (hi == lo));
        float h = ((float)base + (float)part / range) / 6.0F + (float)(base < 0);
        out->h[i] = (uint8_t)times_255(h);
        out->s[i] = (uint8_t)times_255((float)(hi - lo) / (float)max_int(hi, 1));
        out->v[i] = (uint8_t)hi;
    }
}

static void from_hsv(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                     const sc_hsv_block *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int six = in->h[i] * 6, v = in->v[i];
        int sector = (six * 257 + 257) >> 16; /* six / 255 */
        float f = (float)(six - sector * 255) / 255.0F;
        float s = (float)in->s[i] / 255.0F;
        float g = fabsf((float)(~sector & 1) - f); /* f in odd sectors, 1 - f in even ones */
        int p = (int)((float)v * (1.0F - s) + 0.5F);
        int w = (int)((float)v * (1.0F - s * g) + 0.5F);
        int at0 = -(sector == 0) | -(sector == 6), at1 = -(sector == 1), at2 = -(sector == 2);
        int at3 = -(sector == 3), at4 = -(sector == 4), at5 = -(sector == 5);
        red[i] = (uint8_t)pick(at0 | at5, v, pick(at1 | at4, w, p));
        green[i] = (uint8_t)pick(at1 | at2, v, pick(at0 | at3, w, p));
        blue[i] = (uint8_t)pick(at3 | at4, v, pick(at2 | at5, w, p));
    }
}

static void mix_rows(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b,
                     size_t n, const int32_t *w)
{
    int32_t w0 = w[0], w1 = w[1];
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)((a[i] * w0 + b[i] * w1 + (1 << 21)) >> 22);
    }
}

static void add_row(int32_t *restrict sum, const uint8_t *restrict in, size_t n, int32_t w)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += in[i] * w;
    }
}

static void clip_row(uint8_t *restrict out, const int32_t *restrict sum, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)clip(sum[i] >> 22);
    }
}

static void add_bytes(float *restrict sum, const uint8_t *restrict in, size_t n, float w)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += w * (float)in[i];
    }
}

static void add_floats(float *restrict sum, const float *restrict in, size_t n, float w)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += w * in[i];
    }
}

static void round_row(uint8_t *restrict out, const float *restrict sum, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* 1.5 * 2^23 leaves no bits for a fraction: the addition rounds to even. */
        float rounded = (sum[i] + 12582912.0F) - 12582912.0F;
        out[i] = (uint8_t)clip((int)rounded);
    }
}

const sc_loops SC_LOOPS = {
    .luma = luma,
    .blend = blend,
    .to_hsv = to_hsv,
    .from_hsv = from_hsv,
    .mix_rows = mix_rows,
    .add_row = add_row,
    .clip_row = clip_row,
    .add_bytes = add_bytes,
    .add_floats = add_floats,
    .round_row = round_row,
};
