/* SPDX-License-Identifier: MIT
 *
 * state.c - a training state on disk.
 */
#include "train/state.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/json.h"
#include "train/metadata.h"

static const char STREAMS[] = "philox4x32-10/v1"; /* a change of any stream is a new version */

/* Bytes in the header of a safetensors file, at most: of the settings, and of a tensor, its name with
 * shape and offsets. */
enum { SETTINGS_MOST = 16384, TENSOR_MOST = SC_PARAM_NAME + 256 };

typedef struct {
    const sc_network *network;
    const sc_config *cfg;
} model_context;

/* As an export with the projector, so that it can be imported as well. */
static int write_model(const char *path, void *context, simclr_error *err)
{
    const model_context *model = context;
    return sc_state_export(path, model->network, SC_WEIGHTS_ALL, model->cfg, err);
}

static int write_slots(const char *path, void *context, simclr_error *err)
{
    return sc_slots_save(path, context, err);
}

static int state_text(char **text, const sc_step *step, const sc_state_identity *id,
                      simclr_error *err)
{
    char *settings;
    int rc = sc_config_numbers_text(&settings, id->cfg, err);
    if (rc < 0)
        return rc;
    sc_json *json = sc_json_new_object();
    sc_json_set_integer(json, "step", (int64_t)step->step);
    sc_json_set_integer(json, "optimizer_steps", (int64_t)step->optim.steps);
    sc_json_set_string(json, "random_streams", STREAMS);
    sc_json_set_bool(json, "imported", id->data_digest == NULL);
    sc_json_set_string(json, "data_sha256", id->data_digest == NULL ? "" : id->data_digest);
    sc_json_set_string(json, "engine", step->network.encoder.nn.backend->name);
    sc_json_set_string(json, "precision", sc_network_precision(&step->network));
    sc_json_set_string(json, "settings", id->data_digest == NULL ? "" : settings);
    rc = sc_json_dump(text, json, true, err);
    sc_json_free(json);
    sc_free(settings);
    return rc;
}

int sc_state_save(bool *warned, const sc_step *step, const sc_state_identity *id,
                  const simclr_observer *observer, simclr_error *err)
{
    char *text;
    int rc = state_text(&text, step, id, err);
    if (rc < 0)
        return rc;
    const sc_params *params = &step->network.params;
    const uint64_t header = SETTINGS_MOST + TENSOR_MOST * (uint64_t)params->entry_count;
    model_context model = {&step->network, id->cfg};
    const sc_checkpoint_file files[] = {
        {.name = "model.safetensors",
         .size = params->total * sizeof(sc_real) + header,
         .write = write_model,
         .context = &model},
        {.name = "optim.safetensors",
         .size = 2 * (params->trained * sizeof(sc_real) + header),
         .write = write_slots,
         .context = (void *)(uintptr_t)params},
        {.name = "state.json", .size = strlen(text), .bytes = text},
    };
    rc = sc_checkpoint_save(id->run, step->step, files, 3, (size_t)id->cfg->train.keep, err);
    sc_free(text);
    if (rc <= 0)
        return rc;
    if (!*warned)
        sc_say(observer, SIMCLR_WARNING,
               "%s: this file system has no symbolic links, so there is no checkpoints/last; the "
               "newest checkpoint is the one of the highest step",
               id->run);
    *warned = true;
    return 0;
}

/* ---- back ---- */

static int read_state(sc_json **out, const char *checkpoint, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    int rc = sc_path_join(path, checkpoint, "state.json", err);
    if (rc == 0)
        rc = sc_fs_read(&text, &size, path, 1 << 20, err);
    if (rc < 0)
        return rc;
    rc = sc_json_parse(out, text, size, path, err);
    sc_free(text);
    return rc;
}

/* Appends to `out` the first lines of `now` that `then` lacks: the settings that changed. */
static size_t changed_settings(char *out, size_t size, const char *then, const char *now)
{
    size_t changed = 0, used = 0;
    out[0] = '\0';
    for (const char *line = now; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        bool same = false;
        for (const char *old = then; *old != '\0' && !same;) {
            size_t old_length = strcspn(old, "\n");
            same = old_length == length && memcmp(old, line, length) == 0;
            old += old_length + (old[old_length] == '\n');
        }
        if (!same) {
            changed++;
            if (used + length + 3 < size) {
                used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "",
                                         (int)length, line);
            }
        }
        line += length + (line[length] == '\n');
    }
    return changed;
}

