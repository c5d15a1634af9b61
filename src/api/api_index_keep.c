/* SPDX-License-Identifier: MIT
 *
 * api_index_keep.c - RUN/index/: features of a set of images, so that the next search need not make them.
 *
 * One safetensors file for each set and split that was searched: h (n,D) and rows (n), which images of
 * the set they are of.  Its metadata says what they follow from: weights, settings, images, precision; and
 * the sums of both tensors.  It appears whole or not at all, and is believed only if all of that agrees.
 */
#include "api/api_index.h"

#include <stdio.h>
#include <string.h>

#include "config/value.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"
#include "train/metadata.h"

enum { OWN_PAIRS = 9 };

struct sc_api_identity {
    sc_metadata settings; /* that make a function of the weights */
    sc_string_pair pair[SC_CONFIG_ROWS_MAX + OWN_PAIRS];
    size_t count;
    char weights[SC_SHA256_HEX], data[SC_SHA256_HEX], files[SC_SHA256_HEX], size[16];
    char precision[SC_CONFIG_TEXT], rotate[SC_CONFIG_TEXT];
    char dir[SC_PATH_MAX], path[SC_PATH_MAX]; /* where features are kept */
};

/* ---- what features follow from ---- */

/* The digest of a folder or list is of names and sizes: the place of the first image and the times of all
 * tell sets apart whose files are of one size, such as frames, and files that were written anew. */
static int digest_files(char hex[SC_SHA256_HEX], const sc_dataset *ds, simclr_error *err)
{
    size_t n = sc_dataset_count(ds);
    char *text = sc_alloc(SC_PATH_MAX + n * sizeof(int64_t), 1, err);
    if (text == NULL)
        return SIMCLR_E_MEMORY;
    if (sc_fs_real_path(text, sc_dataset_name(ds, 0))) { /* else records of a file, or drawn */
        for (size_t i = 0; i < n; i++) {
            int64_t modified = sc_fs_modified(sc_dataset_name(ds, i));
            memcpy(text + SC_PATH_MAX + i * sizeof modified, &modified, sizeof modified);
        }
    }
    int rc = sc_sha256(hex, text, SC_PATH_MAX + n * sizeof(int64_t), err);
    sc_free(text);
    return rc;
}

static void add(sc_api_identity *id, const char *key, const char *value)
{
    id->pair[id->count++] = (sc_string_pair){key, value};
}

static void setting_text(char out[SC_CONFIG_TEXT], const sc_config *cfg, const char *key)
{
    sc_config_row_text(cfg, (size_t)sc_config_find(key), out, SC_CONFIG_TEXT);
}

static int identify(sc_api_identity *id, const simclr_index *x, simclr_error *err)
{
    const sc_api_run *r = &x->run;
    int rc = sc_metadata_write(&id->settings, &r->cfg, r->size, SC_WEIGHTS_ENCODER, err);
    if (rc == 0)
        rc = sc_weights_digest(id->weights, &r->network, err);
    if (rc == 0)
        rc = sc_dataset_fingerprint(id->data, r->train, err);
    if (rc == 0)
        rc = digest_files(id->files, r->train, err);
    if (rc < 0)
        return rc;
    snprintf(id->size, sizeof id->size, "%u", r->size);
    setting_text(id->precision, &r->cfg, "train.precision");
    setting_text(id->rotate, &r->cfg, "data.exif_rotate");
    add(id, "index", "v1");
    add(id, "weights", id->weights);
    add(id, "data", id->data);
    add(id, "files", id->files);
    add(id, "size", id->size);
    add(id, "train.precision", id->precision);
    add(id, "data.exif_rotate", id->rotate);
    for (size_t i = 0; i < id->settings.count; i++)
        id->pair[id->count++] = id->settings.pair[i];
    return 0;
}

/* RUN/index, and in it a file for each set and split as they are called. */
static int name_file(sc_api_identity *id, const simclr_index *x, simclr_error *err)
{
    char text[SC_CONFIG_STRING + sizeof x->split + 1], hex[SC_SHA256_HEX], name[40];
    snprintf(text, sizeof text, "%s\n%s", x->run.spec, x->split);
    int rc = sc_sha256(hex, text, strlen(text), err);
    if (rc == 0)
        rc = sc_path_join(id->dir, x->path, "index", err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "%.16s.safetensors", hex);
    return sc_path_join(id->path, id->dir, name, err);
}

int sc_api_identity_open(sc_api_identity **out, const simclr_index *index, simclr_error *err)
{
    *out = sc_alloc(1, sizeof **out, err);
    int rc = *out == NULL ? SIMCLR_E_MEMORY : name_file(*out, index, err);
    return rc < 0 ? rc : identify(*out, index, err);
}

void sc_api_identity_close(sc_api_identity *identity)
{
    if (identity != NULL)
        sc_metadata_free(&identity->settings);
    sc_free(identity);
}

/* ---- reading ---- */

static bool agrees(const sc_api_identity *id, const sc_safetensors *st)
{
    bool equal = true;
    for (size_t i = 0; equal && i < id->count; i++) {
        const char *value = sc_safetensors_metadata(st, id->pair[i].key);
        equal = value != NULL && strcmp(value, id->pair[i].value) == 0;
    }
    return equal;
}

