/* SPDX-License-Identifier: MIT
 *
 * four.cuh - four floats as one access of 16 bytes.
 */
#ifndef SC_CUDA_FOUR_CUH
#define SC_CUDA_FOUR_CUH

#include "backend/cuda/launch.h"

struct alignas(16) four {
    enum { COUNT = 4 };
    float of[COUNT];
};

/* At a multiple of 16 bytes. */
__device__ inline four load_four(const float *at)
{
    return *(const four *)at;
}

__device__ inline void store_four(float *at, four x)
{
    *(four *)at = x;
}

#endif
