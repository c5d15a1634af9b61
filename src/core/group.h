/* SPDX-License-Identifier: MIT
 *
 * group.h - processes that train one model together, each on its share of every batch.
 *
 * All of them, the ranks, call the same functions in the same order; each waits there for the others.  What
 * comes out is the same on every rank, to the bit, and in every run of as many ranks: sums are added in
 * the order of the ranks.  Nothing can fail: whoever brings the ranks together (dist/) ends all of them
 * when one ends.  A group of NULL is this process alone: the functions below then change nothing.
 */
#ifndef SC_CORE_GROUP_H
#define SC_CORE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"

typedef struct {
    int rank, size;   /* 0 .. size-1 */
    const char *name; /* of what connects them, with its version */
    /* all (size, bytes) receives what every rank has at own (bytes), in the order of the ranks. */
    void (*gather)(void *all, const void *own, size_t bytes);
    /* Block r of sent (size, bytes) goes to rank r, where it is block `rank` of received (size, bytes). */
    void (*exchange)(void *received, const void *sent, size_t bytes);
    /* data becomes what rank `from` has there. */
    void (*share)(void *data, size_t bytes, int from);
    /* All ranks came to an end together: this one may exit as it likes.  Without it the exit of one ends all. */
    void (*leave)(void);
} sc_group;

/* The first rank and the one with what others have not: the files of a run.  True for NULL. */
bool sc_group_first(const sc_group *group);

/* x (n) becomes the sum of the x of all ranks.  scratch: sc_group_sum_bytes, at most some MiB. */
size_t sc_group_sum_bytes(const sc_group *group);
void sc_group_sum(sc_real *x, size_t n, void *scratch, const sc_group *group);

/* Whether any rank says so. */
bool sc_group_any(bool mine, const sc_group *group);
/* rc is 0 or the code of an error that err tells of.  On every rank: those of the first rank that has one, or 0. */
int sc_group_agree(int rc, const sc_group *group, simclr_error *err);
/* Whether all ranks have the same text. */
bool sc_group_same(const char *text, const sc_group *group);

enum { SC_GROUP_SIZE_MAX = 4096 }; /* ranks */

#endif
