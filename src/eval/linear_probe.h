/* SPDX-License-Identifier: MIT
 *
 * linear_probe.h - honest linear evaluation of frozen features.
 *
 * Features are standardised with the training set's mean and deviation.  The L2 strength is chosen
 * on a held-out part of the training rows used, or where these are few, by 5-fold cross-validation
 * on all of them; with it the classifier is fitted again on all of them; the test set is read once,
 * at the end.
 */
#ifndef SC_EVAL_LINEAR_PROBE_H
#define SC_EVAL_LINEAR_PROBE_H

#include "backend/backend.h"
#include "eval/features.h"

typedef struct {
    const double *l2; /* candidates, each >= 0 */
    size_t l2_count;
    double held_out;       /* part of the training rows that chooses between them: 0.1 */
    size_t folds_below;    /* of fewer rows the folds choose: 10,000 */
    double label_fraction; /* part of the training rows used at all, per class: 1, 0.1, 0.01 */
    uint64_t seed;         /* of both choices (SC_RNG_SPLIT) */
    int max_iterations;    /* of L-BFGS for one candidate */
} sc_probe_options;

/* Candidates 1 .. 1e-5 in half decades, held_out 0.1, folds below 10,000 rows, label_fraction 1,
 * seed 0, 300 iterations. */
sc_probe_options sc_probe_defaults(void);

typedef struct {
    double top1, top5; /* per cent of the test rows; top5 is 100 with fewer than 6 classes */
    double l2;         /* chosen strength */
    double
        val_top1; /* per cent of the n_val rows, each held out from its fit, with that strength */
    double train_top1;             /* per cent, of the final classifier on what it was fitted to */
    size_t n_train, n_val, n_test; /* n_train: labelled rows used, held-out ones included */
    size_t folds;                  /* 1: one part was held out; else each of so many, in turn */
    size_t classes;
    int iterations; /* of L-BFGS, altogether */
    double seconds;
} sc_probe_result;

/* Errors: SIMCLR_E_DATA for a label of -1, a test label above the largest of training, fewer than
 * 2 classes or rows; SIMCLR_E_NUMERIC for features that are not finite; SIMCLR_E_USAGE for options
 * out of range or unequal dims. */
int sc_linear_probe(sc_probe_result *out, const sc_features *train, const sc_features *test,
                    const sc_probe_options *options, const sc_backend *backend, simclr_error *err);

#endif