/* Not one of the settings: `auto` may mean something else on another machine. */
static int check_precision(const sc_json *json, const sc_network *network, const char *run,
                           simclr_error *err)
{
    const char *then = sc_json_string(sc_json_get(json, "precision"));
    const char *now = sc_network_precision(network);
    if (then == NULL)
        then = "fp32"; /* written before there was a choice */
    if (strcmp(then, now) == 0)
        return 0;
    return sc_fail(
        err, SIMCLR_E_USAGE,
        "%s was begun with precision %s, now it is %s; give precision=%s to resume it, or "
        "another -o for a new run",
        run, then, now, then);
}

static int other_images(const sc_state_identity *id, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_USAGE,
                   "%s was begun with other images; restore them to resume it, or give another -o "
                   "for a new run%s",
                   id->run,
                   id->may_drop
                       ? " (if none has changed: damaged images are dropped at the start "
                         "only where all pixels fit into data.memory_limit; give the run's, "
                         "or remove the files that its skipped.tsv lists)"
                       : "");
}

static int check_identity(const sc_json *json, const sc_state_identity *id,
                          const sc_network *network, const char *checkpoint, simclr_error *err)
{
    const char *data = sc_json_string(sc_json_get(json, "data_sha256"));
    const char *then = sc_json_string(sc_json_get(json, "settings"));
    const char *streams = sc_json_string(sc_json_get(json, "random_streams"));
    if (data == NULL || then == NULL || streams == NULL || strcmp(streams, STREAMS) != 0)
        return sc_fail(err, SIMCLR_E_CHECKPOINT,
                       "%s: state.json is not of this version; start a new run with another -o",
                       checkpoint);
    if (data[0] == '\0') /* imported */
        return 0;
    char *now;
    int rc = sc_config_numbers_text(&now, id->cfg, err);
    if (rc < 0)
        return rc;
    char changed[300];
    size_t count = changed_settings(changed, sizeof changed, then, now);
    sc_free(now);
    if (count > 0)
        return sc_fail(
            err, SIMCLR_E_USAGE,
            "%s was begun with other settings; now different: %s; give the same settings "
            "to resume it, or another -o for a new run",
            id->run, changed);
    if (strcmp(data, id->data_digest) != 0 && strcmp(data, id->older_digest) != 0)
        return other_images(id, err);
    return check_precision(json, network, id->run, err);
}

typedef struct {
    const simclr_observer *observer;
} report_context;

static void report_line(void *context, const char *text)
{
    const report_context *report = context;
    sc_say(report->observer, SIMCLR_WARNING, "%s", text);
}

static int load_part(int (*load)(void *target, const char *path, simclr_error *err), void *target,
                     const char *checkpoint, const char *name, simclr_error *err)
{
    char path[SC_PATH_MAX];
    int rc = sc_path_join(path, checkpoint, name, err);
    return rc < 0 ? rc : load(target, path, err);
}

static int load_model(void *network, const char *path, simclr_error *err)
{
    return sc_weights_load(network, path, SC_WEIGHTS_ALL, err);
}

static int load_slots(void *params, const char *path, simclr_error *err)
{
    return sc_slots_load(params, path, err);
}

