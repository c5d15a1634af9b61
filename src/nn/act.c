/* SPDX-License-Identifier: MIT
 *
 * act.c - names of activations and norms as PyTorch spells them, and gains for initialisation.
 *
 *   kaiming_normal, fan_out:  std = gain / sqrt(K R S)     (He et al. 2015)
 *
 * The arithmetic y = f(x), dx = f'(x) dy is a kernel of the backend.
 */
#include "nn/layers.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name; /* the first of a kind is its name; the others are aliases */
    int kind;
    double param;
} name_row;

static const name_row acts[] = {
    {"None", SC_ACT_IDENTITY, 0},
    {"Identity", SC_ACT_IDENTITY, 0},
    {"Linear", SC_ACT_IDENTITY, 0},
    {"ReLU", SC_ACT_RELU, 0},
    {"LeakyReLU", SC_ACT_LEAKY_RELU, 0.01},
    {"leaky_relu", SC_ACT_LEAKY_RELU, 0.01},
    {"ELU", SC_ACT_ELU, 1},
    {"SELU", SC_ACT_SELU, 0},
    {"SiLU", SC_ACT_SILU, 0},
    {"Swish", SC_ACT_SILU, 0},
    {"GELU", SC_ACT_GELU, 0},
    {"Tanh", SC_ACT_TANH, 0},
    {"Sigmoid", SC_ACT_SIGMOID, 0},
    {"Softplus", SC_ACT_SOFTPLUS, 1},
    {"Hardswish", SC_ACT_HARDSWISH, 0},
    {"Mish", SC_ACT_MISH, 0},
    {NULL, 0, 0},
};

static const name_row norms[] = {
    {"None", SC_NORM_NONE, 0},
    {"Identity", SC_NORM_NONE, 0},
    {"BatchNorm2d", SC_NORM_BATCH, 0},
    {"BatchNorm1d", SC_NORM_BATCH, 0},
    {"BatchNorm", SC_NORM_BATCH, 0},
    {"SyncBatchNorm", SC_NORM_BATCH, 0},
    {"batch", SC_NORM_BATCH, 0},
    {"GroupNorm", SC_NORM_GROUP, 0},
    {"GroupNorm2d", SC_NORM_GROUP, 0},
    {"group", SC_NORM_GROUP, 0},
    {"InstanceNorm2d", SC_NORM_INSTANCE, 0},
    {"InstanceNorm", SC_NORM_INSTANCE, 0},
    {"instance", SC_NORM_INSTANCE, 0},
    {NULL, 0, 0},
};

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) {
            return false;
        }
    }
    return *a == *b;
}

/* Edit distance of two short names, letters without case (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    size_t row[MOST + 1], na = strnlen(a, MOST), nb = strnlen(b, MOST);

    for (size_t j = 0; j <= nb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = corner + !same;
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[nb];
}

static const name_row *find(const name_row *table, const char *what, const char *name,
                            simclr_error *err)
{
    const name_row *nearest = table;
    char shown[80];

    for (const name_row *row = table; row->name; row++) {
        if (same_name(row->name, name)) {
            return row;
        }
        if (distance(row->name, name) < distance(nearest->name, name)) {
            nearest = row;
        }
    }
    sc_printable(shown, sizeof shown, name);
    sc_fail(err, SIMCLR_E_USAGE, "unknown %s '%s'; did you mean '%s'?", what, shown, nearest->name);
    return NULL;
}

int sc_act_from_name(sc_act *out, const char *name, simclr_error *err)
{
    const name_row *row = find(acts, "activation", name, err);

    if (row == NULL) {
        return SIMCLR_E_USAGE;
    }
    *out = (sc_act){(sc_act_kind)row->kind, row->param};
    return 0;
}

int sc_norm_from_name(sc_norm_options *out, const char *name, simclr_error *err)
{
    const name_row *row = find(norms, "norm", name, err);

    if (row == NULL) {
        return SIMCLR_E_USAGE;
    }
    *out = sc_norm_defaults((sc_norm_kind)row->kind);
    return 0;
}

static const char *first_name(const name_row *table, int kind)
{
    for (; table->name; table++) {
        if (table->kind == kind) {
            return table->name;
        }
    }
    return "?";
}

const char *sc_act_name(sc_act_kind kind)
{
    return first_name(acts, kind);
}

const char *sc_norm_name(sc_norm_kind kind)
{
    return first_name(norms, kind);
}

double sc_act_gain(sc_act act)
{
    switch (act.kind) {
    case SC_ACT_IDENTITY:
    case SC_ACT_SIGMOID:
        return 1;
    case SC_ACT_TANH:
        return 5.0 / 3;
    case SC_ACT_SELU:
        return 0.75;
    case SC_ACT_LEAKY_RELU:
        return sqrt(2 / (1 + act.param * act.param));
    default: /* ReLU, and what is close to it: PyTorch has no gain for SiLU, GELU, ELU, ... */
        return sqrt(2);
    }
}

double sc_he_std(sc_act act, size_t filters, size_t kernel)
{
    return sc_act_gain(act) / sqrt((double)(filters * kernel * kernel));
}
