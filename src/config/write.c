/* SPDX-License-Identifier: MIT
 *
 * write.c - the configuration as text: the resolved YAML of a run, and the lines that are hashed.
 *
 * Reading the YAML back gives an equal configuration; tests hold it to that.
 */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"
#include "core/alloc.h"

typedef struct {
    char *text; /* NULL while measuring */
    size_t used, size;
} writer;

static void put(writer *w, const char *text)
{
    size_t length = strlen(text);
    if (w->text != NULL && w->used + length < w->size) {
        memcpy(w->text + w->used, text, length + 1);
    }
    w->used += length;
}

/* Strings in single quotes, where only ' is special; everything else as it is. */
static void put_value(writer *w, const sc_config *cfg, size_t row)
{
    char value[SC_CONFIG_TEXT];
    sc_config_row_text(cfg, row, value, sizeof(value));
    if (sc_config_row_at(row)->type != SC_KEY_STRING) {
        put(w, value);
        return;
    }
    put(w, "'");
    for (const char *p = value; *p != '\0'; p++) {
        char one[3] = {*p, *p == '\'' ? '\'' : '\0', '\0'};
        put(w, one);
    }
    put(w, "'");
}

/* Keys of views2 that only follow views are left out. */
static bool is_follower(const sc_config *cfg, size_t row)
{
    return cfg->origin[row] == SC_ORIGIN_DEFAULT &&
           strncmp(sc_config_row_at(row)->key, "views2.", 7) == 0;
}

static void write_yaml(writer *w, const sc_config *cfg)
{
    const char *group = "";
    size_t group_length = 0;
    put(w, "# simclr configuration, resolved; `from` says where a value came from\n");
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        const sc_config_row *row = sc_config_row_at(i);
        if (is_follower(cfg, i)) {
            continue;
        }
        size_t length = (size_t)(strchr(row->key, '.') - row->key);
        if (length != group_length || strncmp(row->key, group, length) != 0) {
            char line[64];
            snprintf(line, sizeof(line), "\n%.*s:\n", (int)length, row->key);
            put(w, line);
            group = row->key;
            group_length = length;
        }
        put(w, "  ");
        put(w, row->key + length + 1);
        put(w, ": ");
        put_value(w, cfg, i);
        put(w, "  # from: ");
        put(w, sc_config_origin_name(sc_config_origin(cfg, i)));
        put(w, "\n");
    }
}

static void write_numbers(writer *w, const sc_config *cfg)
{
    sc_config both = *cfg; /* views2 written out as it is used */
    both.view[1] = *sc_config_view_of(cfg, 1);
    both.symmetric = false;
    for (size_t i = 0; i < sc_config_row_count(); i++) {
        char value[SC_CONFIG_TEXT];
        const sc_config_row *row = sc_config_row_at(i);
        if (!row->numbers) {
            continue;
        }
        sc_config_row_text(&both, i, value, sizeof(value));
        put(w, row->key);
        put(w, "=");
        put(w, value);
        put(w, "\n");
    }
}

static int write_twice(char **text, void (*write)(writer *, const sc_config *),
                       const sc_config *cfg, simclr_error *err)
{
    writer w = {NULL, 0, 0};
    write(&w, cfg);
    w.size = w.used + 1;
    w.text = sc_alloc(w.size, 1, err);
    if (w.text == NULL) {
        return SIMCLR_E_MEMORY;
    }
    w.used = 0;
    write(&w, cfg);
    *text = w.text;
    return SIMCLR_OK;
}

int sc_config_write_yaml(char **text, const sc_config *cfg, simclr_error *err)
{
    return write_twice(text, write_yaml, cfg, err);
}

int sc_config_numbers_text(char **text, const sc_config *cfg, simclr_error *err)
{
    return write_twice(text, write_numbers, cfg, err);
}
