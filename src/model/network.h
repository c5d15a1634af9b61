/* SPDX-License-Identifier: MIT
 *
 * network.h - encoder f and projector g over one table of parameters and one arena.
 *
 *     x (rows,H,W,C) -> h = f(x) (rows,D) -> z = g(h) (rows,d)
 *
 * Or, to be fine-tuned, encoder and classifier:  h -> scores W h + b (rows,classes).
 */
#ifndef SC_MODEL_NETWORK_H
#define SC_MODEL_NETWORK_H

#include "backend/backend.h"
#include "core/alloc.h"
#include "model/encoder.h"
#include "model/projector.h"
#include "nn/params.h"

typedef struct {
    const sc_backend *backend; /* fp32 on the host; encoder and projector have their own */
    sc_params params;
    sc_encoder encoder;
    sc_projector projector;
    sc_linear classifier; /* fc; with it there is no projector, and dim_z is 0 */
    sc_arena arena;       /* activations, their gradients, scratch: laid out once */
    const struct sc_device
        *device;                /* in whose memory they and x_there, h_there are; NULL: the host */
    sc_real *x_there, *h_there; /* of sc_network_encode */
    size_t height, width, channels;
    size_t dim_h, dim_z, max_rows;
    size_t encoder_parameters; /* trainable ones */
} sc_network;

typedef struct {
    sc_encoder_options encoder;
    sc_projector_options projector;
    size_t classes;       /* of a classifier in place of the projector; 0: none */
    size_t height, width; /* of a view */
    size_t max_rows;
    sc_precision precision; /* of the encoder's maps; all else is fp32 */
    uint64_t seed;          /* of the initial weights */
    sc_tables tables;       /* of that precision; NULL: the fastest of this processor */
} sc_network_options;

/* Checks the sizes of every stage (SIMCLR_E_USAGE with all of them when a map vanishes) and lays
 * everything out, without memory for it: arena.used, and those of params, are the bytes it takes. */
int sc_network_measure(sc_network *network, const sc_network_options *options, simclr_error *err);
/* The same, then allocates and draws the initial weights.  The network must not be moved afterwards. */
int sc_network_open(sc_network *network, const sc_network_options *options, simclr_error *err);
void sc_network_close(sc_network *network); /* measured or zeroed is fine */

/* "fp32" or "bf16". */
const char *sc_network_precision(const sc_network *network);

/* rows <= max_rows; h and x are the host's, also with a device.  `training`: batch statistics,
 * dropout, and memory for the backward pass.  SIMCLR_E_DEVICE alone. */
int sc_network_encode(sc_real *h, sc_network *network, const sc_real *x, size_t rows, bool training,
                      simclr_error *err);

#endif
