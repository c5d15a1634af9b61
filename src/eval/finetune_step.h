/* SPDX-License-Identifier: MIT
 *
 * finetune_step.h - one step of fine-tuning: a linear classifier on h, and the encoder follows its
 * gradient.
 *
 *     x (N,H,W,C) -> h = f(x) -> s = W h + b -> loss -> ds -> dW, db, dh -> gradients of f -> update
 */
#ifndef SC_EVAL_FINETUNE_STEP_H
#define SC_EVAL_FINETUNE_STEP_H

#include "core/error.h"
#include "model/network.h"
#include "optim/optim.h"

typedef struct {
    sc_network *network; /* with a classifier, in the host's memory */
    sc_optim optim;      /* of its parameters */
    sc_real *h, *dh;     /* (max_rows, D) */
    sc_real *s, *ds;     /* (max_rows, classes) */
} sc_finetuner;

/* The network must be open, and outlive the step.  Close it also after a failure. */
int sc_finetuner_open(sc_finetuner *t, sc_network *network, double weight_decay, simclr_error *err);
void sc_finetuner_close(sc_finetuner *t); /* zeroed is fine */

/* *loss: the mean over the n images before the update.  Batch norms see the batch.  SIMCLR_E_NUMERIC,
 * before the weights are touched, when loss or gradient are not finite. */
int sc_finetune_step(double *loss, sc_finetuner *t, const sc_real *x, const int32_t *label,
                     size_t n, double lr, simclr_error *err);

/* Scores of n images by the running statistics, in t->s; nothing changes. */
void sc_finetune_scores(sc_finetuner *t, const sc_real *x, size_t n);

#endif
