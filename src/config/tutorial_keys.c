/* SPDX-License-Identifier: MIT
 *
 * tutorial_keys.c - the table of the tutorial's keys, and what some need besides a name.
 */
#include "config/tutorial.h"

#include <stdio.h>
#include <string.h>

static void on_device(sc_tutorial *t, const sc_literal *lit)
{
    if (strncmp(lit->text, "cuda", 4) == 0) {
        sc_load_set(t->load, "train.device", "auto", lit->where);
        sc_note(t, "general.device", "cuda becomes auto: what this machine has");
    } else {
        sc_load_set(t->load, "train.device", lit->text, lit->where);
    }
}

static void on_directory(sc_tutorial *t, const sc_literal *lit)
{
    sc_note_unused(t, lit, "everything of a run is in one directory, -o");
}

static void on_never_read(sc_tutorial *t, const sc_literal *lit)
{
    sc_note_unused(t, lit, "the tutorial never reads it");
}

static void on_load_epoch(sc_tutorial *t, const sc_literal *lit)
{
    if (strcmp(lit->text, "0") != 0) {
        sc_note_unused(t, lit, "the same command with the same -o resumes an unfinished run");
    }
}

static void on_dataset(sc_tutorial *t, const sc_literal *lit)
{
    static const char *const NAMES[][2] = {{"CIFAR10", "cifar10"},
                                           {"CIFAR100", "cifar100"},
                                           {"STL10", "stl10"},
                                           {"ImageFolder", "folder"}};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            snprintf(t->dataset, sizeof(t->dataset), "%s", NAMES[i][1]);
            return;
        }
    }
    sc_bad_value(t, lit, "is not offered; use CIFAR10, CIFAR100, STL10 or ImageFolder");
}

static void on_root(sc_tutorial *t, const sc_literal *lit)
{
    if (strlen(lit->text) > SC_CONFIG_STRING - 16) {
        sc_bad_value(t, lit, "is too long");
        return;
    }
    snprintf(t->root, sizeof(t->root), "%.*s", SC_CONFIG_STRING - 16, lit->text);
    bool changed = false;
    for (char *p = t->root; *p != '\0'; p++) {
        changed = changed || *p == '\\';
        *p = *p == '\\' ? '/' : *p;
    }
    if (changed) {
        sc_note(t, "repaired", "data.rootPath: backslashes become slashes");
    }
}

static void on_size(sc_tutorial *t, const sc_literal *lit)
{
    int h = 0, w = 0;
    char end = '\0';
    if (sscanf(lit->text, " %*1[[(]%d , %d%c", &h, &w, &end) != 3) {
        sc_bad_value(t, lit, "is not a pair [height, width]");
    } else if (h != w) {
        sc_bad_value(t, lit, "is not square; this program takes squares");
    } else {
        char side[16];
        snprintf(side, sizeof(side), "%d", h);
        sc_load_set(t->load, "data.image_size", side, lit->where);
    }
}

static void on_latent(sc_tutorial *t, const sc_literal *lit)
{
    if (lit->kind == LIT_NONE || strcmp(lit->text, "0") == 0) {
        sc_load_set(t->load, "model.out_channels", "0", lit->where);
        sc_note(t, "repaired", "latentChNo None or 0 crashed; now it leaves the last layer out");
    } else {
        sc_load_set(t->load, "model.out_channels", lit->text, lit->where);
    }
}

static void on_norm(sc_tutorial *t, const sc_literal *lit)
{
    bool none = lit->kind == LIT_NONE || strcmp(lit->text, "Identity") == 0;
    sc_load_set(t->load, "model.norm", none ? "none" : lit->text, lit->where);
    if (strncmp(lit->text, "GroupNorm", 9) == 0) {
        sc_note(t, "repaired",
                "norm: GroupNorm gets its groups, which the tutorial took for channels");
    }
}

static void on_affine(sc_tutorial *t, const sc_literal *lit)
{
    t->affine = true;
    sc_load_set(t->load, "model.norm_affine", lit->text, lit->where);
}

