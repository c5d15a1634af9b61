/* SPDX-License-Identifier: MIT
 *
 * test_api_model.c - the public functions of parts 2 to 4 refuse what they cannot do: no assertion, no crash.
 */
#include "support/support.h"

#include <simclr.h>

#include <stdlib.h>

enum { ROWS = 4 };

static float *zeros(size_t n)
{
    float *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

static simclr_model *open_model(void)
{
    simclr_config *config = NULL;
    simclr_model *model = NULL;
    simclr_error err = {0};
    sct_assert_ok(simclr_config_new(&config, &err), &err);
    sct_assert_ok(simclr_config_set_preset(config, "tiny", &err), &err);
    sct_assert_ok(simclr_model_new(&model, config, ROWS, &err), &err);
    simclr_config_free(config);
    return model;
}

static void rows_at_once(void **state)
{
    (void)state;
    simclr_model *model = NULL;
    simclr_error err = {0};
    const size_t wrong[] = {0, (size_t)1 << 60};
    for (size_t i = 0; i < 2; i++) {
        sct_assert_error(simclr_model_new(&model, NULL, wrong[i], &err), &err, SIMCLR_E_USAGE,
                         "1 to 262144 are possible");
        assert_null(model);
    }
}

/* A model's memory is for the rows that it was opened for. */
static void rows_in_a_call(void **state)
{
    (void)state;
    simclr_model *model = open_model();
    simclr_error err = {0};
    float none[1] = {0}; /* refused before anything is read or written */
    const size_t wrong[] = {0, ROWS + 1};
    for (size_t i = 0; i < 2; i++) {
        sct_assert_error(simclr_model_encode(none, model, none, wrong[i], false, &err), &err,
                         SIMCLR_E_USAGE, "opened for 1 to 4 at once");
        sct_assert_error(simclr_model_project(none, model, none, wrong[i], false, &err), &err,
                         SIMCLR_E_USAGE, "opened for 1 to 4 at once");
    }
    simclr_model_free(model);
}

/* Each backward pass wants forward passes of its own, of as many rows, with `training`. */
static void backward_after_forward(void **state)
{
    (void)state;
    simclr_model *model = open_model();
    simclr_model_info info;
    simclr_error err = {0};
    double norm = 0;
    simclr_model_describe(&info, model);
    float *x = zeros(ROWS * info.height * info.width * info.channels);
    float *h = zeros(ROWS * info.dim_h), *z = zeros(ROWS * info.dim_z);
    sct_fill_normal(x, ROWS * info.height * info.width * info.channels);

    for (int training = 0; training <= 1; training++) {
        sct_assert_error(simclr_model_backward(&norm, model, z, &err), &err, SIMCLR_E_USAGE,
                         "no forward passes");
        sct_assert_ok(simclr_model_encode(h, model, x, ROWS, training, &err), &err);
        sct_assert_error(simclr_model_backward(&norm, model, z, &err), &err, SIMCLR_E_USAGE,
                         "no forward passes");
        sct_assert_ok(simclr_model_project(z, model, h, ROWS - training, training, &err), &err);
        sct_assert_error(simclr_model_backward(&norm, model, z, &err), &err, SIMCLR_E_USAGE,
                         "no forward passes");
    }
    sct_assert_ok(simclr_model_project(z, model, h, ROWS, true, &err), &err);
    sct_assert_ok(simclr_model_backward(&norm, model, z, &err), &err);
    assert_true(norm > 0);
    sct_assert_error(simclr_model_backward(&norm, model, z, &err), &err, SIMCLR_E_USAGE,
                     "no forward passes");
    free(x);
    free(h);
    free(z);
    simclr_model_free(model);
}

static void loss_of_too_many(void **state)
{
    (void)state;
    simclr_error err = {0};
    double loss;
    float z[8] = {1, 0, 0, 1, 1, 1, 0, 2};
    sct_assert_error(simclr_ntxent(&loss, NULL, z, (size_t)1 << 62, 2, 0.5, &err), &err,
                     SIMCLR_E_USAGE, "ntxent");
    sct_assert_error(simclr_ntxent(&loss, NULL, z, ((size_t)1 << 63) + 2, 2, 0.5, &err), &err,
                     SIMCLR_E_USAGE, "ntxent");
    sct_assert_ok(simclr_ntxent(&loss, NULL, z, 2, 2, 0.5, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_at_once),
        cmocka_unit_test(rows_in_a_call),
        cmocka_unit_test(backward_after_forward),
        cmocka_unit_test(loss_of_too_many),
    };
    return sct_run(tests);
}
