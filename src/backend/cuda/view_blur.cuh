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

/* The kernel's sum at place `at` of a line of n numbers, `step` apart.  Only where it hangs over an end are
 * places reflected. */
template <class T>
__device__ inline float blur_sum(const T *line, uint32_t step, const blur_kernel &kernel, int at,
                                 int n)
{
    const int begin = at + kernel.first, inside = n - begin < kernel.taps ? n - begin : kernel.taps;
    rounded<float> sum = 0;
    int k = 0;
    const auto term = [&](uint32_t place) {
        return kernel.weight[k] * rounded<float>((float)line[place * step]);
    };

    SC_LOOP
    for (; begin + k < 0; k++)
        sum = sum + term(blur_reflect(begin + k, n));
    for (; k < inside; k++)
        sum = sum + term((uint32_t)(begin + k));
    SC_LOOP
    for (; k < kernel.taps; k++)
        sum = sum + term(blur_reflect(begin + k, n));
    return sum.value;
}

/* A sum as a byte, ties to even. */
__device__ inline uint8_t blur_level(float sum)
{
    return (uint8_t)color_clip((int)rintf(sum));
}

#endif
