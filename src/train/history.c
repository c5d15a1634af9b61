/* SPDX-License-Identifier: MIT
 *
 * history.c - metrics.jsonl as curves: read twice, first to count.
 */
#include "train/history.h"

#include <string.h>

#include "core/alloc.h"
#include "monitor/metrics.h"

static const char *const KEYS[SC_HISTORY_CURVES] = {
    [SC_HISTORY_LOSS] = "loss",
    [SC_HISTORY_CONTRASTIVE_TOP1] = "contrastive_top1",
    [SC_HISTORY_ALIGNMENT] = "alignment",
    [SC_HISTORY_UNIFORMITY] = "uniformity",
    [SC_HISTORY_EFFECTIVE_RANK] = "effective_rank",
    [SC_HISTORY_GRADIENT_NORM] = "gradient_norm",
    [SC_HISTORY_LR] = "lr",
    [SC_HISTORY_IMAGES_PER_S] = "images_per_s",
    [SC_HISTORY_KNN_TOP1] = "knn_top1",
};

typedef struct {
    sc_history *history;
    size_t lines;
} reader;

static int measure_line(void *context, uint64_t step, const sc_json *line)
{
    (void)step;
    reader *r = context;
    double ceiling;
    r->lines++;
    if (sc_json_number(&ceiling, sc_json_get(line, "loss_ceiling")) &&
        ceiling > r->history->loss_ceiling)
        r->history->loss_ceiling = ceiling;
    return 0;
}

static bool is_full_batch(const sc_history *h, const sc_json *line)
{
    double ceiling;
    return !sc_json_number(&ceiling, sc_json_get(line, "loss_ceiling")) ||
           ceiling >= h->loss_ceiling;
}

static void remember_evaluation(sc_history *h, uint64_t step, const sc_json *line)
{
    double value;
    if (sc_json_number(&value, sc_json_get(line, "raw_pixels_top1")))
        h->raw_pixels_top1 = value;
    if (sc_json_number(&value, sc_json_get(line, "knn_top1")))
        *(step == 0 ? &h->untrained_top1 : &h->last_top1) = value;
    sc_json_number(&h->n_train, sc_json_get(line, "n_train"));
    sc_json_number(&h->n_test, sc_json_get(line, "n_test"));
}

static int collect_line(void *context, uint64_t step, const sc_json *line)
{
    sc_history *h = ((reader *)context)->history;
    double epoch, value;
    remember_evaluation(h, step, line);
    if (!sc_json_number(&epoch, sc_json_get(line, "epoch")) || !is_full_batch(h, line))
        return 0;
    for (int i = 0; i < SC_HISTORY_CURVES; i++) {
        sc_history_curve *c = &h->curve[i];
        if (!sc_json_number(&value, sc_json_get(line, c->key)))
            continue;
        if (i == SC_HISTORY_IMAGES_PER_S && value <= 0)
            continue; /* of a first step, which had no time to be measured in */
        c->epoch[c->count] = epoch;
        c->value[c->count++] = value;
    }
    return 0;
}

int sc_history_read(sc_history *out, const char *run, simclr_error *err)
{
    reader r = {.history = out};
    *out = (sc_history){.raw_pixels_top1 = -1, .untrained_top1 = -1, .last_top1 = -1};
    int rc = sc_metrics_each(run, measure_line, &r, err);
    for (int i = 0; rc == 0 && i < SC_HISTORY_CURVES; i++) {
        sc_history_curve *c = &out->curve[i];
        c->key = KEYS[i];
        c->epoch = sc_alloc(r.lines + 1, sizeof *c->epoch, err);
        c->value = sc_alloc(r.lines + 1, sizeof *c->value, err);
        if (c->epoch == NULL || c->value == NULL)
            rc = SIMCLR_E_MEMORY;
    }
    return rc < 0 ? rc : sc_metrics_each(run, collect_line, &r, err);
}

void sc_history_free(sc_history *history)
{
    for (int i = 0; i < SC_HISTORY_CURVES; i++) {
        sc_free(history->curve[i].epoch);
        sc_free(history->curve[i].value);
    }
    memset(history, 0, sizeof *history);
}

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

size_t sc_history_thin(sc_history *history, size_t points)
{
    size_t most = 1;
    for (int i = 0; i < SC_HISTORY_CURVES; i++) {
        sc_history_curve *c = &history->curve[i];
        if (i == SC_HISTORY_KNN_TOP1 || c->count <= points)
            continue;
        size_t each = (c->count + points - 1) / points, kept = 0;
        for (size_t at = 0; at < c->count; at += each, kept++) {
            size_t n = c->count - at < each ? c->count - at : each;
            c->epoch[kept] = mean(c->epoch + at, n);
            c->value[kept] = mean(c->value + at, n);
        }
        c->count = kept;
        most = each > most ? each : most;
    }
    return most;
}
