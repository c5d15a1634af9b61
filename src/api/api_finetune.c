/* SPDX-License-Identifier: MIT
 *
 * api_finetune.c - simclr_eval's protocol finetune.
 *
 * What is fine-tuned is a network of its own: the run's encoder gives it its weights and stays as it is.
 */
#include "api/api.h"

#include <string.h>

#include "backend/device_load.h"
#include "core/fs.h"
#include "eval/finetune.h"
#include "monitor/progress.h"
#include "train/setup.h"
#include "train/state.h"

typedef struct {
    sc_api_run *run;
    const simclr_observer *observer;
    sc_image_list list[2]; /* the labels used, and the test images */
    sc_network network;
    sc_views views;
    sc_progress progress;
    double share; /* of the labels */
} finetuning;

int sc_api_on_processor(simclr_config *out, const char *run, const simclr_config *settings,
                        const simclr_observer *observer, simclr_error *err)
{
    sc_config fallback, of_run;
    size_t row = (size_t)sc_config_find("train.device");
    *out = (simclr_config){*sc_api_config(settings, &fallback)};
    int rc = sc_state_read_config(&of_run, run, err);
    if (rc < 0)
        return rc;
    bool given = sc_config_origin(&out->value, row) != SC_ORIGIN_DEFAULT;
    int device = sc_config_device(given ? out->value.train.device : of_run.train.device);
    if (device >= 0 || (device == SC_CFG_DEVICE_AUTO && sc_device_count() > 0))
        sc_say(observer, SIMCLR_NOTE, "fine-tuning runs on the processor, not on a GPU");
    return sc_config_set(&out->value, "train.device", "cpu", SC_ORIGIN_CLI, NULL, err);
}

/* ---- images ---- */

static int choose_labelled(sc_image_list *out, sc_dataset *ds, int limit, simclr_error *err)
{
    int rc = sc_image_list_choose(out, ds, true, (size_t)limit, err);
    if (rc == 0 && out->n == 0)
        rc = sc_fail(err, SIMCLR_E_DATA,
                     "data: none of %zu images has a label; fine-tuning learns from labels",
                     sc_dataset_count(ds));
    return rc;
}

/* The same images as the other protocols take. */
static int choose_images(finetuning *f, size_t *classes, simclr_error *err)
{
    const sc_api_run *r = f->run;
    const sc_config_eval *eval = &r->cfg.eval;
    sc_image_list *train = &f->list[0], *test = &f->list[1];
    int rc = choose_labelled(train, r->train, eval->max_train, err);
    if (rc == 0)
        rc = r->test != NULL ? choose_labelled(test, r->test, eval->max_test, err)
                             : sc_image_list_hold_out(test, train, err);
    if (rc < 0)
        return rc;
    *classes = sc_image_list_classes(train);
    if (*classes < 2 || train->n == 0)
        return sc_fail(err, SIMCLR_E_DATA,
                       "fine-tuning: %zu labelled images of %zu class; at least 2 classes",
                       train->n, *classes);
    return f->share < 1 ? sc_image_list_share(train, f->share, r->cfg.train.seed, err) : 0;
}

/* Random resized crop and flip alone, as the run draws them. */
static int open_views(finetuning *f, simclr_error *err)
{
    const sc_api_run *r = f->run;
    sc_views_options options = sc_setup_views(&r->cfg, r->size);
    uint32_t height, width;
    bool equal;
    for (int v = 0; v < 2; v++) {
        sc_view_options *view = &options.view[v];
        view->jitter = view->grayscale = view->blur = view->solarize = 0;
    }
    sc_dataset_extent(r->train, &height, &width, &equal);
    return sc_views_open(&f->views, &options, height, width, err);
}

/* ---- network ---- */

static void take_encoder(sc_network *network, const sc_network *of_run)
{
    for (size_t i = 0; i < network->params.entry_count; i++) {
        const sc_param *to = &network->params.entry[i];
        long found = sc_params_find(&of_run->params, to->name);
        if (found >= 0)
            memcpy(network->params.value + to->offset,
                   of_run->params.value + of_run->params.entry[found].offset,
                   to->count * sizeof(sc_real));
    }
}

