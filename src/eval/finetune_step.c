/* SPDX-License-Identifier: MIT
 *
 * finetune_step.c - one step of fine-tuning (Chen et al. 2020, section 4.2 and B.5).
 *
 *   s_i = W h_i + b,   L = 1/N sum_i ( log sum_c exp(s_ic) - s_i,y_i )
 *   ds_i = (softmax(s_i) - e_y_i) / N,   dW = ds^T h,   db = sum of ds over rows,   dh = ds W
 */
#include "eval/finetune_step.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "loss/softmax_xent.h"

static const double MOMENTUM = 0.9; /* Nesterov's */

int sc_finetuner_open(sc_finetuner *t, sc_network *network, double weight_decay, simclr_error *err)
{
    size_t rows = network->max_rows, dim = network->dim_h, classes = network->classifier.out;
    sc_optim_options options = sc_optim_defaults(SC_OPTIM_SGD);
    assert(classes > 0 && network->device == NULL);
    options.momentum = MOMENTUM;
    options.nesterov = true;
    options.weight_decay = weight_decay;
    *t = (sc_finetuner){.network = network};
    int rc = sc_optim_init(&t->optim, &options, &network->params, err);
    if (rc < 0)
        return rc;
    t->h = sc_alloc(rows * dim, sizeof *t->h, err);
    t->dh = sc_alloc(rows * dim, sizeof *t->dh, err);
    t->s = sc_alloc(rows * classes, sizeof *t->s, err);
    t->ds = sc_alloc(rows * classes, sizeof *t->ds, err);
    bool all = t->h != NULL && t->dh != NULL && t->s != NULL && t->ds != NULL;
    return all ? 0 : SIMCLR_E_MEMORY;
}

void sc_finetuner_close(sc_finetuner *t)
{
    sc_optim_close(&t->optim);
    sc_free(t->h);
    sc_free(t->dh);
    sc_free(t->s);
    sc_free(t->ds);
    memset(t, 0, sizeof *t);
}

int sc_finetune_step(double *loss, sc_finetuner *t, const sc_real *x, const int32_t *label,
                     size_t n, double lr, simclr_error *err)
{
    sc_network *net = t->network;
    const sc_linear *fc = &net->classifier;
    double mean = 1.0 / (double)n;
    sc_encoder_forward(t->h, x, n, true, &net->encoder); /* h (N,D)       */
    sc_linear_forward(t->s, t->h, n, fc);                /* s (N,classes) */
    *loss = mean * sc_softmax_xent(t->ds, t->s, label, n, fc->out, mean);

    sc_params_zero_grad(&net->params);
    sc_linear_backward(t->dh, t->ds, t->h, n, fc);
    sc_encoder_backward(t->dh, &net->encoder);

    if (!isfinite(*loss) || !isfinite(sc_params_grad_norm(&net->params, NULL)))
        return sc_fail(
            err, SIMCLR_E_NUMERIC,
            "fine-tuning: loss or gradient are not finite at a learning rate of %g; lower "
            "finetune.lr",
            lr);
    sc_optim_step(&t->optim, lr);
    return 0;
}

void sc_finetune_scores(sc_finetuner *t, const sc_real *x, size_t n)
{
    sc_network *net = t->network;
    sc_encoder_forward(t->h, x, n, false, &net->encoder);
    sc_linear_forward(t->s, t->h, n, &net->classifier);
}
