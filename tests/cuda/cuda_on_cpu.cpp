/* SPDX-License-Identifier: MIT
 *
 * cuda_on_cpu.cpp - launches of cuda_on_cpu.h: a grid's blocks one after another, and the threads of a
 * block, which are coroutines, from barrier to barrier.
 */
#include "cuda_on_cpu.h"

#include <cstdio>
#include <cstdlib>

#include "backend/cuda/runtime.h"
#include "coroutines.h"

cuda_on_cpu_place cuda_on_cpu_now;

namespace {

struct state {
    bool done;
    const char *file; /* of the barrier it waits at */
    int line;
};

state threads[COROUTINES_MOST], *running;
dim3 places[COROUTINES_MOST]; /* threadIdx of each */
bool falling;

/* All that still run wait at the same barrier. */
void check_barrier(const char *name, unsigned count)
{
    const state *first = nullptr;
    for (unsigned t = 0; t < count; t++) {
        const state *c = &threads[t];
        if (c->done)
            continue;
        if (first != nullptr && (c->file != first->file || c->line != first->line)) {
            fprintf(stderr, "%s: threads wait at %s:%d and at %s:%d\n", name, first->file,
                    first->line, c->file, c->line);
            abort();
        }
        first = c;
    }
}

void run_block(const char *name, unsigned count)
{
    unsigned left = count;
    for (unsigned t = 0; t < count; t++)
        threads[t].done = false;
    coroutines_block();
    while (left > 0) {
        for (unsigned i = 0; i < count; i++) {
            unsigned t = falling ? count - 1 - i : i;
            running = &threads[t];
            if (running->done)
                continue;
            cuda_on_cpu_now.thread = places[t];
            running->done = coroutines_resume(t);
            left -= running->done;
        }
        check_barrier(name, count);
    }
}

} // namespace

void cuda_on_cpu_barrier(const char *file, int line)
{
    running->file = file;
    running->line = line;
    coroutines_wait();
}

void cuda_on_cpu_run(const char *name, dim3 grid, dim3 block, void (*body)(void *), void *context)
{
    size_t count = (size_t)block.x * block.y * block.z, blocks = (size_t)grid.x * grid.y * grid.z;
    if (count == 0 || count > COROUTINES_MOST || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
        grid.y > 65535 || grid.z > 65535) {
        sc_cuda_fail(name, "a launch of no threads, or of more than CUDA allows");
        return;
    }
    cuda_on_cpu_open_memory();
    coroutines_launch(body, context);
    falling = !falling;
    for (size_t t = 0; t < count; t++)
        places[t] = dim3(t % block.x, t / block.x % block.y, t / block.x / block.y);
    cuda_on_cpu_now.block_size = block;
    cuda_on_cpu_now.grid_size = grid;
    for (size_t i = 0; i < blocks; i++) {
        size_t b = falling ? blocks - 1 - i : i;
        cuda_on_cpu_now.block = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
        run_block(name, (unsigned)count);
    }
    coroutines_landed();
    cuda_on_cpu_close_memory();
    sc_cuda_check(name);
}
