/* SPDX-License-Identifier: MIT
 *
 * api_eval.c - public functions: measuring an encoder, its features, its map.
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "backend/device_load.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "eval/embed.h"
#include "eval/linear_probe.h"
#include "export/npy.h"
#include "train/latent.h"
#include "train/online.h"
#include "train/setup.h"
#include "train/state.h"

enum { USUAL_ROWS = 256, MAP_IMAGES = 2000 };

static int open_split(sc_dataset **out, const sc_api_run *r, const char *split, simclr_error *err)
{
    sc_dataset_options options = sc_setup_dataset(&r->cfg, split);
    return sc_dataset_open(out, r->spec, &options, err);
}

static int open_splits(sc_api_run *r, const char *split, simclr_error *err)
{
    if (split != NULL) {
        r->cfg.data.max_bad = 1;
        return open_split(&r->train, r, split, err);
    }
    split = sc_dataset_has_split(r->spec, "train") ? "train" : "all";
    int rc = open_split(&r->train, r, split, err);
    if (rc == 0 && sc_dataset_has_split(r->spec, "test"))
        rc = open_split(&r->test, r, "test", err);
    return rc;
}

/* Images in one forward pass: no more than the training had room for, but 256 are always possible. */
static size_t forward_rows(const sc_config *cfg)
{
    size_t views = 2 * (size_t)cfg->train.batch, most = views > USUAL_ROWS ? views : USUAL_ROWS;
    return (size_t)cfg->eval.batch < most ? (size_t)cfg->eval.batch : most;
}

int sc_api_run_open(sc_api_run *r, const char *run, const char *spec, const char *split,
                    const simclr_observer *observer, simclr_error *err)
{
    memset(r, 0, sizeof *r);
    int rc = sc_state_read_config(&r->cfg, run, err);
    if (rc < 0)
        return rc;
    snprintf(r->spec, sizeof r->spec, "%s", spec != NULL ? spec : sc_setup_dataset_spec(&r->cfg));
    rc = open_splits(r, split, err);
    if (rc < 0)
        return rc;
    r->size = sc_setup_image_size(&r->cfg, r->train);
    rc = sc_setup_device(&r->device, &r->cfg, observer, err);
    if (rc < 0)
        return rc;
    sc_setup_settle_precision(&r->cfg, r->device, "");
    rc = sc_api_open_network(&r->network, &r->cfg, r->device, r->size, forward_rows(&r->cfg), err);
    if (rc == 0)
        rc = sc_state_load_weights(&r->network, &r->step, run, observer, err);
    sc_views_options views = sc_setup_views(&r->cfg, r->size);
    uint32_t height, width;
    bool equal;
    sc_dataset_extent(r->train, &height, &width, &equal);
    return rc < 0 ? rc : sc_views_open(&r->views, &views, height, width, err);
}

void sc_api_run_close(sc_api_run *r)
{
    sc_views_close(&r->views);
    sc_network_close(&r->network);
    if (r->device != NULL)
        sc_device_close();
    sc_dataset_close(r->test);
    sc_dataset_close(r->train);
    memset(r, 0, sizeof *r);
}

/* Every image of a split. */
static sc_embed_options whole_split(const sc_api_run *r, const char *what,
                                    const simclr_observer *observer)
{
    return (sc_embed_options){
        .batch = (size_t)r->cfg.eval.batch, .what = what, .observer = observer};
}

/* ---- evaluation ---- */

static int vote(sc_online_knn *out, sc_api_run *r, bool raw_pixels, const char *what,
                const simclr_observer *observer, simclr_error *err)
{
    sc_embed_options side = whole_split(r, what, observer);
    side.raw_pixels = raw_pixels;
    const sc_embed_options options[2] = {side, side};
    *out = (sc_online_knn){.top1 = -1, .top1_weighted = -1};
    if (raw_pixels &&
        !sc_online_pixels_fit(r->train, r->test, &r->views, options, "evaluate on fewer images"))
        return 0;
    sc_embedding_pair pair;
    int rc = sc_embed_pair(&pair, r->train, r->test, &r->network, &r->views, options, err);
    if (rc < 0)
        return rc;
    rc = sc_online_vote(out, &pair, &r->cfg, &r->network, observer, err);
    sc_embedding_pair_free(&pair);
    return rc;
}

static int evaluate_knn(simclr_eval_result *out, sc_api_run *r, const simclr_observer *observer,
                        simclr_error *err)
{
    sc_online_knn knn;
    int rc = vote(&knn, r, false, "embedding", observer, err);
    if (rc < 0)
        return rc;
    out->k = (int)knn.k;
    out->top1 = knn.top1;
    out->top1_weighted = knn.top1_weighted;
    out->n_train = knn.n_train;
    out->n_test = knn.n_test;
    return 0;
}

