/* SPDX-License-Identifier: MIT
 *
 * staging.h - what the host hands over to a step on a device: the views that were drawn of its images,
 * and these themselves, unless all images of the data set lie in the device's memory.
 */
#ifndef SC_TRAIN_STAGING_H
#define SC_TRAIN_STAGING_H

#include "backend/device.h"
#include "core/alloc.h"
#include "data/loader.h"
#include "views/views.h"

/* One batch on the host. */
typedef struct {
    sc_step_input *input;
    sc_device_view *view; /* (2N) */
    uint8_t *pixels;      /* of images that are sent */
} sc_staging_slot;

typedef struct {
    const sc_device *device;
    sc_device_views options; /* of all views */
    size_t max_rows;         /* 2N at most */

    sc_arena images; /* all of the data set, on the device; base NULL: sent with each batch */
    uint64_t *first; /* where image i begins in it */

    /* Both grow if a batch asks for it. */
    sc_arena store, store_here; /* on the device, on the host */
    uint8_t *pixels;
    sc_device_view *view;
    void *scratch;                  /* of the views, on the device */
    size_t pixel_bytes;             /* room for images that are sent */
    uint32_t max_height, max_width; /* of an image */

    /* One is filled while the other may still be on its way; each step waits for what it was sent. */
    sc_staging_slot slot[2], *filled;

    sc_batch next;     /* what is staged, in *filled */
    size_t next_bytes; /* of its images that are sent */
    bool staged;
    bool moved; /* what is on the device has, since the caller cleared this: recordings are void */
} sc_staging;

/* Lays it out for batches of max_rows views: s->store.used is what it takes of the device's memory.
 * Images that differ in size may make it grow later. */
void sc_staging_measure(sc_staging *s, const sc_device *device, const sc_views *views,
                        const sc_dataset *data, size_t max_rows);
/* Sends the data set as a whole if it is decoded in memory and fits beside all that is open.  Then
 * less of the store is needed than was measured. */
int sc_staging_open(sc_staging *measured, const sc_dataset *data, simclr_error *err);
void sc_staging_close(sc_staging *s); /* zeroed is fine */

/* The loader's next batch, with both views of its images drawn. */
int sc_staging_fill(sc_staging *s, sc_loader *loader, const sc_views *views, simclr_error *err);
/* Queues it for the device, and *input for `to` there. */
void sc_staging_send(sc_step_input *to, const sc_step_input *input, sc_staging *s);

#endif
