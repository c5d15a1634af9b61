/* SPDX-License-Identifier: MIT
 *
 * config.c - setting and reading keys by name.
 *
 * A value remembers where it came from; a later value from a weaker origin is checked and dropped,
 * so that default < preset < file < environment < command line holds in any order of calls.
 */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#include "config/value.h"

static void *field_of(sc_config *cfg, const sc_config_row *row)
{
    return (char *)cfg + row->offset;
}

static const void *const_field_of(const sc_config *cfg, const sc_config_row *row)
{
    return (const char *)cfg + row->offset;
}

void sc_config_default(sc_config *cfg)
{
    memset(cfg, 0, sizeof(*cfg));
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const sc_config_row *row = sc_config_row_at(i);
        sc_value_parse(field_of(cfg, row), row, row->fallback); /* tests check every one */
    }
}

int sc_config_device(const char *text)
{
    int number = 0, length = 0;
    if (strcmp(text, "auto") == 0) {
        return SC_CFG_DEVICE_AUTO;
    }
    if (strcmp(text, "cpu") == 0) {
        return SC_CFG_DEVICE_CPU;
    }
    if (strcmp(text, "cuda") == 0) {
        return 0;
    }
    bool one = strncmp(text, "cuda:", 5) == 0 && text[5] >= '0' && text[5] <= '9' &&
               sscanf(text + 5, "%3d%n", &number, &length) == 1 && text[5 + length] == '\0';
    return one ? number : SC_CFG_DEVICE_UNKNOWN;
}

/* Values that people will try, with a better answer than "is not known". */
static const char *refused(const char *key, const char *value)
{
    static const struct {
        const char *key, *value, *text;
    } TABLE[] = {
        {"train.precision", "fp16", "is not offered; use auto, fp32 or bf16"},
        {"train.precision", "fp64", "is not offered; use auto, fp32 or bf16"},
    };
    if (strcmp(key, "train.device") == 0 && sc_config_device(value) == SC_CFG_DEVICE_UNKNOWN) {
        return "is not known; use auto, cpu, cuda or cuda:N";
    }
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
        if (strcmp(TABLE[i].key, key) == 0 && strcmp(TABLE[i].value, value) == 0) {
            return TABLE[i].text;
        }
    }
    return NULL;
}

void sc_config_range_text(const sc_config_row *row, char *out, size_t out_size)
{
    char low[40], high[40];
    size_t used = 0;
    out[0] = '\0';
    switch (row->type) {
    case SC_KEY_BOOL:
        snprintf(out, out_size, "true|false");
        return;
    case SC_KEY_STRING:
        snprintf(out, out_size, "text");
        return;
    case SC_KEY_ENUM:
        for (int i = 0; row->values[i] != NULL && used < out_size; i++) {
            used += (size_t)snprintf(out + used, out_size - used, "%s%s", i > 0 ? "|" : "",
                                     row->values[i]);
        }
        return;
    default:
        break;
    }
    sc_double_to_text(low, sizeof(low), row->min);
    sc_double_to_text(high, sizeof(high), row->max);
    if (row->type == SC_KEY_UINT64) {
        snprintf(high, sizeof(high), "%llu",
                 row->max > 1e19 ? 18446744073709551615ULL : (unsigned long long)row->max);
    }
    if (row->count_max == 0) {
        snprintf(out, out_size, "%s .. %s", low, high);
    } else if (row->count_min == row->count_max) {
        snprintf(out, out_size, "%d numbers, %s .. %s", row->count_max, low, high);
    } else {
        snprintf(out, out_size, "up to %d numbers, %s .. %s", row->count_max, low, high);
    }
}

static int fail_value(const sc_config_row *row, const char *value, const char *wrong,
                      const char *where, simclr_error *err)
{
    char range[200], shown[80];
    const char *special = refused(row->key, value);
    const char *near = NULL;
    sc_printable(shown, sizeof(shown), value);
    sc_config_range_text(row, range, sizeof(range));
    if (row->type == SC_KEY_ENUM) {
        size_t count = 0;
        while (row->values[count] != NULL) {
            count++;
        }
        near = sc_did_you_mean(value, row->values, count);
    }
    if (special != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s%s%s: '%s' %s", where != NULL ? where : "",
                       where != NULL ? ": " : "", row->key, shown, special);
    }
    if (near != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s%s%s: '%s' %s; did you mean '%s'? (%s)",
                       where != NULL ? where : "", where != NULL ? ": " : "", row->key, shown,
                       wrong, near, range);
    }
    return sc_fail(err, SIMCLR_E_USAGE, "%s%s%s: '%s' %s; expected %s%s%s",
                   where != NULL ? where : "", where != NULL ? ": " : "", row->key, shown, wrong,
                   range, row->unit != NULL ? " " : "", row->unit != NULL ? row->unit : "");
}

