/* SPDX-License-Identifier: MIT
 *
 * test_config.c - keys from text: defaults, ranges, suggestions, precedence, checks, round trip.
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
#include "core/alloc.h"

static const struct {
    const char *key, *value, *expected;
} BAD[] = {
    {"lrr", "1", "did you mean 'lr'?"},
    {"optim.lrs", "1", "did you mean 'optim.lr'?"},
    {"temprature", "1", "did you mean 'temperature'?"},
    {"loss.temperatur", "1", "did you mean 'loss.temperature'?"},
    {"weight_decay", "1", "did you mean 'optim.weight_decay'?"},
    {"batch_size", "1", "did you mean 'train.batch'?"},
    {"learning_rate", "1", "did you mean 'optim.lr'?"},
    {"tau", "1", "did you mean 'loss.temperature'?"},
    {"optimizer", "sgd", "did you mean 'optim.name'?"},
    {"crop_scale", "1", "did you mean 'views.crop_scale'?"},
    {"views.hflp", "1", "did you mean 'views.hflip'?"},
    {"model.acrh", "1", "did you mean 'model.arch'?"},
    {"epoch", "1", "did you mean 'epochs'?"},
    {"step", "1", "did you mean 'steps'?"},
    {"sede", "1", "did you mean 'seed'?"},
    {"threds", "1", "did you mean 'threads'?"},
    {"wieght_decay", "1", "did you mean 'optim.weight_decay'?"},
    {"", "1", "unknown key ''"},
    {"zzzzzzzzzz", "1", "'simclr config' lists all"},
    {"a\nb", "1", "unknown key"},
    {"lr", "abc", "is not a number; expected 0 .. 1000000000"},
    {"lr", "", "is not a number"},
    {"lr", "1,5", "is not a number"},
    {"lr", "0x10", "is not a number"},
    {"lr", "nan", "is not a number"},
    {"lr", "inf", "is not a number"},
    {"lr", "1e999", "is not a number"},
    {"lr", " 1", "is not a number"},
    {"lr", "1 ", "is not a number"},
    {"lr", "--1", "is not a number"},
    {"lr", "-1", "is too small"},
    {"lr", "1e10", "is too large"},
    {"temperature", "0", "is too small; expected 0.005 .. 100"},
    {"temperature", "-0.5", "is too small"},
    {"epochs", "0", "is too small; expected 1 .. 1000000"},
    {"epochs", "1.5", "is not a whole number"},
    {"epochs", "1e3", "is not a whole number"},
    {"epochs", "ten", "is not a whole number"},
    {"epochs", "99999999999999", "is too large"},
    {"batch", "1", "is too small"},
    {"batch", "-256", "is too small"},
    {"seed", "-1", "is negative"},
    {"seed", "18446744073709551616", "is too large"},
    {"seed", "1.0", "is not a whole number"},
    {"seed", "", "is not a whole number"},
    {"steps", "9999999999999999", "is too large"},
    {"threads", "2048", "is too large"},
    {"image_size", "2000", "is too large; expected 0 .. 1024 px"},
    {"data.channels", "4", "is too large"},
    {"data.max_bad", "2", "is too large"},
    {"data.exif_rotate", "maybe", "is neither true nor false"},
    {"data.exif_rotate", "", "expected true|false"},
    {"data.shuffle", "2", "is neither true nor false"},
    {"views.crop_scale", "0.2", "has too few entries"},
    {"views.crop_scale", "0.2, 0.5, 1", "has too many entries"},
    {"views.crop_scale", "[0.2, 1", "bracket"},
    {"views.crop_scale", "0.2, 1]", "bracket"},
    {"views.crop_scale", "a, b", "entry that is not a number"},
    {"views.crop_scale", "0.2, 2", "entry that is too large"},
    {"views.crop_scale", "0, 1", "entry that is too small"},
    {"views.crop_scale", "0.2,,1", "entry that is not a number"},
    {"views.crop_scale", "[]", "has too few entries"},
    {"views.crop_scale", "]", "bracket"},
    {"views.interpolation", "bilnear", "did you mean 'bilinear'?"},
    {"views.interpolation", "lanczos9", "expected bilinear|bicubic"},
    {"views.hflip", "1.1", "is too large"},
    {"views.hue", "0.6", "is too large; expected 0 .. 0.5 turns"},
    {"views.blur_kernel", "-1", "is too small"},
    {"views.normalize", "imagnet", "did you mean 'imagenet'?"},
    {"views.mean", "1,2,3", "entry that is too large"},
    {"arch", "resnet-18", "did you mean 'resnet18'?"},
    {"arch", "resnet110", "did you mean 'resnet101'?"},
    {"arch", "vit", "expected resnet18|resnet34|resnet50|resnet101|resnet152|resnet200"},
    {"model.width", "0", "is too small"},
    {"model.stem", "imagnet", "did you mean 'imagenet'?"},
    {"model.norm", "batchnrom", "did you mean 'batchnorm'?"},
    {"model.norm", "BatchNorm3d", "did you mean 'batchnorm'?"},
    {"model.norm", "2d", "expected none|batchnorm"},
    {"model.activation", "relu7", "did you mean 'relu'?"},
    {"model.strides", "2,2,x,1,2,2", "entry that is not a whole number"},
    {"model.strides", "2,2,1,1,2,2,2", "has too many entries"},
    {"model.strides", "1,2,3,4,1,2,3,4,1", "has too many entries"},
    {"model.strides", "0,2,1,1,2,2", "entry that is too small"},
    {"projector.layers", "12.5", "entry that is not a whole number"},
    {"projector.out_dim", "0", "is too small"},
    {"projector.drop_rate", "1", "is too large"},
    {"optim.name", "adamm", "did you mean 'adam'?"},
    {"optim.name", "Adagrad", "expected sgd|adam|adamw|lars"},
    {"optim.betas", "0.9", "has too few entries"},
    {"optim.betas", "0.9, 1", "entry that is too large"},
    {"optim.lr_scaling", "log", "expected none|linear|sqrt"},
    {"schedule.name", "cosin", "did you mean 'cosine'?"},
    {"schedule.step_size", "0", "is too small"},
    {"train.log_every", "0", "is too small; expected 1 .. 1000000000"},
    {"precision", "fp16", "is not offered; use auto, fp32 or bf16"},
    {"device", "gpu", "is not known; use auto, cpu, cuda or cuda:N"},
    {"device", "cuda:", "use auto, cpu, cuda or cuda:N"},
    {"device", "cuda:1x", "use auto, cpu, cuda or cuda:N"},
    {"device", "cuda:-1", "use auto, cpu, cuda or cuda:N"},
    {"data.dataset", "a\nb", "control characters"},
    {"data.dataset", "a\x7f", "control characters"},
    {"data.dataset", "\xff", "not UTF-8"},
    {"data.dataset", "\xc0\xaf", "not UTF-8"},
    {"data.dataset", "\xed\xa0\x80", "not UTF-8"},
    {"data.split", "0123456789012345678901234567890123456789", "is too long"},
};

static void test_bad_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        sc_config cfg, before;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        before = cfg;
        int rc = sc_config_set(&cfg, BAD[i].key, BAD[i].value, SC_ORIGIN_CLI, "here", &err);
        if (rc != SIMCLR_E_USAGE || strstr(err.text, BAD[i].expected) == NULL ||
            strncmp(err.text, "here: ", 6) != 0 || strchr(err.text, '\n') != NULL) {
            fail_msg("%s=%s: %d '%s', expected '%s'", BAD[i].key, BAD[i].value, rc, err.text,
                     BAD[i].expected);
        }
        assert_memory_equal(&cfg, &before, sizeof(cfg));
        assert_int_equal(sc_config_set(&cfg, BAD[i].key, BAD[i].value, SC_ORIGIN_CLI, NULL, NULL),
                         SIMCLR_E_USAGE);
    }
}

/* Lines "key=value", then what the check says; all in one configuration. */
static const struct {
    const char *lines[4];
    const char *expected;
} CONTRADICTIONS[] = {
    {{"views.crop_scale=0.5, 0.2"}, "views.crop_scale: least (0.5) is above most (0.2)"},
    {{"views.crop_ratio=2, 1"}, "views.crop_ratio"},
    {{"views2.blur_sigma=2, 1"}, "views2.blur_sigma"},
    {{"views.blur_kernel=4"}, "views.blur_kernel: 4 is even; use 5 or 0"},
    {{"views.hue=0.5", "views.jitter_strength=2"}, "views.hue"},
    {{"data.split=tset"}, "data.split: 'tset' is not train"},
    {{"data.channels=2"}, "neither 1 (grey) nor 3"},
    {{"image_size=4"}, "below 8 px"},
    {{"views.normalize=own"}, "needs 3 numbers in views.mean"},
    {{"views.normalize=own", "views.mean=0.5", "views.std=0.5, 0.5, 0.5"}, "needs 3 numbers"},
    {{"views.mean=0.5, 0.5, 0.5"}, "need views.normalize=own"},
    {{"model.strides=2,2,1"}, "needs 6 or none"},
    {{"model.dilations=2"}, "needs 4 or none"},
    {{"model.stem_kernel=4"}, "use 5 or 0"},
    {{"model.norm=groupnorm", "model.norm_groups=7"}, "does not divide the 64 channels"},
    {{"model.norm=groupnorm", "model.norm_groups=16", "width=0.4"}, "divide the 24 channels"},
    {{"model.activation_alpha=0.2"}, "model.activation_alpha: relu takes no parameter"},
    {{"projector.last_activation_alpha=1"}, "last_activation_alpha: identity takes no"},
    {{"projector.norm=groupnorm", "projector.layers=100"}, "does not divide layer 100"},
    {{"projector.last_norm=true"}, "needs projector.norm"},
    {{"optim.name=adam", "optim.nesterov=true"}, "only sgd and lars"},
    {{"optim.nesterov=true", "optim.momentum=0"}, "needs optim.momentum"},
    {{"projector.drop_rate=0.5", "projector.layers="}, "projector.drop_rate: no hidden layer"},
    {{"schedule.warmup_epochs=10", "epochs=10"}, "leaves nothing of 10 epochs"},
    {{"schedule.min_lr=1"}, "is above optim.lr"},
    {{"schedule.min_lr=0.05", "batch=16", "optim.lr_scaling=linear"}, "at this batch 0.00375"},
};

