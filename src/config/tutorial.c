/* SPDX-License-Identifier: MIT
 *
 * tutorial.c - reads the YAML file of the tutorial (rdbch/not_a_simclr) and repairs its faults.
 *
 * The file is read as yacs does: a scalar is a Python literal if it looks like one (None, True,
 * (0.9, 0.999), 1e-06), else a string.  Keys that are absent have the values of its config.py.
 * Every repair, and every key that has no effect, is told by a note.
 */
#include <stdio.h>
#include <string.h>

#include "config/load.h"

typedef enum { LIT_NONE, LIT_BOOL, LIT_NUMBER, LIT_TEXT, LIT_LIST, LIT_MAP } literal_kind;

typedef struct {
    literal_kind kind;
    char text[SC_CONFIG_TEXT]; /* as sc_config_set takes it */
    char path[160];            /* the tutorial's name of the key */
    char where[512];           /* "file:line:column: path" */
} literal;

typedef struct {
    sc_load *load;
    char dataset[64], root[SC_CONFIG_STRING];
    bool decays, drops, scheduled;
} tutorial;

static void note(const tutorial *t, const char *what, const char *text)
{
    char line[512];
    snprintf(line, sizeof(line), "%s: %s", what, text);
    if (t->load->note != NULL) {
        t->load->note(t->load->context, line);
    }
}

static void note_unused(const tutorial *t, const literal *lit, const char *why)
{
    char line[400];
    snprintf(line, sizeof(line), "%s (%s)", lit->path, why);
    note(t, "not used", line);
}

static void error_at(tutorial *t, const literal *lit, const char *wrong)
{
    char shown[80];
    sc_printable(shown, sizeof(shown), lit->text);
    sc_config_add_error(&t->load->found, "%s: '%s' %s", lit->where, shown, wrong);
}

static bool one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* Python's view of a scalar that yacs hands to ast.literal_eval. */
static void decode_scalar(literal *lit, const sc_yaml *node)
{
    const char *text = node->text;
    size_t length = strlen(text);
    double number = 0;
    if (length >= sizeof(lit->text)) {
        length = sizeof(lit->text) - 1;
    }
    lit->kind = LIT_TEXT;
    memcpy(lit->text, text, length);
    lit->text[length] = '\0';
    if (sc_yaml_is_null(node) || strcmp(text, "None") == 0) {
        lit->kind = LIT_NONE;
        lit->text[0] = '\0';
    } else if (one_of(text, "True", "true") || one_of(text, "False", "false")) {
        lit->kind = LIT_BOOL;
        snprintf(lit->text, sizeof(lit->text), "%s", text[0] == 'T' || text[0] == 't' ? "true"
                                                                                      : "false");
    } else if (sc_text_to_double(&number, text)) {
        lit->kind = LIT_NUMBER;
    } else if (length >= 2 && ((text[0] == '(' && text[length - 1] == ')') ||
                               (text[0] == '[' && text[length - 1] == ']'))) {
        lit->kind = LIT_LIST;
    } else if (length >= 2 && (text[0] == '\'' || text[0] == '"') &&
               text[length - 1] == text[0]) {
        memcpy(lit->text, text + 1, length - 2);
        lit->text[length - 2] = '\0';
    }
}

static void decode(literal *lit, const tutorial *t, const sc_yaml *node, const char *path)
{
    snprintf(lit->path, sizeof(lit->path), "%s", path);
    snprintf(lit->where, sizeof(lit->where), "%s:%d:%d: %s", t->load->name, node->line,
             node->column, path);
    if (node->kind == SC_YAML_SCALAR) {
        decode_scalar(lit, node);
    } else {
        lit->kind = node->kind == SC_YAML_LIST ? LIT_LIST : LIT_MAP;
        if (node->kind == SC_YAML_MAP || !sc_load_list_text(lit->text, sizeof(lit->text), node)) {
            snprintf(lit->text, sizeof(lit->text), "{}");
        }
    }
}

/* ---- Handlers of keys that need more than a new name ---- */

