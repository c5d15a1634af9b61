/* SPDX-License-Identifier: MIT
 *
 * view_color.cuh - the colour operations of views/color.c and hue.c on one pixel, to the bit.
 *
 *   blend  clip(D + f (u - D)) in float, truncated: brightness D = 0, contrast D = the mean of the
 *          view's lumas, saturation D = luma
 *   luma   (19595 R + 38470 G + 7471 B + 32768) >> 16
 *   hue    RGB to HSV bytes, h + step modulo 256, and back
 */
#ifndef SC_CUDA_VIEW_COLOR_CUH
#define SC_CUDA_VIEW_COLOR_CUH

#include "backend/cuda/rounded.cuh"

__device__ inline int color_clip(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

__device__ inline int color_luma(const int rgb[3])
{
    return (int)((19595u * (unsigned)rgb[0] + 38470u * (unsigned)rgb[1] + 7471u * (unsigned)rgb[2] +
                  32768u) >>
                 16);
}

__device__ inline int color_blend(int u, int level, float factor)
{
    rounded<float> scaled = rounded<float>(factor) * (float)(u - level);
    return color_clip((int)((float)level + scaled).value);
}

/* u / 255 as views/loops_body.h has it. */
__device__ inline rounded<float> color_part_of_255(int u)
{
    rounded<float> x = (float)u;
    return x * 0x1.01p-8F + x * 0x1.010102p-24F;
}

/* h and s of bytes: h = |wrap - |base + (highest - middle) / range| / 6|, where base and wrap are
 * those of Pillow's case: which of r, g, b is highest, and which lowest. */
__device__ inline void color_to_hsv(int *h, int *s, int hi, int lo, const int rgb[3])
{
    const int r = rgb[0], g = rgb[1], b = rgb[2], range = hi - lo, below = 2 * hi + lo - r - g - b;
    const bool is_r = r == hi, b_low = b == lo;
    const int base = is_r ? -1 : g == hi ? (b_low ? 1 : -3) : g == lo ? -5 : 3;
    const rounded<float> share = (float)below / rounded<float>((float)(range > 1 ? range : 1));
    const rounded<float> sixth = fabsf((share + (float)base).value) / rounded<float>(6.0F);
    const rounded<float> from = is_r && !b_low ? 1.0F : 0.0F;
    const rounded<float> saturation = (float)range / rounded<float>((float)(hi > 1 ? hi : 1));

    *h = (int)(fabsf((from - sixth).value) * rounded<float>(255.0F)).value;
    *s = (int)(saturation * 255.0F).value;
}

/* step: 0 .. 255 */
__device__ inline void color_hue(int rgb[3], int step)
{
    typedef rounded<float> real;
    const int low_rg = rgb[0] < rgb[1] ? rgb[0] : rgb[1], high_rg = rgb[0] + rgb[1] - low_rg;
    const int lo = low_rg < rgb[2] ? low_rg : rgb[2], hi = high_rg > rgb[2] ? high_rg : rgb[2];
    int h, s;

    color_to_hsv(&h, &s, hi, lo, rgb);
    const int six = ((h + step) & 255) * 6, sector = six / 255;
    const real saturation = color_part_of_255(s), v = (float)hi;
    const real f = color_part_of_255(six - sector * 255);
    const real k = fabsf(((sector % 2 == 0 ? 1.0F : 0.0F) - f).value);
    const int p = (int)(v * (1.0F - saturation) + 0.5F).value;
    const int w = (int)(v * (1.0F - saturation * k) + 0.5F).value;
    rgb[0] = sector == 0 || sector >= 5 ? hi : sector == 1 || sector == 4 ? w : p;
    rgb[1] = sector == 1 || sector == 2 ? hi : sector == 0 || sector == 3 || sector == 6 ? w : p;
    rgb[2] = sector == 3 || sector == 4 ? hi : sector == 2 || sector == 5 ? w : p;
}

#endif
