/* SPDX-License-Identifier: MIT
 *
 * Part 3: the projector.
 *
 *     z = g(h)
 *
 * A small perceptron maps h to the space in which views are compared.  It is thrown away after
 * training: it forgets what the augmentation changed, and h is the better representation for it.
 */
#include <simclr.h>

#include <stdio.h>

enum { ROWS = 4, SIDE = 32 };

static int fail(const simclr_error *err)
{
    fprintf(stderr, "3_projector: %s\n", err->text);
    return 1;
}

int main(void)
{
    static float x[ROWS * SIDE * SIDE * 3], h[ROWS * 2048], z[ROWS * 2048];
    simclr_error err = {0};
    simclr_config *config;
    simclr_model *model;
    simclr_model_info info;

    if (simclr_config_new(&config, &err) < 0 ||
        simclr_config_set(config, "model.width", "0.25", SIMCLR_FROM_CLI, NULL, &err) < 0 ||
        simclr_config_set(config, "projector.layers", "128,128", SIMCLR_FROM_CLI, NULL, &err) < 0 ||
        simclr_config_set(config, "projector.out_dim", "64", SIMCLR_FROM_CLI, NULL, &err) < 0 ||
        simclr_config_set(config, "data.image_size", "32", SIMCLR_FROM_CLI, NULL, &err) < 0 ||
        simclr_model_new(&model, config, ROWS, &err) < 0)
        return fail(&err);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)(i % 17) / 17 - 0.5f;

    simclr_model_describe(&info, model);
    if (simclr_model_encode(h, model, x, ROWS, false, &err) < 0 ||
        simclr_model_project(z, model, h, ROWS, false, &err) < 0)
        return fail(&err);
    printf("x (%d,%d,%d,3) -> h (%d,%zu) -> z (%d,%zu)\n", ROWS, SIDE, SIDE, ROWS, info.dim_h, ROWS,
           info.dim_z);
    printf("encoder %zu parameters, projector %zu\n", info.encoder_parameters,
           info.projector_parameters);
    printf("z[0] = %.4f %.4f %.4f ...\n", (double)z[0], (double)z[1], (double)z[2]);
    simclr_model_free(model);
    simclr_config_free(config);
    return info.dim_z == 64 ? 0 : 1;
}
