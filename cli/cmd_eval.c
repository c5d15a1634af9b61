/* SPDX-License-Identifier: MIT
 *
 * cmd_eval.c - simclr eval: how good are the features of a run?
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"protocol", 0, "knn|linear", "k nearest neighbours (default), or a linear classifier"},
    {"labels", 0, "0.01|0.1|1", "linear: share of the training labels used, per class"},
    {"baselines", 0, NULL, "also k-NN of raw pixels and of the untrained encoder"},
    {"json", 0, NULL, "print one JSON object"},
    {0},
};

static const char *const examples[] = {
    "simclr eval runs/a --baselines",
    "k-NN on the run's own data",
    "simclr eval runs/a --protocol linear --json",
    "linear probe, for a script",
    "simclr eval runs/a photos/",
    "on other labelled images",
    NULL,
};

static void print_json(const simclr_eval_result *r)
{
    printf("{\"protocol\": \"%s\", \"top1\": %.4f", r->protocol, r->top1);
    if (r->k > 0)
        printf(", \"k\": %d, \"top1_k200_t01\": %.4f", r->k, r->top1_weighted);
    else
        printf(", \"validation_top1\": %.4f, \"l2\": %g", r->validation_top1, r->l2);
    if (r->raw_pixels_top1 >= 0)
        printf(", \"raw_pixels_top1\": %.4f", r->raw_pixels_top1);
    if (r->untrained_top1 >= 0)
        printf(", \"untrained_top1\": %.4f", r->untrained_top1);
    printf(", \"n_train\": %zu, \"n_test\": %zu, \"checkpoint\": %llu, \"seconds\": %.2f}\n",
           r->n_train, r->n_test, (unsigned long long)r->checkpoint, r->seconds);
}

static void print_text(const simclr_eval_result *r)
{
    if (r->k > 0)
        printf("k-NN top-1     %.2f %% (k=%d, cosine), %.2f %% (k=%zu, T=0.1)\n", r->top1, r->k,
               r->top1_weighted, r->n_train < 200 ? r->n_train : (size_t)200);
    else
        printf("linear top-1   %.2f %% (L2 %g, chosen at %.2f %% on the held-out part)\n", r->top1,
               r->l2, r->validation_top1);
    if (r->raw_pixels_top1 >= 0)
        printf("raw pixels     %.2f %%\n", r->raw_pixels_top1);
    if (r->untrained_top1 >= 0)
        printf("untrained      %.2f %%\n", r->untrained_top1);
    printf("images         %zu train, %zu test; checkpoint of step %llu; %.1f s\n", r->n_train,
           r->n_test, (unsigned long long)r->checkpoint, r->seconds);
}

static int eval(const cli_args *args, simclr_error *err)
{
    const char *protocol = cli_value(args, "protocol"), *labels = cli_value(args, "labels");
    simclr_eval_options o = {.protocol = protocol == NULL ? "knn" : protocol,
                             .labels = labels == NULL ? 1 : strtod(labels, NULL),
                             .baselines = cli_flag(args, "baselines")};
    if (!(o.labels > 0 && o.labels <= 1)) {
        snprintf(err->text, sizeof err->text, "--labels %s: expected a share above 0, up to 1",
                 labels);
        return err->code = SIMCLR_E_USAGE;
    }
    simclr_eval_result result;
    simclr_observer observer = cli_observer(args);
    cli_catch_signals();
    int rc = simclr_eval(&result, args->word[0], args->words > 1 ? args->word[1] : NULL, &o,
                         &observer, err);
    cli_clear_line();
    if (rc < 0)
        return rc;
    if (cli_flag(args, "json"))
        print_json(&result);
    else
        print_text(&result);
    return 0;
}

const cli_command cmd_eval = {
    .name = "eval",
    .usage = "RUN [DATA] [--protocol knn|linear] [--baselines] [--json]",
    .summary = "Measure an encoder honestly: k-NN or a linear probe",
    .text = "The encoder is frozen, and its bytes are hashed before and after. Choices (the\n"
            "strength of the penalty) are made on a held-out part of the training split;\n"
            "the test split is read once. Without a test split every tenth labelled image\n"
            "is held out.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = 2,
    .run = eval,
};
