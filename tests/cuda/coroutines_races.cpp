/* SPDX-License-Identifier: MIT
 *
 * coroutines_races.cpp - coroutines that ThreadSanitizer takes for threads.  What is known to have
 * happened before: a launch begins after all that was before it and ends before all that is after it; of
 * one block, what was before a barrier is before what follows it.  Nothing else, so an access to memory
 * that meets another one's without that is a race, though everything runs on one processor.
 *
 * Adjacent blocks have coroutines of their own; but it knows 255 threads at a time, and most accesses of two
 * blocks that meet are missed.  Shared memory is every block's own: before each it is mapped anew, which
 * makes ThreadSanitizer forget it, and filled with NaN.
 * This file is compiled without ThreadSanitizer, which would see one processor's bookkeeping.
 */
#include "coroutines.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sanitizer/tsan_interface.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

extern "C" char cuda_shared_begin[], cuda_shared_end[]; /* cmake/cuda_shared.ld: whole pages */

namespace {

constexpr size_t STACK = 256 << 10; /* instrumented code takes more of it */

struct coroutine {
    ucontext_t at;
    std::vector<char> stack;
    void *fiber = nullptr;
    bool done = true;
};

std::vector<coroutine> pools[2] = {std::vector<coroutine>(COROUTINES_MOST),
                                   std::vector<coroutine>(COROUTINES_MOST)};
coroutine *pool = pools[0].data(), *running;
ucontext_t scheduler;
void *scheduler_fiber;
char launch_begins, launch_ends, barriers[2]; /* their addresses are what is known of */
void (*kernel_body)(void *);
void *kernel_context;

char *barrier(void)
{
    return &barriers[pool == pools[1].data()];
}

void leave(void)
{
    __tsan_switch_to_fiber(scheduler_fiber, __tsan_switch_to_fiber_no_sync);
    swapcontext(&running->at, &scheduler);
}

/* What every coroutine does for ever: a thread of a kernel, and back. */
void live()
{
    for (;;) {
        __tsan_acquire(&launch_begins);
        kernel_body(kernel_context);
        __tsan_release(&launch_ends);
        running->done = true;
        leave();
    }
}

void bear(coroutine *c)
{
    c->stack.resize(STACK);
    getcontext(&c->at);
    c->at.uc_stack.ss_sp = c->stack.data();
    c->at.uc_stack.ss_size = STACK;
    c->at.uc_link = nullptr;
    makecontext(&c->at, live, 0);
    c->fiber = __tsan_create_fiber(0);
}

} // namespace

void coroutines_launch(void (*body)(void *), void *context)
{
    kernel_body = body;
    kernel_context = context;
    scheduler_fiber = __tsan_get_current_fiber();
    __tsan_release(&launch_begins);
}

void coroutines_landed(void)
{
    __tsan_acquire(&launch_ends);
}

void coroutines_block(void)
{
    size_t bytes = (size_t)(cuda_shared_end - cuda_shared_begin);

    pool = pool == pools[0].data() ? pools[1].data() : pools[0].data();
    if (mmap(cuda_shared_begin, bytes, PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
        perror("cuda_on_cpu: mmap");
        abort();
    }
    memset(cuda_shared_begin, 0xff, bytes);
    __tsan_release(&launch_begins);
}

bool coroutines_resume(unsigned t)
{
    running = &pool[t];
    running->done = false;
    if (running->stack.empty())
        bear(running);
    __tsan_switch_to_fiber(running->fiber, __tsan_switch_to_fiber_no_sync);
    swapcontext(&scheduler, &running->at);
    return running->done;
}

void coroutines_wait(void)
{
    __tsan_release(barrier());
    leave();
    __tsan_acquire(barrier());
}
