/* SPDX-License-Identifier: MIT
 *
 * outliers.c - rows by their distance from their neighbours (Ramaswamy et al. 2000, with the mean of
 * the k distances in the place of the k-th, as Angiulli and Pizzuti 2002):
 *
 *   d(i) = 1 - 1/k sum over the k nearest others j of cos(i, j)
 */
#include "eval/outliers.h"

#include <stdlib.h>

#include "core/alloc.h"

static int by_similarity(const void *x, const void *y)
{
    const sc_outlier *a = x, *b = y;
    int order = (a->similarity > b->similarity) - (a->similarity < b->similarity);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

int sc_outliers(sc_outlier *out, const sc_features *features, size_t k, const sc_knn_place *place,
                simclr_error *err)
{
    const sc_knn_search_options options = {.k = k, .exclude_self = true};
    uint32_t *index = sc_alloc(features->n * k, sizeof *index, err);
    sc_real *similarity = sc_alloc(features->n * k, sizeof *similarity, err);
    int rc = index && similarity ? 0 : SIMCLR_E_MEMORY;
    if (rc == 0) {
        rc = sc_knn_search(index, similarity, features, features, &options, place, err);
    }
    for (size_t i = 0; rc == 0 && i < features->n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < k; j++) {
            sum += (double)similarity[i * k + j];
        }
        out[i] = (sc_outlier){(uint32_t)i, (sc_real)(sum / (double)k)};
    }
    if (rc == 0) {
        qsort(out, features->n, sizeof *out, by_similarity);
    }
    sc_free(index);
    sc_free(similarity);
    return rc;
}
