/* SPDX-License-Identifier: MIT
 *
 * cmd_views.c - simclr views: see the augmentation before training on it.
 */
#include "cmd.h"

#include <stdio.h>

static const cli_option options[] = {
    {"output", 'o', "FILE", "the picture; default views.png"},
    {"rows", 'n', "N", "images shown; default 8"},
    {0},
};

static const char *const examples[] = {
    "simclr views cifar10:DIR --preset cifar10 -o views.png",
    "what that preset does to CIFAR-10",
    "simclr views photos/ views.blur_prob=1",
    "every view blurred",
    NULL,
};

/* DATA, else what is configured, as `train` would open it. */
static int open_data(simclr_dataset **out, const cli_args *args, const simclr_config *config,
                     simclr_error *err)
{
    char spec[1024], split[1024];
    int rc = simclr_config_get(spec, sizeof spec, config, "data.dataset", err);
    if (rc == 0)
        rc = simclr_config_get(split, sizeof split, config, "data.split", err);
    if (rc < 0)
        return rc;
    const char *chosen = args->words > 0 ? args->word[0] : spec;
    return simclr_dataset_open(out, chosen[0] == '\0' ? "shapes" : chosen,
                               split[0] == '\0' ? "train" : split, config, err);
}

static int views(const cli_args *args, simclr_error *err)
{
    const char *output = cli_value(args, "output");
    simclr_config *config = NULL;
    simclr_dataset *dataset = NULL;
    long long rows = 0;
    if (output == NULL)
        output = "views.png";
    int rc = cli_integer(&rows, args, "rows", 8, 1, 1000, err);
    if (rc == 0)
        rc = cli_config(&config, args, err);
    if (rc == 0)
        rc = open_data(&dataset, args, config, err);
    if (rc == 0)
        rc = simclr_views_sheet(output, dataset, (size_t)rows, config, err);
    simclr_dataset_close(dataset);
    simclr_config_free(config);
    if (rc == 0)
        printf("%s: each image, then its two views\n", output);
    return rc;
}

const cli_command cmd_views = {
    .name = "views",
    .usage = "[DATA] [-o views.png] [key=value ...]",
    .summary = "Contact sheet of augmented pairs, as PNG",
    .text = "Shows what training would see: every row is an image and its two views, drawn\n"
            "with the same random numbers as the first epoch of a training run. Without\n"
            "DATA the images are those of data.dataset, and shapes where that is not set.",
    .options = options,
    .examples = examples,
    .words_min = 0,
    .words_max = 1,
    .keys = true,
    .run = views,
};
