/* SPDX-License-Identifier: MIT
 *
 * presets.c - the named sets of values, each complete where it differs from the defaults.
 *
 * A preset is a list of "key=value" lines of the table in schema.c, set with origin `preset`.
 */
#include <stdio.h>
#include <string.h>

#include "config/config.h"

/* dkobak/simclr-cifar10, R18, k-NN 91.4, linear 91.7 */
static const char *const CIFAR10[] = {"model.arch=resnet18",
                                      "model.stem=cifar",
                                      "projector.layers=1024",
                                      "projector.out_dim=128",
                                      "loss.temperature=0.5",
                                      "optim.name=sgd",
                                      "optim.lr=0.03",
                                      "optim.weight_decay=0.0005",
                                      "train.epochs=1000",
                                      "train.batch=512",
                                      NULL};

/* Sized for two cores: 3/8 of the width, maps of 16 px from the first stage on, and small batches
 * with a low temperature, which learn faster per image (docs/results.md). */
static const char *const CIFAR10_CPU[] = {"model.arch=resnet18",
                                          "model.width=0.375",
                                          "model.stem=cifar",
                                          "model.strides=1, 2, 1, 2, 2, 2",
                                          "projector.layers=512",
                                          "projector.out_dim=128",
                                          "projector.norm=batchnorm",
                                          "loss.temperature=0.1",
                                          "optim.name=sgd",
                                          "optim.lr=0.3",
                                          "optim.weight_decay=0.0005",
                                          "schedule.warmup_epochs=0.5",
                                          "train.epochs=10",
                                          "train.batch=64",
                                          "eval.every=5",
                                          NULL};

/* Chen et al. 2020, appendix B.9: R50 on CIFAR-10, 94.0 linear */
static const char *const PAPER[] = {"model.arch=resnet50",
                                    "model.stem=cifar",
                                    "views.crop_scale=0.08, 1",
                                    "views.interpolation=bicubic",
                                    "views.jitter_strength=0.5",
                                    "views.grayscale=0.2",
                                    "projector.layers=2048",
                                    "projector.out_dim=128",
                                    "projector.norm=batchnorm",
                                    "projector.bias=false",
                                    "projector.last_bias=false",
                                    "loss.temperature=0.5",
                                    "optim.name=lars",
                                    "optim.lr=1",
                                    "optim.weight_decay=1e-06",
                                    "optim.decay_all=false",
                                    "schedule.warmup_epochs=10",
                                    "train.epochs=1000",
                                    "train.batch=1024",
                                    "eval.every=25",
                                    NULL};

/* Chen et al. 2020, the main setting: R50, 4096, 1000 epochs, 69.3 linear */
static const char *const IMAGENET[] = {"data.image_size=224",
                                       "model.arch=resnet50",
                                       "model.stem=imagenet",
                                       "views.crop_scale=0.08, 1",
                                       "views.interpolation=bicubic",
                                       "views.jitter_strength=1",
                                       "views.grayscale=0.2",
                                       "views.blur_prob=0.5",
                                       "projector.layers=2048",
                                       "projector.out_dim=128",
                                       "projector.norm=batchnorm",
                                       "projector.last_norm=true",
                                       "projector.bias=false",
                                       "projector.last_bias=false",
                                       "model.zero_init_residual=true",
                                       "loss.temperature=0.1",
                                       "optim.name=lars",
                                       "optim.lr=0.3",
                                       "optim.weight_decay=1e-06",
                                       "optim.decay_all=false",
                                       "schedule.warmup_epochs=10",
                                       "train.epochs=1000",
                                       "train.batch=4096",
                                       "eval.every=25",
                                       NULL};

/* rdbch/not_a_simclr, base_simclr.yaml, repaired as tutorial.c does */
static const char *const TUTORIAL[] = {"data.image_size=128",
                                       "data.workers=6",
                                       "views.crop_scale=0.08, 1",
                                       "views.jitter_prob=0.8",
                                       "views.jitter_strength=1",
                                       "views.brightness=0.8",
                                       "views.contrast=0.8",
                                       "views.saturation=0.8",
                                       "views.hue=0.2",
                                       "views.grayscale=0.2",
                                       "views.normalize=imagenet",
                                       "model.arch=resnet18",
                                       "model.stem=imagenet",
                                       "model.out_channels=1024",
                                       "model.strides=2, 2, 2, 2, 2, 2",
                                       "model.down=maxpool",
                                       "model.padding=reflect",
                                       "model.stem_kernel=7",
                                       "model.pool_kernel=2",
                                       "projector.layers=128, 128",
                                       "projector.out_dim=128",
                                       "loss.temperature=0.5",
                                       "optim.name=adam",
                                       "optim.lr=0.0007",
                                       "optim.lr_scaling=none",
                                       "optim.weight_decay=1e-06",
                                       "optim.decay_all=false",
                                       "schedule.name=constant",
                                       "train.epochs=150",
                                       "train.batch=256",
                                       "train.seed=13",
                                       "train.log_every=5",
                                       "eval.every=5",
                                       NULL};

