/* SPDX-License-Identifier: MIT
 *
 * alloc.c - blocks of zeroed, 64-byte aligned memory, and the arena.
 *
 * A block comes from calloc, whose large blocks are fresh pages that cost memory only once written;
 * the address that calloc gave is kept in the 8 bytes before the block.  With AddressSanitizer it
 * comes from posix_memalign, so that it ends where the allocation ends and every overrun is seen.
 */
#include "core/alloc.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SC_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SC_ASAN
#endif
#endif

enum { ALIGN = 64 };

/* For tests only: which allocation fails next, and how many there were. */
static atomic_size_t fail_countdown;
static atomic_size_t alloc_count;

static bool must_fail(void)
{
    atomic_fetch_add_explicit(&alloc_count, 1, memory_order_relaxed);
    size_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&fail_countdown, &left, left - 1))
            return left == 1;
    }
    return false;
}

#ifdef SC_ASAN

static void *aligned_block(size_t bytes)
{
    void *block;
    return posix_memalign(&block, ALIGN, bytes) == 0 ? memset(block, 0, bytes) : NULL;
}

void sc_free(void *block)
{
    free(block);
}

#else

static void *aligned_block(size_t bytes)
{
    size_t room = sizeof(void *) + ALIGN - 1;
    unsigned char *start = calloc(1, bytes + room);
    if (!start)
        return NULL;
    unsigned char *block = start + room - ((uintptr_t)start + room) % ALIGN;
    memcpy(block - sizeof start, &start, sizeof start);
    return block;
}

void sc_free(void *block)
{
    if (block) {
        void *start;
        memcpy(&start, (unsigned char *)block - sizeof start, sizeof start);
        free(start);
    }
}

#endif

void *sc_alloc(size_t count, size_t size, simclr_error *err)
{
    if (size != 0 && count > (SIZE_MAX - 2 * ALIGN) / size) {
        sc_fail(err, SIMCLR_E_MEMORY, "%zu items of %zu bytes are more than memory can hold", count,
                size);
        return NULL;
    }
    size_t bytes = count * size > 0 ? count * size : 1;
    void *block = must_fail() ? NULL : aligned_block(bytes);
    if (!block)
        sc_fail(err, SIMCLR_E_MEMORY, "out of memory: %zu bytes were not to be had", bytes);
    return block;
}

char *sc_strdup(const char *text, simclr_error *err)
{
    size_t size = strlen(text) + 1;
    char *copy = sc_alloc(size, 1, err);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void *sc_arena_take(sc_arena *arena, size_t count, size_t size)
{
    assert(size == 0 || count <= (SIZE_MAX / 2) / size);
    size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
    assert(bytes <= SIZE_MAX / 2 - arena->used);
    size_t offset = arena->used;

    arena->used += bytes;
    if (!arena->base)
        return NULL;
    assert(arena->used <= arena->size);
    return arena->base + offset;
}

int sc_arena_open(sc_arena *arena, simclr_error *err)
{
    size_t size = arena->used;
    const sc_memory *memory = arena->memory;
    simclr_error own;
    simclr_error *why = err ? err : &own;
    unsigned char *base = memory ? memory->alloc(size, why) : sc_alloc(size, 1, why);

    if (!base)
        return why->code;
    *arena = (sc_arena){.base = base, .size = size, .memory = memory};
    return 0;
}

void sc_arena_close(sc_arena *arena)
{
    if (arena->memory)
        arena->memory->free(arena->base);
    else
        sc_free(arena->base);
    *arena = (sc_arena){0};
}

void sc_alloc_fail_at(size_t n)
{
    atomic_store(&fail_countdown, n);
}

size_t sc_alloc_count(void)
{
    return atomic_load(&alloc_count);
}
