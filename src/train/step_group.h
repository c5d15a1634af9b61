/* SPDX-License-Identifier: MIT
 *
 * step_group.h - what a step of several processes does besides: z of all views, gradients of all shares.
 *
 * Each process has the views of its images, and their h, z and gradients.  The loss is that of the whole
 * batch: its negatives are the views of all processes.  Of one process `own` is the whole, and nothing is done.
 */
#ifndef SC_TRAIN_STEP_GROUP_H
#define SC_TRAIN_STEP_GROUP_H

#include "core/alloc.h"
#include "core/group.h"
#include "core/real.h"

typedef struct {
    const sc_group *group; /* NULL: one process */
    size_t max_rows, dim;  /* of a share's z */
    sc_real *message;      /* (max_rows, d) */
    sc_real *messages;     /* (ranks, max_rows, d) */
    void *sum;             /* of sc_group_sum */
} sc_step_group;

/* Views of all shares together, when one has at most so many. */
size_t sc_step_group_rows(size_t max_rows, const sc_group *group);
void sc_step_group_plan(sc_step_group *g, size_t max_rows, size_t dim, sc_arena *arena);

/* z (2 total, d), views 0 of all images, then views 1, from `own` (2 n, d) of each process. */
void sc_step_group_gather(sc_real *z, const sc_real *own, size_t n, size_t total,
                          const sc_step_group *g);
/* The other way round: own (2 n, d), the share of dz (2 total, d). */
void sc_step_group_share(sc_real *own, const sc_real *dz, size_t n, size_t total,
                         const sc_step_group *g);

#endif
