/* SPDX-License-Identifier: MIT
 *
 * loader.h - batches of images in the order of training, decoded ahead by a few threads.
 *
 * Epoch e visits sc_rng_permutation(seed, e, SC_RNG_SHUFFLE); step s belongs to epoch
 * s / steps_per_epoch.  The last batch of an epoch may be smaller, but a last batch of one image
 * is merged into the one before it (NT-Xent needs N >= 2).  What comes out does not depend on the
 * number of threads, and starting at step k gives what a run from 0 gives from step k on.
 */
#ifndef SC_DATA_LOADER_H
#define SC_DATA_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "data/dataset.h"

typedef struct sc_loader sc_loader;

typedef struct {
    uint32_t *index; /* of the data set */
    sc_image *image; /* NULL: drawn */
    uint8_t *drawn;  /* what sc_loader_draw made of each image, one behind the other */
    size_t count;
    size_t total; /* of the batch: more than count where it is shared among processes */
    uint64_t epoch;
    uint64_t step; /* since the start of training */
} sc_batch;

/* What is kept of an image that is decoded on demand, in place of all its pixels.  Called by the
 * thread that decoded it, `thread` of as many as the loader was opened with. */
typedef struct {
    int (*draw)(uint8_t *out, void *context, int thread, const sc_image *image, uint32_t index,
                uint64_t epoch, simclr_error *err);
    void *context;
    size_t bytes; /* of an image's `out` */
} sc_loader_draw;

/* The data set must outlive the loader.  batch >= 2, threads >= 1 (more than images need is fine;
 * a resident data set uses none). */
int sc_loader_open(sc_loader **out, sc_dataset *ds, size_t batch, uint64_t seed, int threads,
                   uint64_t start_step, simclr_error *err);
void sc_loader_close(sc_loader *loader); /* NULL is fine */

/* Before the first sc_loader_next: without `shuffle` every epoch has the order of the data set, with
 * `drop_last` a smaller last batch is left out.  The default is shuffled, nothing left out. */
void sc_loader_set_order(sc_loader *loader, bool shuffle, bool drop_last);

/* Before the first sc_loader_next: of every batch only the share of process `rank` of `size` (sc_part_range);
 * no batch may have fewer images than there are processes. */
void sc_loader_set_share(sc_loader *loader, int rank, int size);
/* Images in the smallest batch of an epoch. */
size_t sc_loader_least(const sc_loader *loader);

/* Before the first sc_loader_next: batches of a data set that is not resident hold what this draws. */
int sc_loader_set_draw(sc_loader *loader, const sc_loader_draw *draw, simclr_error *err);
/* Bytes that such a loader holds at most: what was drawn of a few batches, and the image that each
 * thread is at.  0 if the data set is resident. */
size_t sc_loader_bytes(const sc_dataset *ds, size_t batch, size_t drawn, int threads);

size_t sc_loader_steps_per_epoch(const sc_loader *loader);
size_t sc_loader_max_batch(const sc_loader *loader); /* largest count: batch or batch + 1 */
/* The same, of a loader over so many images. */
size_t sc_loader_largest(size_t images, size_t batch, bool drop_last);

/* The batch is valid until the next call.  An image that cannot be read is replaced by the next
 * one of the epoch's order and noted in the data set; over max_bad: SIMCLR_E_DATA. */
int sc_loader_next(sc_batch *out, sc_loader *loader, simclr_error *err);

double sc_loader_wait_seconds(const sc_loader *loader); /* total time spent waiting in next */

#endif
