/* SPDX-License-Identifier: MIT
 *
 * view_resize.cuh - the antialiased resize of views/resize.c, to the bit: weights in double, rounded
 * to 22 bits after the point, then integers.
 *
 * An output pixel makes the row sums it needs itself, each rounded to a byte as the CPU's first pass
 * does: about twice its products, and no picture in between.
 */
#ifndef SC_CUDA_VIEW_RESIZE_CUH
#define SC_CUDA_VIEW_RESIZE_CUH

#include "backend/cuda/rounded.cuh"

enum { RESIZE_BITS = 22 };

/* One axis: output i = sum over t < taps[i] of weight[i * stride + t] input[first[i] + t]. */
struct resize_axis {
    int32_t *weight;
    uint32_t *first, *taps;
    size_t stride;
};

__host__ __device__ inline double resize_radius(bool bicubic)
{
    return bicubic ? 2 : 1;
}

/* Most taps of an output when `in` inputs become `out` outputs, or fewer inputs do. */
__host__ __device__ inline size_t resize_taps(uint32_t in, uint32_t out, bool bicubic)
{
    double scale = (double)in / out;
    return (size_t)ceil(resize_radius(bicubic) * (scale < 1 ? 1 : scale)) * 2 + 1;
}

__device__ inline double resize_filter(double at, bool bicubic)
{
    const rounded<double> a = -0.5, x = fabs(at);

    if (!bicubic)
        return x.value < 1 ? (1.0 - x).value : 0;
    if (x.value < 1)
        return (((a + 2.0) * x - (a + 3.0)) * x * x + 1.0).value;
    return x.value < 2 ? ((((x - 5.0) * x + 8.0) * x - 4.0) * a).value : 0;
}

/* Output i of `out` from `in` inputs, to place `at`. */
__device__ inline void resize_weigh(const resize_axis &axis, uint32_t at, uint32_t i, uint32_t in,
                                    uint32_t out, bool bicubic)
{
    typedef rounded<double> real;
    const double ratio = (double)in / out, scale = ratio < 1 ? 1 : ratio;
    const real centre = (real((double)i) + 0.5) * ratio, inverse = 1 / scale;
    const real support = real(resize_radius(bicubic)) * scale;
    int64_t low = (int64_t)(centre - support + 0.5).value;
    int64_t high = (int64_t)(centre + support + 0.5).value;
    int32_t *weight = axis.weight + at * axis.stride;
    real total = 0;

    low = low < 0 ? 0 : low;
    high = high > (int64_t)in ? (int64_t)in : high;
    SC_LOOP
    for (int64_t t = low; t < high; t++) {
        real place = real((double)(t - low)) + (double)low - centre + 0.5;
        total = total + resize_filter((place * inverse).value, bicubic);
    }
    SC_LOOP
    for (int64_t t = low; t < high; t++) {
        real place = real((double)(t - low)) + (double)low - centre + 0.5;
        real w = resize_filter((place * inverse).value, bicubic);
        w = (total.value != 0 ? w / total : w) * (double)(1 << RESIZE_BITS);
        weight[t - low] = (int32_t)(w.value < 0 ? w - 0.5 : w + 0.5).value;
    }
    axis.first[at] = (uint32_t)low;
    axis.taps[at] = (uint32_t)(high - low);
}

/* All outputs of an axis by the threads of a block; stored backwards if flipped. */
__device__ inline void resize_plan(const resize_axis &axis, uint32_t in, uint32_t out, bool flip,
                                   bool bicubic)
{
    SC_LOOP
    for (uint32_t i = threadIdx.x; i < out; i += blockDim.x)
        resize_weigh(axis, flip ? out - 1 - i : i, i, in, out, bicubic);
}

__device__ inline int resize_round(int32_t sum)
{
    sum = (sum + (1 << (RESIZE_BITS - 1))) >> RESIZE_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

/* Pixel (y, x) of the output from a box that begins at `in`, rows `row` bytes apart. */
template <int CHANNELS>
__device__ inline void resize_pixel(int out[CHANNELS], const uint8_t *in, size_t row,
                                    const resize_axis &vertical, const resize_axis &horizontal,
                                    uint32_t y, uint32_t x)
{
    const int32_t *down = vertical.weight + y * vertical.stride;
    const int32_t *along = horizontal.weight + x * horizontal.stride;
    const uint32_t rows = vertical.taps[y], columns = horizontal.taps[x];
    int32_t sum[CHANNELS] = {};

    in += vertical.first[y] * row + (size_t)horizontal.first[x] * CHANNELS;
    SC_LOOP
    for (uint32_t s = 0; s < rows; s++, in += row) {
        int32_t part[CHANNELS] = {};
        for (uint32_t t = 0; t < columns; t++)
            for (int c = 0; c < CHANNELS; c++)
                part[c] += in[t * CHANNELS + c] * along[t];
        for (int c = 0; c < CHANNELS; c++)
            sum[c] += resize_round(part[c]) * down[s];
    }
    for (int c = 0; c < CHANNELS; c++)
        out[c] = resize_round(sum[c]);
}

#endif
