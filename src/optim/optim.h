/* SPDX-License-Identifier: MIT
 *
 * optim.h - one update of all parameters from their gradients: SGD, Adam, AdamW, LARS.
 *
 * The arithmetic of SGD, Adam, AdamW is that of torch.optim, that of LARS of google-research/simclr
 * (You et al. 2017).  Weight decay and LARS adaptation skip entries without SC_PARAM_DECAY and
 * SC_PARAM_ADAPT.  State: params->m, params->v and `steps`.
 */
#ifndef SC_OPTIM_OPTIM_H
#define SC_OPTIM_OPTIM_H

#include "nn/params.h"

typedef enum { SC_OPTIM_SGD, SC_OPTIM_ADAM, SC_OPTIM_ADAMW, SC_OPTIM_LARS } sc_optim_kind;

typedef struct {
    sc_optim_kind kind;
    double momentum; /* SGD, LARS: 0.9 */
    bool nesterov;   /* SGD, LARS */
    double weight_decay;
    bool decay_all;           /* decay norms and biases too */
    double beta1, beta2, eps; /* Adam: 0.9, 0.999, 1e-8 */
    double trust;             /* LARS: eeta 0.001 */
} sc_optim_options;

typedef struct {
    size_t entry, begin, end; /* elements of one entry */
} sc_optim_chunk;

typedef struct {
    sc_optim_options options;
    sc_params *params;
    uint64_t steps;        /* done: Adam's bias correction; part of a checkpoint */
    sc_optim_chunk *chunk; /* fixed pieces of the entries, in order */
    size_t chunk_count;
    double *norm;  /* LARS: (chunk_count, 2) sums of squares */
    double *ratio; /* LARS: (entry_count) trust ratios of the last step */
} sc_optim;

/* Pieces into which the parameters are cut: optim->chunk_count. */
size_t sc_optim_chunks(const sc_params *params);

sc_optim_options sc_optim_defaults(sc_optim_kind kind);

/* After sc_params_alloc. */
int sc_optim_init(sc_optim *optim, const sc_optim_options *options, sc_params *params,
                  simclr_error *err);
void sc_optim_close(sc_optim *optim); /* zeroed is fine */
/* params->value from params->grad, which is read only. */
void sc_optim_step(sc_optim *optim, double lr);

#endif
