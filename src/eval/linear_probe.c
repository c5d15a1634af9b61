/* SPDX-License-Identifier: MIT
 *
 * linear_probe.c - honest linear evaluation of frozen features.
 *
 *   l2* = argmax over candidates of top-1 on the held-out rows, fitted on the others
 *         (equal top-1: the smaller held-out loss),
 *   answer = top-1 on the test set of the minimum of J(.; l2*) on all training rows.
 *
 * A tenth of few rows chooses by chance.  Of fewer than folds_below every row is held out once: in
 * FOLDS parts of equal size, over which each class is spread as evenly as it can be; a class of fewer
 * than FOLDS rows is missing from some parts, and one of a single row from the fit that is asked for
 * it, whatever the candidate.
 *
 * The candidates are taken from strong to weak, each starting from the minimum before: the path is
 * short, and the order is part of the result.
 */
#include "eval/linear_probe.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/rng.h"
#include "eval/softmax_regression.h"

enum { EPOCH_HELD_OUT = 0, MAX_L2 = 64, FOLDS = 5 };

static const double default_l2[] = {1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5};

typedef struct {
    sc_softreg model;
    uint32_t *row; /* training rows used, part by part, and all of them once more */
    size_t rows, folds;
    size_t part[FOLDS + 1]; /* first rows of the parts held out, and what follows the last */
    double *theta;          /* parameters of each fold */
    double *best;           /* of the first, with the best strength */
    double l2[MAX_L2];      /* falling */
    uint32_t *test_row;
    simclr_error *err;
} probe;

sc_probe_options sc_probe_defaults(void)
{
    return (sc_probe_options){.l2 = default_l2,
                              .l2_count = sizeof default_l2 / sizeof default_l2[0],
                              .held_out = 0.1,
                              .folds_below = 10000,
                              .label_fraction = 1.0,
                              .max_iterations = 300};
}

static int check_options(const sc_features *train, const sc_features *test,
                         const sc_probe_options *options, simclr_error *err)
{
    if (train->dim != test->dim) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "linear probe: %zu features in training, %zu in the test", train->dim,
                       test->dim);
    }
    if (options->l2_count < 1 || options->l2_count > MAX_L2 || options->max_iterations < 1) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "linear probe: %zu L2 strengths, %d iterations; 1 to %d and at least 1",
                       options->l2_count, options->max_iterations, MAX_L2);
    }
    for (size_t i = 0; i < options->l2_count; i++) {
        if (!(options->l2[i] >= 0.0 && isfinite(options->l2[i]))) {
            return sc_fail(err, SIMCLR_E_USAGE, "linear probe: L2 strength %g; 0 or more",
                           options->l2[i]);
        }
    }
    if (!(options->held_out > 0.0 && options->held_out < 1.0) ||
        !(options->label_fraction > 0.0 && options->label_fraction <= 1.0)) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "linear probe: held-out part %g and labels %g; between 0 and 1",
                       options->held_out, options->label_fraction);
    }
    return SIMCLR_OK;
}

static int check_data(const sc_features *train, const sc_features *test, simclr_error *err)
{
    int rc = sc_features_check(train, "linear probe, training set", true, err);
    rc = rc ? rc : sc_features_check(test, "linear probe, test set", true, err);
    if (rc) {
        return rc;
    }
    size_t classes = sc_features_classes(train), test_classes = sc_features_classes(test);
    if (classes < 2 || classes > INT32_MAX / 2) {
        return sc_fail(err, SIMCLR_E_DATA, "linear probe: %zu class in training; at least 2",
                       classes);
    }
    if (test_classes > classes) {
        return sc_fail(err, SIMCLR_E_DATA,
                       "linear probe: the test set has class %zu, training only 0 to %zu",
                       test_classes - 1, classes - 1);
    }
    return SIMCLR_OK;
}

/* Sorts the rows by class, and deals them out to the folds. */
static int deal(probe *p, const uint32_t *shuffled, const sc_features *train)
{
    size_t classes = p->model.classes;
    size_t *place = sc_alloc(classes + 1, sizeof *place, p->err);
    if (!place) {
        return SIMCLR_E_MEMORY;
    }
    for (size_t i = 0; i < p->rows; i++) {
        place[train->label[shuffled[i]] + 1]++;
    }
    for (size_t c = 0; c < classes; c++) {
        place[c + 1] += place[c];
    }
    for (size_t fold = 0; fold < p->folds; fold++) {
        p->part[fold + 1] = p->part[fold] + (p->rows - fold + p->folds - 1) / p->folds;
    }
    for (size_t i = 0; i < p->rows; i++) {
        size_t card = place[train->label[shuffled[i]]]++;
        p->row[p->part[card % p->folds] + card / p->folds] = shuffled[i];
    }
    sc_free(place);
    return SIMCLR_OK;
}

/* The parts that are held out: one of a tenth, or all folds. */
static int cut(probe *p, const uint32_t *shuffled, const sc_features *train,
               const sc_probe_options *options)
{
    int rc = SIMCLR_OK;
    if (p->rows < options->folds_below) {
        p->folds = p->rows < FOLDS ? p->rows : FOLDS;
        rc = deal(p, shuffled, train);
    } else {
        size_t held_out = (size_t)llround(options->held_out * (double)p->rows);
        p->folds = 1;
        p->part[1] = held_out > 0 ? held_out : 1;
        memcpy(p->row, shuffled, p->rows * sizeof *p->row);
    }
    if (rc == SIMCLR_OK && (p->rows < 2 || p->part[1] >= p->rows)) {
        rc = sc_fail(p->err, SIMCLR_E_DATA,
                     "linear probe: %zu labelled rows are too few to hold some out", p->rows);
    }
    memcpy(p->row + p->rows, p->row, p->rows * sizeof *p->row);
    return rc;
}

