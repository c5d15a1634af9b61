/* SPDX-License-Identifier: MIT
 *
 * test_tutorial.c - the tutorial's YAML: its values, its faults repaired or kept, and the notes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/value.h"

#ifndef SC_TEST_GOLDEN
#define SC_TEST_GOLDEN "tests/golden"
#endif

static char notes[8192];

static void collect(void *context, const char *line)
{
    (void)context;
    snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%s\n", line);
}

static void load_base(sc_config *cfg, bool as_shipped)
{
    simclr_error err = {0, ""};
    notes[0] = '\0';
    sc_config_default(cfg);
    if (sc_config_load_file(cfg, SC_TEST_GOLDEN "/tutorial_base.yaml", as_shipped, collect, NULL,
                            &err) != 0 ||
        sc_config_check(cfg, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void expect(const sc_config *cfg, const char *key, const char *value)
{
    char text[SC_CONFIG_TEXT];
    sc_config_get_text(cfg, key, text, sizeof(text));
    if (strcmp(text, value) != 0) {
        fail_msg("%s is %s, expected %s", key, text, value);
    }
}

static void test_values(void **state)
{
    (void)state;
    static const char *const EXPECTED[][2] = {
        {"data.dataset", "cifar10:./assets/datasets/"},
        {"data.image_size", "128"},
        {"data.channels", "3"},
        {"data.workers", "6"},
        {"data.shuffle", "true"},
        {"data.drop_last", "false"},
        {"views.crop_scale", "[0.08, 1]"},
        {"views.hue", "0.2"},
        {"views.grayscale", "0.2"},
        {"views2.jitter_prob", "0.8"},
        {"views2.grayscale", "0.2"},
        {"views.normalize", "imagenet"},
        {"model.arch", "resnet18"},
        {"model.out_channels", "1024"},
        {"model.strides", "[2, 2, 2, 2, 2, 2]"},
        {"model.padding", "reflect"},
        {"model.pool_kernel", "2"},
        {"model.norm", "batchnorm"},
        {"projector.layers", "[128, 128]"},
        {"projector.out_dim", "128"},
        {"projector.drop_rate", "0"},
        {"loss.temperature", "0.5"},
        {"optim.name", "adam"},
        {"optim.lr", "0.0007"},
        {"optim.lr_scaling", "none"},
        {"optim.betas", "[0.9, 0.999]"},
        {"optim.weight_decay", "1e-06"},
        {"optim.decay_all", "false"},
        {"schedule.name", "constant"},
        {"train.epochs", "150"},
        {"train.batch", "256"},
        {"train.seed", "13"},
        {"train.log_every", "5"},
        {"eval.every", "5"},
        {"eval.batch", "256"},
        {"train.device", "auto"},
    };
    sc_config cfg, preset;
    load_base(&cfg, false);
    for (size_t i = 0; i < sizeof(EXPECTED) / sizeof(EXPECTED[0]); i++) {
        expect(&cfg, EXPECTED[i][0], EXPECTED[i][1]);
    }
    sc_config_default(&preset);
    assert_int_equal(sc_config_set_preset(&preset, "tutorial", NULL), 0);
    strcpy(preset.data.dataset, cfg.data.dataset);
    assert_int_equal(sc_config_differ(&cfg, &preset), 0); /* the preset is the file */
}

