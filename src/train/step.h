/* SPDX-License-Identifier: MIT
 *
 * step.h - one optimisation step, and all it works on.
 *
 *     images -> two views x -> h -> z -> loss -> dz -> dh -> gradients -> update
 */
#ifndef SC_TRAIN_STEP_H
#define SC_TRAIN_STEP_H

#include "data/loader.h"
#include "loss/ntxent.h"
#include "model/network.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "train/step_device.h"
#include "train/step_group.h"
#include "views/drawer.h"

typedef struct {
    uint64_t step;  /* number of this step, from 0 */
    uint64_t epoch; /* it belongs to, from 0 */
    size_t images;  /* N, of all processes */
    double loss, lr;
    double gradient_norm;
} sc_step_stats;

typedef struct {
    sc_loader *loader;
    sc_views views;
    sc_network network;
    sc_ntxent ntxent;
    sc_optim optim;
    sc_schedule schedule;
    uint64_t step;           /* steps done */
    sc_batch batch;          /* N images, or their views, u8 */
    sc_real *x;              /* (2n, H, W, C), n <= N the images of this process */
    sc_real *h, *dh;         /* (2n, D) */
    sc_real *own_z, *own_dz; /* (2n, d); of one process, n = N, z and dz */
    sc_real *z, *dz;         /* (2N, d) */
    sc_step_group group;     /* with several processes */
    sc_step_device there;    /* with a device it has these, and h, z hold what was fetched */
    /* What the host has to do while a device computes the step; NULL: nothing. */
    int (*meanwhile)(void *context, simclr_error *err);
    void *meanwhile_context;
} sc_step;

/* The next batch, forward, backward, update.  SIMCLR_E_NUMERIC, naming the step and what is not
 * finite, before the weights are touched. */
int sc_train_step(sc_step_stats *out, sc_step *t, simclr_error *err);

/* x of the batch, without a device. */
int sc_step_views(sc_step *t, simclr_error *err);

/* Of the last step, for who looks at them on the host: without a device they are there already.
 * SIMCLR_E_DEVICE, SIMCLR_E_MEMORY: it failed. */
int sc_step_fetch_h(sc_step *t, simclr_error *err);
int sc_step_fetch_z(sc_step *t, simclr_error *err);

/* SIMCLR_E_NUMERIC unless loss and gradient norm are finite; looks for the first bad gradient among
 * the host's. */
int sc_step_check(const sc_step_stats *stats, const sc_params *params, simclr_error *err);

/* ---- step_device.c, for t->there.device ---- */

/* Lays out d for the network, measured or open, and the open views of t: the device's memory takes
 * d->arena.used and d->staging.store.used bytes. */
void sc_step_device_measure(sc_step_device *d, const sc_step *t, const sc_dataset *data,
                            size_t max_rows);
/* t->there, after everything else of t is open.  SIMCLR_E_MEMORY: the device has not enough. */
int sc_step_device_open(sc_step *t, const sc_dataset *data, size_t max_rows, simclr_error *err);
void sc_step_device_close(sc_step_device *d);
int sc_step_on_device(sc_step_stats *out, sc_step *t, simclr_error *err);

#endif
