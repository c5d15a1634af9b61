/* SPDX-License-Identifier: MIT
 *
 * cmd_bench.c - simclr bench: how long a training step, views or a k-NN take on this machine.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MOST = 1000, IMAGES_MOST = 1 << 24 };

static const cli_option options[] = {
    {"repeat", 'n', "N", "times measured; default 7"},
    {"images", 0, "N", "of views: how many images; default 256"},
    {"json", 0, NULL, "print one JSON object with every time"},
    {0},
};

static const char *const examples[] = {
    "simclr bench step",
    "a SimCLR step of CIFAR ResNet-18 at the configured batch",
    "simclr bench step arch=resnet50 batch=64",
    "with other settings",
    "simclr bench profile precision=bf16",
    "where the time of a step goes, kernel by kernel",
    "simclr bench views data.dataset=photos/ image_size=224 data.memory_limit=1",
    "two views of JPEG files, decoding included",
    "simclr bench knn --json",
    "50,000 x 10,000 x 512, for a script",
    NULL,
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void cli_json_note(const char *note)
{
    printf(", \"note\": ");
    if (note[0] != '\0')
        cli_json_string(note);
    else
        printf("null");
}

static void print_times(const char *what, double *ms, const char *note, size_t n, bool json)
{
    if (json) {
        printf("{\"what\": \"%s\", \"ms_list\": [", what);
        for (size_t i = 0; i < n; i++)
            printf("%s%.3f", i ? ", " : "", ms[i]);
        printf("], \"peak_rss_mb\": %.1f", simclr_peak_memory());
        cli_json_note(note);
        printf("}\n");
        return;
    }
    qsort(ms, n, sizeof *ms, ascending);
    printf("%s: median %.1f ms, %.1f to %.1f (n=%zu), %.0f MiB at most\n", what, ms[n / 2], ms[0],
           ms[n - 1], n, simclr_peak_memory());
    if (note[0] != '\0')
        printf("%s\n", note);
}

static int bench(const cli_args *args, simclr_error *err)
{
    static const size_t knn_shape[3] = {50000, 10000, 512};
    const char *what = args->words > 0 ? args->word[0] : "step";
    double ms[REPEAT_MOST];
    char note[SIMCLR_BENCH_NOTE] = "";
    long long repeat, images;
    simclr_config *config;
    bool json = cli_flag(args, "json"), profile = strcmp(what, "profile") == 0;
    int rc = cli_integer(&repeat, args, "repeat", 7, 1, REPEAT_MOST, err);
    if (rc == 0)
        rc = cli_integer(&images, args, "images", 256, 1, IMAGES_MOST, err);
    if (rc < 0)
        return rc;
    rc = cli_config(&config, args, err);
    if (rc == 0 && strcmp(what, "step") == 0)
        rc = simclr_bench_step(ms, note, (size_t)repeat, config, err);
    else if (rc == 0 && strcmp(what, "views") == 0)
        rc = simclr_bench_views(ms, (size_t)repeat, (size_t)images, config, err);
    else if (rc == 0 && strcmp(what, "knn") == 0)
        rc = simclr_bench_knn(ms, (size_t)repeat, knn_shape, config, err);
    else if (rc == 0 && profile)
        rc = cli_bench_profile(config, (size_t)repeat, json, err);
    else if (rc == 0) {
        snprintf(err->text, sizeof err->text, "bench %s: expected step, profile, views or knn",
                 what);
        rc = err->code = SIMCLR_E_USAGE;
    }
    simclr_config_free(config);
    if (rc == 0 && !profile)
        print_times(what, ms, note, (size_t)repeat, json);
    return rc;
}

const cli_command cmd_bench = {
    .name = "bench",
    .usage = "[step|profile|views|knn] [--repeat N] [--json] [key=value ...]",
    .summary = "How long a training step, views or a k-NN take on this machine",
    .text = "step: forward, NT-Xent, backward and update of the configured network on\n"
            "generated images, in whole batches where data.drop_last is not set. views: two\n"
            "views of each image of data.dataset, from memory or, with a small\n"
            "data.memory_limit, from the files. knn: 10,000 queries in a bank of 50,000.\n"
            "bench/run compares with PyTorch and others.\n\n"
            "profile: where a step's time goes: a row for each kernel, and for each shape\n"
            "of a convolution, with calls and milliseconds a step and its share; for\n"
            "products GFLOP/s and how much that is of the peak that multiply-adds in\n"
            "registers reach here; for passes over memory GB/s and how much that is of a\n"
            "copy's. The last line names the row that is furthest above its limit. GFLOP/s\n"
            "are nominal, so that Winograd's convolutions may pass 100 % of the peak\n"
            "(F(4x4) needs a quarter of the multiplications), and a pass over maps that\n"
            "stay in a cache may pass 100 % of a copy.\n\n"
            "On a GPU (device=cuda) the profile waits for each kernel, so that its sum is\n"
            "larger than a step in training, which is measured beside it; the peaks are\n"
            "those of the largest products there, the copy one within the GPU's memory.",
    .options = options,
    .examples = examples,
    .words_min = 0,
    .words_max = 1,
    .keys = true,
    .run = bench,
};