static void test_notes(void **state)
{
    (void)state;
    static const char *const EXPECTED[] = {"not used: general.saveDir (",
                                           "not used: general.logsDir (",
                                           "general.device: cuda becomes auto",
                                           "not used: general.cudaDevices (the tutorial never",
                                           "not used: log.saveEpoch (",
                                           "repaired: hue jitter 0.2",
                                           "repaired: grayscale 0.2",
                                           "repaired: colour jitter on both views",
                                           "repaired: grayscale on both views",
                                           "repaired: a new order in every epoch",
                                           "repaired: the last, smaller batch",
                                           "repaired: batch statistics over both views",
                                           "repaired: no weight decay on norms",
                                           "repaired: evaluation uses no random transform"};
    sc_config cfg;
    load_base(&cfg, false);
    for (size_t i = 0; i < sizeof(EXPECTED) / sizeof(EXPECTED[0]); i++) {
        if (strstr(notes, EXPECTED[i]) == NULL) {
            fail_msg("no note '%s' in\n%s", EXPECTED[i], notes);
        }
    }
    size_t lines = 0;
    for (const char *p = notes; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
}

static void test_as_shipped(void **state)
{
    (void)state;
    sc_config cfg;
    load_base(&cfg, true);
    expect(&cfg, "views.hue", "0.3");
    expect(&cfg, "views.grayscale", "0.3");
    expect(&cfg, "views2.jitter_prob", "0");
    expect(&cfg, "views2.grayscale", "0");
    expect(&cfg, "data.shuffle", "false");
    expect(&cfg, "data.drop_last", "true");
    expect(&cfg, "optim.decay_all", "true");
    assert_non_null(strstr(notes, "kept as shipped: views2.jitter_prob=0"));
}

/* Fragments of a file, what a key becomes, and a note or nothing. */
static const struct {
    const char *text, *key, *value, *note;
} GOOD[] = {
    {"train: {noEpochs: 3}", "train.epochs", "3", "schedName the default StepLR crashed"},
    {"train: {noEpochs: '3'}", "train.epochs", "3", ""},
    {"train: {noEpochs: 3}\nloss: {temperature: 1}", "loss.temperature", "1", ""},
    {"model: {kwargs: {archType: '34'}}", "model.arch", "resnet34", "[3, 4, 6, 3]"},
    {"model: {kwargs: {archType: 18}}", "model.arch", "resnet18", ""},
    {"model: {kwargs: {latentChNo: None}}", "model.out_channels", "0", "latentChNo None or 0"},
    {"model: {kwargs: {}}", "model.out_channels", "512", ""},
    {"model: {kwargs: {norm: GroupNorm, normKwargs: {num_groups: 8}}}", "model.norm_groups", "8",
     "GroupNorm gets its groups"},
    {"model: {kwargs: {norm: GroupNorm2d, normKwargs: {num_groups: 8}}}", "model.norm", "groupnorm",
     "GroupNorm gets its groups"},
    {"model: {kwargs: {norm: InstanceNorm2d}}", "model.norm_affine", "false", ""},
    {"model: {kwargs: {normKwargs: {affine: True}, norm: InstanceNorm2d}}", "model.norm_affine",
     "true", ""},
    {"model: {kwargs: {norm: BatchNorm2d}}", "model.norm_affine", "true", ""},
    {"model: {kwargs: {norm: Identity}}", "model.norm", "none", ""},
    {"model: {kwargs: {lastActiv: Softplus, lastActivKwargs: {beta: 2}}}",
     "projector.last_activation_alpha", "2", ""},
    {"model: {kwargs: {activ: LeakyReLU, activKwargs: {negative_slope: 0.2}}}",
     "projector.activation_alpha", "0.2", ""},
    {"model: {kwargs: {activ: SiLU}}", "model.activation", "silu", ""},
    {"model: {kwargs: {lastActiv: Tanh}}", "projector.last_activation", "tanh", "lastActiv was"},
    {"model: {kwargs: {dropRate: 0.1}}", "projector.drop_rate", "0.1", "dropout fires"},
    {"model: {kwargs: {wat: 1}}", "train.epochs", "100", "not used: model.kwargs.wat"},
    {"data: {rootPath: 'D:\\Data\\x'}", "data.dataset", "cifar10:D:/Data/x", "backslashes"},
    {"data: {rootPath: /d, dataset: STL10}", "data.dataset", "stl10:/d", ""},
    {"data: {trainBatch: 64, trainSize: '(96, 96)'}", "data.image_size", "96", ""},
    {"data: {trainBatch: 64, valSize: [1, 2]}", "train.batch", "64", "not used: data.valSize"},
    {"optimizer: {optimName: SGD, optimKwargs: {momentum: 0.8}}", "optim.momentum", "0.8", ""},
    {"optimizer: {schedName: StepLR, schedKwargs: {step_size: 7, gamma: 0.5}}",
     "schedule.step_size", "7", "scheduler was stepped per batch"},
    {"optimizer: {schedName: ExponentialLR, schedKwargs: {gamma: 0.95}}", "schedule.step_size", "1",
     "scheduler was stepped per batch"},
    {"optimizer: {schedKwargs: {gamma: 0.95}, schedName: ExponentialLR}", "schedule.gamma", "0.95",
     ""},
    {"optimizer: {schedName: CosineAnnealingLR, schedKwargs: {T_max: 9, eta_min: 1e-06}}",
     "schedule.min_lr", "1e-06", "not used: optimizer.schedKwargs.T_max"},
    {"optimizer: {optimName: Adam, optimKwargs: {betas: [0.8, 0.9], amsgrad: False}}",
     "optim.betas", "[0.8, 0.9]", ""},
    {"train: {loadEpoch: 5}", "train.epochs", "100", "not used: train.loadEpoch"},
    {"general: {name: x, device: cpu}", "train.device", "cpu", ""},
};

static void test_fragments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        sc_config cfg;
        simclr_error err = {0, ""};
        notes[0] = '\0';
        sc_config_default(&cfg);
        if (sc_config_load_text(&cfg, GOOD[i].text, strlen(GOOD[i].text), "t.yaml", false, collect,
                                NULL, &err) != 0) {
            fail_msg("%s: %s", GOOD[i].text, err.text);
        }
        expect(&cfg, GOOD[i].key, GOOD[i].value);
        if (strstr(notes, GOOD[i].note) == NULL) {
            fail_msg("%s: no note '%s' in\n%s", GOOD[i].text, GOOD[i].note, notes);
        }
    }
}

