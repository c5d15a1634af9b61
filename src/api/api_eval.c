/* SPDX-License-Identifier: MIT
 *
 * api_eval.c - public functions: measuring an encoder, its features, its map.
 */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "eval/embed.h"
#include "eval/linear_probe.h"
#include "export/npy.h"
#include "train/latent.h"
#include "train/online.h"
#include "train/setup.h"
#include "train/state.h"

enum { MAP_IMAGES = 2000 };

/* Every image of a split. */
static sc_embed_options whole_split(const sc_api_run *r, const char *what,
                                    const simclr_observer *observer)
{
    return (sc_embed_options){
        .batch = (size_t)r->cfg.eval.batch, .what = what, .observer = observer};
}

/* ---- evaluation ---- */

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
        options[i] = whole_split(&e->run, what, e->observer);
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

static int check_options(const simclr_eval_options *options, simclr_error *err)
{
    if (strcmp(options->protocol, "knn") != 0 && strcmp(options->protocol, "linear") != 0)
        return sc_fail(err, SIMCLR_E_USAGE, "protocol %s: expected knn or linear",
                       options->protocol);
    if (!(options->labels >= 0 && options->labels <= 1))
        return sc_fail(err, SIMCLR_E_USAGE, "labels %g: expected a share up to 1", options->labels);
    return 0;
}

int simclr_eval(simclr_eval_result *out, const char *run, const char *spec,
                const simclr_eval_options *options, const simclr_observer *observer,
                simclr_error *err)
{
    *out = (simclr_eval_result){.raw_pixels_top1 = -1, .untrained_top1 = -1, .top5 = -1};
    int rc = check_options(options, err);
    if (rc < 0)
        return rc;
    snprintf(out->protocol, sizeof out->protocol, "%s", options->protocol);
    double start = sc_clock();
    char before[65], after[65];
    evaluation e = {.labels = options->labels > 0 ? options->labels : 1, .observer = observer};
    out->labels = e.labels;
    rc = sc_api_run_open(&e.run, run, spec, NULL, options->settings, observer, err);
    if (rc == 0)
        rc = sc_weights_digest(before, &e.run.network, err);
    if (rc == 0)
        rc = strcmp(options->protocol, "linear") == 0 ? evaluate_linear(out, &e, err)
                                                      : evaluate_knn(out, &e, err);
    if (rc == 0)
        rc = sc_weights_digest(after, &e.run.network, err);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = sc_fail(err, SIMCLR_E_INTERNAL, "the evaluation changed the encoder it measured");
    if (rc == 0 && options->baselines)
        rc = evaluate_baselines(out, &e, err);
    out->checkpoint = e.run.step;
    out->seconds = sc_clock() - start;
    sc_api_run_close(&e.run);
    return sc_api_result(rc, err);
}

/* ---- features ---- */

/* Text of any length, such as a label from a list, as one cell of a table. */
static int write_cell(sc_fs_writer *w, const char *text, char after, simclr_error *err)
{
    size_t size = 4 * strlen(text) + 1; /* \xNN for each byte */
    char *cell = sc_alloc(size, 1, err);
    if (cell == NULL)
        return SIMCLR_E_MEMORY;
    sc_printable(cell, size, text);
    size_t length = strlen(cell);
    cell[length] = after; /* in place of the final zero, which is not written */
    int rc = sc_fs_writer_write(w, cell, length + 1, err);
    sc_free(cell);
    return rc;
}

/* files.tsv beside features.npy, train.files.tsv beside train.npy: one for each set of features that
 * shares a directory. */
static int rows_path(char out[SC_PATH_MAX], const char *npy_path, simclr_error *err)
{
    char plain[SC_PATH_MAX];
    int rc = sc_path_join(plain, "", npy_path, err);
    if (rc < 0)
        return rc;
    char *slash = strrchr(plain, '/');
    char *name = slash == NULL ? plain : slash + 1;
    char *end = name + strlen(name);
    if (end - name > 4 && strcmp(end - 4, ".npy") == 0)
        end -= 4;
    *end = '\0';
    bool usual = strcmp(name, "features") == 0;
    int n = usual ? snprintf(out, SC_PATH_MAX, "%.*sfiles.tsv", (int)(name - plain), plain)
                  : snprintf(out, SC_PATH_MAX, "%s.files.tsv", plain);
    if (n >= SC_PATH_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "%.100s...: the path is too long", plain);
    return 0;
}

