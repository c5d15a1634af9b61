/* SPDX-License-Identifier: MIT
 *
 * fingerprint.c - SHA-256 of what identifies a data set: one line for each image or file.
 *
 * kind, split and classes first; then for own files "name <tab> bytes <tab> label", for record
 * files the SHA-256 of each, for generated images seed and count.
 */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "data/provider.h"

typedef struct {
    char *data;
    size_t size, capacity;
    int rc;
    simclr_error *err;
} text;

static void append(text *t, const char *s)
{
    size_t n = strlen(s);
    if (t->rc != 0) {
        return;
    }
    if (n > t->capacity - t->size) {
        size_t larger = 2 * t->capacity + n + 4096;
        char *moved = sc_alloc(larger, 1, t->err);
        if (moved == NULL) {
            t->rc = SIMCLR_E_MEMORY;
            return;
        }
        if (t->size > 0) {
            memcpy(moved, t->data, t->size);
        }
        sc_free(t->data);
        t->data = moved;
        t->capacity = larger;
    }
    memcpy(t->data + t->size, s, n);
    t->size += n;
}

static void append_number(text *t, long long value, const char *after)
{
    char s[64];
    snprintf(s, sizeof s, "%lld%s", value, after);
    append(t, s);
}

static void append_files(text *t, const sc_dataset *ds, bool older)
{
    for (size_t i = 0; i < ds->count; i++) {
        append(t, ds->item[i].name + (older ? ds->older_prefix : ds->item[i].prefix));
        append(t, "\t");
        append_number(t, (long long)ds->item[i].bytes, "\t");
        append_number(t, ds->item[i].label, "\n");
    }
}

static void append_records(text *t, const sc_dataset *ds)
{
    char hex[SC_SHA256_HEX];
    for (int f = 0; f < ds->files && t->rc == 0; f++) {
        t->rc = sc_sha256_file(hex, ds->file[f].path, t->err);
        if (t->rc == 0) {
            append(t, hex);
            append(t, "\n");
        }
    }
    for (size_t i = 0; i < ds->count; i++) { /* STL-10 keeps its labels elsewhere */
        append_number(t, ds->item[i].label, "\n");
    }
}

static int fingerprint(char hex[SC_SHA256_HEX], const sc_dataset *ds, bool older, simclr_error *err)
{
    text t = {.err = err};
    append(&t, ds->provider->kind);
    append(&t, "\t");
    append(&t, ds->split);
    append(&t, "\t");
    append_number(&t, (long long)ds->count, "\n");
    for (int c = 0; c < ds->classes; c++) {
        append(&t, ds->class_name[c]);
        append(&t, "\n");
    }
    if (ds->files > 0) {
        append_records(&t, ds);
    } else if (ds->shapes_train > 0) {
        append(&t, "shapes v1\n");
        append_number(&t, (long long)ds->options.seed, "\n");
        append_number(&t, (long long)ds->shapes_train, "\n");
    } else {
        append_files(&t, ds, older);
    }
    int rc = t.rc != 0 ? t.rc : sc_sha256(hex, t.data, t.size, err);
    sc_free(t.data);
    return rc;
}

int sc_dataset_fingerprint(char hex[SC_SHA256_HEX], const sc_dataset *ds, simclr_error *err)
{
    return fingerprint(hex, ds, false, err);
}

int sc_dataset_older_fingerprint(char hex[SC_SHA256_HEX], const sc_dataset *ds, simclr_error *err)
{
    bool same = true;
    for (size_t i = 0; same && i < ds->count; i++) {
        same = ds->item[i].prefix == ds->older_prefix;
    }
    hex[0] = '\0';
    return same ? 0 : fingerprint(hex, ds, true, err);
}
