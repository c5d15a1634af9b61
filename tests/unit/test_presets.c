/* SPDX-License-Identifier: MIT
 *
 * test_presets.c - every preset is valid and says what the papers say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

static void test_all_are_valid(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"cifar10",  "cifar10-cpu", "paper", "imagenet",
                                        "tutorial", "photos",      "tiny",  "demo"};
    assert_int_equal(sc_preset_count(), sizeof(NAMES) / sizeof(NAMES[0]));
    for (size_t i = 0; i < sc_preset_count(); i++) {
        const sc_preset *preset = sc_preset_at(i);
        sc_config cfg;
        simclr_error err = {0, ""};
        sc_config_default(&cfg);
        assert_string_equal(preset->name, NAMES[i]);
        assert_true(strlen(preset->help) > 10);
        if (sc_config_set_preset(&cfg, preset->name, &err) != 0 ||
            sc_config_check(&cfg, &err) != 0) {
            fail_msg("%s: %s", preset->name, err.text);
        }
    }
    assert_null(sc_preset_at(sc_preset_count()));
}

static void test_published_values(void **state)
{
    (void)state;
    sc_config c;
    sc_config_default(&c);
    assert_int_equal(sc_config_set_preset(&c, "cifar10", NULL), 0);
    assert_true(c.train.batch == 512 && c.train.epochs == 1000 && c.optim.lr == 0.03);
    assert_true(c.view[1].grayscale == 0.1 && c.optim.weight_decay == 5e-4 && c.optim.decay_all);
    assert_int_equal(c.optim.lr_scaling, SC_CFG_SCALE_LINEAR);
    sc_config_default(&c);
    assert_int_equal(sc_config_set_preset(&c, "imagenet", NULL), 0);
    assert_true(c.optim.name == SC_CFG_LARS && c.optim.lr == 0.3 && c.temperature == 0.1);
    assert_true(c.train.batch == 4096 && c.schedule.warmup_epochs == 10);
    assert_true(c.view[0].blur_prob == 0.5 && c.view[1].blur_prob == 0.5);
    sc_config_default(&c);
    assert_int_equal(sc_config_set_preset(&c, "paper", NULL), 0);
    assert_true(c.model.arch == SC_CFG_RESNET50 && c.view[0].blur_prob == 0 &&
                c.temperature == 0.5 && c.train.batch == 1024);
}

static void test_weaker_than_the_command_line(void **state)
{
    (void)state;
    sc_config c;
    sc_config_default(&c);
    assert_int_equal(sc_config_set(&c, "batch", "64", SC_ORIGIN_CLI, NULL, NULL), 0);
    assert_int_equal(sc_config_set_preset(&c, "paper", NULL), 0);
    assert_int_equal(c.train.batch, 64);
    assert_int_equal(c.train.epochs, 1000);
}

static void test_unknown(void **state)
{
    (void)state;
    sc_config c;
    simclr_error err = {0, ""};
    sc_config_default(&c);
    assert_int_equal(sc_config_set_preset(&c, "cifar", &err), SIMCLR_E_USAGE);
    assert_int_equal(sc_config_set_preset(&c, "papper", &err), SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "did you mean 'paper'?"));
    assert_int_equal(sc_config_set_preset(&c, "xyzzyxyzzy", &err), SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "cifar10-cpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_valid),
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_weaker_than_the_command_line),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
