/* SPDX-License-Identifier: MIT
 *
 * cmd_eval.c - simclr eval: how good are the features of a run?
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"protocol", 0, "knn|linear|finetune",
     "k nearest neighbours (default), a linear classifier, or fine-tuning of the whole encoder"},
    {"labels", 0, "SHARE", "of the training labels used, per class: 1% or 0.01, 10%, 1"},
    {"baselines", 0, NULL,
     "also k-NN of raw pixels and of the untrained encoder, or that one fine-tuned"},
    {"save", 0, "FILE", "finetune: encoder and classifier, as torchvision's resnet18 takes them"},
    {"json", 0, NULL, "print one JSON object"},
    {0},
};

static const char *const keys[] = {
    "eval.knn_k",        "eval.knn_temperature",
    "eval.batch",        "eval.max_train",
    "eval.max_test",     "train.device",
    "train.threads",     "train.precision",
    "finetune.lr",       "finetune.epochs",
    "finetune.batch",    "finetune.weight_decay",
    "finetune.held_out", NULL,
};

static const char *const examples[] = {
    "simclr eval runs/a --baselines",
    "k-NN on the run's own data",
    "simclr eval runs/a --protocol linear --json",
    "linear probe, for a script",
    "simclr eval runs/a --protocol linear --labels 1%",
    "the same of few labels",
    "simclr eval runs/a --protocol finetune --labels 10% --save fine.safetensors",
    "fine-tune the encoder, and keep the classifier",
    "simclr eval runs/a eval.knn_k=20",
    "another k than the run's",
    "simclr eval runs/a photos/",
    "on other labelled images",
    NULL,
};

/* A member that follows others; null when there is no such number. */
static void json_number(const char *name, double value, bool known)
{
    if (known)
        printf(", \"%s\": %.4f", name, value);
    else
        printf(", \"%s\": null", name);
}

static void print_json(const simclr_eval_result *r)
{
    printf("{\"protocol\": \"%s\", \"top1\": %.4f", r->protocol, r->top1);
    if (r->k > 0) {
        printf(", \"k\": %d, \"temperature\": %g", r->k, r->temperature);
        json_number("top1_k200_t01", r->top1_weighted, r->k_weighted == 200);
    } else {
        json_number("top5", r->top5, r->top5 >= 0);
        json_number("validation_top1", r->validation_top1, r->validation_top1 >= 0);
        printf(", \"n_val\": %zu", r->n_validation);
        if (r->epochs > 0)
            printf(", \"lr\": %g, \"epochs\": %d, \"batch\": %d", r->lr, r->epochs, r->batch);
        else
            printf(", \"folds\": %d, \"l2\": %g", r->folds, r->l2);
    }
    if (r->raw_pixels_top1 >= 0)
        printf(", \"raw_pixels_top1\": %.4f", r->raw_pixels_top1);
    if (r->untrained_top1 >= 0)
        printf(", \"untrained_top1\": %.4f", r->untrained_top1);
    printf(", \"labels\": %g, \"n_train\": %zu, \"n_test\": %zu, \"checkpoint\": %llu, "
           "\"seconds\": %.2f}\n",
           r->labels, r->n_train, r->n_test, (unsigned long long)r->checkpoint, r->seconds);
}

static void print_knn(const simclr_eval_result *r)
{
    printf("k-NN top-1     %.2f %% (k=%d, ", r->top1, r->k);
    if (r->temperature > 0)
        printf("T=%g", r->temperature);
    else
        printf("cosine");
    printf("), %.2f %% (k=%d, T=0.1)\n", r->top1_weighted, r->k_weighted);
}

static void print_linear(const simclr_eval_result *r)
{
    printf("linear top-1   %.2f %% (L2 %g, chosen at %.2f %% ", r->top1, r->l2, r->validation_top1);
    if (r->folds > 1)
        printf("by %d-fold cross-validation)\n", r->folds);
    else
        printf("on %zu held-out images)\n", r->n_validation);
    if (r->top5 >= 0)
        printf("linear top-5   %.2f %%\n", r->top5);
}

