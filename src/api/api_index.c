/* SPDX-License-Identifier: MIT
 *
 * api_index.c - public functions: images with their features, opened for search.
 */
#include "api/api_index.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "eval/knn_blocks.h"

/* ---- open, close ---- */

static int take_options(simclr_index *x, const char *run, const char *split,
                        const simclr_observer *observer, simclr_error *err)
{
    if (observer != NULL)
        x->observer = *observer;
    if (strlen(split) >= sizeof x->split)
        return sc_fail(err, SIMCLR_E_USAGE, "split %.80s...: no such name", split);
    snprintf(x->split, sizeof x->split, "%s", split);
    return sc_path_join(x->path, "", run, err);
}

int simclr_index_open(simclr_index **out, const char *run, const simclr_index_options *options,
                      const simclr_observer *observer, simclr_error *err)
{
    const simclr_index_options usual = {0};
    const simclr_index_options *o = options != NULL ? options : &usual;
    const char *split = o->split != NULL ? o->split : "all";
    simclr_index *x = sc_alloc(1, sizeof *x, err);
    *out = NULL;
    if (x == NULL)
        return SIMCLR_E_MEMORY;
    x->fresh = o->fresh;
    int rc = take_options(x, run, split, observer, err);
    if (rc == 0)
        rc = sc_api_run_open_on_demand(&x->run, run, o->spec, split, o->settings, observer, err);
    if (rc < 0)
        simclr_index_close(x);
    else
        *out = x;
    return sc_api_result(rc, err);
}

void simclr_index_close(simclr_index *index)
{
    if (index == NULL)
        return;
    sc_embedding_free(&index->bank);
    sc_api_run_close(&index->run);
    sc_free(index);
}

/* ---- features ---- */

/* All cosines are sums of products from now on. */
static int normalise(simclr_index *x, simclr_error *err)
{
    const sc_features features = sc_embedding_features(&x->bank);
    int rc = sc_features_check(&features, "the images", false, err);
    if (rc == 0)
        sc_knn_unit_rows(x->bank.h, &features, NULL, 0, features.n);
    return rc;
}

static int embed(simclr_index *x, simclr_error *err)
{
    sc_api_run *r = &x->run;
    const sc_embed_options options = sc_api_whole_split(r, "embedding", &x->observer);
    int rc = sc_embed(&x->bank, r->train, &r->network, &r->views, &options, err);
    if (rc == 0 && x->bank.n == 0)
        rc = sc_fail(err, SIMCLR_E_DATA, "data: none of %zu images can be read",
                     sc_dataset_count(r->train));
    return rc < 0 ? rc : normalise(x, err);
}

/* Images that were bad at the start are not of the count, those met later have no row. */
static void describe(simclr_index *x, bool kept)
{
    const sc_dataset *ds = x->run.train;
    size_t unusable = sc_dataset_skipped(ds);
    size_t without_row = sc_dataset_count(ds) - x->bank.n;
    x->info = (simclr_index_info){.images = x->bank.n,
                                  .skipped = kept ? unusable + without_row : unusable,
                                  .classes = sc_dataset_classes(ds),
                                  .dim_h = x->bank.dim,
                                  .checkpoint = x->run.step,
                                  .kept = kept};
    if (x->info.skipped > 0)
        sc_say(&x->observer, SIMCLR_WARNING,
               "%zu of %zu images cannot be read and are not searched; 'simclr data verify' lists "
               "them",
               x->info.skipped, x->info.skipped + x->info.images);
}

int sc_api_index_ready(simclr_index *x, simclr_error *err)
{
    sc_api_identity *identity;
    bool found = false;
    if (x->ready)
        return 0;
    int rc = sc_api_identity_open(&identity, x, err);
    if (rc == 0 && !x->fresh)
        rc = sc_api_index_read(&found, x, identity, err);
    if (rc == 0 && !found)
        rc = embed(x, err);
    if (rc == 0 && !found)
        sc_api_index_keep(x, identity);
    sc_api_identity_close(identity);
    if (rc < 0) {
        sc_embedding_free(&x->bank);
        return rc;
    }
    describe(x, found);
    x->ready = true;
    return 0;
}

int simclr_index_load(simclr_index_info *out, simclr_index *index, simclr_error *err)
{
    int rc = sc_api_index_ready(index, err);
    if (rc == 0 && out != NULL)
        *out = index->info;
    return sc_api_result(rc, err);
}

const char *simclr_index_name(const simclr_index *index, size_t image)
{
    return sc_dataset_name(index->run.train, index->bank.index[image]);
}

const char *simclr_index_class(const simclr_index *index, size_t image)
{
    int label = index->bank.label[image];
    return label < 0 ? NULL : sc_dataset_class_name(index->run.train, label);
}

/* ---- queries ---- */

int sc_api_index_query(sc_image *out, const simclr_index *x, const char *query, simclr_error *err)
{
    const sc_dataset *ds = x->run.train;
    if (sc_fs_exists(query))
        return sc_dataset_read_file(out, ds, query, err);
    for (size_t i = 0; i < sc_dataset_count(ds); i++)
        if (strcmp(sc_dataset_name(ds, i), query) == 0)
            return sc_dataset_read(out, ds, i, err);
    *out = (sc_image){0};
    return sc_fail(err, SIMCLR_E_NOT_FOUND,
                   "%s: no such file, and no image of %s has this name (%s is the first)", query,
                   x->run.spec, sc_dataset_name(ds, 0));
}
