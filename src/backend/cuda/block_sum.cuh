/* SPDX-License-Identifier: MIT
 *
 * block_sum.cuh - one number made of one of each thread of a block, always in the same order: halves
 * are joined until one number is left.
 */
#ifndef SC_CUDA_BLOCK_SUM_H
#define SC_CUDA_BLOCK_SUM_H

#include "backend/cuda/launch.h"

struct join_sum {
    template <class T> __device__ static T of(T a, T b)
    {
        return a + b;
    }
};

struct join_most { /* NaN is more than any number */
    template <class T> __device__ static T of(T a, T b)
    {
        return b > a || b != b ? b : a;
    }
};

/* `mine` of all threads, joined, to all of them.  shared: THREADS places, THREADS a power of two and
 * the size of the block; free again on return. */
template <class Join, unsigned THREADS, class T> __device__ inline T block_join(T *shared, T mine)
{
    unsigned t = threadIdx.x;

    shared[t] = mine;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (t < half)
            shared[t] = Join::of(shared[t], shared[t + half]);
        __syncthreads();
    }
    T joined = shared[0];
    __syncthreads();
    return joined;
}

template <unsigned THREADS, class T> __device__ inline T block_sum(T *shared, T mine)
{
    return block_join<join_sum, THREADS>(shared, mine);
}

#endif