static void print_finetune(const simclr_eval_result *r)
{
    printf("finetune top-1 %.2f %% (lr %g, %d epochs", r->top1, r->lr, r->epochs);
    if (r->n_validation > 0)
        printf("; %.2f %% of %zu held-out images", r->validation_top1, r->n_validation);
    printf(")\n");
    if (r->top5 >= 0)
        printf("finetune top-5 %.2f %%\n", r->top5);
}

static void print_text(const simclr_eval_result *r)
{
    char share[40] = "";
    if (r->k > 0)
        print_knn(r);
    else if (r->epochs > 0)
        print_finetune(r);
    else
        print_linear(r);
    if (r->raw_pixels_top1 >= 0)
        printf("raw pixels     %.2f %%\n", r->raw_pixels_top1);
    if (r->untrained_top1 >= 0)
        printf("untrained      %.2f %%\n", r->untrained_top1);
    if (r->labels < 1)
        snprintf(share, sizeof share, " (%g %% of the labels)", 100 * r->labels);
    printf("images         %zu train%s, %zu test; checkpoint of step %llu; %.1f s\n", r->n_train,
           share, r->n_test, (unsigned long long)r->checkpoint, r->seconds);
}

/* The share that --labels says, as a number or in per cent. */
static int read_labels(double *out, const char *text, simclr_error *err)
{
    char *end;
    *out = 1;
    if (text == NULL)
        return 0;
    *out = strtod(text, &end);
    bool number = end != text && strspn(text, "0123456789.e-") == (size_t)(end - text);
    if (*end == '%') {
        *out /= 100;
        end++;
    }
    if (number && *end == '\0' && *out > 0 && *out <= 1)
        return 0;
    snprintf(err->text, sizeof err->text,
             "--labels '%.60s': expected a share above 0, up to 1, such as 0.01 or 1%%", text);
    return err->code = SIMCLR_E_USAGE;
}

static int eval(const cli_args *args, simclr_error *err)
{
    const char *protocol = cli_value(args, "protocol");
    simclr_eval_options o = {.protocol = protocol == NULL ? "knn" : protocol,
                             .baselines = cli_flag(args, "baselines"),
                             .save = cli_value(args, "save")};
    simclr_config *settings = NULL;
    simclr_eval_result result;
    simclr_observer observer = cli_observer(args);
    int rc = read_labels(&o.labels, cli_value(args, "labels"), err);
    if (rc == 0)
        rc = cli_config(&settings, args, err);
    if (rc < 0)
        return rc;
    o.settings = settings;
    cli_catch_signals();
    rc = simclr_eval(&result, args->word[0], args->words > 1 ? args->word[1] : NULL, &o, &observer,
                     err);
    cli_clear_line();
    simclr_config_free(settings);
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
    .usage =
        "RUN [DATA] [--protocol knn|linear|finetune] [--labels SHARE] [--baselines] [--save FILE] "
        "[--json] [key=value ...]",
    .summary = "Measure an encoder honestly: k-NN, a linear probe, or fine-tuned",
    .text = "The encoder is frozen, and its bytes are hashed before and after. Choices (the\n"
            "strength of the penalty) are made on a held-out tenth of the training images,\n"
            "of fewer than 10,000 by 5-fold cross-validation; the test split is read once.\n"
            "Without a test split every tenth labelled image is held out.\n\n"
            "finetune trains a copy of the encoder with a linear classifier on it, by SGD\n"
            "with random crops and flips, on the processor. The run is left as it is; --save\n"
            "keeps the copy. A tenth of the labelled images (finetune.held_out) is not learnt\n"
            "from: it says how well the fit does while it lasts, and which of several\n"
            "finetune.lr is best. That fit is the one that the test images are shown to.\n\n"
            "Keys are the run's own but for eval.knn_k, eval.knn_temperature, eval.batch,\n"
            "train.device, train.precision and finetune.*, which may be given here, and\n"
            "eval.max_train, eval.max_test and train.threads, which are all images and all\n"
            "processors unless they are given here.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = 2,
    .keys = true,
    .only = keys,
    .run = eval,
};
