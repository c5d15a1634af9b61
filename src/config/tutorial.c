/* SPDX-License-Identifier: MIT
 *
 * tutorial.c - reads the YAML file of the tutorial (rdbch/not_a_simclr) and repairs its faults.
 *
 * The file is read as yacs does: a scalar is a Python literal if it looks like one (None, True,
 * (0.9, 0.999), 1e-06), else a string.  Keys that are absent have the values of its config.py.
 * Every repair, and every key that has no effect, is told by a note.
 */
#include "config/tutorial.h"

#include <stdio.h>
#include <string.h>

void sc_note(const sc_tutorial *t, const char *what, const char *text)
{
    char line[512];
    snprintf(line, sizeof(line), "%s: %s", what, text);
    if (t->load->note != NULL) {
        t->load->note(t->load->context, line);
    }
}

void sc_note_unused(const sc_tutorial *t, const sc_literal *lit, const char *why)
{
    char line[400];
    snprintf(line, sizeof(line), "%s (%s)", lit->path, why);
    sc_note(t, "not used", line);
}

void sc_bad_value(sc_tutorial *t, const sc_literal *lit, const char *wrong)
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
static void decode_scalar(sc_literal *lit, const sc_yaml *node)
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
        snprintf(lit->text, sizeof(lit->text), "%s",
                 text[0] == 'T' || text[0] == 't' ? "true" : "false");
    } else if (sc_text_to_double(&number, text)) {
        lit->kind = LIT_NUMBER;
    } else if (length >= 2 && ((text[0] == '(' && text[length - 1] == ')') ||
                               (text[0] == '[' && text[length - 1] == ']'))) {
        lit->kind = LIT_LIST;
    } else if (length >= 2 && (text[0] == '\'' || text[0] == '"') && text[length - 1] == text[0]) {
        memcpy(lit->text, text + 1, length - 2);
        lit->text[length - 2] = '\0';
    }
}

static void decode(sc_literal *lit, const sc_tutorial *t, const sc_yaml *node, const char *path)
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

static bool is_group(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; sc_tutorial_key_at(i) != NULL; i++) {
        const char *key = sc_tutorial_key_at(i)->path;
        if (strncmp(key, path, length) == 0 && key[length] == '.') {
            return true;
        }
    }
    return false;
}

static void unknown_key(sc_tutorial *t, const sc_literal *lit)
{
    const char *words[128];
    size_t count = 0;
    for (; count < 128 && sc_tutorial_key_at(count) != NULL; count++) {
        words[count] = sc_tutorial_key_at(count)->path;
    }
    const char *near = sc_did_you_mean(lit->path, words, count);
    bool open = strncmp(lit->path, SC_TUTORIAL_KWARGS, strlen(SC_TUTORIAL_KWARGS)) == 0 &&
                strchr(lit->path + strlen(SC_TUTORIAL_KWARGS), '.') == NULL;
    if (open) {
        sc_note_unused(t, lit, "the tutorial's code ignores it");
    } else if (near != NULL) {
        sc_config_add_error(&t->load->found, "%s: unknown key of the tutorial; did you mean '%s'?",
                            lit->where, near);
    } else {
        sc_config_add_error(&t->load->found, "%s: unknown key of the tutorial", lit->where);
    }
}

static void take(sc_tutorial *t, const sc_yaml *node, const char *path)
{
    sc_literal lit = {.kind = LIT_NONE};
    decode(&lit, t, node, path);
    for (size_t i = 0; sc_tutorial_key_at(i) != NULL; i++) {
        const sc_tutorial_key *key = sc_tutorial_key_at(i);
        if (strcmp(key->path, path) != 0) {
            continue;
        }
        if (key->handle != NULL) {
            key->handle(t, &lit);
        } else if (lit.kind != LIT_NONE) { /* null: as absent */
            sc_load_set(t->load, key->target, lit.text, lit.where);
        }
        return;
    }
    if (is_group(path)) {
        if (lit.kind != LIT_NONE && strcmp(lit.text, "{}") != 0) {
            sc_bad_value(t, &lit, "is not a group of keys");
        }
        return;
    }
    unknown_key(t, &lit);
}