/* Whether a tensor holds what its sum says. */
static int check_sum(const sc_safetensors *st, const sc_tensor_desc *t, const char *path,
                     simclr_error *err)
{
    char hex[SC_SHA256_HEX], key[32];
    snprintf(key, sizeof key, "sha256.%s", t->name);
    const char *expected = sc_safetensors_metadata(st, key);
    int rc = sc_sha256(hex, t->data, t->size, err);
    if (rc == 0 && (expected == NULL || strcmp(expected, hex) != 0))
        rc = sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: damaged: %s is not as it was written", path,
                     t->name);
    return rc;
}

static int copy_rows(sc_embedding *out, const sc_dataset *ds, const sc_tensor_desc *h,
                     const sc_tensor_desc *rows, simclr_error *err)
{
    out->n = (size_t)h->shape[0];
    out->dim = (size_t)h->shape[1];
    out->h = sc_alloc(out->n * out->dim, sizeof *out->h, err);
    out->label = sc_alloc(out->n, sizeof *out->label, err);
    out->index = sc_alloc(out->n, sizeof *out->index, err);
    if (out->h == NULL || out->label == NULL || out->index == NULL)
        return SIMCLR_E_MEMORY;
    memcpy(out->h, h->data, h->size);
    memcpy(out->index, rows->data, rows->size);
    for (size_t i = 0; i < out->n; i++) {
        if (out->index[i] >= sc_dataset_count(ds))
            return sc_fail(err, SIMCLR_E_CHECKPOINT, "row %zu is of image %u, which is none", i,
                           out->index[i]);
        out->label[i] = (int32_t)sc_dataset_label(ds, out->index[i]);
    }
    return 0;
}

/* Tensors of the right kind, with the bytes that were written: then they are of this set. */
static int take_tensors(simclr_index *x, const sc_safetensors *st, const char *path,
                        simclr_error *err)
{
    sc_tensor_desc h, rows;
    int rc = sc_safetensors_find(st, "h", &h, err);
    if (rc == 0)
        rc = sc_safetensors_find(st, "rows", &rows, err);
    if (rc == 0 &&
        (h.dtype != SC_DTYPE_F32 || h.ndim != 2 || rows.dtype != SC_DTYPE_U32 || rows.ndim != 1 ||
         h.shape[0] != rows.shape[0] || h.shape[0] == 0 || h.shape[1] != x->run.network.dim_h))
        rc = sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: not the features of these images", path);
    if (rc == 0)
        rc = check_sum(st, &h, path, err);
    if (rc == 0)
        rc = check_sum(st, &rows, path, err);
    return rc < 0 ? rc : copy_rows(&x->bank, x->run.train, &h, &rows, err);
}

/* 1: there are features, but of something else. */
static int read_file(simclr_index *x, const sc_api_identity *id, simclr_error *err)
{
    sc_safetensors *st;
    int rc = sc_safetensors_open(&st, id->path, err);
    if (rc < 0)
        return rc;
    rc = agrees(id, st) ? take_tensors(x, st, id->path, err) : 1;
    sc_safetensors_close(st);
    return rc;
}

int sc_api_index_read(bool *found, simclr_index *x, const sc_api_identity *id, simclr_error *err)
{
    simclr_error why = {0};
    int rc = sc_fs_exists(id->path) ? read_file(x, id, &why) : SIMCLR_E_NOT_FOUND;
    *found = rc == 0;
    if (rc < 0)
        sc_embedding_free(&x->bank);
    if (rc == SIMCLR_E_MEMORY)
        return sc_fail(err, rc, "%s", why.text);
    if (rc > 0)
        sc_say(&x->observer, SIMCLR_NOTE,
               "index     %s: weights, settings or images are others now; made anew", id->path);
    else if (rc < 0 && rc != SIMCLR_E_NOT_FOUND)
        sc_say(&x->observer, SIMCLR_WARNING, "%s; the features are made anew", why.text);
    return 0;
}

/* ---- writing ---- */

static int write_file(const sc_api_identity *id, const sc_embedding *e, simclr_error *err)
{
    char h[SC_SHA256_HEX], rows[SC_SHA256_HEX];
    const sc_tensor_desc tensors[] = {
        {.name = "h", .dtype = SC_DTYPE_F32, .ndim = 2, .shape = {e->n, e->dim}, .data = e->h},
        {.name = "rows", .dtype = SC_DTYPE_U32, .ndim = 1, .shape = {e->n}, .data = e->index}};
    sc_string_pair pair[SC_CONFIG_ROWS_MAX + OWN_PAIRS];
    int rc = sc_sha256(h, e->h, e->n * e->dim * sizeof *e->h, err);
    if (rc == 0)
        rc = sc_sha256(rows, e->index, e->n * sizeof *e->index, err);
    memcpy(pair, id->pair, id->count * sizeof *pair);
    pair[id->count] = (sc_string_pair){"sha256.h", h};
    pair[id->count + 1] = (sc_string_pair){"sha256.rows", rows};
    return rc < 0 ? rc : sc_safetensors_write(id->path, tensors, 2, pair, id->count + 2, err);
}

void sc_api_index_keep(const simclr_index *x, const sc_api_identity *id)
{
    simclr_error why = {0};
    int rc = sc_fs_mkdirs(id->dir, &why);
    if (rc == 0)
        rc = sc_fs_remove_leftovers(id->dir, &why);
    if (rc == 0)
        rc = write_file(id, &x->bank, &why);
    if (rc < 0)
        sc_say(&x->observer, SIMCLR_WARNING,
               "%s; the features are not kept, and the next search makes them again", why.text);
}