static void set_line(sc_config *cfg, const char *line, sc_origin origin)
{
    char key[64];
    simclr_error err = {0, ""};
    const char *equals = strchr(line, '=');
    snprintf(key, sizeof(key), "%.*s", (int)(equals - line), line);
    if (sc_config_set(cfg, key, equals + 1, origin, NULL, &err) != SIMCLR_OK) {
        fail_msg("%s: %s", line, err.text);
    }
}

static void test_contradictions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CONTRADICTIONS) / sizeof(CONTRADICTIONS[0]); i++) {
        sc_config cfg;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        assert_int_equal(sc_config_check(&cfg, &err), SIMCLR_OK);
        for (size_t j = 0; j < 4 && CONTRADICTIONS[i].lines[j] != NULL; j++) {
            set_line(&cfg, CONTRADICTIONS[i].lines[j], SC_ORIGIN_CLI);
        }
        int rc = sc_config_check(&cfg, &err);
        if (rc != SIMCLR_E_USAGE || strstr(err.text, CONTRADICTIONS[i].expected) == NULL) {
            fail_msg("%s: %d '%s'", CONTRADICTIONS[i].lines[0], rc, err.text);
        }
        assert_int_equal(sc_config_check(&cfg, NULL), SIMCLR_E_USAGE);
    }
}