static void on_device(tutorial *t, const literal *lit)
{
    if (strncmp(lit->text, "cuda", 4) == 0) {
        sc_load_set(t->load, "train.device", "auto", lit->where);
        note(t, "general.device", "cuda becomes auto: what this machine has");
    } else {
        sc_load_set(t->load, "train.device", lit->text, lit->where);
    }
}

static void on_directory(tutorial *t, const literal *lit)
{
    note_unused(t, lit, "everything of a run is in one directory, -o");
}

static void on_never_read(tutorial *t, const literal *lit)
{
    note_unused(t, lit, "the tutorial never reads it");
}

static void on_load_epoch(tutorial *t, const literal *lit)
{
    if (strcmp(lit->text, "0") != 0) {
        note_unused(t, lit, "the same command again resumes an unfinished run");
    }
}

static void on_dataset(tutorial *t, const literal *lit)
{
    static const char *const NAMES[][2] = {{"CIFAR10", "cifar10"}, {"CIFAR100", "cifar100"},
                                           {"STL10", "stl10"}, {"ImageFolder", "folder"}};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            snprintf(t->dataset, sizeof(t->dataset), "%s", NAMES[i][1]);
            return;
        }
    }
    error_at(t, lit, "is not offered; use CIFAR10, CIFAR100, STL10 or ImageFolder");
}

static void on_root(tutorial *t, const literal *lit)
{
    if (strlen(lit->text) > SC_CONFIG_STRING - 16) {
        error_at(t, lit, "is too long");
        return;
    }
    snprintf(t->root, sizeof(t->root), "%.*s", SC_CONFIG_STRING - 16, lit->text);
    bool changed = false;
    for (char *p = t->root; *p != '\0'; p++) {
        changed = changed || *p == '\\';
        *p = *p == '\\' ? '/' : *p;
    }
    if (changed) {
        note(t, "repaired", "data.rootPath: backslashes become slashes");
    }
}

static void on_size(tutorial *t, const literal *lit)
{
    int h = 0, w = 0;
    char end = '\0';
    if (sscanf(lit->text, " %*1[[(]%d , %d%c", &h, &w, &end) != 3) {
        error_at(t, lit, "is not a pair [height, width]");
    } else if (h != w) {
        error_at(t, lit, "is not square; this program takes squares");
    } else {
        char side[16];
        snprintf(side, sizeof(side), "%d", h);
        sc_load_set(t->load, "data.image_size", side, lit->where);
    }
}

static void on_latent(tutorial *t, const literal *lit)
{
    if (lit->kind == LIT_NONE || strcmp(lit->text, "0") == 0) {
        sc_load_set(t->load, "model.out_channels", "0", lit->where);
        note(t, "repaired", "latentChNo None or 0 crashed; now it leaves the last layer out");
    } else {
        sc_load_set(t->load, "model.out_channels", lit->text, lit->where);
    }
}

static void on_norm(tutorial *t, const literal *lit)
{
    static const char *const NAMES[][2] = {
        {"BatchNorm2d", "batchnorm"}, {"BatchNorm1d", "batchnorm"}, {"GroupNorm", "groupnorm"},
        {"InstanceNorm2d", "instancenorm"}, {"LayerNorm", "layernorm"}, {"Identity", "none"}};
    if (lit->kind == LIT_NONE) {
        sc_load_set(t->load, "model.norm", "none", lit->where);
        return;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            sc_load_set(t->load, "model.norm", NAMES[i][1], lit->where);
            if (i == 2) {
                note(t, "repaired", "norm: GroupNorm gets its groups, which the tutorial took for "
                                    "channels");
            }
            return;
        }
    }
    error_at(t, lit, "is not a norm of this program; use BatchNorm2d, GroupNorm, InstanceNorm2d, "
                     "LayerNorm or None");
}

