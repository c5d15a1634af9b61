/* SPDX-License-Identifier: MIT
 *
 * cmd_embed.c - simclr embed: features of every image, as .npy, and a map of them.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    {"output", 'o', "FILE", "where to write; default features.npy"},
    {"split", 0, "NAME", "train (default), test, unlabeled or all"},
    {"plot", 0, "FILE.png", "also draw these features, a colour per class"},
    {"method", 0, "tsne|pca", "of the plot; default tsne"},
    {"json", 0, NULL, "print one JSON object"},
    {0},
};

static const char *const examples[] = {
    "simclr embed runs/a photos/ -o features.npy",
    "features.npy and files.tsv",
    "simclr embed runs/a --split test -o test.npy --plot latent.png",
    "test.npy, test.files.tsv and a map of the latent space",
    NULL,
};

static int embed(const cli_args *args, simclr_error *err)
{
    const char *output = cli_value(args, "output"), *split = cli_value(args, "split");
    const char *plot = cli_value(args, "plot"), *method = cli_value(args, "method");
    const char *spec = args->words > 1 ? args->word[1] : NULL;
    size_t count;
    simclr_observer observer = cli_observer(args);
    cli_catch_signals();
    cli_outlive_reader();
    if (output == NULL)
        output = "features.npy";
    if (split == NULL)
        split = "train";
    int rc = simclr_embed(&count, output, args->word[0], spec, split, &observer, err);
    if (rc == 0 && plot != NULL)
        rc = simclr_plot(plot, args->word[0], spec, split, method == NULL ? "tsne" : method,
                         &observer, err);
    cli_clear_line();
    if (rc < 0)
        return rc;
    if (cli_flag(args, "json")) {
        printf("{\"features\": ");
        cli_json_string(output);
        printf(", \"count\": %zu}\n", count);
    } else {
        printf("%s: features of %zu images\n", output, count);
    }
    return 0;
}

const cli_command cmd_embed = {
    .name = "embed",
    .usage = "RUN [DATA] [-o features.npy] [--split NAME] [--plot FILE.png]",
    .summary = "Features h of every image, for NumPy, FAISS or scikit-learn",
    .text = "Writes one float32 row per image, from the evaluation transform, and beside it a\n"
            "table of the rows (row, path, label, split): files.tsv for features.npy,\n"
            "train.files.tsv for train.npy. Images that cannot be read have no row.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = 2,
    .run = embed,
};
