/* SPDX-License-Identifier: MIT
 *
 * api_search.c - public functions: neighbours, near-duplicates and outliers among images.
 */
#include "api/api_index.h"

#include <string.h>

#include "core/alloc.h"
#include "eval/duplicates.h"
#include "eval/outliers.h"

static sc_knn_place place_of(const simclr_index *x)
{
    return (sc_knn_place){x->run.network.backend, x->run.network.device, &x->observer};
}

/* Of equal rows, rounding may make more than 1. */
static simclr_match match_of(uint32_t row, sc_real similarity)
{
    return (simclr_match){row, similarity < 1 ? (float)similarity : 1};
}

/* ---- neighbours ---- */

/* x (H, W, C) of one query, as the images are seen. */
static int read_query(sc_real *pixels, simclr_index *x, const char *query, simclr_error *err)
{
    sc_image image;
    int rc = sc_api_index_query(&image, x, query, err);
    if (rc == 0)
        rc = sc_views_eval(pixels, &image, 1, &x->run.views, err);
    sc_image_free(&image);
    return rc;
}

/* h (n, D) of the queries, a batch at a time. */
static int embed_queries(sc_real *h, simclr_index *x, const char *const *query, size_t n,
                         simclr_error *err)
{
    sc_network *network = &x->run.network;
    size_t batch = n < network->max_rows ? n : network->max_rows;
    size_t pixels = (size_t)x->run.size * x->run.size * x->run.views.options.channels;
    sc_real *block = sc_alloc(batch * pixels, sizeof *block, err);
    int rc = block == NULL ? SIMCLR_E_MEMORY : 0;
    for (size_t done = 0; rc == 0 && done < n; done += batch) {
        size_t rows = n - done < batch ? n - done : batch;
        for (size_t i = 0; rc == 0 && i < rows; i++)
            rc = read_query(block + i * pixels, x, query[done + i], err);
        if (rc == 0)
            rc = sc_network_encode(h + done * network->dim_h, network, block, rows, false, err);
        if (rc == 0 && sc_stop_asked(&x->observer))
            rc = sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while embedding queries");
    }
    sc_free(block);
    return rc;
}

static int nearest(simclr_match *out, size_t k, const simclr_index *x, const sc_features *query,
                   simclr_error *err)
{
    const sc_features bank = sc_embedding_features(&x->bank);
    const sc_knn_search_options options = {.k = k};
    const sc_knn_place place = place_of(x);
    uint32_t *index = sc_alloc(query->n * k, sizeof *index, err);
    sc_real *similarity = sc_alloc(query->n * k, sizeof *similarity, err);
    int rc = index == NULL || similarity == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        rc = sc_knn_search(index, similarity, &bank, query, &options, &place, err);
    for (size_t i = 0; rc == 0 && i < query->n * k; i++)
        out[i] = match_of(index[i], similarity[i]);
    sc_free(index);
    sc_free(similarity);
    return rc;
}

int simclr_index_search(simclr_match *out, size_t *k, simclr_index *index, const char *const *query,
                        size_t queries, simclr_error *err)
{
    if (*k == 0)
        return sc_fail(err, SIMCLR_E_USAGE, "search: k = 0; expected one neighbour or more");
    if (queries == 0)
        return 0;
    size_t dim = index->run.network.dim_h;
    sc_real *h = sc_alloc(queries * dim, sizeof *h, err);
    int rc = h == NULL ? SIMCLR_E_MEMORY : embed_queries(h, index, query, queries, err);
    if (rc == 0)
        rc = sc_api_index_ready(index, err);
    if (rc == 0) {
        const sc_features features = {.x = h, .n = queries, .dim = dim};
        *k = *k < index->bank.n ? *k : index->bank.n;
        rc = nearest(out, *k, index, &features, err);
    }
    sc_free(h);
    return sc_api_result(rc, err);
}

/* ---- all with all ---- */

int simclr_index_duplicates(simclr_match *out, size_t *size, size_t *groups, simclr_index *index,
                            double threshold, simclr_error *err)
{
    *groups = 0;
    int rc = sc_api_index_ready(index, err);
    if (rc < 0)
        return rc;
    const sc_features features = sc_embedding_features(&index->bank);
    sc_duplicate *found = sc_alloc(features.n, sizeof *found, err);
    rc = found == NULL ? SIMCLR_E_MEMORY
                       : sc_duplicates(found, size, groups, &features, threshold,
                                       index->run.network.backend, &index->observer, err);
    size_t members = 0;
    for (size_t g = 0; rc == 0 && g < *groups; g++)
        members += size[g];
    for (size_t i = 0; i < members; i++)
        out[i] = match_of(found[i].row, found[i].similarity);
    sc_free(found);
    return sc_api_result(rc, err);
}

int simclr_index_outliers(simclr_match *out, size_t *count, size_t *k, simclr_index *index,
                          simclr_error *err)
{
    int rc = sc_api_index_ready(index, err);
    if (rc < 0)
        return rc;
    const sc_features features = sc_embedding_features(&index->bank);
    const sc_knn_place place = place_of(index);
    if (*k == 0)
        return sc_fail(err, SIMCLR_E_USAGE, "outliers: k = 0; expected one neighbour or more");
    if (features.n < 2)
        return sc_fail(err, SIMCLR_E_DATA, "outliers: one image; expected others to compare with");
    *k = *k < features.n ? *k : features.n - 1;
    *count = *count < features.n ? *count : features.n;
    sc_outlier *all = sc_alloc(features.n, sizeof *all, err);
    rc = all == NULL ? SIMCLR_E_MEMORY : sc_outliers(all, &features, *k, &place, err);
    for (size_t i = 0; rc == 0 && i < *count; i++)
        out[i] = match_of(all[i].row, all[i].similarity);
    sc_free(all);
    return sc_api_result(rc, err);
}
