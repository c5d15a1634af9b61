/* SPDX-License-Identifier: MIT
 *
 * api_files.c - public functions: weights out of a run and into one.
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"
#include "train/formats.h"
#include "train/metadata.h"
#include "train/setup.h"
#include "train/state.h"

void simclr_text_free(char *text)
{
    sc_free(text);
}

int simclr_export(const char *path, const char *run, const char *format, bool projector,
                  const simclr_observer *observer, simclr_error *err)
{
    sc_config cfg;
    sc_network network = {0};
    const sc_format *as;
    uint64_t step;
    int rc = sc_format_find(&as, format, path, err);
    if (rc == 0)
        rc = sc_state_read_config(&cfg, run, err);
    if (rc == 0)
        rc = sc_api_open_network(&network, &cfg, NULL, sc_setup_weights_size(&cfg), 2, err);
    if (rc == 0)
        rc = sc_state_load_weights(&network, &step, run, observer, err);
    if (rc == 0)
        rc = sc_format_write(path, as, &network, projector ? SC_WEIGHTS_ALL : SC_WEIGHTS_ENCODER,
                             &cfg, err);
    sc_network_close(&network);
    return sc_api_result(rc, err);
}

/* ---- import ---- */

static int set_if_default(sc_config *cfg, const char *key, const char *value, const char *path,
                          simclr_error *err)
{
    int row = sc_config_find(key);
    if (row >= 0 && sc_config_origin(cfg, (size_t)row) != SC_ORIGIN_DEFAULT)
        return 0;
    return sc_config_set(cfg, key, value, SC_ORIGIN_FILE, path, err);
}

static bool has(const sc_safetensors *st, const char *name)
{
    sc_tensor_desc t;
    return sc_safetensors_find(st, name, &t, NULL) == 0;
}

/* By the last blocks there are, which tell depths apart. */
static const char *arch_of(const sc_safetensors *st)
{
    if (!has(st, "layer1.0.conv3.weight"))
        return has(st, "layer1.2.conv1.weight") ? "resnet34" : "resnet18";
    if (has(st, "layer2.23.conv1.weight"))
        return "resnet200";
    if (has(st, "layer3.35.conv1.weight"))
        return "resnet152";
    return has(st, "layer3.22.conv1.weight") ? "resnet101" : "resnet50";
}

/* Depth, width, stem and channels from the tensors, where neither the user nor the file said. */
static int recognise(sc_config *cfg, const sc_safetensors *st, const char *path, simclr_error *err)
{
    sc_tensor_desc conv1;
    char value[32];
    if (sc_safetensors_find(st, "conv1.weight", &conv1, NULL) < 0 || conv1.ndim != 4)
        return sc_fail(err, SIMCLR_E_CHECKPOINT,
                       "%s: no conv1.weight; expected a ResNet under torchvision's names", path);
    int rc = set_if_default(cfg, "model.arch", arch_of(st), path, err);
    if (rc == 0) {
        snprintf(value, sizeof value, "%.10g", (double)conv1.shape[0] / 64);
        rc = set_if_default(cfg, "model.width", value, path, err);
    }
    if (rc == 0)
        rc = set_if_default(cfg, "model.stem", conv1.shape[2] == 3 ? "cifar" : "imagenet", path,
                            err);
    if (rc == 0) {
        snprintf(value, sizeof value, "%llu", (unsigned long long)conv1.shape[1]);
        rc = set_if_default(cfg, "data.channels", value, path, err);
    }
    return rc;
}

/* Whether the file's tensors are those of this configuration, found before memory is taken for them: its
 * settings may ask for any amount. */
static int check_fit(const sc_config *cfg, const sc_safetensors *st, const char *path,
                     sc_weights_part part, simclr_error *err)
{
    simclr_error wrong = {0, ""};
    sc_network_options options;
    sc_network network = {0};
    if (sc_config_check(cfg, &wrong) < 0)
        return sc_fail(err, SIMCLR_E_CHECKPOINT,
                       "%s: its settings and those given do not go together: %s", path, wrong.text);
    int rc = sc_api_network_options(&options, cfg, NULL, sc_setup_weights_size(cfg), 2, err);
    if (rc == 0)
        rc = sc_network_measure(&network, &options, err);
    if (rc == 0)
        rc = sc_weights_check(&network, st, path, part, err);
    sc_network_close(&network);
    return rc;
}

