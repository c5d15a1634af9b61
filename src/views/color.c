/* SPDX-License-Identifier: MIT
 *
 * color.c - brightness, contrast, saturation, grayscale, solarise, as torchvision on PIL images.
 *
 * The first three blend with a degenerate picture D: clip(D + f (u - D)) in float32, truncated.
 * D is 0, the mean of L + .5 truncated, or L = (19595 R + 38470 G + 7471 B + 32768) >> 16.  With a
 * constant D the result depends on the byte alone: a table of 256.
 */
#include <string.h>

#include "views/loops.h"
#include "views/ops.h"

enum { BLOCK = 512 };

static uint8_t blend(int degenerate, int value, float factor)
{
    float scaled = factor * (float)(value - degenerate);
    int v = (int)((float)degenerate + scaled);
    v = v < 0 ? 0 : v;
    return (uint8_t)(v > 255 ? 255 : v);
}

static void apply_table(uint8_t *pixels, size_t count, const uint8_t table[256])
{
    for (size_t i = 0; i < count; i++) {
        pixels[i] = table[pixels[i]];
    }
}

static void blend_constant(uint8_t *pixels, size_t count, int degenerate, double factor)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        table[i] = blend(degenerate, i, (float)factor);
    }
    apply_table(pixels, count, table);
}

static uint64_t sum_bytes(const uint8_t *pixels, size_t n)
{
    uint64_t total = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        uint32_t part = 0;
        for (size_t i = 0; i < m; i++) {
            part += pixels[at + i];
        }
        total += part;
    }
    return total;
}

void sc_brightness(uint8_t *pixels, size_t n, uint32_t channels, double factor)
{
    blend_constant(pixels, n * channels, 0, factor);
}

void sc_contrast(uint8_t *pixels, size_t n, uint32_t channels, double factor)
{
    uint64_t total = 0;
    const sc_loops *loops = sc_loops_here();
    uint8_t luma[BLOCK];
    if (channels == 1) {
        total = sum_bytes(pixels, n);
    }
    for (size_t at = 0; channels == 3 && at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        loops->luma(luma, pixels + at, pixels + n + at, pixels + 2 * n + at, m);
        total += sum_bytes(luma, m);
    }
    blend_constant(pixels, n * channels, (int)((double)total / (double)n + 0.5), factor);
}

void sc_saturation(uint8_t *pixels, size_t n, double factor)
{
    const sc_loops *loops = sc_loops_here();
    uint8_t luma[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        loops->luma(luma, pixels + at, pixels + n + at, pixels + 2 * n + at, m);
        for (size_t c = 0; c < 3; c++) {
            loops->blend(pixels + c * n + at, luma, m, (float)factor);
        }
    }
}

void sc_grayscale(uint8_t *pixels, size_t n)
{
    const sc_loops *loops = sc_loops_here();
    uint8_t luma[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        loops->luma(luma, pixels + at, pixels + n + at, pixels + 2 * n + at, m);
        for (size_t c = 0; c < 3; c++) {
            memcpy(pixels + c * n + at, luma, m);
        }
    }
}

void sc_solarize(uint8_t *pixels, size_t count, int threshold)
{
    for (size_t i = 0; i < count; i++) {
        pixels[i] = (uint8_t)(pixels[i] >= threshold ? 255 - pixels[i] : pixels[i]);
    }
}
