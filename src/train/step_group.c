/* SPDX-License-Identifier: MIT
 *
 * step_group.c - z of all views, and the share of their gradient.
 */
#include "train/step_group.h"

#include <string.h>

#include "core/parallel.h"

size_t sc_step_group_rows(size_t max_rows, const sc_group *group)
{
    return group == NULL ? max_rows : max_rows * (size_t)group->size;
}

void sc_step_group_plan(sc_step_group *g, size_t max_rows, size_t dim, sc_arena *arena)
{
    if (g->group == NULL)
        return;
    g->max_rows = max_rows;
    g->dim = dim;
    g->message = sc_arena_take(arena, max_rows * dim, sizeof *g->message);
    g->messages =
        sc_arena_take(arena, (size_t)g->group->size * max_rows * dim, sizeof *g->messages);
    g->sum = sc_arena_take(arena, sc_group_sum_bytes(g->group), 1);
}

/* Messages are of one size: that of the largest share. */
void sc_step_group_gather(sc_real *z, const sc_real *own, size_t n, size_t total,
                          const sc_step_group *g)
{
    if (g->group == NULL)
        return;
    const size_t ranks = (size_t)g->group->size, d = g->dim, room = g->max_rows * d;
    size_t begin, end;
    memcpy(g->message, own, 2 * n * d * sizeof *own);
    memset(g->message + 2 * n * d, 0, (room - 2 * n * d) * sizeof *own);
    g->group->gather(g->messages, g->message, room * sizeof *own);
    for (size_t r = 0; r < ranks; r++) {
        sc_part_range(&begin, &end, total, ranks, r);
        const sc_real *views = g->messages + r * room;
        size_t count = (end - begin) * d;
        memcpy(z + begin * d, views, count * sizeof *z);
        memcpy(z + (total + begin) * d, views + count, count * sizeof *z);
    }
}

void sc_step_group_share(sc_real *own, const sc_real *dz, size_t n, size_t total,
                         const sc_step_group *g)
{
    if (g->group == NULL)
        return;
    const size_t d = g->dim;
    size_t begin, end;
    sc_part_range(&begin, &end, total, (size_t)g->group->size, (size_t)g->group->rank);
    memcpy(own, dz + begin * d, n * d * sizeof *own);
    memcpy(own + n * d, dz + (total + begin) * d, n * d * sizeof *own);
}
