/* SPDX-License-Identifier: MIT
 *
 * online.c - looking at the encoder while it trains.
 */
#include "train/online.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/ram.h"
#include "data/image.h"
#include "eval/embed.h"
#include "eval/knn.h"
#include "monitor/embedding_projector.h"
#include "train/latent.h"
#include "train/memory.h"
#include "train/thumb.h"

enum { SHEET_ROWS = 8, WEIGHTED_K = 200, PROJECTOR_IMAGES = 2000, THUMB_SIDE = 32 };

static const double WEIGHTED_TEMPERATURE = 0.1, PIXELS_SHARE = 0.25, GIB = 1073741824.0;

/* ---- k-NN ---- */

int sc_online_vote(sc_online_knn *out, const sc_embedding_pair *pair, const sc_config *cfg,
                   const sc_network *network, const simclr_observer *observer, simclr_error *err)
{
    enum { CONFIGURED, WEIGHTED, VOTINGS };
    const sc_knn_place place = {network->backend, network->device, observer};
    const sc_features bank = sc_embedding_features(&pair->bank);
    const sc_features query = sc_embedding_features(&pair->query);
    size_t k = (size_t)cfg->eval.knn_k;
    double top1[VOTINGS];
    sc_knn_options options[VOTINGS] = {
        [CONFIGURED] = {.k = k < bank.n ? k : bank.n, .vote = SC_KNN_MAJORITY, .temperature = 1},
        [WEIGHTED] = {.k = WEIGHTED_K < bank.n ? WEIGHTED_K : bank.n,
                      .vote = SC_KNN_WEIGHTED,
                      .temperature = WEIGHTED_TEMPERATURE}};
    if (cfg->eval.knn_temperature > 0) {
        options[CONFIGURED].vote = SC_KNN_WEIGHTED;
        options[CONFIGURED].temperature = cfg->eval.knn_temperature;
    }
    out->n_train = bank.n;
    out->n_test = query.n;
    out->k = options[CONFIGURED].k;
    out->k_weighted = options[WEIGHTED].k;
    int rc = sc_knn_classify(top1, NULL, &bank, &query, options, VOTINGS, &place, err);
    if (rc == 0) {
        out->top1 = top1[CONFIGURED];
        out->top1_weighted = top1[WEIGHTED];
    }
    return rc;
}

bool sc_online_pixels_fit(const sc_dataset *bank, const sc_dataset *test, const sc_views *views,
                          const sc_embed_options options[2], const char *advice)
{
    char needs[32], has[32];
    size_t free_bytes = sc_ram_here().free;
    double bytes = sc_embed_pixel_bytes(bank, test, views, options);
    if (free_bytes == 0 || bytes <= PIXELS_SHARE * (double)free_bytes)
        return true;
    sc_run_amount(needs, sizeof needs, bytes, GIB);
    sc_run_amount(has, sizeof has, (double)free_bytes, GIB);
    sc_say(options->observer, SIMCLR_WARNING,
           "k-NN of raw pixels is left out: they take %s, over a quarter of the %s of memory that "
           "are free; %s to measure it",
           needs, has, advice);
    return false;
}

int sc_online_measure(sc_online_knn *out, sc_trainer *t, bool raw_pixels, simclr_error *err)
{
    *out = (sc_online_knn){.top1 = -1, .top1_weighted = -1};
    if (t->bank == NULL)
        return 0;
    const sc_embed_options options[2] = {{.limit = (size_t)t->cfg.eval.max_train,
                                          .raw_pixels = raw_pixels,
                                          .batch = (size_t)t->cfg.eval.batch,
                                          .what = "embedding bank",
                                          .observer = t->observer},
                                         {.limit = (size_t)t->cfg.eval.max_test,
                                          .raw_pixels = raw_pixels,
                                          .batch = (size_t)t->cfg.eval.batch,
                                          .what = "embedding test",
                                          .observer = t->observer}};
    if (raw_pixels && !sc_online_pixels_fit(t->bank, t->test, &t->step.views, options,
                                            "lower eval.max_train or eval.max_test"))
        return 0;
    sc_embedding_pair pair;
    int rc = sc_embed_pair(&pair, t->bank, t->test, &t->step.network, &t->step.views, options, err);
    if (rc < 0)
        return rc;
    rc = sc_online_vote(out, &pair, &t->cfg, &t->step.network, t->observer, err);
    sc_embedding_pair_free(&pair);
    return rc;
}