/* Statistics known for RGB serve grey images too, through their luminance. */
static void test_grey_statistics(void **state)
{
    (void)state;
    sc_config cfg;
    simclr_error err = {0, ""};
    sc_config_default(&cfg);
    set_line(&cfg, "views.normalize=imagenet", SC_ORIGIN_CLI);
    set_line(&cfg, "data.channels=1", SC_ORIGIN_CLI);
    if (sc_config_check(&cfg, &err) != SIMCLR_OK) {
        fail_msg("%s", err.text);
    }
}

/* Names as PyTorch spells them, and the tutorial's GroupNorm2d. */
static void test_pytorch_names(void **state)
{
    (void)state;
    static const char *const NAMES[][3] = {
        {"model.norm", "BatchNorm2d", "batchnorm"},
        {"model.norm", "GroupNorm", "groupnorm"},
        {"model.norm", "GroupNorm2d", "groupnorm"},
        {"model.norm", "InstanceNorm2d", "instancenorm"},
        {"model.norm", "None", "none"},
        {"projector.norm", "BatchNorm1d", "batchnorm"},
        {"model.activation", "ReLU", "relu"},
        {"model.activation", "LeakyReLU", "leaky_relu"},
        {"model.activation", "leakyrelu", "leaky_relu"},
        {"model.activation", "ELU", "elu"},
        {"model.activation", "SELU", "selu"},
        {"model.activation", "GELU", "gelu"},
        {"model.activation", "SiLU", "silu"},
        {"model.activation", "Mish", "mish"},
        {"model.activation", "Hardswish", "hardswish"},
        {"model.activation", "Softplus", "softplus"},
        {"model.activation", "Tanh", "tanh"},
        {"model.activation", "Sigmoid", "sigmoid"},
        {"projector.last_activation", "Identity", "identity"},
        {"optim.name", "AdamW", "adamw"},
        {"optim.name", "SGD", "sgd"},
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        sc_config cfg;
        simclr_error err = {0, ""};
        char text[SC_CONFIG_TEXT];
        sc_config_default(&cfg);
        if (sc_config_set(&cfg, NAMES[i][0], NAMES[i][1], SC_ORIGIN_CLI, NULL, &err) != 0) {
            fail_msg("%s", err.text);
        }
        sc_config_get_text(&cfg, NAMES[i][0], text, sizeof(text));
        assert_string_equal(text, NAMES[i][2]);
    }
}

