/* SPDX-License-Identifier: MIT
 *
 * loader_parts.h - what loader.c is made with: the order of an epoch, and how much is held; used by
 * src/data only.
 */
#ifndef SC_DATA_LOADER_PARTS_H
#define SC_DATA_LOADER_PARTS_H

#include "data/loader.h"

enum { SC_LOADER_DEPTH = 4, SC_LOADER_THREADS = 64 }; /* at most */

/* The order of one epoch, shared by the batches that are made from it. */
typedef struct {
    uint32_t *order;
    uint64_t epoch;
    int users;
} sc_epoch;

/* Makes *current, NULL or another, the order of this epoch. */
int sc_epoch_use(sc_epoch **current, uint64_t epoch, size_t images, uint64_t seed, bool shuffle,
                 simclr_error *err);
void sc_epoch_release(sc_epoch *epoch); /* by one of its users; NULL is fine */

/* Batches of so many bytes that are held at once. */
size_t sc_loader_depth(uint64_t batch_bytes);
/* Threads that are started when so many are given. */
int sc_loader_threads(int given);

#endif
