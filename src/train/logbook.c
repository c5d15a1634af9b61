/* SPDX-License-Identifier: MIT
 *
 * logbook.c - what a run tells while it trains.
 */
#include "train/logbook.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"

static int open_hparams(sc_logbook *log, simclr_error *err)
{
    sc_tfevents_hparam list[SC_CONFIG_ROWS_MAX];
    char *values = sc_alloc(sc_config_row_count(), 64, err);
    if (values == NULL)
        return SIMCLR_E_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const sc_config_row *row = sc_config_row_at(i);
        if (!row->numbers)
            continue;
        char *value = values + 64 * i;
        sc_config_row_text(log->cfg, i, value, 64);
        list[count++] = (sc_tfevents_hparam){.name = row->key, .text = value};
    }
    const char *const metrics[] = {"loss/train", "eval/knn_top1"};
    int rc = sc_tfevents_hparams(log->events, list, count, metrics, 2, err);
    sc_free(values);
    return rc;
}

static void remember(sc_logbook *log, uint64_t step, const char *name, double value)
{
    if (strcmp(name, "raw_pixels_top1") == 0)
        log->raw_pixels_top1 = value;
    else if (strcmp(name, "knn_top1") == 0)
        *(step == 0 ? &log->untrained_top1 : &log->knn_top1) = value;
    log->evaluated = (int64_t)step;
}

/* What earlier processes of this run found: a resumed run reports it as its own. */
static int read_line(void *context, uint64_t step, const sc_json *line)
{
    static const char *const names[] = {"raw_pixels_top1", "knn_top1"};
    if (sc_json_get(line, "eval") == NULL) {
        sc_logbook *log = context;
        sc_json_number(&log->last_loss, sc_json_get(line, "loss"));
        sc_json_number(&log->last_lr, sc_json_get(line, "lr"));
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double value;
        if (sc_json_number(&value, sc_json_get(line, names[i])))
            remember(context, step, names[i], value);
    }
    ((sc_logbook *)context)->evaluated = (int64_t)step;
    return 0;
}

int sc_logbook_open(sc_logbook *log, const char *run, const sc_config *cfg, uint64_t step,
                    const simclr_observer *observer, simclr_error *err)
{
    log->run = run;
    log->cfg = cfg;
    log->observer = observer;
    log->evaluated = -1;
    log->wait = -1;
    sc_health_init(&log->health, 100);
    /* What was logged at `step` itself, the last evaluation, is to stay. */
    sc_tfevents_options options = {.run = run, .start_step = step + 1};
    int rc = sc_metrics_open(&log->metrics, run, step, err);
    if (rc == 0)
        rc = sc_metrics_each(run, read_line, log, err);
    if (rc == 0)
        rc = sc_tfevents_open(&log->events, &options, err);
    if (rc == 0)
        rc = open_hparams(log, err);
    if (rc < 0)
        sc_logbook_close(log, NULL);
    return rc;
}

int sc_logbook_close(sc_logbook *log, simclr_error *err)
{
    int rc = sc_metrics_close(log->metrics, err);
    int rc_events = sc_tfevents_close(log->events, rc < 0 ? NULL : err);
    log->metrics = NULL;
    log->events = NULL;
    return rc < 0 ? rc : rc_events;
}

/* The same numbers to metrics.jsonl and, by their TensorBoard tags, to the event file. */
typedef struct {
    const char *name, *tag;
    double value;
} log_value;

static int write_values(sc_logbook *log, uint64_t step, const log_value *values, size_t count,
                        simclr_error *err)
{
    sc_metric list[24];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        list[i] = (sc_metric){values[i].name, values[i].value};
        if (values[i].tag != NULL && isfinite(values[i].value))
            rc = sc_tfevents_scalar(log->events, values[i].tag, step, values[i].value, err);
    }
    return rc < 0 ? rc : sc_metrics_append(log->metrics, step, list, count, err);
}

static int write_step(sc_logbook *log, const sc_step_stats *s, const sc_health_input *in,
                      simclr_error *err)
{
    const log_value values[] = {
        {"epoch", "train/epoch", (double)(s->step + 1) / (double)log->steps_per_epoch},
        {"loss", "loss/train", s->loss},
        {"loss_ceiling", "loss/ceiling", in->ceiling},
        {"loss_floor", "loss/floor", in->floor},
        {"lr", "train/lr", s->lr},
        {"gradient_norm", "train/gradient_norm", s->gradient_norm},
        {"contrastive_top1", "pairs/contrastive_top1", in->top1},
        {"alignment", "pairs/alignment", in->alignment},
        {"uniformity", "pairs/uniformity", in->uniformity},
        {"effective_rank", "pairs/effective_rank", in->effective_rank},
        {"images_per_s", "speed/images_per_s", log->images_per_s},
        {"data_wait", "speed/data_wait", log->wait},
    };
    return write_values(log, s->step + 1, values, sizeof values / sizeof *values, err);
}

static void update_rate(sc_logbook *log, const sc_step_stats *s, const sc_step *step, double now)
{
    log->window_images += (double)s->images;
    double seconds = now - log->rate_clock;
    if (seconds < 0.5 && log->images_per_s > 0)
        return;
    double waited = sc_loader_wait_seconds(step->loader);
    if (seconds > 0) {
        log->images_per_s = log->window_images / seconds;
        log->wait = (waited - log->window_wait) / seconds;
    }
    log->rate_clock = now;
    log->window_images = 0;
    log->window_wait = waited;
}

