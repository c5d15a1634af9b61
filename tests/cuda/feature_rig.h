/* SPDX-License-Identifier: MIT
 *
 * feature_rig.h - labelled features at random, for the tests of k-NN on a device.
 */
#ifndef FEATURE_RIG_H
#define FEATURE_RIG_H

#include "device_rig.h"

#include "eval/features.h"

typedef struct {
    sc_real *x;
    int32_t *label;
    sc_features features;
} set;

static inline set open_set(size_t n, size_t dim)
{
    set s = {sc_alloc(n * dim, sizeof *s.x, NULL), sc_alloc(n, sizeof *s.label, NULL), {0}};
    assert_true(s.x && s.label);
    sct_fill_normal(s.x, n * dim);
    for (size_t i = 0; i < n; i++)
        s.label[i] = (int32_t)sct_below(5);
    s.features = (sc_features){s.x, s.label, n, dim};
    return s;
}

static inline void close_set(set *s)
{
    sc_free(s->x);
    sc_free(s->label);
}

#endif
