/* SPDX-License-Identifier: MIT
 *
 * duplicates.h - groups of rows that are alike: the connected components of the graph whose edges are
 * the pairs with cosine >= threshold.
 *
 * All n (n - 1) / 2 pairs are compared, in blocks, so that nothing is missed and memory grows with n
 * alone.  A member of a group is that similar to another one of it, not to all.
 */
#ifndef SC_EVAL_DUPLICATES_H
#define SC_EVAL_DUPLICATES_H

#include "backend/backend.h"
#include "core/events.h"
#include "eval/features.h"

typedef struct {
    uint32_t row;
    sc_real similarity; /* to the first of its group; 1 of that itself */
} sc_duplicate;

/* Rounding that a pair at the threshold is forgiven: two equal rows have a cosine of 1 - 1e-7. */
#define SC_DUPLICATES_ROUNDING 1e-6

/* out (n): the members group by group, size (n / 2 + 1): how many each has, two or more.  Groups: the
 * largest first, then the one with the more similar pair.  In a group: first the earlier row of its
 * most similar pair, then the others by falling similarity to that one.  Of equals the earlier row.
 * SIMCLR_E_USAGE for a threshold outside 0 .. 1 (0 excluded), SIMCLR_E_NUMERIC for features that are not
 * finite, SIMCLR_E_MEMORY, SIMCLR_E_INTERRUPTED. */
int sc_duplicates(sc_duplicate *out, size_t *size, size_t *groups, const sc_features *features,
                  double threshold, const sc_backend *backend, const simclr_observer *observer,
                  simclr_error *err);

#endif
