/* SPDX-License-Identifier: MIT
 *
 * step_device.h - the buffers of a step that runs on a device (backend/device.h).
 *
 * The host draws the views and copies the next batch's images while the device computes; what it hands
 * over is uploaded before the step, which is recorded once for each number of images.
 */
#ifndef SC_TRAIN_STEP_DEVICE_H
#define SC_TRAIN_STEP_DEVICE_H

#include "backend/device.h"
#include "core/alloc.h"
#include "data/loader.h"

typedef struct {
    const sc_device *device;      /* NULL: the step runs on the host, and none of this is used */
    sc_arena arena;               /* the device's: x, h, z, their gradients, NT-Xent, optimiser */
    sc_real *x, *h, *dh, *z, *dz; /* as in sc_step */
    sc_step_input *input;         /* on the device, as all pointers up to here */
    sc_step_output *output;
    sc_device_views *views;
    sc_device_views views_here; /* the same on the host */
    sc_device_ntxent ntxent;
    sc_device_update update;
    sc_update_piece *piece; /* update.piece, to be written */

    /* Of the batch staged next; both grow with the images. */
    sc_arena store, store_here; /* on the device, on the host */
    uint8_t *pixels, *pixels_here;
    sc_device_view *view, *view_here; /* (2N) */
    void *scratch;                    /* of the views, on the device */
    size_t pixel_bytes;               /* room for images */
    uint32_t max_height, max_width;   /* of an image */
    sc_batch next;
    size_t staged_bytes; /* of next's images */
    bool staged;
    size_t max_rows;                             /* 2N at most */
    size_t images;                               /* N of the step being recorded or played */
    size_t recorded[SC_DEVICE_KEYS], recordings; /* numbers of images: key i played recorded[i] */
} sc_step_device;

#endif