static void on_activ(sc_tutorial *t, const sc_literal *lit)
{
    const char *name = lit->kind == LIT_NONE ? "identity" : lit->text;
    sc_load_set(t->load, "model.activation", name, lit->where);
    if (t->load->found.code == SIMCLR_OK) { /* not the same error twice */
        sc_load_set(t->load, "projector.activation", name, lit->where);
    }
}

static void on_activ_alpha(sc_tutorial *t, const sc_literal *lit)
{
    sc_load_set(t->load, "model.activation_alpha", lit->text, lit->where);
    sc_load_set(t->load, "projector.activation_alpha", lit->text, lit->where);
}

static void on_last_activ(sc_tutorial *t, const sc_literal *lit)
{
    if (lit->kind == LIT_NONE) {
        return;
    }
    if (t->load->as_shipped) {
        sc_note(t, "kept as shipped", "lastActiv is ignored");
    } else {
        sc_load_set(t->load, "projector.last_activation", lit->text, lit->where);
        sc_note(t, "repaired", "lastActiv was ignored; now it follows the last layer of the head");
    }
}

static void on_drop_rate(sc_tutorial *t, const sc_literal *lit)
{
    if (lit->kind == LIT_NONE) {
        return;
    }
    t->drops = true;
    sc_load_set(t->load, "projector.drop_rate", lit->text, lit->where);
}

static void on_arch(sc_tutorial *t, const sc_literal *lit)
{
    if (strcmp(lit->text, "18") == 0) {
        sc_load_set(t->load, "model.arch", "resnet18", lit->where);
    } else if (strcmp(lit->text, "34") == 0) {
        sc_load_set(t->load, "model.arch", "resnet34", lit->where);
        sc_note(t, "repaired",
                "ResNet-34 has [3, 4, 6, 3] blocks; the tutorial built [3, 4, 6, 2]");
    } else {
        sc_bad_value(t, lit, "is neither '18' nor '34'");
    }
}

static void on_decay(sc_tutorial *t, const sc_literal *lit)
{
    double value = 0;
    sc_load_set(t->load, "optim.weight_decay", lit->text, lit->where);
    t->decays = sc_text_to_double(&value, lit->text) && value > 0;
}

static void on_must_be_off(sc_tutorial *t, const sc_literal *lit)
{
    if (lit->kind != LIT_NONE && strcmp(lit->text, "false") != 0 && strcmp(lit->text, "0") != 0) {
        sc_bad_value(t, lit, "is not offered");
    }
}

static void on_harmless(sc_tutorial *t, const sc_literal *lit)
{
    (void)t;
    (void)lit;
}

static void on_package(sc_tutorial *t, const sc_literal *lit)
{
    if (strcmp(lit->text, "torch.optim.lr_scheduler") != 0) {
        sc_bad_value(t, lit, "is not offered; the schedules of torch.optim.lr_scheduler are");
    }
}

static void on_scheduler(sc_tutorial *t, const sc_literal *lit)
{
    enum { EXPONENTIAL = 1 };
    static const char *const NAMES[][2] = {{"StepLR", "step"},
                                           [EXPONENTIAL] = {"ExponentialLR", "exponential"},
                                           {"CosineAnnealingLR", "cosine"}};
    if (lit->kind == LIT_NONE) {
        sc_load_set(t->load, "schedule.name", "constant", lit->where);
        t->scheduled = true;
        return;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            sc_load_set(t->load, "schedule.name", NAMES[i][1], lit->where);
            if (i == EXPONENTIAL) { /* its factor is that of one epoch */
                sc_load_set(t->load, "schedule.step_size", "1", lit->where);
            }
            t->scheduled = true;
            sc_note(t, "repaired", "the scheduler was stepped per batch; its numbers are epochs");
            return;
        }
    }
    sc_bad_value(t, lit,
                 "is not a schedule of this program; use StepLR, ExponentialLR, "
                 "CosineAnnealingLR or None");
}

static void on_t_max(sc_tutorial *t, const sc_literal *lit)
{
    sc_note_unused(t, lit, "the cosine spans all epochs");
}

static void on_save_epoch(sc_tutorial *t, const sc_literal *lit)
{
    sc_note_unused(t, lit,
                   "checkpoints follow train.checkpoint_seconds and cost nothing noticeable");
}

