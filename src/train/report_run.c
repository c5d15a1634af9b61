/* SPDX-License-Identifier: MIT
 *
 * report_run.c - of a report, what the files of the run and its settings tell.
 */
#include "train/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "monitor/status.h"
#include "report/canvas.h"
#include "train/history.h"

enum { POINTS = 400, SKIPPED_SHOWN = 200, COLORS = 30 };

#define FILE_MAX ((size_t)64 << 20)

/* ---- facts: pairs of a name and a value ---- */

static void tell(sc_json *facts, const char *name, const char *value)
{
    sc_json *pair = sc_json_new_array();
    sc_json_append_string(pair, name);
    sc_json_append_string(pair, value);
    sc_json_append(facts, pair);
}

static void tell_key(sc_json *facts, const char *name, const sc_config *cfg, const char *key)
{
    char value[SC_CONFIG_STRING];
    sc_config_get_text(cfg, key, value, sizeof value);
    tell(facts, name, value);
}

static void tell_facts(sc_json *data, const sc_report *r, const sc_history *h)
{
    char text[160];
    const sc_network *net = r->network;
    sc_json *facts = sc_json_new_array();
    sc_status status;
    size_t steps = h->curve[SC_HISTORY_LOSS].count;
    double epoch = steps > 0 ? h->curve[SC_HISTORY_LOSS].epoch[steps - 1] : 0;
    snprintf(text, sizeof text, "%llu, epoch %.4g", (unsigned long long)r->step, epoch);
    tell(facts, "step", text);
    if (sc_status_read(&status, r->run, NULL) == 0)
        tell(facts, "state", status.phase);
    tell_key(facts, "encoder", r->cfg, "model.arch");
    snprintf(text, sizeof text, "h %zu, z %zu, %.2f M parameters", net->dim_h, net->dim_z,
             (double)net->encoder_parameters / 1e6);
    tell(facts, "features", text);
    snprintf(text, sizeof text, "%zu px", net->height);
    tell(facts, "views", text);
    tell_key(facts, "batch", r->cfg, "train.batch");
    tell_key(facts, "temperature", r->cfg, "loss.temperature");
    tell_key(facts, "optimiser", r->cfg, "optim.name");
    snprintf(text, sizeof text, "%zu ", r->embedding->n);
    tell(facts, "shown", strncat(text, r->shown, sizeof text - strlen(text) - 1));
    sc_json_set(data, "facts", facts);
}

/* ---- curves ---- */

static sc_json *numbers(const double *x, size_t n)
{
    sc_json *array = sc_json_new_array();
    char text[32];
    for (size_t i = 0; i < n; i++) { /* as many digits as a curve can show */
        snprintf(text, sizeof text, "%.5g", x[i]);
        sc_json_append_number(array, strtod(text, NULL));
    }
    return array;
}

static void tell_accuracy(sc_json *data, const char *key, double value)
{
    if (value >= 0)
        sc_json_set_number(data, key, value);
}

static void tell_curves(sc_json *data, sc_history *h)
{
    sc_json *curves = sc_json_new_object();
    sc_json_set_integer(data, "steps_a_point", (int64_t)sc_history_thin(h, POINTS));
    for (int i = 0; i < SC_HISTORY_CURVES; i++) {
        const sc_history_curve *c = &h->curve[i];
        if (c->count == 0)
            continue;
        sc_json *curve = sc_json_new_object();
        sc_json_set(curve, "x", numbers(c->epoch, c->count));
        sc_json_set(curve, "y", numbers(c->value, c->count));
        sc_json_set(curves, c->key, curve);
    }
    sc_json_set(data, "curves", curves);
    if (h->loss_ceiling > 0)
        sc_json_set_number(data, "loss_ceiling", h->loss_ceiling);
    tell_accuracy(data, "raw_pixels_top1", h->raw_pixels_top1);
    tell_accuracy(data, "untrained_top1", h->untrained_top1);
    tell_accuracy(data, "knn_top1", h->last_top1);
    if (h->n_test > 0) {
        sc_json_set_integer(data, "n_train", (int64_t)h->n_train);
        sc_json_set_integer(data, "n_test", (int64_t)h->n_test);
    }
}

/* ---- files of the run ---- */

/* A file of the run as text; "" where there is none. */
static int read_text(char **out, const char *run, const char *name, simclr_error *err)
{
    char path[SC_PATH_MAX];
    size_t size;
    void *bytes = NULL;
    int rc = sc_path_join(path, run, name, err);
    if (rc == 0)
        rc = sc_fs_read(&bytes, &size, path, FILE_MAX, err);
    if (rc == SIMCLR_E_NOT_FOUND) {
        bytes = sc_strdup("", err);
        rc = bytes == NULL ? SIMCLR_E_MEMORY : 0;
    }
    *out = bytes;
    return rc;
}

/* skipped.tsv: a line of names, then a file and a reason on each. */
static int tell_skipped(sc_json *data, const char *run, simclr_error *err)
{
    char *text;
    int rc = read_text(&text, run, "skipped.tsv", err);
    if (rc < 0)
        return rc;
    sc_json *list = sc_json_new_array();
    int64_t count = -1; /* not the first line */
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count++) {
        char *tab = memchr(line, '\t', (size_t)(end - line));
        if (count < 0 || count >= SKIPPED_SHOWN || tab == NULL)
            continue;
        *tab = *end = '\0';
        sc_json *pair = sc_json_new_array();
        sc_json_append_string(pair, line);
        sc_json_append_string(pair, tab + 1);
        sc_json_append(list, pair);
    }
    sc_free(text);
    sc_json_set(data, "skipped", list);
    sc_json_set_integer(data, "skipped_count", count < 0 ? 0 : count);
    return 0;
}

static int tell_settings(sc_json *data, const char *run, simclr_error *err)
{
    char *text;
    int rc = read_text(&text, run, "config.yaml", err);
    if (rc == 0)
        sc_json_set_string(data, "settings", text);
    sc_free(text);
    return rc;
}

static void tell_colors(sc_json *data)
{
    char text[8];
    sc_json *colors = sc_json_new_array();
    for (size_t i = 0; i < COLORS; i++) {
        sc_color c = sc_color_of(i);
        snprintf(text, sizeof text, "#%02x%02x%02x", c.r, c.g, c.b);
        sc_json_append_string(colors, text);
    }
    sc_json_set(data, "colors", colors);
    sc_json_set_string(data, "unlabelled", "#969eaa");
}

int sc_report_tell_run(sc_json *data, const sc_report *report, simclr_error *err)
{
    sc_history history;
    int rc = sc_history_read(&history, report->run, err);
    if (rc == 0) {
        tell_facts(data, report, &history);
        tell_curves(data, &history);
        tell_colors(data);
        rc = tell_skipped(data, report->run, err);
    }
    if (rc == 0)
        rc = tell_settings(data, report->run, err);
    sc_history_free(&history);
    return rc;
}
