/* SPDX-License-Identifier: MIT
 *
 * parallel.h - loops over a fixed number of parts.
 *
 * The number of parts follows from the shape of the data, never from the number of threads; every
 * part writes its own place, and partial sums are added afterwards in the order of the parts.  So
 * the same bits come out for 1 thread or 16.
 */
#ifndef SC_CORE_PARALLEL_H
#define SC_CORE_PARALLEL_H

#include <stddef.h>

typedef void (*sc_part_fn)(void *context, size_t part);

/* fn(context, part) for part = 0 .. parts-1, each once, in any order, on the threads of the calling
 * thread's team.  Nested calls run serially. */
void sc_parallel_for(size_t parts, sc_part_fn fn, void *context);

/* Threads for loops started from the calling thread from now on (>= 1). */
void sc_parallel_set_threads(int threads);
int sc_parallel_threads(void);
/* Index of the running thread within the innermost sc_parallel_for: 0 .. threads-1.  For choosing
 * scratch memory only; results must not depend on it. */
int sc_parallel_index(void);
/* Processors this process may use: affinity mask and cgroup quota respected. */
int sc_parallel_available(void);
/* Of these, what the quotas of control groups allow, 0: any number.  Testing: as /proc and /sys below
 * `root` have it; "" is the system. */
int sc_parallel_quota(const char *root);

/* Bounds of part i of `parts` nearly equal ranges of n items: [*begin, *end) = floor(n i / parts) ... */
void sc_part_range(size_t *begin, size_t *end, size_t n, size_t parts, size_t i);

#endif