#define KW SC_TUTORIAL_KWARGS
static const sc_tutorial_key TABLE[] = {
    {"general.name", NULL, on_harmless},
    {"general.saveDir", NULL, on_directory},
    {"general.logsDir", NULL, on_directory},
    {"general.device", NULL, on_device},
    {"general.cudaDevices", NULL, on_never_read},
    {"train.loadEpoch", NULL, on_load_epoch},
    {"train.noEpochs", "train.epochs", NULL},
    {"data.dataset", NULL, on_dataset},
    {"data.rootPath", NULL, on_root},
    {"data.trainBatch", "train.batch", NULL},
    {"data.valBatch", "eval.batch", NULL},
    {"data.trainWorkers", "data.workers", NULL},
    {"data.valWorkers", NULL, on_harmless},
    {"data.trainSize", NULL, on_size},
    {"data.valSize", NULL, on_never_read},
    {KW "inChNo", "data.channels", NULL},
    {KW "latentChNo", NULL, on_latent},
    {KW "outChNo", "projector.out_dim", NULL},
    {KW "encoderStrides", "model.strides", NULL},
    {KW "mlpLayers", "projector.layers", NULL},
    {KW "norm", NULL, on_norm},
    {KW "normKwargs.eps", "model.norm_eps", NULL},
    {KW "normKwargs.momentum", "model.norm_momentum", NULL},
    {KW "normKwargs.affine", NULL, on_affine},
    {KW "normKwargs.num_groups", "model.norm_groups", NULL},
    {KW "normKwargs.track_running_stats", NULL, on_harmless},
    {KW "activ", NULL, on_activ},
    {KW "activKwargs.inplace", NULL, on_harmless},
    {KW "activKwargs.negative_slope", NULL, on_activ_alpha},
    {KW "activKwargs.alpha", NULL, on_activ_alpha},
    {KW "activKwargs.beta", NULL, on_activ_alpha},
    {KW "lastActiv", NULL, on_last_activ},
    {KW "lastActivKwargs.inplace", NULL, on_harmless},
    {KW "lastActivKwargs.negative_slope", "projector.last_activation_alpha", NULL},
    {KW "lastActivKwargs.alpha", "projector.last_activation_alpha", NULL},
    {KW "lastActivKwargs.beta", "projector.last_activation_alpha", NULL},
    {KW "dropRate", NULL, on_drop_rate},
    {KW "dropLayers", "projector.drop_layers", NULL},
    {KW "archType", NULL, on_arch},
    {"loss.temperature", "loss.temperature", NULL},
    {"optimizer.optimName", "optim.name", NULL},
    {"optimizer.lr", "optim.lr", NULL},
    {"optimizer.optimKwargs.betas", "optim.betas", NULL},
    {"optimizer.optimKwargs.eps", "optim.eps", NULL},
    {"optimizer.optimKwargs.weight_decay", NULL, on_decay},
    {"optimizer.optimKwargs.momentum", "optim.momentum", NULL},
    {"optimizer.optimKwargs.nesterov", "optim.nesterov", NULL},
    {"optimizer.optimKwargs.amsgrad", NULL, on_must_be_off},
    {"optimizer.optimKwargs.dampening", NULL, on_must_be_off},
    {"optimizer.schedPack", NULL, on_package},
    {"optimizer.schedName", NULL, on_scheduler},
    {"optimizer.schedKwargs.step_size", "schedule.step_size", NULL},
    {"optimizer.schedKwargs.gamma", "schedule.gamma", NULL},
    {"optimizer.schedKwargs.eta_min", "schedule.min_lr", NULL},
    {"optimizer.schedKwargs.T_max", NULL, on_t_max},
    {"optimizer.schedKwargs.last_epoch", NULL, on_harmless},
    {"log.logLevel", NULL, on_harmless},
    {"log.infoSteps", "train.log_every", NULL},
    {"log.saveEpoch", NULL, on_save_epoch},
    {"log.evalEpoch", "eval.every", NULL},
};
enum { TABLE_COUNT = sizeof(TABLE) / sizeof(TABLE[0]) };

const sc_tutorial_key *sc_tutorial_key_at(size_t i)
{
    return i < TABLE_COUNT ? &TABLE[i] : NULL;
}
