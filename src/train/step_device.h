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
#include "train/staging.h"

typedef struct {
    const sc_device *device;      /* NULL: the step runs on the host, and none of this is used */
    sc_arena arena;               /* the device's: x, h, z, their gradients, NT-Xent, optimiser */
    sc_real *x, *h, *dh, *z, *dz; /* as in sc_step */
    sc_step_input *input;         /* on the device, as all pointers up to here */
    sc_step_output *output;
    sc_device_views *views;
    sc_device_ntxent ntxent;
    sc_device_update update;
    sc_update_piece *piece; /* update.piece, to be written */

    sc_staging staging;
    size_t images;                               /* N of the step being recorded or played */
    size_t recorded[SC_DEVICE_KEYS], recordings; /* numbers of images: key i played recorded[i] */
} sc_step_device;

#endif
