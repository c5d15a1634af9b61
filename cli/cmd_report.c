/* SPDX-License-Identifier: MIT
 *
 * cmd_report.c - simclr report: a run as one page to look at.
 */
#include "cmd.h"

#include <stdio.h>

static const cli_option options[] = {
    {"output", 'o', "FILE", "where to write; default RUN/report.html"},
    {"split", 0, "NAME", "shown: test where there is one, else train; or unlabeled, all"},
    {"images", 0, "N", "shown at most, evenly spread over the set; default 1000, at most 5000"},
    {0},
};

static const char *const examples[] = {
    "simclr report runs/a",
    "writes runs/a/report.html; open it in any browser",
    "simclr report runs/a photos/ -o photos.html --images 3000",
    "other images, seen through the same encoder",
    NULL,
};

static int report(const cli_args *args, simclr_error *err)
{
    char usual[4096];
    const char *run = args->word[0], *output = cli_value(args, "output");
    const char *spec = args->words > 1 ? args->word[1] : NULL;
    long long images = 0;
    simclr_observer observer = cli_observer(args);
    cli_catch_signals();
    cli_outlive_reader();
    snprintf(usual, sizeof usual, "%s/report.html", run);
    int rc = cli_integer(&images, args, "images", 1000, 2, 5000, err);
    if (rc < 0)
        return rc;
    if (output == NULL)
        output = usual;
    rc = simclr_report(output, run, spec, cli_value(args, "split"), (size_t)images, &observer, err);
    cli_clear_line();
    if (rc == 0)
        printf("%s: open it in a browser\n", output);
    return rc;
}

const cli_command cmd_report = {
    .name = "report",
    .usage = "RUN [DATA] [-o report.html] [--split NAME] [--images N]",
    .summary = "A run as one page: map, neighbours, curves, settings",
    .text = "Writes one file of HTML that holds all it needs and loads nothing: a map of the\n"
            "latent space with pictures to zoom into, the nearest neighbours of each image,\n"
            "how well they keep to classes (where there are labels), the most alike and the\n"
            "most unusual images, curves of the training, its views, images that were left\n"
            "out, and every setting. A run may be reported on while it trains.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = 2,
    .run = report,
};
