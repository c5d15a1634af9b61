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

static int views(const cli_args *args, simclr_error *err)
{
    const char *output = cli_value(args, "output");
    const char *spec = args->words > 0 ? args->word[0] : "shapes";
    simclr_config *config = NULL;
    simclr_dataset *dataset = NULL;
    long long rows = 0;
    if (output == NULL)
        output = "views.png";
    int rc = cli_integer(&rows, args, "rows", 8, 1, 1000, err);
    if (rc == 0)
        rc = cli_config(&config, args, err);
    if (rc == 0)
        rc = simclr_dataset_open(&dataset, spec, "train", config, err);
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
            "with the same random numbers as the first epoch of a training run.",
    .options = options,
    .examples = examples,
    .words_min = 0,
    .words_max = 1,
    .keys = true,
    .run = views,
};