static const char *activation(const literal *lit)
{
    static const char *const NAMES[][2] = {
        {"ReLU", "relu"}, {"ReLU6", "relu6"}, {"LeakyReLU", "leaky_relu"}, {"ELU", "elu"},
        {"SELU", "selu"}, {"GELU", "gelu"}, {"SiLU", "silu"}, {"Mish", "mish"},
        {"Hardswish", "hardswish"}, {"Softplus", "softplus"}, {"Tanh", "tanh"},
        {"Sigmoid", "sigmoid"}, {"Identity", "identity"}};
    if (lit->kind == LIT_NONE) {
        return "identity";
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            return NAMES[i][1];
        }
    }
    return NULL;
}

static void on_activ(tutorial *t, const literal *lit)
{
    const char *name = activation(lit);
    if (name == NULL) {
        error_at(t, lit, "is not an activation of this program, as ReLU, LeakyReLU, SiLU or GELU");
        return;
    }
    sc_load_set(t->load, "model.activation", name, lit->where);
    sc_load_set(t->load, "projector.activation", name, lit->where);
}

static void on_activ_alpha(tutorial *t, const literal *lit)
{
    sc_load_set(t->load, "model.activation_alpha", lit->text, lit->where);
    sc_load_set(t->load, "projector.activation_alpha", lit->text, lit->where);
}

static void on_last_activ(tutorial *t, const literal *lit)
{
    const char *name = activation(lit);
    if (lit->kind == LIT_NONE) {
        return;
    }
    if (name == NULL) {
        error_at(t, lit, "is not an activation of this program, as ReLU, LeakyReLU, SiLU or GELU");
    } else if (t->load->as_shipped) {
        note(t, "kept as shipped", "lastActiv is ignored");
    } else {
        sc_load_set(t->load, "projector.last_activation", name, lit->where);
        note(t, "repaired", "lastActiv was ignored; now it follows the last layer of the head");
    }
}

static void on_drop_rate(tutorial *t, const literal *lit)
{
    if (lit->kind == LIT_NONE) {
        return;
    }
    t->drops = true;
    sc_load_set(t->load, "projector.drop_rate", lit->text, lit->where);
}

static void on_arch(tutorial *t, const literal *lit)
{
    if (strcmp(lit->text, "18") == 0) {
        sc_load_set(t->load, "model.arch", "resnet18", lit->where);
    } else if (strcmp(lit->text, "34") == 0) {
        sc_load_set(t->load, "model.arch", "resnet34", lit->where);
        note(t, "repaired", "ResNet-34 has [3, 4, 6, 3] blocks; the tutorial built [3, 4, 6, 2]");
    } else {
        error_at(t, lit, "is neither '18' nor '34'");
    }
}

static void on_optimiser(tutorial *t, const literal *lit)
{
    static const char *const NAMES[][2] = {{"Adam", "adam"}, {"AdamW", "adamw"}, {"SGD", "sgd"},
                                           {"LARS", "lars"}};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            sc_load_set(t->load, "optim.name", NAMES[i][1], lit->where);
            return;
        }
    }
    error_at(t, lit, "is not an optimiser of this program; use Adam, AdamW, SGD or LARS");
}

static void on_decay(tutorial *t, const literal *lit)
{
    double value = 0;
    sc_load_set(t->load, "optim.weight_decay", lit->text, lit->where);
    t->decays = sc_text_to_double(&value, lit->text) && value > 0;
}

static void on_must_be_off(tutorial *t, const literal *lit)
{
    if (lit->kind != LIT_NONE && strcmp(lit->text, "false") != 0 && strcmp(lit->text, "0") != 0) {
        error_at(t, lit, "is not offered");
    }
}

static void on_harmless(tutorial *t, const literal *lit)
{
    (void)t;
    (void)lit;
}

static void on_package(tutorial *t, const literal *lit)
{
    if (strcmp(lit->text, "torch.optim.lr_scheduler") != 0) {
        error_at(t, lit, "is not offered; the schedules of torch.optim.lr_scheduler are");
    }
}

