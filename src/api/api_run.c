/* SPDX-License-Identifier: MIT
 *
 * api_run.c - a run opened for looking at: its settings, data, network, weights and views.
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "backend/device_load.h"
#include "config/value.h"
#include "core/parallel.h"
#include "train/setup.h"
#include "train/state.h"

enum { USUAL_ROWS = 256 };

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

/* ---- settings ---- */

/* What a look at a run may do otherwise than its training: nothing of it changes the encoder. */
static const char *const FREE[] = {
    "eval.knn_k",        "eval.knn_temperature", "eval.batch",     "eval.max_train",
    "eval.max_test",     "train.device",         "train.threads",  "train.precision",
    "finetune.lr",       "finetune.epochs",      "finetune.batch", "finetune.weight_decay",
    "finetune.held_out",
};

static int refuse(const char *key, simclr_error *err)
{
    char all[320] = "";
    size_t used = 0, count = sizeof FREE / sizeof *FREE;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", FREE[i]);
    return sc_fail(err, SIMCLR_E_USAGE,
                   "%s: the run's own settings say what it is; given here can be %s", key, all);
}

static bool is_free(const char *key)
{
    bool found = false;
    for (size_t i = 0; i < sizeof FREE / sizeof *FREE; i++)
        found = found || strcmp(FREE[i], key) == 0;
    return found;
}

/* Takes over what was set in `given`.  The limits that a training has for its own k-NN are not for
 * others, and its threads were those of its machine. */
static int take_settings(sc_config *cfg, const sc_config *given, simclr_error *err)
{
    char value[SC_CONFIG_TEXT];
    cfg->eval.max_train = cfg->eval.max_test = 0;
    cfg->train.threads = 0;
    for (size_t row = 0; given != NULL && row < sc_config_row_count(); row++) {
        const char *key = sc_config_row_at(row)->key;
        if (sc_config_origin(given, row) == SC_ORIGIN_DEFAULT)
            continue;
        if (!is_free(key))
            return refuse(key, err);
        sc_config_row_text(given, row, value, sizeof value);
        int rc = sc_config_set(cfg, key, value, SC_ORIGIN_CLI, NULL, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- open, close ---- */

static int read_config(sc_api_run *r, const char *run, const simclr_config *settings,
                       simclr_error *err)
{
    memset(r, 0, sizeof *r);
    int rc = sc_state_read_config(&r->cfg, run, err);
    return rc < 0 ? rc : take_settings(&r->cfg, settings == NULL ? NULL : &settings->value, err);
}

static int open_parts(sc_api_run *r, const char *run, const char *spec, const char *split,
                      const simclr_observer *observer, simclr_error *err)
{
    sc_parallel_set_threads(sc_setup_threads(&r->cfg));
    snprintf(r->spec, sizeof r->spec, "%s", spec != NULL ? spec : sc_setup_dataset_spec(&r->cfg));
    int rc = open_splits(r, split, err);
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

int sc_api_run_open(sc_api_run *r, const char *run, const char *spec, const char *split,
                    const simclr_config *settings, const simclr_observer *observer,
                    simclr_error *err)
{
    int rc = read_config(r, run, settings, err);
    return rc < 0 ? rc : open_parts(r, run, spec, split, observer, err);
}

int sc_api_run_open_on_demand(sc_api_run *r, const char *run, const char *spec, const char *split,
                              const simclr_config *settings, const simclr_observer *observer,
                              simclr_error *err)
{
    int rc = read_config(r, run, settings, err);
    r->cfg.data.memory_limit = 1;
    return rc < 0 ? rc : open_parts(r, run, spec, split, observer, err);
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