static int open_network(finetuning *f, size_t classes, simclr_error *err)
{
    const sc_api_run *r = f->run;
    sc_network_options options;
    size_t batch = (size_t)r->cfg.finetune.batch, n = f->list[0].n;
    size_t rows = batch < n ? batch : n;
    int rc = sc_api_network_options(&options, &r->cfg, NULL, r->size, rows, err);
    options.classes = classes;
    if (rc == 0)
        rc = sc_network_open(&f->network, &options, err);
    if (rc == SIMCLR_E_MEMORY)
        return sc_fail(err, rc, "finetune.batch=%zu does not fit into memory; lower it", batch);
    if (rc == 0)
        take_encoder(&f->network, &r->network);
    return rc;
}

/* ---- fitting ---- */

static void watch(void *context, const sc_finetune_progress *at)
{
    finetuning *f = context;
    double now = sc_clock();
    if (at->done == 1)
        sc_progress_start(&f->progress, now, 1);
    if (at->paused > 0)
        sc_progress_pause(&f->progress, at->paused);
    sc_progress_update(&f->progress, now, at->done);
    double each = f->progress.seconds_per_step;
    double images = (double)at->images / (double)at->done;
    const sc_progress_view view = {
        .epoch = at->epoch,
        .epochs = at->epochs,
        .step = at->step,
        .steps = at->steps,
        .elapsed = now - f->progress.start,
        .left = sc_progress_left(&f->progress, at->total),
        .images_per_s = each > 0 ? images / each : 0,
        .loss = at->loss,
        .wait = -1,
    };
    sc_progress_say(f->observer, &view);
}

static int tune(sc_finetune_result *out, finetuning *f, const char *what, simclr_error *err)
{
    const sc_config *cfg = &f->run->cfg;
    const sc_config_finetune *c = &cfg->finetune;
    const sc_finetune_options options = {
        .lr = c->lr.at,
        .lr_count = (size_t)c->lr.count,
        .weight_decay = c->weight_decay,
        .epochs = (uint64_t)c->epochs,
        .share = f->share,
        .held_out = c->held_out,
        .seed = cfg->train.seed,
        .what = what,
        .watch = watch,
        .context = f,
        .observer = f->observer,
    };
    return sc_finetune(out, &f->network, f->list, &f->views, &options, err);
}

/* Before an hour is spent: a file can be made there. */
static int check_place(const char *path, simclr_error *err)
{
    sc_fs_writer *w;
    int rc = sc_fs_writer_open(&w, path, err);
    if (rc == 0)
        sc_fs_writer_abandon(w);
    return rc;
}

static int save(const char *path, const finetuning *f, simclr_error *err)
{
    int rc = sc_state_export(path, &f->network, SC_WEIGHTS_ENCODER, &f->run->cfg, err);
    if (rc == 0)
        sc_say(f->observer, SIMCLR_NOTE, "saved     %s: encoder and classifier of %zu classes",
               path, f->network.classifier.out);
    return rc;
}

static int measure(simclr_eval_result *out, finetuning *f, const simclr_eval_options *options,
                   simclr_error *err)
{
    sc_finetune_result result, untrained;
    int rc = tune(&result, f, "fine-tuning", err);
    if (rc == 0 && options->save != NULL)
        rc = save(options->save, f, err);
    if (rc < 0)
        return rc;
    out->top1 = result.top1;
    if (f->network.classifier.out > 5)
        out->top5 = result.top5;
    out->validation_top1 = result.val_top1;
    out->lr = result.lr;
    out->epochs = (int)result.epochs;
    out->batch = (int)result.batch;
    out->n_validation = result.n_val;
    out->n_train = f->list[0].n;
    out->n_test = result.n_test;
    if (!options->baselines)
        return 0;
    sc_params_reset(&f->network.params, f->run->cfg.train.seed);
    rc = tune(&untrained, f, "untrained encoder", err);
    out->untrained_top1 = untrained.top1;
    return rc;
}

int sc_api_finetune(simclr_eval_result *out, sc_api_run *r, const simclr_eval_options *options,
                    const simclr_observer *observer, simclr_error *err)
{
    finetuning f = {.run = r, .observer = observer, .share = out->labels};
    size_t classes;
    int rc = options->save != NULL ? check_place(options->save, err) : 0;
    if (rc == 0)
        rc = choose_images(&f, &classes, err);
    if (rc == 0)
        rc = open_views(&f, err);
    if (rc == 0)
        rc = open_network(&f, classes, err);
    if (rc == 0)
        rc = measure(out, &f, options, err);
    sc_network_close(&f.network);
    sc_views_close(&f.views);
    for (int i = 0; i < 2; i++)
        sc_image_list_free(&f.list[i]);
    return rc;
}
