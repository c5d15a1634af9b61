/* SPDX-License-Identifier: MIT
 *
 * rounded.cuh - numbers for results that must equal the CPU's to the last bit: every product and sum
 * is rounded by itself, to nearest even, where the compiler would make fused multiply-adds of them,
 * and no flag of the compiler changes that.
 *
 *   rounded<float> y = a * x + b;   __fadd_rn(__fmul_rn(a, x), b)
 */
#ifndef SC_CUDA_ROUNDED_CUH
#define SC_CUDA_ROUNDED_CUH

#include "backend/cuda/launch.h"

/* A loop that stays one: copies of a long body cost registers and gain nothing. */
#ifdef __CUDACC__
#define SC_LOOP _Pragma("unroll 1")
#else
#define SC_LOOP
#endif

#ifndef __CUDACC__ /* on the processor, compiled with -ffp-contract=off */
#define __fadd_rn(a, b) ((a) + (b))
#define __fsub_rn(a, b) ((a) - (b))
#define __fmul_rn(a, b) ((a) * (b))
#define __fdiv_rn(a, b) ((a) / (b))
#define __fsqrt_rn(a) (sqrtf(a))
#define __dadd_rn(a, b) ((a) + (b))
#define __dsub_rn(a, b) ((a) - (b))
#define __dmul_rn(a, b) ((a) * (b))
#define __ddiv_rn(a, b) ((a) / (b))
#endif

template <class T> struct rounded {
    T value;
    __device__ rounded(T x) : value(x)
    {
    }
};

__device__ inline rounded<float> operator+(rounded<float> a, rounded<float> b)
{
    return __fadd_rn(a.value, b.value);
}

__device__ inline rounded<float> operator-(rounded<float> a, rounded<float> b)
{
    return __fsub_rn(a.value, b.value);
}

__device__ inline rounded<float> operator*(rounded<float> a, rounded<float> b)
{
    return __fmul_rn(a.value, b.value);
}

__device__ inline rounded<float> operator/(rounded<float> a, rounded<float> b)
{
    return __fdiv_rn(a.value, b.value);
}

__device__ inline rounded<float> root(rounded<float> a)
{
    return __fsqrt_rn(a.value);
}

__device__ inline rounded<double> operator+(rounded<double> a, rounded<double> b)
{
    return __dadd_rn(a.value, b.value);
}

__device__ inline rounded<double> operator-(rounded<double> a, rounded<double> b)
{
    return __dsub_rn(a.value, b.value);
}

__device__ inline rounded<double> operator*(rounded<double> a, rounded<double> b)
{
    return __dmul_rn(a.value, b.value);
}

__device__ inline rounded<double> operator/(rounded<double> a, rounded<double> b)
{
    return __ddiv_rn(a.value, b.value);
}

#endif
