/* SPDX-License-Identifier: MIT
 *
 * setup.h - from the configuration to the options of each stage.
 *
 * The only place that knows both sides: modules take small option structs of their own and never
 * see sc_config.
 */
#ifndef SC_TRAIN_SETUP_H
#define SC_TRAIN_SETUP_H

#include "config/config.h"
#include "data/dataset.h"
#include "model/encoder.h"
#include "model/projector.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "views/views.h"

/* Threads that train.threads means on this machine. */
int sc_setup_threads(const sc_config *cfg);

/* Precision that train.precision means on this machine. */
sc_precision sc_setup_precision(const sc_config *cfg);

/* "" means shapes. */
const char *sc_setup_dataset_spec(const sc_config *cfg);
sc_dataset_options sc_setup_dataset(const sc_config *cfg, const char *split);

/* Side of a view in pixels: data.image_size, or the size of the images when all are equal, at most
 * 224. */
uint32_t sc_setup_image_size(const sc_config *cfg, const sc_dataset *ds);

/* Views of `size` x `size` pixels for both training and evaluation. */
sc_views_options sc_setup_views(const sc_config *cfg, uint32_t size);

sc_encoder_options sc_setup_encoder(const sc_config *cfg, uint32_t size);
sc_projector_options sc_setup_projector(const sc_config *cfg);
sc_optim_options sc_setup_optim(const sc_config *cfg);
/* Rates and lengths in steps; the peak rate is scaled to train.batch. */
sc_schedule sc_setup_schedule(const sc_config *cfg, size_t steps_per_epoch);

#endif