static void test_table(void **state)
{
    (void)state;
    sc_config cfg;
    sc_config_default(&cfg);
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const sc_config_row *row = sc_config_row_at(i);
        char text[SC_CONFIG_TEXT], range[200];
        double scratch[SC_CONFIG_STRING / sizeof(double)] = {0};
        assert_null(sc_value_parse(scratch, row, row->fallback));
        assert_non_null(strchr(row->key, '.'));
        assert_true(row->help != NULL && strlen(row->help) > 3);
        assert_int_equal(sc_config_find(row->key), (int)i); /* no name twice */
        if (row->alias != NULL) {
            assert_int_equal(sc_config_find(row->alias), (int)i);
        }
        sc_config_row_text(&cfg, i, text, sizeof(text));
        sc_config_range_text(row, range, sizeof(range));
        assert_true(strlen(range) > 0 && strlen(range) < 199);
        assert_int_equal(sc_config_set(&cfg, row->key, text, SC_ORIGIN_CLI, NULL, NULL), 0);
        assert_int_equal(sc_config_origin(&cfg, i), SC_ORIGIN_CLI);
    }
    assert_null(sc_config_row_at(sc_config_row_count()));
    assert_int_equal(cfg.train.batch, 256);
    assert_true(cfg.optim.lr == 0.06 && cfg.temperature == 0.5 && cfg.train.seed == 1);
    assert_true(cfg.view[0].crop_scale.at[0] == 0.2 && cfg.view[0].crop_scale.count == 2);
    assert_int_equal(cfg.projector.layers.at[0], 1024);
    assert_int_equal(cfg.model.norm.kind, SC_CFG_NORM_BATCH);
    assert_int_equal(cfg.model.act.kind, SC_CFG_ACT_RELU);
    assert_int_equal(cfg.optim.name, SC_CFG_SGD);
}

static void test_precedence(void **state)
{
    (void)state;
    static const sc_origin ORDERS[3][4] = {
        {SC_ORIGIN_PRESET, SC_ORIGIN_FILE, SC_ORIGIN_ENV, SC_ORIGIN_CLI},
        {SC_ORIGIN_CLI, SC_ORIGIN_ENV, SC_ORIGIN_FILE, SC_ORIGIN_PRESET},
        {SC_ORIGIN_ENV, SC_ORIGIN_CLI, SC_ORIGIN_PRESET, SC_ORIGIN_FILE}};
    for (int i = 0; i < 3; i++) {
        sc_config cfg;
        sc_config_default(&cfg);
        for (int j = 0; j < 4; j++) {
            char value[8];
            snprintf(value, sizeof(value), "%d", (int)ORDERS[i][j]);
            assert_int_equal(sc_config_set(&cfg, "lr", value, ORDERS[i][j], NULL, NULL), 0);
        }
        assert_true(cfg.optim.lr == SC_ORIGIN_CLI);
        assert_string_equal(
            sc_config_origin_name(sc_config_origin(&cfg, (size_t)sc_config_find("optim.lr"))),
            "cli");
        /* the same origin again: the last one counts */
        set_line(&cfg, "lr=9", SC_ORIGIN_CLI);
        set_line(&cfg, "optim.lr=10", SC_ORIGIN_CLI);
        assert_true(cfg.optim.lr == 10);
    }
}

static void test_second_view(void **state)
{
    (void)state;
    sc_config cfg;
    sc_config_default(&cfg);
    set_line(&cfg, "views.grayscale=0.3", SC_ORIGIN_CLI);
    assert_true(cfg.view[1].grayscale == 0.3); /* follows */
    set_line(&cfg, "views2.grayscale=0", SC_ORIGIN_PRESET);
    set_line(&cfg, "views.grayscale=0.4", SC_ORIGIN_CLI);
    assert_true(sc_config_view_of(&cfg, 0)->grayscale == 0.4);
    assert_true(sc_config_view_of(&cfg, 1)->grayscale == 0);
    set_line(&cfg, "views.symmetric=true", SC_ORIGIN_CLI);
    assert_true(sc_config_view_of(&cfg, 1)->grayscale == 0.4);
}

