/* SPDX-License-Identifier: MIT
 *
 * alloc.h - all memory of the library: overflow-checked blocks, and one arena laid out in advance.
 *
 * A layer plans its buffers by a function that takes from an arena.  It runs twice: first against a
 * measuring arena (base NULL), which only counts, then against the real one of exactly that size.
 * Nothing is allocated inside a training step.
 */
#ifndef SC_CORE_ALLOC_H
#define SC_CORE_ALLOC_H

#include <stddef.h>

#include "core/error.h"

/* count * size bytes, zeroed, 64-byte aligned; NULL with SIMCLR_E_MEMORY in err when there is no
 * memory or the product overflows.  count * size == 0 gives a valid pointer.
 * Release with sc_free (NULL is fine). */
void *sc_alloc(size_t count, size_t size, simclr_error *err);
void sc_free(void *block);

/* Copy of a string, to be released with sc_free; NULL with err filled when there is no memory. */
char *sc_strdup(const char *text, simclr_error *err);

/* Where an arena's block comes from, when it is not sc_alloc: zeroed, aligned to at least 64 bytes;
 * NULL with SIMCLR_E_MEMORY in err, or with SIMCLR_E_DEVICE: it failed. */
typedef struct {
    void *(*alloc)(size_t bytes, simclr_error *err);
    void (*free)(void *block); /* NULL is fine */
} sc_memory;

typedef struct {
    unsigned char *base;     /* NULL while measuring */
    size_t size;             /* bytes behind base */
    size_t used;             /* bytes taken so far, each block rounded up to 64 */
    const sc_memory *memory; /* NULL: sc_alloc and sc_free */
} sc_arena;

/* Next block of count * size bytes, 64-byte aligned, zeroed at sc_arena_open; NULL while measuring.
 * Asserts that a real arena is large enough: plan and use run the same code. */
void *sc_arena_take(sc_arena *arena, size_t count, size_t size);

/* Turns a measured arena into a real one of arena->used bytes, of arena->memory.  Its alloc's error. */
int sc_arena_open(sc_arena *arena, simclr_error *err);
void sc_arena_close(sc_arena *arena);

/* Testing: the n-th sc_alloc from now (1 = the next) fails, once; 0 switches it off.
 * sc_alloc_count() is the number of sc_alloc calls so far. */
void sc_alloc_fail_at(size_t n);
size_t sc_alloc_count(void);

#endif
