/* SPDX-License-Identifier: MIT
 *
 * api_eval.c - public functions: measuring an encoder.
 */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "eval/embed.h"
#include "eval/linear_probe.h"
#include "train/online.h"
#include "train/state.h"

/* What simclr_eval was asked for, its run, and its watcher. */
typedef struct {
    sc_api_run run;
    double labels;
    const simclr_observer *observer;
} evaluation;

static int by_row(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Keeps of the bank a share of each class, in its order: those that a linear probe would be given. */
static int keep_share(sc_embedding *bank, double labels, uint64_t seed, simclr_error *err)
{
    const sc_features all = sc_embedding_features(bank);
    size_t used;
    if (labels >= 1)
        return 0;
    uint32_t *row = sc_alloc(bank->n, sizeof *row, err);
    int rc = row == NULL ? SIMCLR_E_MEMORY : sc_features_share(row, &used, &all, labels, seed, err);
    if (rc == 0) {
        qsort(row, used, sizeof *row, by_row);
        for (size_t i = 0; i < used; i++) {
            memmove(bank->h + i * bank->dim, bank->h + row[i] * bank->dim,
                    bank->dim * sizeof *bank->h);
            bank->label[i] = bank->label[row[i]];
            bank->index[i] = bank->index[row[i]];
        }
        bank->n = used;
    }
    sc_free(row);
    return rc;
}

/* The images of either side: all of them unless the caller has set a limit. */
static void both_sides(sc_embed_options options[2], const evaluation *e, const char *what)
{
    const sc_config_eval *eval = &e->run.cfg.eval;
    const int limit[2] = {eval->max_train, eval->max_test};
    for (int i = 0; i < 2; i++) {
        options[i] = sc_api_whole_split(&e->run, what, e->observer);
        options[i].limit = (size_t)limit[i];
    }
}

static int vote(sc_online_knn *out, evaluation *e, bool raw_pixels, const char *what,
                simclr_error *err)
{
    sc_api_run *r = &e->run;
    sc_embed_options options[2];
    both_sides(options, e, what);
    options[0].raw_pixels = options[1].raw_pixels = raw_pixels;
    *out = (sc_online_knn){.top1 = -1, .top1_weighted = -1};
    if (raw_pixels &&
        !sc_online_pixels_fit(r->train, r->test, &r->views, options, "evaluate on fewer images"))
        return 0;
    sc_embedding_pair pair;
    int rc = sc_embed_pair(&pair, r->train, r->test, &r->network, &r->views, options, err);
    if (rc < 0)
        return rc;
    rc = keep_share(&pair.bank, e->labels, r->cfg.train.seed, err);
    if (rc == 0)
        rc = sc_online_vote(out, &pair, &r->cfg, &r->network, e->observer, err);
    sc_embedding_pair_free(&pair);
    return rc;
}

static int evaluate_knn(simclr_eval_result *out, evaluation *e, simclr_error *err)
{
    sc_online_knn knn;
    int rc = vote(&knn, e, false, "embedding", err);
    if (rc < 0)
        return rc;
    out->k = (int)knn.k;
    out->temperature = e->run.cfg.eval.knn_temperature;
    out->top1 = knn.top1;
    out->k_weighted = (int)knn.k_weighted;
    out->top1_weighted = knn.top1_weighted;
    out->n_train = knn.n_train;
    out->n_test = knn.n_test;
    return 0;
}

static int evaluate_linear(simclr_eval_result *out, evaluation *e, simclr_error *err)
{
    sc_api_run *r = &e->run;
    sc_embed_options options[2];
    sc_embedding_pair pair;
    both_sides(options, e, "embedding");
    int rc = sc_embed_pair(&pair, r->train, r->test, &r->network, &r->views, options, err);
    if (rc < 0)
        return rc;
    const sc_features train = sc_embedding_features(&pair.bank);
    const sc_features test = sc_embedding_features(&pair.query);
    sc_probe_options probe = sc_probe_defaults();
    sc_probe_result result;
    probe.label_fraction = e->labels;
    probe.seed = r->cfg.train.seed;
    rc = sc_linear_probe(&result, &train, &test, &probe, r->network.backend, err);
    sc_embedding_pair_free(&pair);
    if (rc < 0)
        return rc;
    out->top1 = result.top1;
    if (result.classes > 5)
        out->top5 = result.top5;
    out->validation_top1 = result.val_top1;
    out->l2 = result.l2;
    out->folds = (int)result.folds;
    out->n_validation = result.n_val;
    out->n_train = result.n_train;
    out->n_test = result.n_test;
    return 0;
}

/* Raw pixels, and the encoder as it was before the first step. */
static int evaluate_baselines(simclr_eval_result *out, evaluation *e, simclr_error *err)
{
    sc_api_run *r = &e->run;
    sc_online_knn knn;
    int rc = vote(&knn, e, true, "raw pixels", err);
    out->raw_pixels_top1 = knn.top1;
    if (rc < 0)
        return rc;
    sc_params_reset(&r->network.params, r->cfg.train.seed);
    rc = vote(&knn, e, false, "untrained encoder", err);
    out->untrained_top1 = knn.top1;
    return rc;
}

static const char *const PROTOCOLS[] = {"knn", "linear", "finetune"};
enum { KNN, LINEAR, FINETUNE, PROTOCOLS_COUNT };

static int find_protocol(int *out, const simclr_eval_options *options, simclr_error *err)
{
    *out = 0;
    while (*out < PROTOCOLS_COUNT && strcmp(options->protocol, PROTOCOLS[*out]) != 0)
        ++*out;
    if (*out == PROTOCOLS_COUNT)
        return sc_fail(err, SIMCLR_E_USAGE, "protocol %s: expected knn, linear or finetune",
                       options->protocol);
    if (!(options->labels >= 0 && options->labels <= 1))
        return sc_fail(err, SIMCLR_E_USAGE, "labels %g: expected a share up to 1", options->labels);
    if (options->save != NULL && *out != FINETUNE)
        return sc_fail(
            err, SIMCLR_E_USAGE,
            "save: the protocol %s makes no new weights; use finetune, or export the run",
            options->protocol);
    return 0;
}

static int evaluate(simclr_eval_result *out, evaluation *e, int protocol,
                    const simclr_eval_options *options, simclr_error *err)
{
    switch (protocol) {
    case LINEAR:
        return evaluate_linear(out, e, err);
    case FINETUNE:
        return sc_api_finetune(out, &e->run, options, e->observer, err);
    default:
        return evaluate_knn(out, e, err);
    }
}

static int open_run(evaluation *e, int protocol, const char *run, const char *spec,
                    const simclr_config *settings, simclr_error *err)
{
    simclr_config on_processor;
    if (protocol != FINETUNE)
        return sc_api_run_open(&e->run, run, spec, NULL, settings, e->observer, err);
    int rc = sc_api_on_processor(&on_processor, run, settings, e->observer, err);
    return rc < 0 ? rc : sc_api_run_open(&e->run, run, spec, NULL, &on_processor, e->observer, err);
}

int simclr_eval(simclr_eval_result *out, const char *run, const char *spec,
                const simclr_eval_options *options, const simclr_observer *observer,
                simclr_error *err)
{
    int protocol;
    *out = (simclr_eval_result){.raw_pixels_top1 = -1, .untrained_top1 = -1, .top5 = -1};
    int rc = find_protocol(&protocol, options, err);
    if (rc < 0)
        return rc;
    snprintf(out->protocol, sizeof out->protocol, "%s", options->protocol);
    double start = sc_clock();
    char before[65], after[65];
    evaluation e = {.labels = options->labels > 0 ? options->labels : 1, .observer = observer};
    out->labels = e.labels;
    rc = open_run(&e, protocol, run, spec, options->settings, err);
    if (rc == 0)
        rc = sc_weights_digest(before, &e.run.network, err);
    if (rc == 0)
        rc = evaluate(out, &e, protocol, options, err);
    if (rc == 0)
        rc = sc_weights_digest(after, &e.run.network, err);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = sc_fail(err, SIMCLR_E_INTERNAL, "the evaluation changed the encoder it measured");
    if (rc == 0 && options->baselines && protocol != FINETUNE)
        rc = evaluate_baselines(out, &e, err);
    out->checkpoint = e.run.step;
    out->seconds = sc_clock() - start;
    sc_api_run_close(&e.run);
    return sc_api_result(rc, err);
}
