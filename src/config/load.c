/* SPDX-License-Identifier: MIT
 *
 * load.c - reads a configuration file: our own form here, the tutorial's in tutorial.c.
 *
 * Our form is a map of groups, `optim: {lr: 0.06}`; `optim.lr: 0.06` and the short `lr: 0.06` mean
 * the same.  All errors of a file are reported at once, and then nothing of it is used.
 */
#include "config/load.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"

bool sc_load_list_text(char *out, size_t out_size, const sc_yaml *list)
{
    size_t used = (size_t)snprintf(out, out_size, "[");
    for (const sc_yaml *item = list->first; item != NULL; item = item->next) {
        if (item->kind != SC_YAML_SCALAR) {
            return false;
        }
        used += (size_t)snprintf(out + used, out_size - used, "%s%s", item->text,
                                 item->next != NULL ? ", " : "");
        if (used >= out_size) {
            return false;
        }
    }
    return used + 2 <= out_size && snprintf(out + used, out_size - used, "]") == 1;
}

void sc_load_where(char *out, size_t out_size, const sc_load *load, const sc_yaml *node)
{
    snprintf(out, out_size, "%s:%d:%d", load->name, node->line, node->column);
}

void sc_load_set(sc_load *load, const char *key, const char *value, const char *where)
{
    simclr_error err = {SIMCLR_OK, ""};
    if (sc_config_set(load->cfg, key, value, SC_ORIGIN_FILE, where, &err) != SIMCLR_OK) {
        sc_config_add_error(&load->found, "%s", err.text);
    }
}

static bool is_group(const char *path)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const char *key = sc_config_row_at(i)->key;
        if (strncmp(key, path, length) == 0 && key[length] == '.') {
            return true;
        }
    }
    return false;
}

static void load_value(sc_load *load, const sc_yaml *node, const char *path)
{
    char where[320], list[SC_CONFIG_TEXT];
    sc_load_where(where, sizeof(where), load, node);
    if (node->kind == SC_YAML_LIST) {
        if (!sc_load_list_text(list, sizeof(list), node)) {
            sc_config_add_error(&load->found, "%s: %s: not a list of numbers", where, path);
            return;
        }
        sc_load_set(load, path, list, where);
        return;
    }
    sc_load_set(load, path, sc_yaml_is_null(node) ? "" : node->text, where);
}

static void load_map(sc_load *load, const sc_yaml *map, const char *prefix)
{
    for (const sc_yaml *node = map->first; node != NULL; node = node->next) {
        char path[160], where[320], shown[80];
        int length =
            snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix != '\0' ? "." : "", node->key);
        sc_load_where(where, sizeof(where), load, node);
        bool fits = length >= 0 && (size_t)length < sizeof(path);
        if (fits && node->kind == SC_YAML_MAP && is_group(path)) {
            load_map(load, node, path);
        } else if (fits && node->kind == SC_YAML_MAP && sc_config_find(path) >= 0) {
            sc_config_add_error(&load->found, "%s: %s: is one value, not a group", where, path);
        } else if (fits && node->kind != SC_YAML_MAP && is_group(path)) {
            if (!sc_yaml_is_null(node)) {
                sc_config_add_error(&load->found, "%s: %s: is a group of keys, not one value",
                                    where, path);
            }
        } else if (fits && node->kind == SC_YAML_MAP) {
            sc_load_set(load, path, "", where); /* says that the key is unknown */
        } else if (fits) {
            load_value(load, node, path);
        } else {
            sc_printable(shown, sizeof(shown), node->key);
            sc_config_add_error(&load->found, "%s: unknown key '%s'", where, shown);
        }
    }
}

int sc_config_load_text(sc_config *cfg, const char *text, size_t size, const char *name,
                        bool as_shipped, sc_config_note_fn note, void *context, simclr_error *err)
{
    sc_yaml *root = NULL;
    char shown[256];
    sc_printable(shown, sizeof(shown), name);
    int rc = sc_yaml_parse(&root, text, size, shown, err);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    sc_config trial = *cfg;
    sc_load load = {&trial, shown, as_shipped, note, context, {SIMCLR_OK, ""}};
    if (sc_tutorial_recognise(root)) {
        sc_tutorial_load(&load, root);
    } else {
        load_map(&load, root, "");
    }
    sc_yaml_free(root);
    if (load.found.code == SIMCLR_OK) {
        *cfg = trial;
    } else if (err != NULL) {
        *err = load.found;
    }
    return load.found.code;
}

int sc_config_load_file(sc_config *cfg, const char *path, bool as_shipped, sc_config_note_fn note,
                        void *context, simclr_error *err)
{
    void *text = NULL;
    size_t size = 0;
    int rc = sc_fs_read(&text, &size, path, SC_YAML_BYTES, err);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    rc = sc_config_load_text(cfg, text, size, path, as_shipped, note, context, err);
    sc_free(text);
    return rc;
}