static const char *const BAD[][2] = {
    {"train: {noEpochs: abc}", "t.yaml:1:9: train.noEpochs: train.epochs: 'abc' is not a whole"},
    {"train: {noEpochs: 1.5}", "is not a whole number"},
    {"train: {noEpoch: 1, loadEpoch: 0}", "did you mean 'train.noEpochs'?"},
    {"optimizer: {optimName: RMSprop}", "optim.name: 'RMSprop' is not known"},
    {"optimizer: {optimName: Adam, optimKwargs: {amsgrad: True}}", "is not offered"},
    {"optimizer: {optimName: Adam, optimKwargs: {bets: 1}}", "unknown key of the tutorial"},
    {"optimizer: {schedName: LambdaLR}", "is not a schedule of this program"},
    {"optimizer: {schedName: None, schedPack: mine}", "is not offered"},
    {"model: {kwargs: {norm: WeightNorm}}",
     "model.norm: 'WeightNorm' is not known; expected none|"},
    {"model: {kwargs: {activ: RReLU6}}", "model.activation: 'RReLU6' is not known"},
    {"model: {kwargs: {archType: '50'}}", "is neither '18' nor '34'"},
    {"model: {kwargs: {normKwargs: 3}}", "is not a group of keys"},
    {"data: {trainBatch: 64, trainSize: [128, 96]}", "is not square"},
    {"data: {trainBatch: 64, trainSize: 128}", "is not a pair"},
    {"data: {trainBatch: 64, dataset: MNIST}", "is not offered; use CIFAR10"},
    {"general: {name: x}\nloss: {temperatur: 1}", "t.yaml:2:8: loss.temperatur: unknown key"},
    {"general: {name: x}\nlosss: {temperature: 1}", "t.yaml:2:1: losss: unknown key"},
    {"general: {name: x}\nloss: 3", "is not a group of keys"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        sc_config cfg;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        int rc = sc_config_load_text(&cfg, BAD[i][0], strlen(BAD[i][0]), "t.yaml", false, NULL,
                                     NULL, &err);
        if (rc != SIMCLR_E_USAGE || strstr(err.text, BAD[i][1]) == NULL) {
            fail_msg("%s: %d '%s'", BAD[i][0], rc, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_notes),
        cmocka_unit_test(test_as_shipped), cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
