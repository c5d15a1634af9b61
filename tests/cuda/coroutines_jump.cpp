/* SPDX-License-Identifier: MIT
 *
 * coroutines_jump.cpp - makecontext gives each coroutine its stack; after that _setjmp and _longjmp
 * switch, which unlike swapcontext need no system call.
 */
#include "coroutines.h"

#include <csetjmp>
#include <ucontext.h>
#include <vector>

namespace {

constexpr size_t STACK = 64 << 10;

struct coroutine {
    jmp_buf at;
    ucontext_t start;
    std::vector<char> stack;
    bool done = true;
};

std::vector<coroutine> pool(COROUTINES_MOST);
coroutine *running;
jmp_buf scheduler;
void (*kernel_body)(void *);
void *kernel_context;

/* What every coroutine does for ever: a thread of a kernel, and back. */
void live()
{
    for (;;) {
        kernel_body(kernel_context);
        running->done = true;
        coroutines_wait();
    }
}

void bear(coroutine *c)
{
    c->stack.resize(STACK);
    getcontext(&c->start);
    c->start.uc_stack.ss_sp = c->stack.data();
    c->start.uc_stack.ss_size = STACK;
    c->start.uc_link = nullptr;
    makecontext(&c->start, live, 0);
    setcontext(&c->start);
}

} // namespace

void coroutines_launch(void (*body)(void *), void *context)
{
    kernel_body = body;
    kernel_context = context;
}

void coroutines_landed(void)
{
}

void coroutines_block(void)
{
}

bool coroutines_resume(unsigned t)
{
    running = &pool[t];
    running->done = false;
    if (_setjmp(scheduler) != 0)
        return running->done;
    if (running->stack.empty())
        bear(running);
    _longjmp(running->at, 1);
}

void coroutines_wait(void)
{
    if (_setjmp(running->at) == 0)
        _longjmp(scheduler, 1);
}
