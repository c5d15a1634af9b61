/* SPDX-License-Identifier: MIT
 *
 * projector.h - g: features to the space of the loss, z = g(h).  A multilayer perceptron:
 *
 *   hidden layers: linear -> norm -> activation -> dropout;  last: linear -> [norm] -> [activation]
 *
 * Parameters are named as in torch.nn.Sequential: projector.0.weight, ... numbered over the modules
 * that are present.
 */
#ifndef SC_MODEL_PROJECTOR_H
#define SC_MODEL_PROJECTOR_H

#include "nn/layers.h"

enum { SC_PROJECTOR_LAYERS = 8 };

typedef struct {
    size_t hidden[SC_PROJECTOR_LAYERS - 1];
    size_t hidden_count; /* 0: one linear layer */
    size_t out;          /* d */
    bool bias, last_bias;
    sc_norm_options norm; /* SC_NORM_NONE: no norm, no second bias */
    bool last_norm;
    sc_act act, last_act;
    double drop_rate;
    size_t drop_layers; /* dropout after the last n hidden layers */
    uint64_t seed;      /* of dropout */
} sc_projector_options;

typedef struct {
    sc_linear linear;
    sc_norm norm;
    bool has_norm, has_dropout;
    bool has_act; /* the last layer's may be the identity: then v is z */
    sc_act act;
    size_t out;
    sc_real *u, *v; /* (max_rows,out): after linear, after norm (u itself without norm); NULL: z */
    sc_real *y;     /* after activation and dropout; NULL for the last layer: z */
} sc_projector_layer;

typedef struct {
    sc_projector_options options;
    sc_nn nn;
    size_t in, max_rows, rows;
    sc_projector_layer layer[SC_PROJECTOR_LAYERS];
    size_t layers;
    uint64_t step;           /* names the dropout masks; the trainer sets it */
    const uint64_t *step_at; /* on a device: where it stands there; else NULL */
    const sc_real *h;        /* of the last forward; the caller's */
    sc_real *a, *b;          /* gradients */
    size_t first, count;     /* its entries in the table of parameters */
} sc_projector;

/* Hidden 512, out 128, bias, no norm, ReLU, no dropout. */
sc_projector_options sc_projector_defaults(void);

int sc_projector_init(sc_projector *projector, const sc_projector_options *options, size_t in,
                      size_t max_rows, sc_params *params, const sc_backend *backend,
                      simclr_error *err);
void sc_projector_plan(sc_projector *projector, sc_arena *arena);
/* Names the dropout masks of the next passes. */
void sc_projector_set_step(sc_projector *projector, uint64_t step);
/* z (rows,d) = g(h (rows,D)); h is read again by the backward pass. */
void sc_projector_forward(sc_real *z, const sc_real *h, size_t rows, bool training,
                          sc_projector *projector);
/* dh (rows,D) from dz (rows,d) of the last training forward; gradients of parameters add up. */
void sc_projector_backward(sc_real *dh, const sc_real *dz, sc_projector *projector);

#endif