/* ---- pictures and files ---- */

typedef struct {
    sc_trainer *t;
    sc_dataset *ds;
    const sc_embedding *embedding;
} shown;

static const char *shown_class(void *context, size_t i)
{
    const shown *s = context;
    int label = sc_dataset_label(s->ds, s->embedding->index[i]);
    return label < 0 ? NULL : sc_dataset_class_name(s->ds, label);
}

static const char *shown_name(void *context, size_t i)
{
    const shown *s = context;
    return sc_dataset_name(s->ds, s->embedding->index[i]);
}

static int shown_thumb(uint8_t *rgb, void *context, size_t i, simclr_error *err)
{
    const shown *s = context;
    return sc_thumb(rgb, THUMB_SIDE, s->ds, s->embedding->index[i], &s->t->step.views, err);
}

static int write_projector(sc_trainer *t, shown *s, simclr_error *err)
{
    const sc_embedding_projector files = {
        .features = s->embedding->h,
        .count = s->embedding->n,
        .dim = s->embedding->dim,
        .class_name = sc_dataset_classes(s->ds) > 0 ? shown_class : NULL,
        .item_name = shown_name,
        .thumb = shown_thumb,
        .thumb_side = THUMB_SIDE,
        .context = s,
    };
    return sc_embedding_projector_write(t->run, &files, err);
}

static int write_map(sc_trainer *t, const shown *s, double top1, simclr_error *err)
{
    char path[SC_PATH_MAX], subtitle[96];
    snprintf(subtitle, sizeof subtitle, "step %llu, %zu images", (unsigned long long)t->step.step,
             s->embedding->n);
    if (top1 >= 0)
        snprintf(subtitle, sizeof subtitle, "step %llu, k-NN top-1 %.1f %%",
                 (unsigned long long)t->step.step, top1);
    const sc_latent_map map = {.embedding = s->embedding,
                               .dataset = s->ds,
                               .title = "latent space h, t-SNE",
                               .subtitle = subtitle,
                               .seed = t->cfg.train.seed,
                               .method = SC_LATENT_TSNE};
    int rc = sc_path_join(path, t->run, "latent.png", err);
    return rc < 0 ? rc : sc_latent_write(path, &map, err);
}

static int show_latent_space(sc_trainer *t, double top1, simclr_error *err)
{
    sc_dataset *ds = t->test != NULL ? t->test : t->train;
    const sc_embed_options options = {.limit = PROJECTOR_IMAGES,
                                      .batch = (size_t)t->cfg.eval.batch,
                                      .what = "embedding map",
                                      .observer = t->observer};
    sc_embedding embedding;
    int rc = sc_embed(&embedding, ds, &t->step.network, &t->step.views, &options, err);
    if (rc < 0)
        return rc;
    shown s = {t, ds, &embedding};
    rc = write_projector(t, &s, err);
    if (rc == 0)
        rc = write_map(t, &s, top1, err);
    sc_embedding_free(&embedding);
    return rc;
}

static int write_weights(sc_trainer *t, simclr_error *err)
{
    char path[SC_PATH_MAX];
    int rc = sc_path_join(path, t->run, "model.safetensors", err);
    return rc < 0 ? rc : sc_state_export(path, &t->step.network, SC_WEIGHTS_ENCODER, &t->cfg, err);
}

int sc_online_draw_curves(sc_trainer *t, simclr_error *err)
{
    char path[SC_PATH_MAX];
    int rc = sc_path_join(path, t->run, "curves.png", err);
    return rc < 0 ? rc : sc_latent_write_curves(path, t->run, err);
}

