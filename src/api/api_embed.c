/* SPDX-License-Identifier: MIT
 *
 * api_embed.c - public functions: the features of images, and a map of them.
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "export/npy.h"
#include "train/latent.h"

enum { MAP_IMAGES = 2000 };

sc_embed_options sc_api_whole_split(const sc_api_run *r, const char *what,
                                    const simclr_observer *observer)
{
    return (sc_embed_options){
        .batch = (size_t)r->cfg.eval.batch, .what = what, .observer = observer};
}

/* Text of any length, such as a label from a list, as one cell of a table. */
static int write_cell(sc_fs_writer *w, const char *text, char after, simclr_error *err)
{
    size_t size = 4 * strlen(text) + 1; /* \xNN for each byte */
    char *cell = sc_alloc(size, 1, err);
    if (cell == NULL)
        return SIMCLR_E_MEMORY;
    sc_printable(cell, size, text);
    size_t length = strlen(cell);
    cell[length] = after; /* in place of the final zero, which is not written */
    int rc = sc_fs_writer_write(w, cell, length + 1, err);
    sc_free(cell);
    return rc;
}

/* files.tsv beside features.npy, train.files.tsv beside train.npy: one for each set of features that
 * shares a directory. */
static int rows_path(char out[SC_PATH_MAX], const char *npy_path, simclr_error *err)
{
    char plain[SC_PATH_MAX];
    int rc = sc_path_join(plain, "", npy_path, err);
    if (rc < 0)
        return rc;
    char *slash = strrchr(plain, '/');
    char *name = slash == NULL ? plain : slash + 1;
    char *end = name + strlen(name);
    if (end - name > 4 && strcmp(end - 4, ".npy") == 0)
        end -= 4;
    *end = '\0';
    bool usual = strcmp(name, "features") == 0;
    int n = usual ? snprintf(out, SC_PATH_MAX, "%.*sfiles.tsv", (int)(name - plain), plain)
                  : snprintf(out, SC_PATH_MAX, "%s.files.tsv", plain);
    if (n >= SC_PATH_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "%.100s...: the path is too long", plain);
    return 0;
}

static int write_rows(const char *path, const sc_embedding *e, const sc_dataset *ds,
                      const char *split, simclr_error *err)
{
    char row[32];
    sc_fs_writer *w;
    int rc = sc_fs_writer_open(&w, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(w, "row\tpath\tlabel\tsplit\n", 21, err);
    for (size_t i = 0; rc == 0 && i < e->n; i++) {
        int label = e->label[i];
        snprintf(row, sizeof row, "%zu", i);
        rc = write_cell(w, row, '\t', err);
        if (rc == 0)
            rc = write_cell(w, sc_dataset_name(ds, e->index[i]), '\t', err);
        if (rc == 0)
            rc = write_cell(w, label < 0 ? "" : sc_dataset_class_name(ds, label), '\t', err);
        if (rc == 0)
            rc = write_cell(w, split, '\n', err);
    }
    if (rc < 0) {
        sc_fs_writer_abandon(w);
        return rc;
    }
    return sc_fs_writer_commit(w, err);
}

/* Images without a row: how many, and one of them. */
static void say_skipped(const sc_dataset *ds, size_t read, const simclr_observer *observer)
{
    size_t skipped = sc_dataset_skipped(ds);
    if (skipped == 0)
        return;
    const char *name, *reason;
    char shown[SC_PATH_MAX];
    sc_dataset_skip_reason(ds, 0, &name, &reason);
    sc_printable(shown, sizeof shown, name);
    sc_say(
        observer, SIMCLR_WARNING,
        "%zu of %zu images cannot be read and have no row, as %s: %s; 'simclr data verify' lists "
        "all",
        skipped, skipped + read, shown, reason);
}

int simclr_embed(size_t *count, const char *npy_path, const char *run, const char *spec,
                 const char *split, const simclr_observer *observer, simclr_error *err)
{
    sc_api_run r;
    sc_embedding e = {0};
    char rows[SC_PATH_MAX];
    int rc = sc_api_run_open(&r, run, spec, split, NULL, observer, err);
    const sc_embed_options options = sc_api_whole_split(&r, "embedding", observer);
    if (rc == 0)
        rc = rows_path(rows, npy_path, err);
    if (rc == 0)
        rc = sc_embed(&e, r.train, &r.network, &r.views, &options, err);
    if (rc == 0)
        say_skipped(r.train, e.n, observer);
    const uint64_t shape[2] = {e.n, e.dim};
    if (rc == 0)
        rc = sc_npy_write(npy_path, e.h, SC_NPY_F32, shape, 2, err);
    if (rc == 0)
        rc = write_rows(rows, &e, r.train, split, err);
    if (rc == 0)
        sc_say(observer, SIMCLR_NOTE, "rows      %s: path, label and split of each", rows);
    *count = e.n;
    sc_embedding_free(&e);
    sc_api_run_close(&r);
    return sc_api_result(rc, err);
}

int simclr_plot(const char *png_path, const char *run, const char *spec, const char *split,
                const char *method, const simclr_observer *observer, simclr_error *err)
{
    bool pca = strcmp(method, "pca") == 0;
    if (!pca && strcmp(method, "tsne") != 0)
        return sc_fail(err, SIMCLR_E_USAGE, "method %s: expected tsne or pca", method);
    sc_api_run r;
    sc_embedding e = {0};
    int rc = sc_api_run_open(&r, run, spec, split, NULL, observer, err);
    sc_embed_options options = sc_api_whole_split(&r, "embedding", observer);
    options.limit = MAP_IMAGES;
    sc_dataset *ds = r.test != NULL ? r.test : r.train;
    if (rc == 0)
        rc = sc_embed(&e, ds, &r.network, &r.views, &options, err);
    if (rc == 0) {
        char subtitle[96];
        snprintf(subtitle, sizeof subtitle, "step %llu, %zu images", (unsigned long long)r.step,
                 e.n);
        const sc_latent_map map = {.embedding = &e,
                                   .dataset = ds,
                                   .subtitle = subtitle,
                                   .title = pca ? "latent space h, PCA" : "latent space h, t-SNE",
                                   .seed = r.cfg.train.seed,
                                   .method = pca ? SC_LATENT_PCA : SC_LATENT_TSNE};
        rc = sc_latent_write(png_path, &map, err);
    }
    sc_embedding_free(&e);
    sc_api_run_close(&r);
    return sc_api_result(rc, err);
}
