/* SPDX-License-Identifier: MIT
 *
 * features.c - checks of a feature matrix before an evaluation reads it, and a share of its rows.
 */
#include "eval/features.h"

#include <math.h>

#include "core/alloc.h"
#include "core/rng.h"

enum { EPOCH_LABELS = 1 };

int sc_features_check(const sc_features *features, const char *name, bool need_labels,
                      simclr_error *err)
{
    size_t n = features->n, dim = features->dim;
    if (n == 0 || dim == 0) {
        return sc_fail(err, SIMCLR_E_DATA, "%s: no features (%zu rows of %zu numbers)", name, n,
                       dim);
    }
    if (n > INT32_MAX) {
        return sc_fail(err, SIMCLR_E_DATA, "%s: %zu rows are more than 2^31 - 1", name, n);
    }
    if (need_labels && !features->label) {
        return sc_fail(err, SIMCLR_E_DATA, "%s: has no labels, and this evaluation needs them",
                       name);
    }
    for (size_t i = 0; need_labels && i < n; i++) {
        if (features->label[i] < 0) {
            return sc_fail(err, SIMCLR_E_DATA,
                           "%s: row %zu has no label (%d); evaluate on a labelled data set", name,
                           i, (int)features->label[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < dim; j++) {
            if (!isfinite(features->x[i * dim + j])) {
                return sc_fail(err, SIMCLR_E_NUMERIC,
                               "%s: feature %zu of row %zu is not finite; the encoder has diverged",
                               name, j, i);
            }
        }
    }
    return SIMCLR_OK;
}

size_t sc_features_classes(const sc_features *features)
{
    int32_t largest = -1;
    for (size_t i = 0; features->label && i < features->n; i++) {
        largest = features->label[i] > largest ? features->label[i] : largest;
    }
    return (size_t)(largest + 1);
}

int sc_features_share(uint32_t *row, size_t *used, const sc_features *features, double share,
                      uint64_t seed, simclr_error *err)
{
    size_t classes = sc_features_classes(features), n = features->n;
    size_t *quota = sc_alloc(classes, sizeof *quota, err);
    if (!quota) {
        return SIMCLR_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        quota[features->label[i]]++;
    }
    for (size_t c = 0; c < classes; c++) {
        size_t part = (size_t)llround(share * (double)quota[c]);
        quota[c] = part > 0 || quota[c] == 0 ? part : 1;
    }
    sc_rng_permutation(row, n, seed, EPOCH_LABELS, SC_RNG_SPLIT);
    *used = 0;
    for (size_t i = 0; i < n; i++) { /* *used <= i: what is read is not yet overwritten */
        size_t *left = &quota[features->label[row[i]]];
        if (*left > 0) {
            --*left;
            row[(*used)++] = row[i];
        }
    }
    sc_free(quota);
    return SIMCLR_OK;
}
