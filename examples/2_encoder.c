/* SPDX-License-Identifier: MIT
 *
 * Part 2: the encoder.
 *
 *     h = f(x)
 *
 * A ResNet of torchvision's make, configurable down to its strides, turns a view into a vector h: the
 * representation, which is what one keeps after training.
 */
#include <simclr.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(const simclr_error *err)
{
    fprintf(stderr, "2_encoder: %s\n", err->text);
    return 1;
}

typedef struct {
    const char *key, *value;
} setting;

/* Builds the encoder of some settings and prints its sizes; the number of its parameters. */
static size_t show(const setting *settings, simclr_error *err)
{
    simclr_config *config = NULL;
    simclr_model *model = NULL;
    simclr_model_info info = {0};
    int rc = simclr_config_new(&config, err);
    for (; rc == 0 && settings->key != NULL; settings++)
        rc = simclr_config_set(config, settings->key, settings->value, SIMCLR_FROM_CLI, NULL, err);
    if (rc == 0)
        rc = simclr_model_new(&model, config, 2, err);
    if (rc == 0) {
        simclr_model_describe(&info, model);
        printf("%s", simclr_model_summary(model));
        printf("x (rows,%zu,%zu,%zu) -> h (rows,%zu): %zu parameters, %.1f M multiply-adds a "
               "view\n\n",
               info.height, info.width, info.channels, info.dim_h, info.encoder_parameters,
               info.macs / 1e6);
    }
    simclr_model_free(model);
    simclr_config_free(config);
    return info.encoder_parameters;
}

int main(void)
{
    simclr_error err = {0};
    const setting cifar[] = {
        {"model.arch", "resnet18"}, {"model.stem", "cifar"}, {"data.image_size", "32"}, {0}};
    const setting tutorial[] = {{"model.arch", "resnet18"},       {"model.stem", "imagenet"},
                                {"model.strides", "2,2,2,2,2,2"}, {"model.out_channels", "1024"},
                                {"data.image_size", "128"},       {0}};
    const setting vanishing[] = {{"model.strides", "2,2,2,2,2,2"},
                                 {"model.padding", "reflect"},
                                 {"data.image_size", "32"},
                                 {0}};

    printf("ResNet-18 with the CIFAR stem:\n");
    size_t parameters = show(cifar, &err);
    if (parameters == 0)
        return fail(&err);
    printf("The tutorial's strides at 128 px, h of 1024:\n");
    if (show(tutorial, &err) == 0)
        return fail(&err);
    if (show(vanishing, &err) != 0)
        return 1; /* must be refused */
    printf("At 32 px the tutorial's own settings are refused:\n%s\n", err.text);
    return parameters == 11168832 ? 0 : 1; /* torchvision's, with a 3x3 stem and without fc */
}