static int evaluate_linear(simclr_eval_result *out, sc_api_run *r, double labels,
                           const simclr_observer *observer, simclr_error *err)
{
    const sc_embed_options side = whole_split(r, "embedding", observer);
    const sc_embed_options options[2] = {side, side};
    sc_embedding_pair pair;
    int rc = sc_embed_pair(&pair, r->train, r->test, &r->network, &r->views, options, err);
    if (rc < 0)
        return rc;
    const sc_features train = sc_embedding_features(&pair.bank);
    const sc_features test = sc_embedding_features(&pair.query);
    sc_probe_options probe = sc_probe_defaults();
    sc_probe_result result;
    probe.label_fraction = labels;
    probe.seed = r->cfg.train.seed;
    rc = sc_linear_probe(&result, &train, &test, &probe, r->network.backend, err);
    sc_embedding_pair_free(&pair);
    if (rc < 0)
        return rc;
    out->top1 = result.top1;
    out->validation_top1 = result.val_top1;
    out->l2 = result.l2;
    out->n_train = result.n_train;
    out->n_test = result.n_test;
    return 0;
}

/* Raw pixels, and the encoder as it was before the first step. */
static int evaluate_baselines(simclr_eval_result *out, sc_api_run *r,
                              const simclr_observer *observer, simclr_error *err)
{
    sc_online_knn knn;
    int rc = vote(&knn, r, true, "raw pixels", observer, err);
    out->raw_pixels_top1 = knn.top1;
    if (rc < 0)
        return rc;
    sc_params_reset(&r->network.params, r->cfg.train.seed);
    rc = vote(&knn, r, false, "untrained encoder", observer, err);
    out->untrained_top1 = knn.top1;
    return rc;
}

int simclr_eval(simclr_eval_result *out, const char *run, const char *spec,
                const simclr_eval_options *options, const simclr_observer *observer,
                simclr_error *err)
{
    bool linear = strcmp(options->protocol, "linear") == 0;
    *out = (simclr_eval_result){.raw_pixels_top1 = -1, .untrained_top1 = -1};
    snprintf(out->protocol, sizeof out->protocol, "%s", options->protocol);
    if (!linear && strcmp(options->protocol, "knn") != 0)
        return sc_fail(err, SIMCLR_E_USAGE, "protocol %s: expected knn or linear",
                       options->protocol);
    double start = sc_clock();
    char before[65], after[65];
    sc_api_run r;
    int rc = sc_api_run_open(&r, run, spec, NULL, observer, err);
    if (rc == 0)
        rc = sc_weights_digest(before, &r.network, err);
    if (rc == 0)
        rc = linear ? evaluate_linear(out, &r, options->labels, observer, err)
                    : evaluate_knn(out, &r, observer, err);
    if (rc == 0)
        rc = sc_weights_digest(after, &r.network, err);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = sc_fail(err, SIMCLR_E_INTERNAL, "the evaluation changed the encoder it measured");
    if (rc == 0 && options->baselines)
        rc = evaluate_baselines(out, &r, observer, err);
    out->checkpoint = r.step;
    out->seconds = sc_clock() - start;
    sc_api_run_close(&r);
    return rc;
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
    return sc_api_result(rc, err);
}

static int write_files_tsv(const char *npy_path, const sc_embedding *e, const sc_dataset *ds,
                           const char *split, simclr_error *err)
{
    char path[SC_PATH_MAX], row[32];
    const char *slash = strrchr(npy_path, '/');
    int directory = slash == NULL ? 0 : (int)(slash - npy_path) + 1;
    sc_fs_writer *w;
    snprintf(path, sizeof path, "%.*sfiles.tsv", directory, npy_path);
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
    int rc = sc_api_run_open(&r, run, spec, split, observer, err);
    const sc_embed_options options = whole_split(&r, "embedding", observer);
    if (rc == 0)
        rc = sc_embed(&e, r.train, &r.network, &r.views, &options, err);
    if (rc == 0)
        say_skipped(r.train, e.n, observer);
    const uint64_t shape[2] = {e.n, e.dim};
    if (rc == 0)
        rc = sc_npy_write(npy_path, e.h, SC_NPY_F32, shape, 2, err);
    if (rc == 0)
        rc = write_files_tsv(npy_path, &e, r.train, split, err);
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
    int rc = sc_api_run_open(&r, run, spec, split, observer, err);
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