static const char *const PHOTOS[] = {"data.image_size=128",
                                     "model.arch=resnet18",
                                     "model.stem=imagenet",
                                     "views.crop_scale=0.2, 1",
                                     "views.jitter_strength=1",
                                     "views.grayscale=0.2",
                                     "views.blur_prob=0.5",
                                     "views.normalize=imagenet",
                                     "projector.layers=512",
                                     "projector.out_dim=128",
                                     "loss.temperature=0.2",
                                     "optim.name=sgd",
                                     "optim.lr=0.1",
                                     "optim.weight_decay=0.0001",
                                     "optim.decay_all=false",
                                     "schedule.warmup_epochs=5",
                                     "train.epochs=100",
                                     "train.batch=128",
                                     "data.max_bad=0.05",
                                     NULL};

static const char *const TINY[] = {"data.dataset=shapes:512",
                                   "data.image_size=32",
                                   "model.arch=resnet18",
                                   "model.width=0.125",
                                   "model.stem=imagenet",
                                   "model.stem_kernel=3",
                                   "projector.layers=32",
                                   "projector.out_dim=32",
                                   "loss.temperature=0.2",
                                   "optim.lr=0.12",
                                   "train.epochs=2",
                                   "train.batch=64",
                                   "train.log_every=1",
                                   "eval.every=0",
                                   "eval.max_train=512",
                                   "eval.max_test=256",
                                   NULL};

/* For `shapes`, where form alone says the class: both views grey, so that colour helps nobody. */
static const char *const DEMO[] = {"data.dataset=shapes",
                                   "data.image_size=32",
                                   "views.crop_scale=0.4, 1",
                                   "views.jitter_strength=0.25",
                                   "views.grayscale=1",
                                   "model.arch=resnet18",
                                   "model.width=0.25",
                                   "model.stem=imagenet",
                                   "model.stem_kernel=3",
                                   "projector.layers=128",
                                   "projector.out_dim=64",
                                   "projector.norm=batchnorm",
                                   "loss.temperature=0.5",
                                   "optim.lr=0.3",
                                   "schedule.warmup_epochs=1",
                                   "train.epochs=25",
                                   "train.batch=64",
                                   "eval.every=5",
                                   NULL};

static const sc_preset PRESETS[] = {
    {"cifar10", "CIFAR-10, the strongest public recipe: ResNet-18, 1000 epochs (wants a GPU)",
     CIFAR10},
    {"cifar10-cpu", "CIFAR-10 in 20 minutes on two cores: ResNet-18 of 3/8 the width, 10 epochs",
     CIFAR10_CPU},
    {"paper", "CIFAR-10 as in appendix B.9 of the paper: ResNet-50, LARS, batch 1024", PAPER},
    {"imagenet", "ImageNet as in the paper: ResNet-50, LARS, batch 4096, tau 0.1", IMAGENET},
    {"tutorial", "the tutorial's base_simclr.yaml with its faults repaired", TUTORIAL},
    {"photos", "your own folder of photographs, 128 px, ImageNet stem", PHOTOS},
    {"tiny", "512 drawn shapes, 2 epochs: seconds on one core, to see that it runs", TINY},
    {"demo", "drawn shapes, 25 epochs: half a minute to two on two cores, and features that work",
     DEMO},
};
enum { PRESET_COUNT = sizeof(PRESETS) / sizeof(PRESETS[0]) };

size_t sc_preset_count(void)
{
    return PRESET_COUNT;
}

const sc_preset *sc_preset_at(size_t index)
{
    return index < PRESET_COUNT ? &PRESETS[index] : NULL;
}

static int fail_preset(const char *name, simclr_error *err)
{
    const char *words[PRESET_COUNT];
    char shown[80], all[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < PRESET_COUNT; i++) {
        words[i] = PRESETS[i].name;
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "",
                                 PRESETS[i].name);
    }
    sc_printable(shown, sizeof(shown), name);
    const char *near = sc_did_you_mean(name, words, PRESET_COUNT);
    if (near != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "unknown preset '%s'; did you mean '%s'? (%s)", shown,
                       near, all);
    }
    return sc_fail(err, SIMCLR_E_USAGE, "unknown preset '%s'; there are %s", shown, all);
}

int sc_config_set_preset(sc_config *cfg, const char *name, simclr_error *err)
{
    const sc_preset *preset = NULL;
    for (size_t i = 0; i < PRESET_COUNT; i++) {
        if (strcmp(PRESETS[i].name, name) == 0) {
            preset = &PRESETS[i];
        }
    }
    if (preset == NULL) {
        return fail_preset(name, err);
    }
    for (size_t i = 0; preset->settings[i] != NULL; i++) {
        char key[64];
        const char *equals = strchr(preset->settings[i], '=');
        snprintf(key, sizeof(key), "%.*s", (int)(equals - preset->settings[i]),
                 preset->settings[i]);
        int rc = sc_config_set(cfg, key, equals + 1, SC_ORIGIN_PRESET, preset->name, err);
        if (rc != SIMCLR_OK) {
            return rc;
        }
    }
    return SIMCLR_OK;
}
