/* SPDX-License-Identifier: MIT
 *
 * store.h - names inside RUN/checkpoints, shared by saving (checkpoint.c) and finding
 * (checkpoint_find.c).
 */
#ifndef SC_CHECKPOINT_STORE_H
#define SC_CHECKPOINT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fs.h"

/* "step-00000120"; twenty digits at most: from 10^8 steps on the names do not sort by step. */
void sc_store_name(char out[64], uint64_t step);

/* The step of a name made by sc_store_name; false for any other name. */
bool sc_store_step(uint64_t *step, const char *name);

/* The names of checkpoints by their steps, the newest first. */
void sc_store_sort(sc_fs_list *list);

#endif