/* The key meant by `key`: nearest name or alias, or the one that ends in ".key". */
static const char *nearest_key(const char *key)
{
    const char *words[3 * SC_CONFIG_ROWS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const sc_config_row *row = sc_config_row_at(i);
        const char *last = strrchr(row->key, '.') + 1;
        if (strcmp(last, key) == 0) {
            return row->key;
        }
        words[count++] = row->key;
        if (row->alias != NULL) {
            words[count++] = row->alias;
        }
    }
    static const char *const OTHERS[][2] = {
        {"batch_size", "train.batch"},  {"num_epochs", "train.epochs"},
        {"learning_rate", "optim.lr"},  {"workers", "data.workers"},
        {"tau", "loss.temperature"},    {"optimizer", "optim.name"},
        {"wd", "optim.weight_decay"},   {"dataset", "data.dataset"},
        {"size", "data.image_size"},    {"warmup", "schedule.warmup_epochs"},
        {"scheduler", "schedule.name"}, {"jitter", "views.jitter_strength"},
        {"blur", "views.blur_prob"},    {"amp", "train.precision"},
    };
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        if (strcmp(OTHERS[i][0], key) == 0) {
            return OTHERS[i][1];
        }
    }
    const char *near = sc_did_you_mean(key, words, count);
    if (near != NULL) {
        return near;
    }
    for (size_t i = 0; i < sc_config_row_count(); i++) { /* misspelt without its group */
        const char *full = sc_config_row_at(i)->key;
        const char *last = strrchr(full, '.') + 1;
        if (sc_did_you_mean(key, &last, 1) != NULL) {
            return full;
        }
    }
    return NULL;
}

static int fail_key(const char *key, const char *where, simclr_error *err)
{
    char shown[80];
    sc_printable(shown, sizeof(shown), key);
    const char *near = nearest_key(key);
    if (near != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s%sunknown key '%s'; did you mean '%s'?",
                       where != NULL ? where : "", where != NULL ? ": " : "", shown, near);
    }
    return sc_fail(err, SIMCLR_E_USAGE, "%s%sunknown key '%s'; 'simclr config' lists all",
                   where != NULL ? where : "", where != NULL ? ": " : "", shown);
}

/* views.x = the key of views2 that follows it, or -1. */
static int follower(const sc_config_row *row)
{
    char key[64];
    if (strncmp(row->key, "views.", 6) != 0) {
        return -1;
    }
    snprintf(key, sizeof(key), "views2.%s", row->key + 6);
    return sc_config_find(key);
}

/* Keys that have not been set follow another: views2 views, and no weight decay of norms and biases
 * goes with lars, as in the papers that have it. */
static void lead(sc_config *cfg, const sc_config_row *row, const char *value)
{
    int other = follower(row), decay_all = sc_config_find("optim.decay_all");
    if (other >= 0 && cfg->origin[other] == SC_ORIGIN_DEFAULT) {
        sc_value_parse(field_of(cfg, sc_config_row_at((size_t)other)), row, value);
    }
    if (strcmp(row->key, "optim.name") == 0 && cfg->origin[decay_all] == SC_ORIGIN_DEFAULT) {
        cfg->optim.decay_all = cfg->optim.name != SC_CFG_LARS;
    }
}

int sc_config_set(sc_config *cfg, const char *key, const char *value, sc_origin origin,
                  const char *where, simclr_error *err)
{
    int at = sc_config_find(key);
    if (at < 0) {
        return fail_key(key, where, err);
    }
    const sc_config_row *row = sc_config_row_at((size_t)at);
    sc_config trial = *cfg;
    const char *wrong = sc_value_parse(field_of(&trial, row), row, value);
    if (wrong == NULL && row->type == SC_KEY_STRING) {
        wrong = refused(row->key, value); /* fail_value says why */
    }
    if (wrong != NULL) {
        return fail_value(row, value, wrong, where, err);
    }
    if (origin < (sc_origin)cfg->origin[at]) {
        return SIMCLR_OK;
    }
    trial.origin[at] = (unsigned char)origin;
    lead(&trial, row, value);
    *cfg = trial;
    return SIMCLR_OK;
}

int sc_config_row_text(const sc_config *cfg, size_t row, char *out, size_t out_size)
{
    const sc_config_row *r = sc_config_row_at(row);
    return sc_value_format(out, out_size, r, const_field_of(cfg, r));
}

int sc_config_get_text(const sc_config *cfg, const char *key, char *out, size_t out_size)
{
    int row = sc_config_find(key);
    return row < 0 ? SIMCLR_E_USAGE : sc_config_row_text(cfg, (size_t)row, out, out_size);
}

sc_origin sc_config_origin(const sc_config *cfg, size_t row)
{
    return row < sc_config_row_count() ? (sc_origin)cfg->origin[row] : SC_ORIGIN_DEFAULT;
}

const char *sc_config_origin_name(sc_origin origin)
{
    static const char *const NAMES[] = {"default", "preset", "file", "env", "cli"};
    return (unsigned)origin < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[origin] : "default";
}

const sc_config_view *sc_config_view_of(const sc_config *cfg, int view)
{
    return &cfg->view[cfg->symmetric ? 0 : view != 0];
}

double sc_config_alpha(const sc_config_act *act)
{
    switch (act->kind) {
    case SC_CFG_ACT_LEAKY_RELU:
        return act->alpha > 0 ? act->alpha : 0.01;
    case SC_CFG_ACT_ELU:
    case SC_CFG_ACT_SOFTPLUS:
        return act->alpha > 0 ? act->alpha : 1;
    default:
        return 0;
    }
}

size_t sc_config_differ(const sc_config *a, const sc_config *b)
{
    size_t count = 0;
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        char x[SC_CONFIG_TEXT], y[SC_CONFIG_TEXT];
        sc_config_row_text(a, i, x, sizeof(x));
        sc_config_row_text(b, i, y, sizeof(y));
        count += strcmp(x, y) != 0;
    }
    return count;
}