static void on_scheduler(tutorial *t, const literal *lit)
{
    static const char *const NAMES[][2] = {
        {"StepLR", "step"}, {"ExponentialLR", "exponential"}, {"CosineAnnealingLR", "cosine"}};
    if (lit->kind == LIT_NONE) {
        sc_load_set(t->load, "schedule.name", "constant", lit->where);
        t->scheduled = true;
        return;
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i][0], lit->text) == 0) {
            sc_load_set(t->load, "schedule.name", NAMES[i][1], lit->where);
            t->scheduled = true;
            note(t, "repaired", "the scheduler was stepped per batch; its numbers are epochs");
            return;
        }
    }
    error_at(t, lit, "is not a schedule of this program; use StepLR, ExponentialLR, "
                     "CosineAnnealingLR or None");
}

static void on_t_max(tutorial *t, const literal *lit)
{
    note_unused(t, lit, "the cosine spans all epochs");
}

static void on_save_epoch(tutorial *t, const literal *lit)
{
    note_unused(t, lit, "checkpoints follow train.checkpoint_seconds and cost nothing noticeable");
}

typedef struct {
    const char *path;
    const char *target; /* our key, or NULL */
    void (*handle)(tutorial *t, const literal *lit);
} mapping;

#define KW "model.kwargs."
static const mapping TABLE[] = {
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
    {KW "normKwargs.affine", "model.norm_affine", NULL},
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
    {KW "dropRate", NULL, on_drop_rate},
    {KW "dropLayers", "projector.drop_layers", NULL},
    {KW "archType", NULL, on_arch},
    {"loss.temperature", "loss.temperature", NULL},
    {"optimizer.optimName", NULL, on_optimiser},
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

static bool is_group(const char *path)
{
    size_t length = strlen(path);
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (strncmp(TABLE[i].path, path, length) == 0 && TABLE[i].path[length] == '.') {
            return true;
        }
    }
    return false;
}

static void unknown_key(tutorial *t, const literal *lit)
{
    const char *words[TABLE_COUNT];
    for (int i = 0; i < TABLE_COUNT; i++) {
        words[i] = TABLE[i].path;
    }
    const char *near = sc_did_you_mean(lit->path, words, TABLE_COUNT);
    bool open = strncmp(lit->path, KW, strlen(KW)) == 0 &&
                strchr(lit->path + strlen(KW), '.') == NULL;
    if (open) {
        note_unused(t, lit, "the tutorial's code ignores it");
    } else if (near != NULL) {
        sc_config_add_error(&t->load->found, "%s: unknown key of the tutorial; did you mean '%s'?",
                            lit->where, near);
    } else {
        sc_config_add_error(&t->load->found, "%s: unknown key of the tutorial", lit->where);
    }
}

static void take(tutorial *t, const sc_yaml *node, const char *path)
{
    literal lit = {.kind = LIT_NONE};
    decode(&lit, t, node, path);
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (strcmp(TABLE[i].path, path) != 0) {
            continue;
        }
        if (TABLE[i].handle != NULL) {
            TABLE[i].handle(t, &lit);
        } else if (lit.kind != LIT_NONE) { /* null: as absent */
            sc_load_set(t->load, TABLE[i].target, lit.text, lit.where);
        }
        return;
    }
    if (is_group(path)) {
        if (lit.kind != LIT_NONE && strcmp(lit.text, "{}") != 0) {
            error_at(t, &lit, "is not a group of keys");
        }
        return;
    }
    unknown_key(t, &lit);
}

static void walk(tutorial *t, const sc_yaml *map, const char *prefix)
{
    for (const sc_yaml *node = map->first; node != NULL; node = node->next) {
        char path[160];
        snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix != '\0' ? "." : "", node->key);
        if (node->kind == SC_YAML_MAP && is_group(path)) {
            walk(t, node, path);
        } else {
            take(t, node, path);
        }
    }
}