static void say_progress(sc_logbook *log, const sc_step_stats *s, double now)
{
    uint64_t done = s->step + 1;
    sc_progress_update(&log->progress, now, done);
    sc_progress_view view = {
        .epoch = s->epoch + 1,
        .epochs = (uint64_t)log->cfg->train.epochs,
        .step = s->step % log->steps_per_epoch + 1,
        .steps = log->steps_per_epoch,
        .elapsed = now - log->progress.start,
        .left = sc_progress_left(&log->progress, log->total_steps),
        .images_per_s = log->images_per_s,
        .loss = s->loss,
        .wait = log->wait,
    };
    sc_progress_say(log->observer, &view);
}

static void say_verdict(sc_logbook *log, const sc_health_input *in, uint64_t step)
{
    sc_health_verdict verdict = sc_health_update(&log->health, in);
    if (verdict == log->verdict || verdict == SC_HEALTH_STARTING)
        return;
    char text[256];
    sc_health_text(text, sizeof text, verdict, in);
    sc_say(log->observer, verdict == SC_HEALTH_LEARNING ? SIMCLR_NOTE : SIMCLR_WARNING,
           "step %llu: %s", (unsigned long long)step, text);
    log->verdict = verdict;
}

int sc_logbook_step(sc_logbook *log, const sc_step_stats *stats, sc_step *step, simclr_error *err)
{
    double now = sc_clock();
    if (log->progress.start == 0) {
        sc_progress_start(&log->progress, now, stats->step + 1);
        log->rate_clock = now;
    }
    update_rate(log, stats, step, now);
    say_progress(log, stats, now);

    uint64_t done = stats->step + 1;
    bool last = done == log->total_steps;
    if (done % log->cfg->train.log_every != 0 && !last)
        return 0;
    int rc = sc_step_fetch_z(step, err);
    if (rc == 0)
        log->due = *stats;
    return rc;
}

int sc_logbook_figures(sc_logbook *log, sc_step *step, simclr_error *err)
{
    const sc_step_stats stats = log->due;
    uint64_t done = stats.step + 1;
    sc_ntxent_stats pairs;
    if (stats.images == 0)
        return 0;
    log->due.images = 0;
    sc_ntxent_diagnose(&pairs, &step->ntxent, step->z, 2 * stats.images);
    sc_health_input in = {
        .loss = stats.loss,
        .ceiling = sc_ntxent_ceiling(stats.images),
        .floor = sc_ntxent_floor(stats.images, log->cfg->temperature),
        .top1 = pairs.top1,
        .alignment = pairs.alignment,
        .uniformity = pairs.uniformity,
    };
    int rc =
        sc_effective_rank(&in.effective_rank, step->z, 2 * stats.images, step->network.dim_z, err);
    if (rc == 0)
        rc = write_step(log, &stats, &in, err);
    if (rc == 0)
        say_verdict(log, &in, done);
    if (rc == 0 && log->verdict == SC_HEALTH_COLLAPSING && log->cfg->train.strict)
        rc =
            sc_fail(err, SIMCLR_E_NUMERIC,
                    "step %llu: the embedding collapses (effective rank %.1f) and train.strict is "
                    "set; begin a run with a lower learning rate or a higher temperature, or go on "
                    "with train.strict=false",
                    (unsigned long long)done, in.effective_rank);
    return rc;
}

void sc_logbook_pause(sc_logbook *log, double seconds)
{
    sc_progress_pause(&log->progress, seconds);
    log->rate_clock += seconds;
}

int sc_logbook_eval(sc_logbook *log, uint64_t step, const sc_metric *values, size_t count,
                    simclr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "eval/%s", values[i].name);
        remember(log, step, values[i].name, values[i].value);
        int rc = sc_tfevents_scalar(log->events, tag, step, values[i].value, err);
        if (rc < 0)
            return rc;
    }
    sc_metric list[16] = {{"eval", 1}};
    memcpy(list + 1, values, count * sizeof *values);
    return sc_metrics_append(log->metrics, step, list, count + 1, err);
}

int sc_logbook_histograms(sc_logbook *log, sc_step *step, bool batch, simclr_error *err)
{
    const sc_network *net = &step->network;
    size_t rows = 2 * step->batch.count, all = 2 * step->batch.total;
    int rc = sc_params_pull(&net->params, err);
    if (rc == 0 && batch)
        rc = sc_step_fetch_h(step, err);
    if (rc == 0 && batch)
        rc = sc_step_fetch_z(step, err);
    if (rc == 0 && batch)
        rc = sc_tfevents_histogram(log->events, "activations/h", step->step, step->h,
                                   rows * net->dim_h, err);
    if (rc == 0 && batch)
        rc = sc_tfevents_histogram(log->events, "activations/z", step->step, step->z,
                                   all * net->dim_z, err);
    for (size_t i = 0; rc == 0 && i < net->params.entry_count; i++) {
        const sc_param *p = &net->params.entry[i];
        char tag[160];
        snprintf(tag, sizeof tag, "weights/%s", p->name);
        if (p->ndim > 1)
            rc = sc_tfevents_histogram(log->events, tag, step->step, net->params.value + p->offset,
                                       p->count, err);
    }
    return rc;
}

int sc_logbook_phase(sc_logbook *log, const char *phase, uint64_t step, int exit_code,
                     simclr_error *err)
{
    sc_status status = {.step = step, .pid = (int64_t)getpid()};
    snprintf(status.phase, sizeof status.phase, "%s", phase);
    status.exited = exit_code >= 0;
    status.exit_code = exit_code;
    return sc_status_write(log->run, &status, err);
}