static void test_decay_follows_lars(void **state)
{
    (void)state;
    sc_config cfg;
    sc_config_default(&cfg);
    assert_true(cfg.optim.decay_all);
    set_line(&cfg, "optim.name=lars", SC_ORIGIN_FILE);
    assert_false(cfg.optim.decay_all);
    set_line(&cfg, "optim.name=adam", SC_ORIGIN_CLI);
    assert_true(cfg.optim.decay_all);
    set_line(&cfg, "optim.name=lars", SC_ORIGIN_PRESET); /* weaker: dropped */
    assert_true(cfg.optim.decay_all);
    set_line(&cfg, "optim.decay_all=true", SC_ORIGIN_PRESET);
    set_line(&cfg, "optim.name=lars", SC_ORIGIN_CLI);
    assert_true(cfg.optim.decay_all);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const LINES[] = {"data.dataset=folder:/tmp/it's # a \"path\": yes \xc3\xa4",
                                        "lr=0.1",
                                        "optim.eps=3e-09",
                                        "views.crop_scale=0.123456789012345, 1",
                                        "model.strides=2,2,1,1,2,2",
                                        "projector.layers=",
                                        "views2.blur_prob=0.1",
                                        "seed=18446744073709551615",
                                        "model.activation=leaky_relu",
                                        "schedule.warmup_epochs=0.3",
                                        "views.symmetric=true",
                                        "train.strict=on"};
    sc_config cfg, back;
    simclr_error err = {0, ""};
    char *text = NULL, *again = NULL, *numbers = NULL;
    sc_config_default(&cfg);
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        set_line(&cfg, LINES[i], SC_ORIGIN_CLI);
    }
    assert_int_equal(sc_config_write_yaml(&text, &cfg, &err), 0);
    sc_config_default(&back);
    if (sc_config_load_text(&back, text, strlen(text), "x", false, NULL, NULL, &err) != 0) {
        fail_msg("%s\n%s", err.text, text);
    }
    assert_int_equal(sc_config_differ(&cfg, &back), 0);
    assert_non_null(strstr(text, "lr: 0.1  # from: cli"));
    assert_int_equal(sc_config_write_yaml(&again, &back, &err), 0);
    assert_non_null(strstr(again, "lr: 0.1  # from: file"));
    set_line(&back, "lr=0.2", SC_ORIGIN_CLI);
    assert_int_equal(sc_config_differ(&cfg, &back), 1);
    assert_int_equal(sc_config_numbers_text(&numbers, &cfg, &err), 0);
    assert_non_null(strstr(numbers, "optim.lr=0.1\n"));
    assert_null(strstr(numbers, "threads"));
    assert_null(strstr(numbers, "data.dataset"));
    sc_free(text);
    sc_free(again);
    sc_free(numbers);
}

static void test_numbers(void **state)
{
    (void)state;
    static const double VALUES[] = {0, 1, 0.1, 1.0 / 3, 1e-300, 123456789.125, 5e-324, 1e300, -0.5};
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        char text[40];
        double back = 7;
        sc_double_to_text(text, sizeof(text), VALUES[i]);
        assert_true(sc_text_to_double(&back, text));
        assert_true(back == VALUES[i]);
    }
    sc_config_act act = {SC_CFG_ACT_LEAKY_RELU, 0};
    assert_true(sc_config_alpha(&act) == 0.01);
    act.alpha = 0.2;
    assert_true(sc_config_alpha(&act) == 0.2);
    act.kind = SC_CFG_ACT_RELU;
    assert_true(sc_config_alpha(&act) == 0);
}

static void test_memory(void **state)
{
    (void)state;
    sc_config cfg;
    char *text = NULL;
    simclr_error err = {0, ""};
    sc_config_default(&cfg);
    sc_alloc_fail_at(1);
    assert_int_equal(sc_config_write_yaml(&text, &cfg, &err), SIMCLR_E_MEMORY);
    for (size_t n = 1; n < 12; n++) {
        sc_alloc_fail_at(n);
        int rc = sc_config_load_text(&cfg, "optim: {lr: 1}\nbatch: 4\n", 24, "x", false, NULL, NULL,
                                     &err);
        assert_true(rc == SIMCLR_E_MEMORY || rc == SIMCLR_OK);
    }
    sc_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_values),      cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_grey_statistics), cmocka_unit_test(test_pytorch_names),
        cmocka_unit_test(test_table),           cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_second_view),     cmocka_unit_test(test_decay_follows_lars),
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
