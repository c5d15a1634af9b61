/* SPDX-License-Identifier: MIT
 *
 * fork_group.h - a group of processes without MPI: children of a test that share memory.
 */
#ifndef SCT_FORK_GROUP_H
#define SCT_FORK_GROUP_H

#include "core/group.h"

/* Zeroed memory that a process and its children share; never given back. */
void *sct_shared(size_t bytes);

/* fn(group, context) as the work of `size` children, 0 when all returned 0; when one did not, the others are
 * killed.  size 1: without a group.  Results go where sct_shared is.  The caller has one thread. */
int sct_group_run(int size, int (*fn)(const sc_group *group, void *context), void *context);

#endif