static bool has_projector(const sc_safetensors *st)
{
    bool found = false;
    for (size_t i = 0; i < sc_safetensors_count(st); i++)
        found = found || strncmp(sc_safetensors_at(st, i)->name, "projector.", 10) == 0;
    return found;
}

/* The projector's settings, where its tensors are there and fit; else the user's remain, and that is said. */
static int take_projector(sc_config *cfg, sc_weights_part *part, const sc_safetensors *st,
                          const char *path, const simclr_observer *observer, simclr_error *err)
{
    sc_config with = *cfg;
    simclr_error why = {0, ""};
    int rc = sc_metadata_read(&with, st, path, true, observer, err);
    if (rc < 0)
        return rc;
    if (check_fit(&with, st, path, SC_WEIGHTS_ALL, &why) == 0) {
        *cfg = with;
        *part = SC_WEIGHTS_ALL;
    } else {
        sc_say(observer, SIMCLR_WARNING,
               "%s; the projector of the file is left out and starts anew", why.text);
    }
    return 0;
}

/* From what the file says of itself, then from its tensors; what was given stays. */
static int find_settings(sc_config *cfg, sc_weights_part *part, const char *path,
                         const simclr_observer *observer, simclr_error *err)
{
    sc_safetensors *st;
    char prefix[SC_WEIGHTS_PREFIX];
    *part = SC_WEIGHTS_ENCODER;
    int rc = sc_weights_open(&st, prefix, path, err);
    if (rc < 0)
        return rc;
    if (prefix[0] != '\0')
        sc_say(observer, SIMCLR_NOTE, "%s: its names are read without their prefix %s", path,
               prefix);
    rc = sc_metadata_read(cfg, st, path, false, observer, err);
    if (rc == 0)
        rc = recognise(cfg, st, path, err);
    if (rc == 0)
        rc = check_fit(cfg, st, path, SC_WEIGHTS_ENCODER, err);
    if (rc == 0 && has_projector(st))
        rc = take_projector(cfg, part, st, path, observer, err);
    sc_safetensors_close(st);
    return rc;
}

static int save_start(const char *run, sc_step *step, const sc_config *cfg,
                      const simclr_observer *observer, simclr_error *err)
{
    bool warned = false;
    char checkpoints[SC_PATH_MAX];
    int rc = sc_path_join(checkpoints, run, "checkpoints", err);
    if (rc == 0 && sc_fs_exists(checkpoints))
        rc = sc_fail(err, SIMCLR_E_USAGE, "%s: there is a run already; give another -o", run);
    if (rc == 0)
        rc = sc_state_check_place(run, err);
    if (rc == 0)
        rc = sc_fs_mkdirs(run, err);
    if (rc == 0)
        rc = sc_state_write_config(cfg, run, err);
    const sc_state_identity imported = {.run = run, .cfg = cfg};
    return rc < 0 ? rc : sc_state_save(&warned, step, &imported, observer, err);
}

int simclr_import(const char *run, const char *path, const simclr_config *config,
                  const simclr_observer *observer, simclr_error *err)
{
    sc_config cfg;
    sc_weights_part part;
    sc_step *step = sc_alloc(1, sizeof *step, err);
    if (step == NULL)
        return SIMCLR_E_MEMORY;
    cfg = *sc_api_config(config, &cfg);
    int rc = find_settings(&cfg, &part, path, observer, err);
    if (rc == 0)
        rc = sc_api_open_network(&step->network, &cfg, NULL, sc_setup_weights_size(&cfg), 2, err);
    if (rc == 0)
        rc = sc_weights_load(&step->network, path, part, err);
    if (rc == 0)
        rc = save_start(run, step, &cfg, observer, err);
    sc_network_close(&step->network);
    sc_free(step);
    return sc_api_result(rc, err);
}
