/* SPDX-License-Identifier: MIT
 *
 * formats.h - the files of others that a network can be written as: one row of a table each.
 *
 * All carry the settings that make a function of the weights (metadata.h).
 */
#ifndef SC_TRAIN_FORMATS_H
#define SC_TRAIN_FORMATS_H

#include "config/config.h"
#include "train/weights.h"

typedef struct sc_format sc_format;

/* The format of this name, or for NULL that of the extension of path.  SIMCLR_E_USAGE lists them all. */
int sc_format_find(const sc_format **out, const char *name, const char *path, simclr_error *err);
/* Writes the encoder, or with SC_WEIGHTS_ALL both, of a network on the host with its settings, atomically. */
int sc_format_write(const char *path, const sc_format *format, const sc_network *network,
                    sc_weights_part part, const sc_config *cfg, simclr_error *err);

#endif
