/* SPDX-License-Identifier: MIT
 *
 * features.h - a matrix of features h with the labels of its rows: what every evaluation starts
 * from.  Borrowed memory; nothing in eval/ changes it.
 */
#ifndef SC_EVAL_FEATURES_H
#define SC_EVAL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"

typedef struct {
    const sc_real *x;     /* (n, dim), dense rows */
    const int32_t *label; /* n classes 0 .. ; NULL where no labels are needed */
    size_t n, dim;
} sc_features;

/* Checks that there are rows, fewer than 2^31 of them, that every value is finite
 * (SIMCLR_E_NUMERIC) and, if need_labels, that no label is negative (SIMCLR_E_DATA).  `name` is the
 * subject of the error's text. */
int sc_features_check(const sc_features *features, const char *name, bool need_labels,
                      simclr_error *err);

/* 1 + the largest label; 0 without labels. */
size_t sc_features_classes(const sc_features *features);

/* A share of the labels: the first round(share * count), at least 1, rows of every class in a random
 * order, which is a function of the seed (SC_RNG_SPLIT).  row (n) receives *used of them; every row
 * has a label. */
int sc_features_share(uint32_t *row, size_t *used, const sc_features *features, double share,
                      uint64_t seed, simclr_error *err);

#endif