static int choose_rows(probe *p, const sc_features *train, const sc_probe_options *options)
{
    uint32_t *share = sc_alloc(train->n, sizeof *share, p->err);
    uint32_t *order = sc_alloc(train->n, sizeof *order, p->err);
    int rc = share && order ? sc_features_share(share, &p->rows, train, options->label_fraction,
                                                options->seed, p->err)
                            : SIMCLR_E_MEMORY;
    if (rc == SIMCLR_OK) {
        sc_rng_permutation(order, p->rows, options->seed, EPOCH_HELD_OUT, SC_RNG_SPLIT);
        for (size_t i = 0; i < p->rows; i++) {
            order[i] = share[order[i]];
        }
        rc = cut(p, order, train, options);
    }
    sc_free(share);
    sc_free(order);
    return rc;
}

static void sort_falling(double *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double value = values[i];
        size_t j = i;
        for (; j > 0 && values[j - 1] < value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
}

/* Fits every fold to the rows outside its part, and scores it on that: hits, and the sum of the losses. */
static int try_l2(size_t *hits, double *loss, sc_probe_result *out, probe *p,
                  const sc_features *train, double l2, int max_iterations)
{
    *hits = 0;
    *loss = 0.0;
    for (size_t fold = 0; fold < p->folds; fold++) {
        double *theta = p->theta + fold * sc_softreg_params(&p->model);
        size_t held = p->part[fold + 1] - p->part[fold];
        sc_rows fit = {train, p->row + p->part[fold + 1], p->rows - held};
        sc_rows val = {train, p->row + p->part[fold], held};
        sc_softreg_score score;
        int rc =
            sc_softreg_fit(theta, &out->iterations, &p->model, &fit, l2, max_iterations, p->err);
        if (rc) {
            return rc;
        }
        sc_softreg_score_rows(&score, theta, &p->model, &val);
        *hits += (size_t)llround(score.top1 * (double)held / 100.0);
        *loss += score.loss * (double)held;
    }
    return SIMCLR_OK;
}

/* Chooses the L2 strength; leaves the parameters of the first fold fitted with it in best. */
static int choose_l2(sc_probe_result *out, probe *p, const sc_features *train,
                     const sc_probe_options *options)
{
    size_t bytes = sc_softreg_params(&p->model) * sizeof *p->theta, most = 0;
    double least = INFINITY;
    memcpy(p->l2, options->l2, options->l2_count * sizeof *p->l2);
    sort_falling(p->l2, options->l2_count);
    out->folds = p->folds;
    out->n_val = p->part[p->folds];
    for (size_t i = 0; i < options->l2_count; i++) {
        size_t hits;
        double loss;
        int rc = try_l2(&hits, &loss, out, p, train, p->l2[i], options->max_iterations);
        if (rc) {
            return rc;
        }
        if (hits > most || (hits == most && loss < least)) {
            most = hits;
            least = loss;
            out->l2 = p->l2[i];
            memcpy(p->best, p->theta, bytes);
        }
    }
    out->val_top1 = 100.0 * (double)most / (double)out->n_val;
    return SIMCLR_OK;
}

static int run_probe(sc_probe_result *out, probe *p, const sc_features *train,
                     const sc_features *test, const sc_probe_options *options)
{
    sc_softreg_score score;
    sc_rows all, held = {test, p->test_row, test->n};
    int rc = choose_rows(p, train, options);
    rc = rc ? rc : choose_l2(out, p, train, options);
    if (rc) {
        return rc;
    }
    all = (sc_rows){train, p->row, p->rows};
    rc = sc_softreg_fit(p->best, &out->iterations, &p->model, &all, out->l2,
                        options->max_iterations, p->err);
    if (rc) {
        return rc;
    }
    sc_softreg_score_rows(&score, p->best, &p->model, &all);
    out->train_top1 = score.top1;
    for (size_t i = 0; i < test->n; i++) {
        p->test_row[i] = (uint32_t)i;
    }
    sc_softreg_score_rows(&score, p->best, &p->model, &held);
    out->top1 = score.top1;
    out->top5 = score.top5;
    out->n_train = p->rows;
    out->n_test = test->n;
    out->classes = p->model.classes;
    return SIMCLR_OK;
}

int sc_linear_probe(sc_probe_result *out, const sc_features *train, const sc_features *test,
                    const sc_probe_options *options, const sc_backend *backend, simclr_error *err)
{
    double start = sc_clock();
    probe p = {.err = err};
    *out = (sc_probe_result){0};
    int rc = check_options(train, test, options, err);
    rc = rc ? rc : check_data(train, test, err);
    rc = rc ? rc : sc_softreg_init(&p.model, train, sc_features_classes(train), backend, err);
    if (rc) {
        return rc;
    }
    size_t params = sc_softreg_params(&p.model);
    p.row = sc_alloc(2 * train->n, sizeof *p.row, err);
    p.test_row = sc_alloc(test->n, sizeof *p.test_row, err);
    p.theta = sc_alloc(FOLDS * params, sizeof *p.theta, err);
    p.best = sc_alloc(params, sizeof *p.best, err);
    rc = p.row && p.test_row && p.theta && p.best ? run_probe(out, &p, train, test, options)
                                                  : SIMCLR_E_MEMORY;
    sc_free(p.row);
    sc_free(p.test_row);
    sc_free(p.theta);
    sc_free(p.best);
    sc_softreg_free(&p.model);
    out->seconds = sc_clock() - start;
    return rc;
}
