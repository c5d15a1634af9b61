/* SPDX-License-Identifier: MIT
 *
 * state.h - a training state on disk: what a resumed run needs to give the bits of an uninterrupted
 * one.
 *
 * A checkpoint holds model.safetensors (weights and running statistics), optim.safetensors (the
 * optimiser's slots) and state.json (step, the settings as text, a digest of the data).  There is no
 * generator and no queue to save: random numbers are functions of (seed, epoch, image, view).
 */
#ifndef SC_TRAIN_STATE_H
#define SC_TRAIN_STATE_H

#include "core/events.h"
#include "config/config.h"
#include "checkpoint/checkpoint.h"
#include "model/network.h"
#include "train/step.h"
#include "train/weights.h"

typedef struct {
    const char *run;
    const sc_config *cfg;
    const char *data_digest;  /* sc_dataset_fingerprint; NULL: imported weights, free to be trained
                              * with any settings that fit them */
    const char *older_digest; /* as good as that one when it is found in a checkpoint */
    bool may_drop;            /* which images are dropped as damaged depends on data.memory_limit */
} sc_state_identity;

/* Writes RUN/checkpoints/step-NNN and prunes old ones (train.keep).  Where there can be no `last`, a
 * warning says so, if *warned does not say that it was said. */
int sc_state_save(bool *warned, const sc_step *step, const sc_state_identity *id,
                  const simclr_observer *observer, simclr_error *err);

/* Restores the newest whole checkpoint into `step`; *found tells whether there was one.  The caller
 * holds the run's lock, since what a killed or damaged save left is repaired.
 * SIMCLR_E_USAGE when settings that change the numbers, or the data, differ from those of the run;
 * SIMCLR_E_CHECKPOINT when the checkpoint does not fit the model. */
int sc_state_restore(bool *found, sc_step *step, const sc_state_identity *id,
                     const simclr_observer *observer, simclr_error *err);

/* Weights and running statistics of the newest whole checkpoint alone, and its step; the run may be in
 * training and is left as it is.  SIMCLR_E_NOT_FOUND when it has none. */
int sc_state_load_weights(sc_network *network, uint64_t *step, const char *run,
                          const simclr_observer *observer, simclr_error *err);

/* RUN/model.safetensors: the encoder under torchvision's names, with the settings that make
 * a function of it as metadata (metadata.h). */
int sc_state_export(const char *path, const sc_network *network, sc_weights_part part,
                    const sc_config *cfg, simclr_error *err);

/* SIMCLR_E_USAGE where `run` is no run yet and a config.yaml of somebody's own is there. */
int sc_state_check_place(const char *run, simclr_error *err);
/* RUN/config.yaml: written at the first start; read to open a run again. */
int sc_state_write_config(const sc_config *cfg, const char *run, simclr_error *err);
int sc_state_read_config(sc_config *cfg, const char *run, simclr_error *err);

#endif
