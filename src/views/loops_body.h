/* SPDX-License-Identifier: MIT
 *
 * loops_body.h - definitions of the loops of loops.h; included by loops.c and loops_avx2.c, which
 * are compiled for different processors and fill a table with them.
 *
 * No branches and no tables inside a loop, so that the compiler makes vector code of it.  Sums over
 * taps go block by block: a block's sums stay in registers.
 */
#include <math.h>
#include <string.h>

#include "views/loops.h"

enum { BLOCK = 32, LANES = 8 };
typedef float floats __attribute__((vector_size(4 * LANES)));

static void luma(uint8_t *restrict out, const uint8_t *r, const uint8_t *g, const uint8_t *b,
                 size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)((19595u * r[i] + 38470u * g[i] + 7471u * b[i] + 32768u) >> 16);
    }
}

static uint64_t luma_sum(const uint8_t *r, const uint8_t *g, const uint8_t *b, size_t n)
{
    enum { PART = 1 << 16 }; /* sums of that many bytes fit into 32 bits */
    uint64_t total = 0;
    for (size_t at = 0; at < n; at += PART) {
        size_t end = n - at < PART ? n : at + PART;
        uint32_t part = 0;
        for (size_t i = at; i < end; i++) {
            part += (19595u * r[i] + 38470u * g[i] + 7471u * b[i] + 32768u) >> 16;
        }
        total += part;
    }
    return total;
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

static void blend_level(uint8_t *pixels, size_t n, int level, float factor)
{
    for (size_t i = 0; i < n; i++) {
        float scaled = factor * (float)(pixels[i] - level);
        pixels[i] = (uint8_t)clip((int)((float)level + scaled));
    }
}

enum { HUES = 128 };

/* Hue: what is known of a block of colours, in the order of its making. */
typedef struct {
    uint8_t hi[HUES], some_hi[HUES];       /* the highest of r, g, b; at least 1 */
    uint8_t range[HUES], some_range[HUES]; /* highest - lowest; at least 1 */
    uint8_t below[HUES];                   /* highest - middle */
    int8_t base[HUES];                     /* h = |wrap - |base + below / range| / 6| */
    uint8_t wrap[HUES];
    uint8_t h[HUES], s[HUES];
    uint8_t sector[HUES], f[HUES], even[HUES]; /* h / 255 = (sector + f / 255) / 6 */
    uint8_t p[HUES], w[HUES];
} colours;

static uint8_t higher(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static uint8_t equal(uint8_t a, uint8_t b)
{
    return a == b ? 255 : 0;
}

/* a where mask is 255, b where it is 0; as arithmetic, lest the compiler makes a branch of it. */
static uint8_t pick(uint8_t mask, uint8_t a, uint8_t b)
{
    return (uint8_t)(b ^ ((a ^ b) & mask));
}

/* u / 255 for u = 0 .. 255, rounded as the division is: the first product is exact. */
static float part_of_255(uint8_t u)
{
    return (float)u * 0x1.01p-8F + (float)u * 0x1.010102p-24F;
}

/* Pillow's cases: highest r: h = (mid - lo) / range or 1 - that; g: 2 -+; b: 4 -+, all over 6. */
static void find_sextants(colours *restrict t, const uint8_t *red, const uint8_t *green,
                          const uint8_t *blue, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t r = red[i], g = green[i], b = blue[i];
        uint8_t hi = higher(r, higher(g, b)), lo = lower(r, lower(g, b));
        uint8_t is_r = equal(r, hi), is_g = equal(g, hi);
        uint8_t b_low = equal(b, lo), g_low = equal(g, lo);
        uint8_t range = (uint8_t)(hi - lo);
        t->hi[i] = hi;
        t->some_hi[i] = higher(hi, 1);
        t->range[i] = range;
        t->some_range[i] = higher(range, 1);
        t->below[i] = (uint8_t)(hi + hi + lo - r - g - b);
        uint8_t base = pick(is_g, pick(b_low, 1, 256 - 3), pick(g_low, 256 - 5, 3));
        t->base[i] = (int8_t)pick(is_r, 255, base);
        t->wrap[i] = is_r & ~b_low & 1;
    }
}

/* Pillow truncates 255 x in double; in float the same bytes come out for every colour. */
static void find_hue(colours *restrict t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float sixth =
            fabsf((float)t->below[i] / (float)t->some_range[i] + (float)t->base[i]) / 6.0F;
        t->h[i] = (uint8_t)(int)(fabsf((float)t->wrap[i] - sixth) * 255.0F);
        t->s[i] = (uint8_t)(int)((float)t->range[i] / (float)t->some_hi[i] * 255.0F);
    }
}