static void walk(sc_tutorial *t, const sc_yaml *map, const char *prefix)
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
    {"data.image_size", "128"},
    {"data.workers", "6"},
    {"views.crop_scale", "0.08, 1"},
    {"views.jitter_prob", "0.8"},
    {"views.jitter_strength", "1"},
    {"views.brightness", "0.8"},
    {"views.contrast", "0.8"},
    {"views.saturation", "0.8"},
    {"views.normalize", "imagenet"},
    {"model.arch", "resnet18"},
    {"model.stem", "imagenet"},
    {"model.out_channels", "512"},
    {"model.strides", "2, 2, 1, 1, 2, 2"},
    {"model.down", "maxpool"},
    {"model.padding", "reflect"},
    {"model.stem_kernel", "7"},
    {"model.pool_kernel", "2"},
    {"projector.layers", "128, 128"},
    {"projector.out_dim", "64"},
    {"loss.temperature", "0.5"},
    {"optim.name", "adam"},
    {"optim.lr", "0.0003"},
    {"optim.lr_scaling", "none"},
    {"optim.weight_decay", "0"},
    {"schedule.name", "constant"},
    {"train.epochs", "100"},
    {"train.batch", "256"},
    {"train.seed", "13"},
    {"train.log_every", "20"},
    {"eval.every", "1000"},
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
    {"optim.decay_all", "false", "true", "no weight decay on norms and biases"},
};

static void apply_base(sc_tutorial *t)
{
    for (size_t i = 0; i < sizeof(BASE) / sizeof(BASE[0]); i++) {
        sc_load_set(t->load, BASE[i][0], BASE[i][1], NULL);
    }
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        bool shipped = t->load->as_shipped;
        if (!shipped && strncmp(FAULTS[i].key, "views2.", 7) == 0) {
            continue; /* follows views.* */
        }
        sc_load_set(t->load, FAULTS[i].key, shipped ? FAULTS[i].shipped : FAULTS[i].repaired, NULL);
    }
}

static void tell_faults(const sc_tutorial *t)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        char line[200];
        if (strcmp(FAULTS[i].key, "optim.decay_all") == 0 && !t->decays) {
            continue;
        }
        snprintf(line, sizeof(line), "%s=%s instead of: %s", FAULTS[i].key, FAULTS[i].shipped,
                 FAULTS[i].note);
        sc_note(t, t->load->as_shipped ? "kept as shipped" : "repaired",
                t->load->as_shipped ? line : FAULTS[i].note);
    }
    sc_note(t, "repaired", "batch statistics over both views, in one pass");
    sc_note(t, "repaired", "evaluation uses no random transform, and measures accuracy (k-NN)");
    if (t->drops) {
        sc_note(t, "repaired", "dropout fires in the last dropLayers hidden layers; it never did");
    }
    if (!t->scheduled) {
        sc_note(t, "repaired",
                "without schedName the default StepLR crashed; the rate is now constant");
    }
}

bool sc_tutorial_recognise(const sc_yaml *root)
{
    static const char *const SIGNS[] = {
        "general.saveDir",     "general.name",  "train.noEpochs", "train.loadEpoch",
        "data.trainBatch",     "data.rootPath", "model.kwargs",   "optimizer.optimName",
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
    sc_tutorial t = {.load = load, .dataset = "cifar10"};
    char spec[SC_CONFIG_STRING + 80];
    apply_base(&t);
    walk(&t, root, "");
    snprintf(spec, sizeof(spec), "%s:%s", t.dataset,
             t.root[0] != '\0' ? t.root : "./assets/datasets/");
    sc_load_set(load, "data.dataset", spec, "data.rootPath");
    if (load->cfg->model.norm.kind == SC_CFG_NORM_INSTANCE && !t.affine) {
        sc_load_set(load, "model.norm_affine", "false", NULL); /* PyTorch's default for it */
    }
    tell_faults(&t);
}
