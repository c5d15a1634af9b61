/* SPDX-License-Identifier: MIT
 *
 * cuda_on_cpu.h - the part of CUDA that launch.h allows, on the processor: so that every kernel is
 * run, and compared with the reference, on machines without a GPU.
 *
 * The threads of a block are coroutines; a block runs until all have ended, blocks one after another.
 * __shared__ is static.  Blocks, and the threads between two __syncthreads, run in rising order in one
 * launch and in falling order in the next, so that a barrier that is missing, or a block that relies on
 * another, gives different numbers; tests/long/races.sh finds what does not.  The program stops if threads
 * of a block wait at different barriers.
 *
 * Launches and copies are done at once; or, after cuda_on_cpu_late(true), not before somebody waits for
 * them.  What a step queues is recorded the first time and repeated from then on.
 */
#ifndef CUDA_ON_CPU_H
#define CUDA_ON_CPU_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#ifdef SC_CUDA_RACES
#define __shared__ static __attribute__((section("cuda_shared")))
#else
#define __shared__ static
#endif

struct dim3 {
    unsigned x, y, z;
    dim3(size_t x_ = 1, size_t y_ = 1, size_t z_ = 1)
        : x((unsigned)x_), y((unsigned)y_), z((unsigned)z_)
    {
    }
};

struct cuda_on_cpu_place {
    dim3 thread, block, block_size, grid_size;
};
extern cuda_on_cpu_place cuda_on_cpu_now;

#define threadIdx (cuda_on_cpu_now.thread)
#define blockIdx (cuda_on_cpu_now.block)
#define blockDim (cuda_on_cpu_now.block_size)
#define gridDim (cuda_on_cpu_now.grid_size)
#define __syncthreads() cuda_on_cpu_barrier(__FILE__, __LINE__)

/* ---- runtime_on_cpu.cpp: the device's memory, which but for kernels and copies cannot be touched ---- */

void cuda_on_cpu_open_memory(void);
void cuda_on_cpu_close_memory(void);
void cuda_on_cpu_queue(std::function<void()> work);

/* ---- cuda_on_cpu.cpp ---- */

void cuda_on_cpu_barrier(const char *file, int line);
void cuda_on_cpu_run(const char *name, dim3 grid, dim3 block, void (*body)(void *), void *context);

template <class Body> static void cuda_on_cpu_call(void *body)
{
    (*static_cast<Body *>(body))();
}

template <class Body>
static void cuda_on_cpu_launch(const char *name, dim3 grid, dim3 block, Body body)
{
    cuda_on_cpu_queue(
        [=]() mutable { cuda_on_cpu_run(name, grid, block, cuda_on_cpu_call<Body>, &body); });
}

template <class Kernel> static inline unsigned sc_cuda_resident(Kernel *, unsigned)
{
    return 2;
}

/* The arguments are copied at the launch, as CUDA does. */
#define SC_LAUNCH(kernel, grid, block, ...)                                                        \
    cuda_on_cpu_launch(#kernel, grid, block, [=] { (kernel)(__VA_ARGS__); })

#endif