int sc_state_restore(bool *found, sc_step *step, const sc_state_identity *id,
                     const simclr_observer *observer, simclr_error *err)
{
    sc_checkpoint_found at;
    report_context report = {observer};
    sc_json *json;
    *found = false;
    int rc = sc_checkpoint_find(&at, id->run, report_line, &report, err);
    if (rc == SIMCLR_E_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = read_state(&json, at.path, err);
    if (rc < 0)
        return rc;
    int64_t steps, optimizer_steps;
    rc = check_identity(json, id, &step->network, at.path, err);
    if (rc == 0 && (!sc_json_integer(&steps, sc_json_get(json, "step")) ||
                    !sc_json_integer(&optimizer_steps, sc_json_get(json, "optimizer_steps"))))
        rc = sc_fail(err, SIMCLR_E_CHECKPOINT, "%s/state.json: step is missing", at.path);
    sc_json_free(json);
    if (rc == 0)
        rc = load_part(load_model, &step->network, at.path, "model.safetensors", err);
    if (rc == 0)
        rc = load_part(load_slots, &step->network.params, at.path, "optim.safetensors", err);
    if (rc < 0)
        return rc;
    step->step = (uint64_t)steps;
    step->optim.steps = (uint64_t)optimizer_steps;
    *found = true;
    return 0;
}

int sc_state_load_weights(sc_network *network, uint64_t *step, const char *run,
                          const simclr_observer *observer, simclr_error *err)
{
    enum { TRIES = 10 };
    report_context report = {observer};
    char before[SC_PATH_MAX] = "";
    for (int i = 0;; i++) {
        sc_checkpoint_found at;
        int rc = sc_checkpoint_look(&at, run, report_line, &report, err);
        if (rc == SIMCLR_E_NOT_FOUND)
            return sc_fail(err, rc, "%s: no checkpoint yet; train it first: simclr train -o %s",
                           run, run);
        if (rc < 0)
            return rc;
        *step = at.step;
        rc = load_part(load_model, network, at.path, "model.safetensors", err);
        /* A training that goes on may have pruned it in between: then there is a newer one. */
        if (rc == 0 || strcmp(at.path, before) == 0 || i == TRIES)
            return rc;
        memcpy(before, at.path, sizeof before);
    }
}

/* ---- for others ---- */

int sc_state_export(const char *path, const sc_network *network, sc_weights_part part,
                    const sc_config *cfg, simclr_error *err)
{
    sc_metadata metadata;
    int rc = sc_metadata_write(&metadata, cfg, (uint32_t)network->height, part, err);
    if (rc == 0)
        rc = sc_weights_save(path, network, part, metadata.pair, metadata.count, err);
    sc_metadata_free(&metadata);
    return rc;
}

int sc_state_write_config(const sc_config *cfg, const char *run, simclr_error *err)
{
    char path[SC_PATH_MAX];
    char *text;
    int rc = sc_path_join(path, run, "config.yaml", err);
    if (rc == 0)
        rc = sc_config_write_yaml(&text, cfg, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_write_atomic(path, text, strlen(text), err);
    sc_free(text);
    return rc;
}

/* Else config.yaml is somebody's own. */
static bool is_run(const char *run)
{
    char store[SC_PATH_MAX], status[SC_PATH_MAX];
    return sc_path_join(store, run, "checkpoints", NULL) == 0 &&
           sc_path_join(status, run, "STATUS.json", NULL) == 0 &&
           (sc_fs_exists(store) || sc_fs_exists(status));
}

int sc_state_check_place(const char *run, simclr_error *err)
{
    static const char head[] = "# simclr configuration"; /* of what sc_config_write_yaml writes */
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    int rc = sc_path_join(path, run, "config.yaml", err);
    if (rc < 0 || is_run(run) || !sc_fs_exists(path))
        return rc;
    rc = sc_fs_read(&text, &size, path, 1 << 20, err);
    if (rc < 0)
        return rc;
    bool ours = strncmp(text, head, sizeof head - 1) == 0;
    sc_free(text);
    if (ours)
        return 0;
    return sc_fail(err, SIMCLR_E_USAGE,
                   "%s: a run would replace this file, which simclr has not written; give another "
                   "-o, or move it elsewhere",
                   path);
}

int sc_state_read_config(sc_config *cfg, const char *run, simclr_error *err)
{
    char path[SC_PATH_MAX];
    int rc = sc_path_join(path, run, "config.yaml", err);
    if (rc < 0)
        return rc;
    if (!sc_fs_exists(path))
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: not a run (it has no config.yaml); give the directory named with -o to "
                       "simclr train",
                       run);
    sc_config_default(cfg);
    return sc_config_load_file(cfg, path, false, NULL, NULL, err);
}
