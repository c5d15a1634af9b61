/* SPDX-License-Identifier: MIT
 *
 * setup.h - from the configuration to the options of each stage.
 *
 * The only place that knows both sides: modules take small option structs of their own and never
 * see sc_config.
 */
#ifndef SC_TRAIN_SETUP_H
#define SC_TRAIN_SETUP_H

#include "backend/device.h"
#include "config/config.h"
#include "core/events.h"
#include "data/dataset.h"
#include "model/encoder.h"
#include "model/projector.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "views/views.h"

/* Threads that train.threads means on this machine. */
int sc_setup_threads(const sc_config *cfg);
/* Of the loader: data.workers. */
int sc_setup_workers(const sc_config *cfg);

/* Precision that train.precision means on this machine's processor. */
sc_precision sc_setup_precision(const sc_config *cfg);
/* auto becomes what the run had when it began, or (run "" or new) what this machine does best, so that
 * config.yaml holds it and a run goes on in the same precision on any machine. */
void sc_setup_settle_precision(sc_config *cfg, const sc_device *device, const char *run);

/* A batch is at most all images, so that its learning rate is that of a step.  A run that began with a
 * larger one, or with decay_all where lars now has it off by default, goes on with that.  Each is a
 * warning.  SIMCLR_E_USAGE: contradictions at the smaller batch. */
int sc_setup_settle_training(sc_config *cfg, size_t images, const char *run,
                             const simclr_observer *observer, simclr_error *err);

/* The GPU that train.device means, opened, to be closed by sc_device_close when nothing uses it any
 * more; NULL: the processor.  SIMCLR_E_USAGE when one is asked for that is not there, or when this
 * process has one open already; SIMCLR_E_MEMORY when others have filled the one that is asked for. */
int sc_setup_device(const sc_device **out, const sc_config *cfg, const simclr_observer *observer,
                    simclr_error *err);
/* The tables of a device, or of the processor (NULL), for the encoder in this precision. */
int sc_setup_tables(sc_tables *out, const sc_device *device, sc_precision precision,
                    simclr_error *err);

/* "" means shapes. */
const char *sc_setup_dataset_spec(const sc_config *cfg);
sc_dataset_options sc_setup_dataset(const sc_config *cfg, const char *split);

/* Side of a view in pixels: data.image_size, or the shorter side of the images when all are equal,
 * at most 224; else 224. */
uint32_t sc_setup_image_size(const sc_config *cfg, const sc_dataset *ds);
/* Where only the weights matter, which do not depend on it: data.image_size, or 224. */
uint32_t sc_setup_weights_size(const sc_config *cfg);

/* Views of `size` x `size` pixels for both training and evaluation. */
sc_views_options sc_setup_views(const sc_config *cfg, uint32_t size);

sc_encoder_options sc_setup_encoder(const sc_config *cfg, uint32_t size);
/* What model.* leaves to the stem, and the stem to the size, is filled in: the same encoder, said in full. */
void sc_setup_settle_model(sc_config *cfg, uint32_t size);
sc_projector_options sc_setup_projector(const sc_config *cfg);
sc_optim_options sc_setup_optim(const sc_config *cfg);
/* Rates and lengths in steps; the peak rate is scaled to train.batch. */
sc_schedule sc_setup_schedule(const sc_config *cfg, size_t steps_per_epoch);

#endif
