/* SPDX-License-Identifier: MIT
 *
 * cmd_train.c - simclr train: pre-train an encoder, or go on with an unfinished run.
 */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const cli_option options[] = {
    {"output", 'o', "DIR", "the run's directory; default runs/DATE-N"},
    {"json", 0, NULL, "print the result as one JSON object"},
    {0},
};

static const char *const examples[] = {
    "simclr train",
    "shapes, a data set the program draws itself",
    "simclr train cifar10:DIR --preset cifar10-cpu -o runs/a",
    "CIFAR-10 on two cores",
    "simclr train photos/ --preset photos epochs=50",
    "a folder of your own, labelled or not",
    "simclr train -c base_simclr.yaml cifar10:DIR",
    "the tutorial's configuration file",
    NULL,
};

/* The first of runs/2026-11-23-1, -2 ... that is free, made, so that it is nobody else's; and whether
 * runs/ is new. */
static int choose_run(char *run, size_t size, bool *first, simclr_error *err)
{
    char date[16];
    time_t now = time(NULL);
    struct tm local;
    strftime(date, sizeof date, "%Y-%m-%d", localtime_r(&now, &local));
    *first = mkdir("runs", 0777) == 0;
    bool there = *first || errno == EEXIST;
    for (int n = 1; there && n < 10000; n++) {
        snprintf(run, size, "runs/%s-%d", date, n);
        if (mkdir(run, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    snprintf(err->text, sizeof err->text, "%s: the directory cannot be made: %s; give one with -o",
             there ? run : "runs", strerror(errno));
    return err->code = SIMCLR_E_IO;
}

/* Only with its directory does the same command mean the same run. */
static void say_chosen(const simclr_observer *observer, const char *run)
{
    char text[256];
    snprintf(text, sizeof text, "run       %s; the same command with -o %s goes on with it", run,
             run);
    observer->message(observer->context, SIMCLR_NOTE, text);
}

/* Appends to the text of an interrupted run what continues it. */
static void say_how_to_go_on(simclr_error *err, const char *chosen)
{
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, "; the same command%s%s goes on",
             *chosen != '\0' ? " with -o " : "", chosen);
}

static void print_result(const simclr_train_status *s, const char *run, bool json)
{
    if (json) {
        printf("{\"run\": ");
        cli_json_string(run);
        printf(", \"step\": %llu, \"epoch\": %.4f, \"loss\": %.6f, \"images_per_s\": %.1f",
               (unsigned long long)s->step, s->epoch, s->loss, s->images_per_s);
        if (s->knn_top1 >= 0)
            printf(", \"knn_top1\": %.4f", s->knn_top1);
        if (s->raw_pixels_top1 >= 0)
            printf(", \"raw_pixels_top1\": %.4f", s->raw_pixels_top1);
        if (s->untrained_top1 >= 0)
            printf(", \"untrained_top1\": %.4f", s->untrained_top1);
        printf("}\n");
        return;
    }
    printf("%s: %llu steps, %.4g epochs, loss %.4f\n", run, (unsigned long long)s->step, s->epoch,
           s->loss);
    if (s->knn_top1 >= 0 && s->raw_pixels_top1 >= 0)
        printf("k-NN top-1: raw pixels %.2f %%, untrained encoder %.2f %%, trained %.2f %%\n",
               s->raw_pixels_top1, s->untrained_top1, s->knn_top1);
    else if (s->knn_top1 >= 0 && s->untrained_top1 >= 0)
        printf("k-NN top-1: untrained encoder %.2f %%, trained %.2f %%\n", s->untrained_top1,
               s->knn_top1);
    else if (s->knn_top1 >= 0)
        printf("k-NN top-1: %.2f %%\n", s->knn_top1);
    printf("look at:    %s/latent.png, %s/views.png, %s/curves.png; simclr report %s: all on one "
           "page\n"
           "TensorBoard: tensorboard --logdir %s\n"
           "PyTorch:    %s/model.safetensors\n",
           run, run, run, run, run, run);
}

/* Trains in `run`, or in a directory that is made for it. */
static int train_in(simclr_train_status *status, const char *run, const simclr_config *config,
                    const cli_args *args, simclr_error *err)
{
    char chosen[64] = "";
    bool first = false;
    simclr_observer observer = cli_observer(args);
    int rc = run != NULL ? 0 : choose_run(chosen, sizeof chosen, &first, err);
    if (rc < 0)
        return rc;
    if (run == NULL)
        say_chosen(&observer, chosen);
    rc = simclr_train(status, config, run != NULL ? run : chosen, &observer, err);
    cli_clear_line();
    if (rc == SIMCLR_E_INTERRUPTED)
        say_how_to_go_on(err, chosen);
    if (rc < 0 && run == NULL && rmdir(chosen) == 0 && first) /* where nothing was written */
        rmdir("runs");
    if (rc == 0)
        print_result(status, run != NULL ? run : chosen, cli_flag(args, "json"));
    return rc;
}

/* The first of several processes has the run and speaks; any name will do for the others. */
static int train_with_others(simclr_train_status *status, const simclr_config *config,
                             const cli_args *args, simclr_error *err)
{
    simclr_observer observer = cli_observer(args);
    return simclr_train(status, config, "runs", &observer, err);
}

static int train(const cli_args *args, simclr_error *err)
{
    int rank = 0, count = 1;
    simclr_config *config;
    simclr_train_status status = {.knn_top1 = -1};
    const char *run = cli_value(args, "output");
    int rc = cli_config(&config, args, err);
    if (rc == 0 && args->words > 0)
        rc = simclr_config_set(config, "data.dataset", args->word[0], SIMCLR_FROM_CLI, "DATA", err);
    if (rc == 0)
        rc = simclr_processes(&rank, &count, err);
    if (rc == 0) {
        cli_catch_signals();
        cli_outlive_reader();
        rc = rank == 0 ? train_in(&status, run, config, args, err)
                       : train_with_others(&status, config, args, err);
    }
    simclr_config_free(config);
    return rc;
}

const cli_command cmd_train = {
    .name = "train",
    .usage = "[DATA] [-c FILE] [--preset NAME] [-o RUN] [key=value ...]",
    .summary = "Pre-train an encoder; with the -o of an unfinished run, resume it",
    .text = "DATA is cifar10:DIR, cifar100:DIR, stl10:DIR, folder:DIR, list:FILE, a plain\n"
            "path (recognised by its content), or nothing: then `shapes`, which the\n"
            "program draws itself. Images need no labels; where there are some, k-NN\n"
            "accuracy is measured while training.\n"
            "\n"
            "The run directory receives checkpoints, metrics.jsonl, TensorBoard events,\n"
            "pictures, and model.safetensors under torchvision's names. Ctrl-C, SIGTERM or\n"
            "the end of the terminal save the state and exit with 75; the same command, with\n"
            "-o and the run's directory, goes on to the same bits as an uninterrupted run.\n"
            "Several processes train one model: mpirun -n 4 simclr train ..., or srun, each with\n"
            "its share of every batch, on one machine or many (docs/ranks.md).\n"
            "A closed pipe, as of `2>&1 | head`, does not stop it; exit code 4 then says that the\n"
            "result could not be printed.",
    .options = options,
    .examples = examples,
    .words_min = 0,
    .words_max = 1,
    .keys = true,
    .run = train,
};
