/* SPDX-License-Identifier: MIT
 *
 * finetune.h - fine-tuning: how well encoder and linear classifier do together, learnt from few labels.
 *
 * Of the labelled images a part is held out, as evenly from every class as can be.  From the network's
 * weights as they are each learning rate is tried on the others; the one that is best on the part held
 * out, after its last epoch, is what the test images are shown to, once, at the end.
 */
#ifndef SC_EVAL_FINETUNE_H
#define SC_EVAL_FINETUNE_H

#include "core/events.h"
#include "eval/image_block.h"
#include "model/network.h"

/* Where a fit is, after each of its steps. */
typedef struct {
    uint64_t epoch, epochs; /* from 1 */
    uint64_t step, steps;   /* from 1; of an epoch */
    uint64_t done, total;   /* steps of all rates */
    size_t images;          /* of all steps done */
    double loss;
    double paused; /* seconds since the step before in which no step was made */
} sc_finetune_progress;

typedef struct {
    const double *lr; /* to be tried, for 256 images a step: times batch / 256 */
    size_t lr_count;
    double weight_decay;
    uint64_t epochs; /* 0: 60 of 1 % of the labels or less, else 30, and until 500 steps are done */
    double share;    /* of the labels, that `train` is */
    double held_out; /* part of the images that chooses, 0 .. 0.5; 0: none, and one rate */
    uint64_t seed;   /* of what is held out, and of the order of the images */
    const char *what; /* for messages */
    void (*watch)(void *context, const sc_finetune_progress *progress);
    void *context; /* of watch */
    const simclr_observer *observer;
} sc_finetune_options;

typedef struct {
    double top1, top5; /* per cent of the test images */
    double val_top1;   /* per cent of the n_val images held out; negative with none */
    double lr;         /* the one chosen */
    uint64_t epochs;
    size_t batch; /* images of the largest step */
    size_t n_val, n_test;
} sc_finetune_result;

/* Changes the network, which has a classifier for every label of `train` and rows for a step: it is left as
 * it was measured.  views: view 0 is what is learnt from, the evaluation transform what is measured.
 * All images of the lists have labels; *train and *test may be of one data set.
 * SIMCLR_E_DATA: too few images, or a test label that training lacks; SIMCLR_E_NUMERIC: it diverged;
 * SIMCLR_E_INTERRUPTED: a stop was asked for. */
int sc_finetune(sc_finetune_result *out, sc_network *network, const sc_image_list train_test[2],
                sc_views *views, const sc_finetune_options *options, simclr_error *err);

#endif
