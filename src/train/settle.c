/* SPDX-License-Identifier: MIT
 *
 * settle.c - what the configuration leaves open, decided once: a run that goes on keeps what it had.
 */
#include "core/fs.h"
#include "train/setup.h"
#include "train/state.h"

void sc_setup_settle_precision(sc_config *cfg, const sc_device *device, const char *run)
{
    sc_config then;
    if (cfg->train.precision != SC_CFG_PRECISION_AUTO)
        return;
    if (run[0] != '\0' && sc_state_read_config(&then, run, NULL) == 0 &&
        then.train.precision != SC_CFG_PRECISION_AUTO)
        cfg->train.precision = then.train.precision;
    else if (device != NULL || sc_setup_precision(cfg) == SC_BF16)
        cfg->train.precision = SC_CFG_PRECISION_BF16;
    else
        cfg->train.precision = SC_CFG_PRECISION_FP32;
}

/* The settings of a run that has trained; an imported one has none yet. */
static bool read_begun(sc_config *then, const char *run)
{
    char path[SC_PATH_MAX];
    return run[0] != '\0' && sc_path_join(path, run, "metrics.jsonl", NULL) == 0 &&
           sc_fs_exists(path) && sc_state_read_config(then, run, NULL) == 0;
}

int sc_setup_settle_training(sc_config *cfg, size_t images, const char *run,
                             const simclr_observer *observer, simclr_error *err)
{
    sc_config then;
    bool begun = read_begun(&then, run);
    size_t decay_all = (size_t)sc_config_find("optim.decay_all");
    if (begun && cfg->optim.name == SC_CFG_LARS && then.optim.decay_all && !cfg->optim.decay_all &&
        sc_config_origin(cfg, decay_all) == SC_ORIGIN_DEFAULT) {
        cfg->optim.decay_all = true;
        sc_say(observer, SIMCLR_WARNING,
               "optim.decay_all: %s was begun with true, once the default of lars, and goes on so",
               run);
    }
    if (images < 2 || (size_t)cfg->train.batch <= images)
        return 0;
    if (begun && then.train.batch == cfg->train.batch) {
        sc_say(
            observer, SIMCLR_WARNING,
            "train.batch: %d, but there are %zu images; %s was begun with the learning rate of a "
            "batch of %d and goes on so",
            cfg->train.batch, images, run, cfg->train.batch);
        return 0;
    }
    sc_say(
        observer, SIMCLR_WARNING,
        "train.batch: %d, but there are %zu images; a step takes these, and its learning rate is "
        "that of a batch of %zu",
        cfg->train.batch, images, images);
    cfg->train.batch = (int)images;
    return sc_config_check(cfg, err);
}
