/* SPDX-License-Identifier: MIT
 *
 * metadata.h - the settings that a file of weights carries, and back.
 *
 * Tensors do not tell a function: strides, activation, groups of a norm and the statistics of the pixels leave
 * no trace in them.  So a file that we write says model.*, the size and channels of the images and how pixels
 * are normalised, with the projector also projector.*, under the names and in the spelling of
 * config.yaml; what the configuration leaves to the stem or to the size is written out.
 */
#ifndef SC_TRAIN_METADATA_H
#define SC_TRAIN_METADATA_H

#include "config/config.h"
#include "core/events.h"
#include "train/weights.h"

typedef struct {
    sc_string_pair pair[SC_CONFIG_ROWS_MAX];
    size_t count;
    char *text; /* the values */
} sc_metadata;

/* size: of the images, for what is left to it.  Free it also after a failure. */
int sc_metadata_write(sc_metadata *out, const sc_config *cfg, uint32_t size, sc_weights_part part,
                      simclr_error *err);
void sc_metadata_free(sc_metadata *metadata);

/* Takes over the settings of the file `st`, opened from `path`: of the encoder, or with `projector` those
 * of the projector.  What has been set in cfg stays; where the file says otherwise, that is a warning, and
 * what only makes sense with the file's value is passed over.  Other metadata is ignored.
 * SIMCLR_E_CHECKPOINT: a value that is none, is out of range or does not go with the others. */
int sc_metadata_read(sc_config *cfg, const sc_safetensors *st, const char *path, bool projector,
                     const simclr_observer *observer, simclr_error *err);

#endif
