/* SPDX-License-Identifier: MIT
 *
 * test_setup.c - configuration to options: the statistics that normalise the views, how the
 * convolutions are computed, what an encoder and its size are when nothing is left to the stem, and
 * what a run keeps of its beginning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/api.h"
#include "core/fs.h"
#include "model/encoder_shapes.h"
#include "support/data_fixture.h"
#include "train/setup.h"
#include "train/state.h"

static sc_config set(const char *key, const char *value)
{
    sc_config cfg;
    simclr_error err = {0, ""};
    sc_config_default(&cfg);
    if (sc_config_set(&cfg, key, value, SC_ORIGIN_CLI, NULL, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return cfg;
}

static sc_config configured(const char *normalize)
{
    return set("views.normalize", normalize);
}

/* Red mean and blue deviation of every known set, as published with it. */
static void known_sets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double mean, std;
    } SETS[] = {{"none", 0, 1},
                {"imagenet", 0.485, 0.225},
                {"cifar10", 0.4914, 0.2616},
                {"cifar100", 0.5071, 0.2762},
                {"stl10", 0.4467, 0.2713}};
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) {
        sc_config cfg = configured(SETS[i].name);
        sc_views_options o = sc_setup_views(&cfg, 32);
        for (int view = 0; view < 2; view++) {
            assert_float_equal(o.view[view].mean[0], SETS[i].mean, 1e-6);
            assert_float_equal(o.view[view].std[2], SETS[i].std, 1e-6);
        }
    }
}

/* Of grey images: the luminance of the three. */
static void grey(void **state)
{
    (void)state;
    sc_config cfg = configured("imagenet");
    cfg.data.channels = 1;
    sc_views_options o = sc_setup_views(&cfg, 32);
    assert_float_equal(o.view[0].mean[0], 0.299 * 0.485 + 0.587 * 0.456 + 0.114 * 0.406, 1e-6);
    assert_float_equal(o.view[0].std[0], 0.299 * 0.229 + 0.587 * 0.224 + 0.114 * 0.225, 1e-6);
}

static void own(void **state)
{
    (void)state;
    sc_config cfg = configured("own");
    assert_int_equal(sc_config_set(&cfg, "views.mean", "0.1, 0.2, 0.3", SC_ORIGIN_CLI, NULL, NULL),
                     0);
    assert_int_equal(sc_config_set(&cfg, "views.std", "1, 2, 3", SC_ORIGIN_CLI, NULL, NULL), 0);
    sc_views_options o = sc_setup_views(&cfg, 32);
    for (int c = 0; c < 3; c++) {
        assert_float_equal(o.view[1].mean[c], 0.1 * (c + 1), 1e-6);
        assert_float_equal(o.view[1].std[c], c + 1, 1e-6);
    }
}

/* train.convolution reaches the shape that the kernels see. */
static void convolutions(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        sc_conv_algorithm algorithm;
    } CASES[] = {
        {"auto", SC_CONV_FASTEST}, {"winograd2", SC_CONV_WINOGRAD2}, {"direct", SC_CONV_DIRECT}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        sc_config cfg = set("train.convolution", CASES[i].value);
        sc_encoder_options o = sc_setup_encoder(&cfg, 32);
        static sc_encoder encoder;
        sc_params params = {0};
        simclr_error err = {0, ""};
        assert_int_equal(
            sc_encoder_init(&encoder, &o, 32, 32, 2, &params, sc_backend_ref(SC_FP32), &err), 0);
        assert_int_equal(encoder.block[0].unit[0].conv.shape.algorithm, CASES[i].algorithm);
        sc_params_close(&params);
    }
}

static int settled_without_device(void)
{
    sc_config cfg = set("precision", "auto");
    sc_setup_settle_precision(&cfg, NULL, "");
    return cfg.train.precision;
}