static void find_sectors(colours *restrict t, size_t n, uint8_t step)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t six = (uint16_t)((uint8_t)(t->h[i] + step) * 6);
        uint16_t sector = (uint16_t)((uint32_t)(uint16_t)(six + 1) * 257u >> 16); /* six / 255 */
        t->sector[i] = (uint8_t)sector;
        t->f[i] = (uint8_t)(six - sector * 255);
        t->even[i] = (uint8_t)(~sector & 1);
    }
}

static void find_levels(colours *restrict t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float s = part_of_255(t->s[i]), v = (float)t->hi[i];
        float k = fabsf((float)t->even[i] - part_of_255(t->f[i])); /* 1 - f in even sectors */
        t->p[i] = (uint8_t)(int)(v * (1.0F - s) + 0.5F);
        t->w[i] = (uint8_t)(int)(v * (1.0F - s * k) + 0.5F);
    }
}

static void put_colours(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                        const colours *restrict t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t hi = t->hi[i], p = t->p[i], w = t->w[i], sector = t->sector[i];
        uint8_t at0 = equal(sector, 0) | equal(sector, 6), at1 = equal(sector, 1);
        uint8_t at2 = equal(sector, 2), at3 = equal(sector, 3);
        uint8_t at4 = equal(sector, 4), at5 = equal(sector, 5);
        red[i] = pick(at0 | at5, hi, pick(at1 | at4, w, p));
        green[i] = pick(at1 | at2, hi, pick(at0 | at3, w, p));
        blue[i] = pick(at3 | at4, hi, pick(at2 | at5, w, p));
    }
}

static void hue(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue, size_t n,
                uint8_t step)
{
    colours t;
    for (size_t at = 0; at < n; at += HUES) {
        size_t m = n - at < HUES ? n - at : HUES;
        find_sextants(&t, red + at, green + at, blue + at, m);
        find_hue(&t, m);
        find_sectors(&t, m, step);
        find_levels(&t, m);
        put_colours(red + at, green + at, blue + at, &t, m);
    }
}

static uint8_t clip_sum(int32_t sum)
{
    return (uint8_t)clip(sum >> SC_RESIZE_BITS);
}

/* Outputs begin .. end - 1 of one row. */
static void row3(uint8_t *restrict out, const uint8_t *restrict in, const sc_axis *axis,
                 size_t begin, size_t end)
{
    size_t n = axis->count;
    for (size_t x = begin; x < end; x++) {
        const uint8_t *p = in + (size_t)axis->first[x] * 3;
        const int32_t *w = axis->weight + x * axis->stride;
        int32_t r = SC_RESIZE_HALF, g = SC_RESIZE_HALF, b = SC_RESIZE_HALF;
        for (uint32_t t = 0; t < axis->taps[x]; t++, p += 3) {
            r += p[0] * w[t];
            g += p[1] * w[t];
            b += p[2] * w[t];
        }
        out[x] = clip_sum(r);
        out[n + x] = clip_sum(g);
        out[2 * n + x] = clip_sum(b);
    }
}