static int write_rows(const char *path, const sc_embedding *e, const sc_dataset *ds,
                      const char *split, simclr_error *err)
{
    char row[32];
    sc_fs_writer *w;
    int rc = sc_fs_writer_open(&w, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(w, "row\tpath\tlabel\tsplit\n", 21, err);
    for (size_t i = 0; rc == 0 && i < e->n; i++) {
        int label = e->label[i];
        snprintf(row, sizeof row, "%zu", i);
        rc = write_cell(w, row, '\t', err);
        if (rc == 0)
            rc = write_cell(w, sc_dataset_name(ds, e->index[i]), '\t', err);
        if (rc == 0)
            rc = write_cell(w, label < 0 ? "" : sc_dataset_class_name(ds, label), '\t', err);
        if (rc == 0)
            rc = write_cell(w, split, '\n', err);
    }
    if (rc < 0) {
        sc_fs_writer_abandon(w);
        return rc;
    }
    return sc_fs_writer_commit(w, err);
}

/* Images without a row: how many, and one of them. */
static void say_skipped(const sc_dataset *ds, size_t read, const simclr_observer *observer)
{
    size_t skipped = sc_dataset_skipped(ds);
    if (skipped == 0)
        return;
    const char *name, *reason;
    char shown[SC_PATH_MAX];
    sc_dataset_skip_reason(ds, 0, &name, &reason);
    sc_printable(shown, sizeof shown, name);
    sc_say(
        observer, SIMCLR_WARNING,
        "%zu of %zu images cannot be read and have no row, as %s: %s; 'simclr data verify' lists "
        "all",
        skipped, skipped + read, shown, reason);
}

int simclr_embed(size_t *count, const char *npy_path, const char *run, const char *spec,
                 const char *split, const simclr_observer *observer, simclr_error *err)
{
    sc_api_run r;
    sc_embedding e = {0};
    char rows[SC_PATH_MAX];
    int rc = sc_api_run_open(&r, run, spec, split, NULL, observer, err);
    const sc_embed_options options = whole_split(&r, "embedding", observer);
    if (rc == 0)
        rc = rows_path(rows, npy_path, err);
    if (rc == 0)
        rc = sc_embed(&e, r.train, &r.network, &r.views, &options, err);
    if (rc == 0)
        say_skipped(r.train, e.n, observer);
    const uint64_t shape[2] = {e.n, e.dim};
    if (rc == 0)
        rc = sc_npy_write(npy_path, e.h, SC_NPY_F32, shape, 2, err);
    if (rc == 0)
        rc = write_rows(rows, &e, r.train, split, err);
    if (rc == 0)
        sc_say(observer, SIMCLR_NOTE, "rows      %s: path, label and split of each", rows);
    *count = e.n;
    sc_embedding_free(&e);
    sc_api_run_close(&r);
    return sc_api_result(rc, err);
}

int simclr_plot(const char *png_path, const char *run, const char *spec, const char *split,
                const char *method, const simclr_observer *observer, simclr_error *err)
{
    bool pca = strcmp(method, "pca") == 0;
    if (!pca && strcmp(method, "tsne") != 0)
        return sc_fail(err, SIMCLR_E_USAGE, "method %s: expected tsne or pca", method);
    sc_api_run r;
    sc_embedding e = {0};
    int rc = sc_api_run_open(&r, run, spec, split, NULL, observer, err);
    sc_embed_options options = whole_split(&r, "embedding", observer);
    options.limit = MAP_IMAGES;
    sc_dataset *ds = r.test != NULL ? r.test : r.train;
    if (rc == 0)
        rc = sc_embed(&e, ds, &r.network, &r.views, &options, err);
    if (rc == 0) {
        char subtitle[96];
        snprintf(subtitle, sizeof subtitle, "step %llu, %zu images", (unsigned long long)r.step,
                 e.n);
        const sc_latent_map map = {.embedding = &e,
                                   .dataset = ds,
                                   .subtitle = subtitle,
                                   .title = pca ? "latent space h, PCA" : "latent space h, t-SNE",
                                   .seed = r.cfg.train.seed,
                                   .method = pca ? SC_LATENT_PCA : SC_LATENT_TSNE};
        rc = sc_latent_write(png_path, &map, err);
    }
    sc_embedding_free(&e);
    sc_api_run_close(&r);
    return sc_api_result(rc, err);
}
