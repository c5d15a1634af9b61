/* SPDX-License-Identifier: MIT
 *
 * api_config.c - the public functions for configurations, over config/config.h.
 */
#include "api/api_config.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

const sc_config *sc_api_config(const simclr_config *config, sc_config *fallback)
{
    if (config != NULL) {
        return &config->value;
    }
    sc_config_default(fallback);
    return fallback;
}

int simclr_config_new(simclr_config **out, simclr_error *err)
{
    simclr_config *config = sc_alloc(1, sizeof(*config), err);
    *out = config;
    if (config == NULL) {
        return SIMCLR_E_MEMORY;
    }
    sc_config_default(&config->value);
    return SIMCLR_OK;
}

void simclr_config_free(simclr_config *config)
{
    sc_free(config);
}

int simclr_config_set(simclr_config *config, const char *key, const char *value,
                      simclr_origin origin, const char *where, simclr_error *err)
{
    if ((unsigned)origin > SIMCLR_FROM_CLI) {
        return sc_fail(err, SIMCLR_E_USAGE, "origin %d is not one of simclr_origin", (int)origin);
    }
    return sc_config_set(&config->value, key, value, (sc_origin)origin, where, err);
}

int simclr_config_set_preset(simclr_config *config, const char *name, simclr_error *err)
{
    return sc_config_set_preset(&config->value, name, err);
}

static void pass_note(void *context, const char *line)
{
    const simclr_observer *observer = context;
    observer->message(observer->context, SIMCLR_NOTE, line);
}

int simclr_config_load(simclr_config *config, const char *path, bool as_shipped,
                       const simclr_observer *observer, simclr_error *err)
{
    simclr_observer copy = {0};
    bool heard = observer != NULL && observer->message != NULL;
    if (heard) {
        copy = *observer;
    }
    return sc_config_load_file(&config->value, path, as_shipped, heard ? pass_note : NULL, &copy,
                               err);
}

int simclr_config_check(const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    return sc_config_check(sc_api_config(config, &fallback), err);
}

int simclr_config_get(char *out, size_t out_size, const simclr_config *config, const char *key,
                      simclr_error *err)
{
    sc_config fallback;
    int length = sc_config_get_text(sc_api_config(config, &fallback), key, out, out_size);
    if (length < 0) {
        return sc_fail(err, SIMCLR_E_USAGE, "unknown key '%s'", key);
    }
    if ((size_t)length >= out_size) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: its value has %d bytes, the buffer %zu", key,
                       length, out_size);
    }
    return SIMCLR_OK;
}

int simclr_config_text(char **text, const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    return sc_config_write_yaml(text, sc_api_config(config, &fallback), err);
}

bool simclr_config_key(simclr_key *out, size_t i)
{
    static const char *const TYPES[] = {"bool",   "int",  "uint64", "float",
                                        "string", "enum", "floats", "ints"};
    const sc_config_row *row = sc_config_row_at(i);
    memset(out, 0, sizeof(*out));
    if (row == NULL) {
        return false;
    }
    out->name = row->key;
    out->alias = row->alias;
    out->type = TYPES[row->type];
    out->fallback = row->fallback;
    out->unit = row->unit;
    out->help = row->help;
    sc_config_range_text(row, out->range, sizeof(out->range));
    return true;
}

bool simclr_preset_at(simclr_preset *out, size_t i)
{
    const sc_preset *preset = sc_preset_at(i);
    memset(out, 0, sizeof(*out));
    if (preset == NULL) {
        return false;
    }
    out->name = preset->name;
    out->help = preset->help;
    out->settings = preset->settings;
    return true;
}
