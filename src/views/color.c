/* SPDX-License-Identifier: MIT
 *
 * color.c - brightness, contrast, saturation, grayscale, solarise, as torchvision on PIL images.
 *
 * The first three blend with a degenerate picture D: clip(D + f (u - D)) in float32, truncated.
 * D is 0, the mean of L + .5 truncated, or L = (19595 R + 38470 G + 7471 B + 32768) >> 16.
 */
#include <string.h>

#include "views/ops.h"

enum { BLOCK = 512 };

static uint64_t sum_bytes(const uint8_t *pixels, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += pixels[i];
    }
    return total;
}

void sc_brightness(uint8_t *pixels, size_t n, uint32_t channels, double factor)
{
    sc_loops_here()->blend_level(pixels, n * channels, 0, (float)factor);
}

void sc_contrast(uint8_t *pixels, size_t n, uint32_t channels, double factor)
{
    const sc_loops *loops = sc_loops_here();
    uint64_t total = channels == 1 ? sum_bytes(pixels, n)
                                   : loops->luma_sum(pixels, pixels + n, pixels + 2 * n, n);
    int mean = (int)((double)total / (double)n + 0.5);
    loops->blend_level(pixels, n * channels, mean, (float)factor);
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
