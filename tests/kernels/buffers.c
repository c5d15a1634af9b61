/* SPDX-License-Identifier: MIT
 *
 * buffers.c - memory of kernelcheck: random fills, the maps made of them, blocks between guards.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernelcheck.h"

enum { GUARD = 256, MOST = 64 }; /* bytes; fills or maps of one case */

static struct {
    uint64_t random;
    float *fill[MOST];
    size_t fill_size[MOST], fills;
    sc_map *map[MOST];
    size_t maps;
} memory;

static void *get(size_t size)
{
    void *block = table_alloc(size > 0 ? size : 64);
    if (block == NULL) {
        fprintf(stderr, "kernelcheck: out of memory (%zu bytes)\n", size);
        exit(2);
    }
    return block;
}

void seed_fills(uint64_t seed)
{
    memory.random = seed * 0x9e3779b97f4a7c15u + 1;
}

static double uniform(void)
{
    memory.random ^= memory.random << 13;
    memory.random ^= memory.random >> 7;
    memory.random ^= memory.random << 17;
    return (double)(memory.random >> 11) / 9007199254740992.0;
}

static void check_room(size_t used)
{
    if (used == MOST) {
        fprintf(stderr, "kernelcheck: too many fills in one case\n");
        exit(2);
    }
}

float *fill(size_t count, bool exact)
{
    float *x = get(count * sizeof *x);

    for (size_t i = 0; i < count; i++) {
        double v = uniform() + uniform() + uniform() - 1.5;
        x[i] = (float)(exact ? floor(v * 5) : v * 2);
    }
    check_room(memory.fills);
    memory.fill_size[memory.fills] = count;
    memory.fill[memory.fills++] = x;
    return x;
}

float *fill_positive(size_t count)
{
    float *x = fill(count, false);

    for (size_t i = 0; i < count; i++) {
        x[i] = 0.25F + fabsf(x[i]);
    }
    return x;
}

float *fill_short(size_t count)
{
    float *x = fill(count, false);

    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0xfffff000u; /* of 24 significant bits the lower 12 */
        memcpy(&x[i], &bits, sizeof bits);
    }
    return x;
}

sc_map *map_of(const sc_backend *table, const float *x)
{
    if (x == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < memory.fills; i++) {
        if (memory.fill[i] == x) {
            sc_map *map = get(memory.fill_size[i] * table->map_bytes);
            table->map_store(map, x, memory.fill_size[i]);
            check_room(memory.maps);
            memory.map[memory.maps++] = map;
            return map;
        }
    }
    fprintf(stderr, "kernelcheck: map_of takes what fill gave\n");
    exit(2);
}

void drop_maps(void)
{
    while (memory.maps > 0) {
        table_free(memory.map[--memory.maps]);
    }
}

void drop_fills(void)
{
    drop_maps();
    while (memory.fills > 0) {
        table_free(memory.fill[--memory.fills]);
    }
}

void *guarded(size_t bytes)
{
    unsigned char *block = get(bytes + 2 * GUARD);

    table_poison(block, bytes + 2 * GUARD);
    return block + GUARD;
}

bool guards_intact(const void *block, size_t bytes)
{
    const unsigned char *before = (const unsigned char *)block - GUARD;
    const unsigned char *behind = (const unsigned char *)block + bytes;

    for (size_t i = 0; i < GUARD; i++) {
        if (before[i] != POISON || behind[i] != POISON) {
            return false;
        }
    }
    return true;
}

void release(void *block)
{
    table_free((unsigned char *)block - GUARD);
}
