/* SPDX-License-Identifier: MIT
 *
 * block_sum.cuh - the sum of one number of each thread of a block, always in the same order: halves
 * are added until one number is left.
 */
#ifndef SC_CUDA_BLOCK_SUM_CUH
#define SC_CUDA_BLOCK_SUM_CUH

#include "backend/cuda/launch.h"

/* `mine` of all threads, to all of them.  shared: THREADS places, THREADS a power of two and the size
 * of the block; free again on return. */
template <unsigned THREADS, class T> __device__ inline T block_sum(T *shared, T mine)
{
    unsigned t = threadIdx.x;

    shared[t] = mine;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (t < half)
            shared[t] += shared[t + half];
        __syncthreads();
    }
    T sum = shared[0];
    __syncthreads();
    return sum;
}

#endif