/* ---- when ---- */

static int log_knn(sc_trainer *t, const sc_online_knn *knn, simclr_error *err)
{
    const sc_metric values[] = {
        {"epoch", (double)t->step.step / (double)t->steps_per_epoch},
        {"knn_top1", knn->top1},
        {"knn_weighted_top1", knn->top1_weighted},
        {"n_train", (double)knn->n_train},
        {"n_test", (double)knn->n_test},
    };
    size_t count = knn->top1 < 0 ? 1 : sizeof values / sizeof *values;
    return sc_logbook_eval(&t->log, t->step.step, values, count, err);
}

int sc_online_evaluate(sc_trainer *t, simclr_error *err)
{
    sc_online_knn knn;
    int rc = sc_online_measure(&knn, t, false, err);
    if (rc == 0 && knn.top1 >= 0)
        sc_say(t->observer, SIMCLR_NOTE,
               "epoch %.4g  k-NN(%zu, cosine) %.2f %%, k-NN(%zu, T=0.1) %.2f %% on %zu images%s",
               (double)t->step.step / (double)t->steps_per_epoch, knn.k, knn.top1, knn.k_weighted,
               knn.top1_weighted, knn.n_test,
               t->test == NULL ? " held out from the bank, not from training" : "");
    if (rc == 0)
        rc = sc_logbook_histograms(&t->log, &t->step, t->last.images > 0, err);
    if (rc == 0)
        rc = write_weights(t, err);
    if (rc == 0)
        rc = show_latent_space(t, knn.top1, err);
    if (rc == 0)
        rc = log_knn(t, &knn, err);
    if (rc == 0 && t->step.step < t->stop_at) /* the end of the run draws the last ones */
        rc = sc_online_draw_curves(t, err);
    return rc;
}

static int write_sheet(sc_trainer *t, simclr_error *err)
{
    char path[SC_PATH_MAX];
    sc_image image[SHEET_ROWS];
    uint32_t index[SHEET_ROWS], height, width;
    uint8_t *pixels;
    void *png;
    size_t size, n = SHEET_ROWS;
    int rc = sc_path_join(path, t->run, "views.png", err);
    if (rc == 0)
        rc = sc_dataset_sample(image, index, &n, t->train, err);
    if (rc < 0)
        return rc;
    rc = sc_views_sheet(&pixels, &height, &width, image, index, n, 0, &t->step.views, err);
    for (size_t i = 0; i < n; i++)
        sc_image_free(&image[i]);
    if (rc < 0)
        return rc;
    uint32_t channels = t->step.views.options.channels;
    rc = sc_png_encode(&png, &size, pixels, height, width, channels, err);
    sc_free(pixels);
    if (rc < 0)
        return rc;
    const sc_tfevents_png shot = {png, size, height, width, channels};
    rc = sc_fs_write_atomic(path, png, size, err);
    if (rc == 0)
        rc = sc_tfevents_image(t->log.events, "views", 0, &shot, err);
    sc_free(png);
    return rc;
}

int sc_online_begin(sc_trainer *t, simclr_error *err)
{
    sc_online_knn raw, untrained;
    int rc = write_sheet(t, err);
    if (rc == 0)
        rc = sc_online_measure(&raw, t, true, err);
    if (rc == 0)
        rc = sc_online_measure(&untrained, t, false, err);
    if (rc < 0 || t->bank == NULL)
        return rc;
    char pixels[48] = "";
    if (raw.top1 >= 0)
        snprintf(pixels, sizeof pixels, "of raw pixels %.2f %%, ", raw.top1);
    sc_say(t->observer, SIMCLR_NOTE,
           "before    k-NN(%zu, cosine) %sof the untrained encoder %.2f %%", untrained.k, pixels,
           untrained.top1);
    const sc_metric values[] = {
        {"epoch", 0}, {"knn_top1", untrained.top1}, {"raw_pixels_top1", raw.top1}};
    return sc_logbook_eval(&t->log, 0, values, raw.top1 >= 0 ? 3 : 2, err);
}
