/* SPDX-License-Identifier: MIT
 *
 * weights.h - the table of parameters as safetensors, and back.
 *
 * Names and layouts are torchvision's, so the file of an encoder loads into
 * torchvision.models.resnet18 with only fc.* missing.  A file that does not fit exactly is refused:
 * what is missing, superfluous or misshapen is listed.
 */
#ifndef SC_TRAIN_WEIGHTS_H
#define SC_TRAIN_WEIGHTS_H

#include "checkpoint/safetensors.h"
#include "model/network.h"

typedef enum { SC_WEIGHTS_ENCODER, SC_WEIGHTS_ALL } sc_weights_part;

/* The tensors of a part, in the order of the table; they lie in the network. */
typedef struct {
    sc_tensor_desc *list;
    size_t count;
    int64_t *counter; /* the values of those that are counters */
} sc_weights_tensors;

/* Free it also after a failure. */
int sc_weights_describe(sc_weights_tensors *out, const sc_network *network, sc_weights_part part,
                        simclr_error *err);
void sc_weights_tensors_free(sc_weights_tensors *tensors);

/* Metadata may be NULL; "format": "pt" is always written.  Nothing is written of a device that failed: its
 * error, as in what follows. */
int sc_weights_save(const char *path, const sc_network *network, sc_weights_part part,
                    const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

enum { SC_WEIGHTS_PREFIX = 64 };
/* Opens a file of weights.  Where all its names (but for projector.*) begin with module., model., encoder. or
 * backbone., what wraps a model elsewhere, they are without it, and `prefix` tells all that was taken away. */
int sc_weights_open(sc_safetensors **out, char prefix[SC_WEIGHTS_PREFIX], const char *path,
                    simclr_error *err);

/* Whether sc_weights_load would take the file `st` that was opened from `path`; a network that was only
 * measured will do, so that no more memory is taken than the file has tensors for. */
int sc_weights_check(const sc_network *network, const sc_safetensors *st, const char *path,
                     sc_weights_part part, simclr_error *err);

/* F32, F64, F16 and BF16 are read.  A classifier (fc.*) in the file is passed over, and with
 * SC_WEIGHTS_ENCODER also projector.*.  SIMCLR_E_CHECKPOINT lists what does not fit. */
int sc_weights_load(sc_network *network, const char *path, sc_weights_part part, simclr_error *err);

/* The optimiser's slots m and v of every trained parameter: "m.conv1.weight". */
int sc_slots_save(const char *path, const sc_params *params, simclr_error *err);
int sc_slots_load(sc_params *params, const char *path, simclr_error *err);

/* SHA-256 over all values of the encoder: proof that an evaluation left it alone. */
int sc_weights_digest(char hex[65], const sc_network *network, simclr_error *err);

#endif
