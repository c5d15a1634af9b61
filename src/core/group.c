/* SPDX-License-Identifier: MIT
 *
 * group.c - sums and agreements of processes that train together.
 */
#include "core/group.h"

#include <stdio.h>
#include <string.h>

#include "core/parallel.h"

/* Of a sum, numbers that a rank adds up at once: small enough for a cache, large enough for a message. */
enum { BLOCK = 1 << 16, PART = 1 << 12 };

bool sc_group_first(const sc_group *group)
{
    return group == NULL || group->rank == 0;
}

/* ---- sums ---- */

size_t sc_group_sum_bytes(const sc_group *group)
{
    return group == NULL ? 0 : 2 * (size_t)group->size * BLOCK * sizeof(sc_real);
}

typedef struct {
    sc_real *sum;
    const sc_real *block; /* (ranks, BLOCK) */
    size_t ranks;
} adding;

static void add_part(void *context, size_t part)
{
    const adding *a = context;
    for (size_t i = part * PART; i < (part + 1) * PART; i++) {
        sc_real sum = a->block[i];
        for (size_t r = 1; r < a->ranks; r++)
            sum += a->block[r * BLOCK + i];
        a->sum[i] = sum;
    }
}

/* Rank r adds up block r of everybody's numbers, and tells the sums to all.  What is too short for size
 * blocks is filled up with zeros. */
void sc_group_sum(sc_real *x, size_t n, void *scratch, const sc_group *group)
{
    if (group == NULL)
        return;
    size_t ranks = (size_t)group->size, most = ranks * BLOCK;
    sc_real *received = scratch, *sent = received + most;
    for (size_t at = 0; at < n; at += most) {
        size_t count = n - at < most ? n - at : most;
        memcpy(sent, x + at, count * sizeof *x);
        memset(sent + count, 0, (most - count) * sizeof *x);
        group->exchange(received, sent, BLOCK * sizeof *x);
        adding a = {sent, received, ranks};
        sc_parallel_for(BLOCK / PART, add_part, &a);
        group->gather(received, sent, BLOCK * sizeof *x);
        memcpy(x + at, received, count * sizeof *x);
    }
}

/* ---- agreements ---- */

bool sc_group_any(bool mine, const sc_group *group)
{
    unsigned char own = mine, all[SC_GROUP_SIZE_MAX];
    if (group == NULL)
        return mine;
    group->gather(all, &own, 1);
    return memchr(all, 1, (size_t)group->size) != NULL;
}

int sc_group_agree(int rc, const sc_group *group, simclr_error *err)
{
    int all[SC_GROUP_SIZE_MAX], first = 0;
    simclr_error told = {0};
    if (group == NULL)
        return rc;
    group->gather(all, &rc, sizeof rc);
    while (first < group->size && all[first] == 0)
        first++;
    if (first == group->size)
        return 0;
    if (err != NULL && first == group->rank)
        told = *err;
    group->share(&told, sizeof told, first);
    return sc_fail(err, all[first], "%s", told.text);
}

bool sc_group_same(const char *text, const sc_group *group)
{
    simclr_error own = {0}, first;
    if (group == NULL)
        return true;
    snprintf(own.text, sizeof own.text, "%s", text);
    first = own;
    group->share(&first, sizeof first, 0);
    return !sc_group_any(strcmp(own.text, first.text) != 0, group);
}
