/* SPDX-License-Identifier: MIT
 *
 * view_blur.cuh - the Gaussian blur of views/blur.c by the threads of a block: columns to floats, then
 * rows, rounded to the nearest level.  Sums in the CPU's order; expf may differ from its by an ulp,
 * and a level with it.
 */
#ifndef SC_CUDA_VIEW_BLUR_CUH
#define SC_CUDA_VIEW_BLUR_CUH

#include "backend/cuda/rounded.cuh"
#include "backend/cuda/view_color.cuh"

/* out(i) = sum of weight[k] in(i + first + k), k < taps */
struct blur_kernel {
    const float *weight;
    int first, taps;
};

/* Index i of a line of n, reflected at both ends as often as needed. */
__device__ inline uint32_t blur_reflect(int i, int n)
{
    const int period = 2 * (n - 1);

    if (n == 1)
        return 0;
    i = i < 0 ? -i : i;
    i = i < period ? i : i % period;
    return (uint32_t)(i < n ? i : period - i);
}

/* Weights at both ends that float's rounding of a sum hides a thousandfold are left out. */
__device__ inline blur_kernel blur_weights(float *weight, int size, double sigma)
{
    const float half = (float)(size - 1) * 0.5F, negligible = 0x1p-34F;
    rounded<float> total = 0;
    int skip = 0;

    SC_LOOP
    for (int k = (int)threadIdx.x; k < size; k += (int)blockDim.x) {
        rounded<float> x = (rounded<float>((float)k) - half) / (float)sigma;
        weight[k] = expf((-0.5F * (x * x)).value);
    }
    __syncthreads();
    SC_LOOP
    for (int k = 0; k < size; k++)
        total = total + weight[k];
    while (weight[skip] < (negligible * total).value)
        skip++;
    __syncthreads();
    SC_LOOP
    for (int k = (int)threadIdx.x; k < size; k += (int)blockDim.x)
        weight[k] = (weight[k] / total).value;
    __syncthreads();
    return {weight + skip, -(size / 2 - skip), size - 2 * skip};
}

/* Pixel (y, x) of the columns' sums of a plane. */
__device__ inline float blur_column(const uint8_t *plane, const blur_kernel &kernel, uint32_t y,
                                    uint32_t x, uint32_t height, uint32_t width)
{
    rounded<float> sum = 0;

    for (int k = 0; k < kernel.taps; k++) {
        uint32_t from = blur_reflect((int)y + kernel.first + k, (int)height);
        sum = sum + kernel.weight[k] * rounded<float>((float)plane[from * width + x]);
    }
    return sum.value;
}

/* Place x of a row of them, as a byte. */
__device__ inline uint8_t blur_row(const float *row, const blur_kernel &kernel, uint32_t x,
                                   uint32_t width)
{
    rounded<float> sum = 0;

    for (int k = 0; k < kernel.taps; k++)
        sum = sum + kernel.weight[k] *
                        rounded<float>(row[blur_reflect((int)x + kernel.first + k, (int)width)]);
    return (uint8_t)color_clip((int)rintf(sum.value)); /* ties to even */
}

#endif
