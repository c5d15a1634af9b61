/* SPDX-License-Identifier: MIT
 *
 * cuda_on_cpu.cpp - the coroutines of cuda_on_cpu.h.  makecontext gives each its stack; after that
 * _setjmp and _longjmp switch, which unlike swapcontext need no system call.
 */
#include "cuda_on_cpu.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <ucontext.h>
#include <vector>

#include "backend/cuda/runtime.h"

cuda_on_cpu_place cuda_on_cpu_now;

namespace {

constexpr size_t STACK = 64 << 10;
constexpr unsigned MOST_THREADS = 1024; /* as CUDA */

struct coroutine {
    jmp_buf at;
    ucontext_t start;
    std::vector<char> stack;
    bool born = false, done = true;
    const char *file = nullptr; /* of the barrier it waits at */
    int line = 0;
};

std::vector<coroutine> pool(MOST_THREADS);
coroutine *running;
jmp_buf scheduler;
void (*kernel_body)(void *);
void *kernel_context;
bool falling;

/* What every coroutine does for ever: a thread of a kernel, and back. */
void live()
{
    for (;;) {
        kernel_body(kernel_context);
        running->done = true;
        running->file = nullptr;
        running->line = 0;
        if (_setjmp(running->at) == 0)
            _longjmp(scheduler, 1);
    }
}

void resume(coroutine *c)
{
    running = c;
    if (_setjmp(scheduler) != 0)
        return;
    if (c->born)
        _longjmp(c->at, 1);
    c->born = true;
    c->stack.resize(STACK);
    getcontext(&c->start);
    c->start.uc_stack.ss_sp = c->stack.data();
    c->start.uc_stack.ss_size = STACK;
    c->start.uc_link = nullptr;
    makecontext(&c->start, live, 0);
    setcontext(&c->start);
}

/* All that still run wait at the same barrier. */
void check_barrier(const char *name, unsigned threads)
{
    const coroutine *first = nullptr;
    for (unsigned t = 0; t < threads; t++) {
        const coroutine *c = &pool[t];
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

void run_block(const char *name, dim3 block)
{
    unsigned threads = block.x * block.y * block.z, left = threads;
    for (unsigned t = 0; t < threads; t++)
        pool[t].done = false;
    while (left > 0) {
        for (unsigned i = 0; i < threads; i++) {
            unsigned t = falling ? threads - 1 - i : i;
            if (pool[t].done)
                continue;
            cuda_on_cpu_now.thread =
                dim3(t % block.x, t / block.x % block.y, t / block.x / block.y);
            resume(&pool[t]);
            left -= pool[t].done;
        }
        check_barrier(name, threads);
    }
}

} // namespace

void cuda_on_cpu_barrier(const char *file, int line)
{
    running->file = file;
    running->line = line;
    if (_setjmp(running->at) == 0)
        _longjmp(scheduler, 1);
}

void cuda_on_cpu_run(const char *name, dim3 grid, dim3 block, void (*body)(void *), void *context)
{
    size_t threads = (size_t)block.x * block.y * block.z;
    if (threads == 0 || threads > MOST_THREADS || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
        grid.y > 65535 || grid.z > 65535) {
        sc_cuda_fail(name, "a launch of no threads, or of more than CUDA allows");
        return;
    }
    cuda_on_cpu_open_memory();
    kernel_body = body;
    kernel_context = context;
    falling = !falling;
    cuda_on_cpu_now.block_size = block;
    cuda_on_cpu_now.grid_size = grid;
    for (size_t b = 0; b < (size_t)grid.x * grid.y * grid.z; b++) {
        cuda_on_cpu_now.block = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
        run_block(name, block);
    }
    cuda_on_cpu_close_memory();
    sc_cuda_check(name);
}