/* auto becomes a precision once, by what computes, and stays what the run had. */
static void precision(void **state)
{
    (void)state;
    static const sc_device device;
    sc_config cfg = set("precision", "auto");
    sc_setup_settle_precision(&cfg, &device, "");
    assert_int_equal(cfg.train.precision, SC_CFG_PRECISION_BF16);
    char *run = fixture_directory();
    assert_int_equal(sc_state_write_config(&cfg, run, NULL), 0);

    unsetenv("SIMCLR_CPU");
    assert_int_equal(settled_without_device(),
                     sc_backend_bf16_native() ? SC_CFG_PRECISION_BF16 : SC_CFG_PRECISION_FP32);
    setenv("SIMCLR_CPU", "base", 1); /* emulates bf16 on every machine */
    assert_int_equal(settled_without_device(), SC_CFG_PRECISION_FP32);
    cfg = set("precision", "auto");
    sc_setup_settle_precision(&cfg, NULL, run);
    assert_int_equal(cfg.train.precision, SC_CFG_PRECISION_BF16);
    cfg = set("precision", "fp32");
    sc_setup_settle_precision(&cfg, &device, run);
    assert_int_equal(cfg.train.precision, SC_CFG_PRECISION_FP32);
    fixture_remove(run);
}

/* As a run left it that has trained with these settings. */
static char *begun_run(const sc_config *cfg)
{
    char *run = fixture_directory(), path[SC_PATH_MAX];
    assert_int_equal(sc_state_write_config(cfg, run, NULL), 0);
    assert_int_equal(sc_path_join(path, run, "metrics.jsonl", NULL), 0);
    assert_int_equal(sc_fs_write_atomic(path, "", 0, NULL), 0);
    return run;
}

/* The rate is that of the images of a step, but for a run that began with another. */
static void batch_of_few_images(void **state)
{
    (void)state;
    simclr_error err = {0, ""};
    sc_config cfg = set("train.batch", "4096"), then = cfg;
    char *older = begun_run(&then);
    assert_int_equal(sc_setup_settle_training(&cfg, 5000, "", NULL, &err), 0);
    assert_int_equal(cfg.train.batch, 4096);
    assert_int_equal(sc_setup_settle_training(&cfg, 1500, "", NULL, &err), 0);
    assert_int_equal(cfg.train.batch, 1500);
    assert_float_equal(sc_setup_schedule(&cfg, 1).lr, cfg.optim.lr * 1500 / 256, 1e-12);
    char *begun = begun_run(&cfg);
    cfg = then;
    assert_int_equal(sc_setup_settle_training(&cfg, 1500, begun, NULL, &err), 0);
    assert_int_equal(cfg.train.batch, 1500);
    cfg = then;
    assert_int_equal(sc_setup_settle_training(&cfg, 1500, older, NULL, &err), 0);
    assert_int_equal(cfg.train.batch, 4096);
    cfg.schedule.min_lr = 0.5; /* of the peak 0.96 at 4096, 0.35 at 1500 */
    assert_int_equal(sc_setup_settle_training(&cfg, 1500, "", NULL, &err), SIMCLR_E_USAGE);
    fixture_remove(begun);
    fixture_remove(older);
}

/* No decay of norms and biases with lars, unless it is asked for or the run began with it. */
static void decay_with_lars(void **state)
{
    (void)state;
    simclr_error err = {0, ""};
    sc_config cfg = set("optim.name", "lars"), older = cfg;
    assert_false(sc_setup_optim(&cfg).decay_all);
    older.optim.decay_all = true;
    char *run = begun_run(&older);
    assert_int_equal(sc_setup_settle_training(&cfg, 5000, run, NULL, &err), 0);
    assert_true(cfg.optim.decay_all);
    cfg = set("optim.name", "lars");
    assert_int_equal(sc_config_set(&cfg, "optim.decay_all", "false", SC_ORIGIN_CLI, NULL, NULL), 0);
    assert_int_equal(sc_setup_settle_training(&cfg, 5000, run, NULL, &err), 0);
    assert_false(cfg.optim.decay_all);
    fixture_remove(run);
}

