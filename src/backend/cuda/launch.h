/* SPDX-License-Identifier: MIT
 *
 * launch.h - what every .cu file includes first: CUDA when nvcc compiles it, or, for the tests,
 * tests/cuda/cuda_on_cpu.h, which runs the same kernels on the processor, thread by thread.
 *
 * So kernels use plain C++ and of CUDA only: __global__, __device__, __host__, __shared__ arrays of
 * fixed size, threadIdx, blockIdx, blockDim, gridDim, __syncthreads, __launch_bounds__, float and
 * double mathematics.  No warp intrinsics, no atomics: sums are made in shared memory in a fixed order.
 *
 *   SC_LAUNCH(kernel, grid, block, arguments...) queues the kernel; grid and block are dim3 or a number.
 *   A template with several arguments needs its name in brackets: SC_LAUNCH((f<float, 2>), ...).
 *   sc_cuda_resident(kernel, threads): blocks of it that a multiprocessor holds at once.
 */
#ifndef SC_CUDA_LAUNCH_H
#define SC_CUDA_LAUNCH_H

#include "backend/cuda/runtime.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#define SC_LAUNCH(kernel, grid, block, ...)                                                        \
    do {                                                                                           \
        SC_KERNEL_NAME kernel<<<(grid), (block), 0, (cudaStream_t)sc_cuda_stream()>>>(             \
            __VA_ARGS__);                                                                          \
        sc_cuda_check(#kernel);                                                                    \
    } while (0)
#define SC_KERNEL_NAME

template <class Kernel> static inline unsigned sc_cuda_resident(Kernel *kernel, unsigned threads)
{
    int blocks = 0;

    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, (int)threads, 0);
    return blocks < 1 ? 1 : (unsigned)blocks;
}
#else
#include "cuda_on_cpu.h"
#endif

#endif