/* What config.py and the code fix, where the file says nothing. */
static const char *const BASE[][2] = {
    {"data.image_size", "128"},      {"data.workers", "6"},
    {"views.crop_scale", "0.08, 1"}, {"views.jitter_prob", "0.8"},
    {"views.jitter_strength", "1"},  {"views.brightness", "0.8"},
    {"views.contrast", "0.8"},       {"views.saturation", "0.8"},
    {"views.normalize", "imagenet"}, {"model.arch", "resnet18"},
    {"model.stem", "imagenet"},      {"model.out_channels", "512"},
    {"model.strides", "2, 2, 1, 1, 2, 2"}, {"model.down", "maxpool"},
    {"model.padding", "reflect"},    {"model.stem_kernel", "7"},
    {"model.pool_kernel", "2"},      {"projector.layers", "128, 128"},
    {"projector.out_dim", "64"},     {"loss.temperature", "0.5"},
    {"optim.name", "adam"},          {"optim.lr", "0.0003"},
    {"optim.lr_scaling", "none"},    {"optim.weight_decay", "0"},
    {"schedule.name", "constant"},   {"train.epochs", "100"},
    {"train.batch", "256"},          {"train.seed", "13"},
    {"train.log_every", "20"},       {"eval.every", "1000"},
};

static const struct {
    const char *key, *repaired, *shipped, *note;
} FAULTS[] = {
    {"views.hue", "0.2", "0.3", "hue jitter 0.2 as in the paper, not 0.3"},
    {"views.grayscale", "0.2", "0.3", "grayscale 0.2 as in the paper, not 0.3"},
    {"views2.jitter_prob", "0.8", "0", "colour jitter on both views, not only on the first"},
    {"views2.grayscale", "0.2", "0", "grayscale on both views, not only on the first"},
    {"data.shuffle", "true", "false", "a new order in every epoch, not the same batches for ever"},
    {"data.drop_last", "false", "true", "the last, smaller batch is trained on"},
    {"model.passes", "joint", "separate", "batch statistics over both views, in one pass"},
    {"optim.decay_all", "false", "true", "no weight decay on norms and biases"},
};

static void apply_base(tutorial *t)
{
    for (size_t i = 0; i < sizeof(BASE) / sizeof(BASE[0]); i++) {
        sc_load_set(t->load, BASE[i][0], BASE[i][1], NULL);
    }
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        bool shipped = t->load->as_shipped;
        if (!shipped && strncmp(FAULTS[i].key, "views2.", 7) == 0) {
            continue; /* follows views.* */
        }
        sc_load_set(t->load, FAULTS[i].key, shipped ? FAULTS[i].shipped : FAULTS[i].repaired,
                    NULL);
    }
}

static void tell_faults(const tutorial *t)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        char line[200];
        if (strcmp(FAULTS[i].key, "optim.decay_all") == 0 && !t->decays) {
            continue;
        }
        snprintf(line, sizeof(line), "%s=%s instead of: %s", FAULTS[i].key, FAULTS[i].shipped,
                 FAULTS[i].note);
        note(t, t->load->as_shipped ? "kept as shipped" : "repaired",
             t->load->as_shipped ? line : FAULTS[i].note);
    }
    note(t, "repaired", "evaluation uses no random transform, and measures accuracy (k-NN)");
    if (t->drops) {
        note(t, "repaired", "dropout fires in the last dropLayers hidden layers; it never did");
    }
    if (!t->scheduled) {
        note(t, "repaired", "without schedName the default StepLR crashed; the rate is constant");
    }
}

bool sc_tutorial_recognise(const sc_yaml *root)
{
    static const char *const SIGNS[] = {"general.saveDir", "general.name", "train.noEpochs",
                                        "train.loadEpoch", "data.trainBatch", "data.rootPath",
                                        "model.kwargs", "optimizer.optimName",
                                        "optimizer.schedName", "log.infoSteps"};
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        if (sc_yaml_find(root, SIGNS[i]) != NULL) {
            return true;
        }
    }
    return false;
}

void sc_tutorial_load(sc_load *load, const sc_yaml *root)
{
    tutorial t = {.load = load, .dataset = "cifar10"};
    char spec[SC_CONFIG_STRING + 80];
    apply_base(&t);
    walk(&t, root, "");
    snprintf(spec, sizeof(spec), "%s:%s", t.dataset,
             t.root[0] != '\0' ? t.root : "./assets/datasets/");
    sc_load_set(load, "data.dataset", spec, "data.rootPath");
    tell_faults(&t);
}
