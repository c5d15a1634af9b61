/* SPDX-License-Identifier: MIT
 *
 * coroutines.h - the threads of a block that cuda_on_cpu.cpp runs, each a coroutine.
 *
 * coroutines_jump.cpp switches between them quickly.  coroutines_races.cpp tells ThreadSanitizer of
 * each thread and each barrier, so that it finds what threads of one block touch without a barrier in between.
 */
#ifndef COROUTINES_H
#define COROUTINES_H

#include <stdbool.h>

enum { COROUTINES_MOST = 1024 /* threads of a block, as CUDA */ };

/* Before the first block of a launch, and after its last. */
void coroutines_launch(void (*body)(void *), void *context);
void coroutines_landed(void);

/* Before each block. */
void coroutines_block(void);

/* Runs thread t until it waits or ends: body(context) from its beginning, if it has ended before.
 * Returns whether it has ended. */
bool coroutines_resume(unsigned t);

/* By a running thread: back to who resumed it, and on from here when all have waited. */
void coroutines_wait(void);

#endif
