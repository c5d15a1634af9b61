/* SPDX-License-Identifier: MIT
 *
 * training_rig.h - a small training run on a device that is emulated, for the tests of whole steps.
 */
#ifndef TRAINING_RIG_H
#define TRAINING_RIG_H

#include <stdio.h>

#include "config_rig.h"
#include "device_rig.h"
#include "train/setup.h"
#include "train/trainer.h"

static sc_device device;

static inline void open_device(void)
{
    sc_cuda_device(&device);
    snprintf(device.name, sizeof device.name, "cuda on the cpu");
    cuda_on_cpu_late(true); /* as a GPU may */
}

static inline sc_tables tables_of(sc_precision precision)
{
    return (sc_tables){device.reals, precision == SC_BF16 ? device.bf16 : device.reals};
}

static inline sc_config small_config(const char *precision)
{
    static const char *const settings[][2] = {
        {"data.dataset", "shapes:60"},
        {"image_size", "16"},
        {"model.width", "0.125"},
        {"batch", "16"},
        {"projector.drop_rate", "0.2"},
        {"projector.layers", "24"},
        {"projector.out_dim", "16"},
        {"optim.name", "lars"},
        {"optim.lr", "0.3"},
        {"views.blur_prob", "0.3"},
        {"epochs", "10"},
        {"schedule.warmup_epochs", "0"},
        {"threads", "2"},
        {"eval.every", "0"},
        {"train.log_every", "1"},
    };
    return config_of(settings, sizeof settings / sizeof *settings, precision);
}

#endif
