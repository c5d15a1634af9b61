/* SPDX-License-Identifier: MIT
 *
 * cmd_data.c - simclr data: what a data set holds, and which images are bad.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    {"split", 0, "NAME", "train (default), test, unlabeled or all"},
    {0},
};

static const char *const examples[] = {
    "simclr data info photos/",
    "how many images, of which classes",
    "simclr data verify photos/ data.max_bad=1",
    "list every image that cannot be used",
    NULL,
};

/* A name or reason as the data set has it, control bytes made visible; `width` as in %-24s. */
static void print_name(const char *name, int width)
{
    char shown[4 * 4096 + 1]; /* any path; of longer labels the beginning */
    simclr_printable(shown, sizeof shown, name);
    printf("%-*s", width, shown);
}

static void print_classes(const simclr_dataset *dataset, const simclr_dataset_info *info)
{
    for (int c = 0; c < info->classes; c++) {
        size_t count = 0;
        for (size_t i = 0; i < info->count; i++)
            count += simclr_dataset_label(dataset, i) == c;
        printf("  ");
        print_name(simclr_dataset_class_name(dataset, c), 24);
        printf(" %zu\n", count);
    }
}

static int data(const cli_args *args, simclr_error *err)
{
    bool verify = strcmp(args->word[0], "verify") == 0;
    const char *split = cli_value(args, "split");
    simclr_config *config = NULL;
    simclr_dataset *dataset = NULL;
    simclr_dataset_info info;
    if (!verify && strcmp(args->word[0], "info") != 0) {
        snprintf(err->text, sizeof err->text, "data %s: expected info or verify", args->word[0]);
        return err->code = SIMCLR_E_USAGE;
    }
    int rc = cli_config(&config, args, err);
    if (rc == 0)
        rc = simclr_dataset_open(&dataset, args->word[1], split == NULL ? "train" : split, config,
                                 err);
    size_t readable = 0;
    if (rc == 0 && verify)
        rc = simclr_dataset_verify(&readable, dataset, err);
    if (rc == 0)
        rc = simclr_dataset_describe(&info, dataset, err);
    if (rc == 0) {
        printf("%s: %s, %zu images up to %zux%zu, %d classes, %zu skipped, sha256 %.16s...\n",
               args->word[1], info.kind, verify ? readable : info.count, info.width, info.height,
               info.classes, info.skipped, info.digest);
        for (size_t j = 0; verify && j < info.skipped; j++) {
            const char *name, *reason;
            simclr_dataset_skipped(&name, &reason, dataset, j);
            print_name(name, 0);
            printf("\t");
            print_name(reason, 0);
            printf("\n");
        }
        if (!verify)
            print_classes(dataset, &info);
    }
    simclr_dataset_close(dataset);
    simclr_config_free(config);
    return rc;
}

const cli_command cmd_data = {
    .name = "data",
    .usage = "info|verify DATA [--split NAME]",
    .summary = "What a data set holds; which images are bad",
    .text = "info counts images and classes; verify reads every image and lists those that\n"
            "cannot be used, with the reason. Raise data.max_bad to see them all.",
    .options = options,
    .examples = examples,
    .words_min = 2,
    .words_max = 2,
    .keys = true,
    .run = data,
};