/* What is filled in for the stem and the size makes no other encoder, and leaves nothing to them. */
static void settled_model(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"model.stem", "auto"},     {"model.stem", "imagenet"},
        {"model.stem_kernel", "5"}, {"model.strides", "1, 2, 1, 2, 2, 2"},
        {"model.down", "avgpool"},  {"model.dilations", "1, 1, 2, 4"},
        {"model.down", "conv"},     {"model.down", "none"},
        {"model.pool_kernel", "5"}, {"model.strides", "1, 1, 1, 1, 1, 1"},
    };
    for (size_t i = 0; i < 2 * (sizeof CASES / sizeof *CASES); i++) {
        sc_config cfg = set(CASES[i / 2][0], CASES[i / 2][1]);
        uint32_t size = i % 2 ? 32 : 96;
        const sc_encoder_options left = sc_setup_encoder(&cfg, size);
        sc_encoder_options before = sc_encoder_resolve(&left), after;
        sc_setup_settle_model(&cfg, size);
        assert_int_not_equal(cfg.model.stem, SC_CFG_STEM_AUTO);
        assert_int_not_equal(cfg.model.down, SC_CFG_DOWN_AUTO);
        assert_int_equal(cfg.model.strides.count, 6);
        after = sc_setup_encoder(&cfg, 128 - size); /* whatever the size */
        assert_int_equal(sc_encoder_has_pool(&before), sc_encoder_has_pool(&after));
        assert_true(before.down == after.down || !sc_encoder_has_pool(&after));
        assert_int_equal(before.stem, after.stem);
        assert_memory_equal(before.strides, after.strides, sizeof after.strides);
        assert_memory_equal(before.dilations, after.dilations, sizeof after.dilations);
        assert_int_equal(before.stem_kernel, after.stem_kernel);
        assert_int_equal(before.pool_kernel, after.pool_kernel);
    }
}

/* A model without data at hand is of the size that its file says, or that its stem is made for. */
static void model_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        size_t size;
    } CASES[] = {{"data.image_size", "24", 24},
                 {"model.stem", "imagenet", 224},
                 {"model.stem", "cifar", 32}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        sc_config cfg = set(CASES[i].key, CASES[i].value);
        char *folder = fixture_directory(), path[SC_PATH_MAX], run[SC_PATH_MAX];
        simclr_error err = {0, ""};
        simclr_model *model;
        simclr_model_info info;
        sc_network network;
        snprintf(path, sizeof path, "%s/a.safetensors", folder);
        snprintf(run, sizeof run, "%s/run", folder);
        sc_config_set(&cfg, "width", "0.0625", SC_ORIGIN_CLI, NULL, NULL);
        sc_config_set(&cfg, "projector.layers", "8", SC_ORIGIN_CLI, NULL, NULL);
        assert_int_equal(sc_api_open_network(&network, &cfg, NULL, 64, 2, &err), 0);
        assert_int_equal(sc_state_export(path, &network, SC_WEIGHTS_ALL, &cfg, &err), 0);
        sc_network_close(&network);
        assert_int_equal(simclr_import(run, path, NULL, NULL, &err), 0);
        assert_int_equal(simclr_model_open(&model, run, 2, &err), 0);
        simclr_model_describe(&info, model);
        assert_int_equal(info.height, CASES[i].size);
        simclr_model_free(model);
        fixture_remove(folder);
    }
}

/* The depth of a file without settings, as torchvision's and timm's are, follows from the names of its tensors. */
static void recognised_depths(void **state)
{
    (void)state;
    static const char *const ARCHS[] = {"resnet18",  "resnet34",  "resnet50",
                                        "resnet101", "resnet152", "resnet200"};
    for (size_t i = 0; i < sizeof ARCHS / sizeof *ARCHS; i++) {
        sc_config cfg = set("model.arch", ARCHS[i]), found;
        char *folder = fixture_directory(), path[SC_PATH_MAX], run[SC_PATH_MAX], arch[16];
        simclr_error err = {0, ""};
        sc_network network;
        snprintf(path, sizeof path, "%s/a.safetensors", folder);
        snprintf(run, sizeof run, "%s/run", folder);
        sc_config_set(&cfg, "width", "0.125", SC_ORIGIN_CLI, NULL, NULL);
        sc_config_set(&cfg, "projector.layers", "8", SC_ORIGIN_CLI, NULL, NULL);
        assert_int_equal(sc_api_open_network(&network, &cfg, NULL, 32, 2, &err), 0);
        assert_int_equal(sc_weights_save(path, &network, SC_WEIGHTS_ENCODER, NULL, 0, &err), 0);
        sc_network_close(&network);
        if (simclr_import(run, path, NULL, NULL, &err) != 0)
            fail_msg("%s: %s", ARCHS[i], err.text);
        assert_int_equal(sc_state_read_config(&found, run, &err), 0);
        sc_config_get_text(&found, "model.arch", arch, sizeof arch);
        assert_string_equal(arch, ARCHS[i]);
        fixture_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sets),
        cmocka_unit_test(grey),
        cmocka_unit_test(own),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(precision),
        cmocka_unit_test(batch_of_few_images),
        cmocka_unit_test(decay_with_lars),
        cmocka_unit_test(settled_model),
        cmocka_unit_test(model_sizes),
        cmocka_unit_test(recognised_depths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
