/* SPDX-License-Identifier: MIT
 *
 * features.c - checks of a feature matrix before an evaluation reads it.
 */
#include "eval/features.h"

#include <math.h>

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
