/* SPDX-License-Identifier: MIT
 *
 * nearest.h - the k nearest of a stream of similarities, exactly: of equal ones the smaller index.
 */
#ifndef SC_EVAL_NEAREST_H
#define SC_EVAL_NEAREST_H

#include <stddef.h>
#include <stdint.h>

#include "backend/device.h"

typedef struct {
    sc_neighbour *list; /* (sc_nearest_room(k)), the caller's */
    size_t k, count;
    sc_real worst; /* no candidate may be at or below it */
} sc_nearest;

/* Candidates that a list for the k nearest must hold. */
size_t sc_nearest_room(size_t k);
/* Nothing offered yet; k >= 1. */
void sc_nearest_begin(sc_nearest *nearest, sc_neighbour *list, size_t k);
/* Offers similarity[0 .. n-1] of the indices first .. first+n-1; indices rise from call to call.
 * -INFINITY is no neighbour; NaN is not allowed. */
void sc_nearest_offer(sc_nearest *nearest, const sc_real *similarity, size_t first, size_t n);
/* list[0 .. k-1] = the nearest, best first; at least k were offered. */
void sc_nearest_sort(sc_nearest *nearest);

#endif