static void mix_rows(uint8_t *restrict out, size_t plane, const uint8_t *restrict a,
                     const uint8_t *restrict b, size_t n, size_t channels, const int32_t *w)
{
    int32_t w0 = w[0], w1 = w[1];
    for (size_t c = 0; c < channels; c++, out += plane, a += n, b += n) {
        for (size_t i = 0; i < n; i++) {
            /* Two weights >= 0 of sum 2^22 (+-1) cannot leave the range of a byte. */
            out[i] = (uint8_t)((a[i] * w0 + b[i] * w1 + SC_RESIZE_HALF) >> SC_RESIZE_BITS);
        }
    }
}

static void weigh_rows(uint8_t *restrict out, const uint8_t *restrict in, size_t stride, size_t n,
                       const int32_t *restrict w, size_t taps)
{
    size_t at = 0;
    for (; at + BLOCK <= n; at += BLOCK) {
        int32_t sum[BLOCK];
        for (size_t j = 0; j < BLOCK; j++) {
            sum[j] = SC_RESIZE_HALF;
        }
        for (size_t t = 0; t < taps; t++) {
            for (size_t j = 0; j < BLOCK; j++) {
                sum[j] += in[t * stride + at + j] * w[t];
            }
        }
        for (size_t j = 0; j < BLOCK; j++) {
            out[at + j] = clip_sum(sum[j]);
        }
    }
    for (; at < n; at++) {
        int32_t sum = SC_RESIZE_HALF;
        for (size_t t = 0; t < taps; t++) {
            sum += in[t * stride + at] * w[t];
        }
        out[at] = clip_sum(sum);
    }
}

static void to_floats(float *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)in[i];
    }
}

/* `vectors` times LANES outputs; at most 8, and a constant where this is inlined. */
static inline void weigh_floats_block(float *restrict out, const float *restrict in, size_t stride,
                                      const float *restrict w, size_t taps, size_t vectors)
{
    floats sum[8] = {{0}};
    for (size_t k = 0; k < taps; k++, in += stride) {
        for (size_t j = 0; j < vectors; j++) {
            floats x;
            memcpy(&x, in + j * LANES, sizeof x);
            sum[j] += w[k] * x;
        }
    }
    memcpy(out, sum, vectors * sizeof *sum);
}

static void weigh_floats(float *restrict out, const float *restrict in, size_t stride, size_t n,
                         const float *restrict w, size_t taps)
{
    size_t at = 0;
    for (; at + 8 * LANES <= n; at += 8 * LANES) {
        weigh_floats_block(out + at, in + at, stride, w, taps, 8);
    }
    for (; at + 4 * LANES <= n; at += 4 * LANES) {
        weigh_floats_block(out + at, in + at, stride, w, taps, 4);
    }
    for (; at < n; at++) {
        out[at] = 0.0F;
        for (size_t k = 0; k < taps; k++) {
            out[at] += w[k] * in[k * stride + at];
        }
    }
}

static void round_row(uint8_t *restrict out, const float *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* 1.5 * 2^23 leaves no bits for a fraction: the addition rounds to even. */
        out[i] = (uint8_t)clip((int)((in[i] + 12582912.0F) - 12582912.0F));
    }
}

/* Pixels begin .. n - 1. */
static void write_table(sc_real *restrict x, const uint8_t *restrict pixels, size_t begin, size_t n,
                        const sc_normal *normal)
{
    for (size_t i = begin; i < n; i++) {
        x[3 * i] = normal->table[0][pixels[i]];
        x[3 * i + 1] = normal->table[1][pixels[n + i]];
        x[3 * i + 2] = normal->table[2][pixels[2 * n + i]];
    }
}

/* The table, with the two functions that have a version in intrinsics. */
#define SC_LOOPS_WITH(along_x, write)                                                              \
    {                                                                                              \
        .luma = luma, .luma_sum = luma_sum, .blend = blend, .blend_level = blend_level,            \
        .hue = hue, .rows3 = (along_x), .mix_rows = mix_rows, .weigh_rows = weigh_rows,            \
        .to_floats = to_floats, .weigh_floats = weigh_floats, .round_row = round_row,              \
        .write3 = (write)                                                                          \
    }
