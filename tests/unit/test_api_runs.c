/* SPDX-License-Identifier: MIT
 *
 * test_api_runs.c - the public functions of data, training and timing: what they refuse, and that a success
 * leaves no error behind.
 */
#include "support/support.h"

#include <simclr.h>

#include <stdio.h>

static simclr_config *tiny(void)
{
    static const char *const settings[][2] = {
        {"data.dataset", "shapes:64"}, {"train.batch", "8"},     {"train.steps", "1"},
        {"eval.max_train", "16"},      {"eval.max_test", "8"},   {"train.precision", "fp32"},
        {"train.device", "cpu"},       {"data.image_size", "8"}, {"train.threads", "2"}};
    simclr_config *config = NULL;
    simclr_error err = {0};
    sct_assert_ok(simclr_config_new(&config, &err), &err);
    sct_assert_ok(simclr_config_set_preset(config, "tiny", &err), &err);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sct_assert_ok(
            simclr_config_set(config, settings[i][0], settings[i][1], SIMCLR_FROM_CLI, NULL, &err),
            &err);
    return config;
}

static void no_error(int rc, const simclr_error *err)
{
    sct_assert_ok(rc, err);
    assert_int_equal(err->code, SIMCLR_OK);
    assert_string_equal(err->text, "");
}

/* A new run looks for a checkpoint in vain. */
static void success_leaves_no_error(void **state)
{
    (void)state;
    simclr_config *config = tiny();
    simclr_error err = {0};
    simclr_train_status status;
    char run[512];
    snprintf(run, sizeof run, "%s/run", sct_scratch());
    for (int again = 0; again < 2; again++) {
        no_error(simclr_train(&status, config, run, NULL, &err), &err);
        assert_int_equal(status.step, 1);
    }
    simclr_model *model;
    no_error(simclr_model_open(&model, run, 2, &err), &err);
    simclr_model_free(model);
    simclr_config_free(config);
    sct_scratch_remove();
}

static void nothing_to_do(void **state)
{
    (void)state;
    simclr_config *config = tiny();
    simclr_dataset *shapes;
    simclr_error err = {0};
    double ms = 0;
    const size_t knn[3] = {8, 8, 8};
    char path[512];
    snprintf(path, sizeof path, "%s/sheet.png", sct_scratch());
    sct_assert_ok(simclr_dataset_open(&shapes, "shapes:64", NULL, config, &err), &err);
    sct_assert_error(simclr_views_sheet(path, shapes, 0, config, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    sct_assert_error(simclr_bench_step(&ms, NULL, 0, config, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    sct_assert_error(simclr_bench_views(&ms, 0, 4, config, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    sct_assert_error(simclr_bench_views(&ms, 1, 0, config, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    sct_assert_error(simclr_bench_knn(&ms, 0, knn, config, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    simclr_dataset_close(shapes);
    simclr_config_free(config);
    sct_scratch_remove();
}

static void class_names(void **state)
{
    (void)state;
    simclr_dataset *shapes;
    simclr_dataset_info info;
    simclr_error err = {0};
    no_error(simclr_dataset_open(&shapes, "shapes:64", "test", NULL, &err), &err);
    no_error(simclr_dataset_describe(&info, shapes, &err), &err);
    assert_true(info.classes > 1);
    assert_non_null(simclr_dataset_class_name(shapes, info.classes - 1));
    assert_null(simclr_dataset_class_name(shapes, info.classes));
    assert_null(simclr_dataset_class_name(shapes, -1));
    simclr_dataset_close(shapes);
}

/* NULL is a configuration with every key at its default. */
static void no_configuration(void **state)
{
    (void)state;
    simclr_config *config = NULL;
    simclr_error err = {0};
    char value[16], *text = NULL, *same = NULL;
    sct_assert_ok(simclr_config_new(&config, &err), &err);
    no_error(simclr_config_check(NULL, &err), &err);
    no_error(simclr_config_get(value, sizeof value, NULL, "epochs", &err), &err);
    assert_string_equal(value, "100");
    no_error(simclr_config_text(&text, NULL, &err), &err);
    no_error(simclr_config_text(&same, config, &err), &err);
    assert_string_equal(text, same);
    simclr_text_free(same);
    simclr_text_free(text);
    simclr_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_leaves_no_error),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(class_names),
        cmocka_unit_test(no_configuration),
    };
    return sct_run(tests);
}
