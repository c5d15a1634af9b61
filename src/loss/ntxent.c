/* SPDX-License-Identifier: MIT
 *
 * ntxent.c - NT-Xent, its gradient by hand, and what it says about the pairs.
 *
 *   u_i = z_i / |z_i|,  s_ij = <u_i, u_j> / t,  lse_i = log sum_{j != i} exp(s_ij)
 *   L = 1/2N sum_i (lse_i - s_i,pos(i))
 *   dL/du_i = 1/(2N t) sum_{j != i} (exp(s_ij - lse_i) + exp(s_ij - lse_j) - 2 [j = pos(i)]) u_j
 *   dL/dz_i = (dL/du_i - <dL/du_i, u_i> u_i) / |z_i|
 *
 * s is symmetric, so that a row's gradient needs that row of s alone: each tile of rows is a
 * product, a pointwise pass and, in the backward pass, a second product.
 */
#include "loss/ntxent.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <tgmath.h>

#include "core/parallel.h"

enum {
    TERMS = 3,     /* numbers kept per row for ordered sums */
    MOST = 1 << 24 /* rows, and numbers of a row */
};

int sc_ntxent_init(sc_ntxent *ntxent, const sc_backend *backend, size_t max_rows, size_t dim,
                   double temperature, simclr_error *err)
{
    if (!(temperature > 0) || !isfinite(temperature) || !isfinite((sc_real)(1 / temperature))) {
        return sc_fail(err, SIMCLR_E_USAGE, "ntxent: temperature must be above 0, not %g",
                       temperature);
    }
    if (max_rows < 4 || max_rows % 2 != 0 || dim < 1 || max_rows > MOST || dim > MOST) {
        return sc_fail(
            err, SIMCLR_E_USAGE,
            "ntxent: needs two views of at least 2 images, not %zu rows of %zu; at most %d "
            "of each",
            max_rows, dim, MOST);
    }
    *ntxent = (sc_ntxent){
        .backend = backend, .max_rows = max_rows, .dim = dim, .temperature = temperature};
    return 0;
}

void sc_ntxent_plan(sc_ntxent *ntxent, sc_arena *arena)
{
    sc_ntxent *t = ntxent;
    size_t tile = t->max_rows < SC_NTXENT_TILE ? t->max_rows : SC_NTXENT_TILE;

    t->unit = sc_arena_take(arena, t->max_rows * t->dim, sizeof(sc_real));
    t->inv_norm = sc_arena_take(arena, t->max_rows, sizeof(sc_real));
    t->lse = sc_arena_take(arena, t->max_rows, sizeof(sc_real));
    t->tile = sc_arena_take(arena, tile * t->max_rows, sizeof(sc_real));
    t->row_loss = sc_arena_take(arena, t->max_rows * TERMS, sizeof(double));
}

typedef struct {
    sc_ntxent *t;
    const sc_real *z;
    sc_real *dz;
    size_t first; /* row of the tile's first row */
} args;

static size_t positive(const sc_ntxent *t, size_t i)
{
    size_t n = t->rows / 2;
    return i < n ? i + n : i - n;
}

/* tile (count, 2N) = cosines of rows first .. first+count-1 with all rows, then f for each row. */
static void for_tiles(args *g, sc_part_fn f, void (*after)(const args *g, size_t count))
{
    sc_ntxent *t = g->t;

    for (g->first = 0; g->first < t->rows; g->first += SC_NTXENT_TILE) {
        size_t left = t->rows - g->first, count = left < SC_NTXENT_TILE ? left : SC_NTXENT_TILE;
        t->backend->gemm(t->tile, t->rows, t->unit + g->first * t->dim, t->dim, false, t->unit,
                         t->dim, true, count, t->rows, t->dim, false);
        sc_parallel_for(count, f, g);
        if (after != NULL) {
            after(g, count);
        }
    }
}

/* Scaled by the largest component first, so that no finite row overflows or vanishes. */
static void normalise_row(void *context, size_t i)
{
    const args *g = context;
    size_t d = g->t->dim;
    const sc_real *z = g->z + i * d;
    sc_real *u = g->t->unit + i * d;
    double most = 0, sum = 0;

    for (size_t j = 0; j < d; j++) {
        double a = fabs((double)z[j]);
        most = a > most || isnan(a) ? a : most;
    }
    double scale = most > 0 ? 1 / most : 0;
    for (size_t j = 0; j < d; j++) {
        double a = (double)z[j] * scale;
        sum += a * a;
    }
    double inverse = most > 0 ? scale / sqrt(sum) : 0;
    for (size_t j = 0; j < d; j++) {
        u[j] = (sc_real)((double)z[j] * inverse);
    }
    /* No gradient where it has no number: for a norm below 3e-39. */
    g->t->inv_norm[i] = isfinite((sc_real)inverse) ? (sc_real)inverse : 0;
}

static void loss_row(void *context, size_t r)
{
    const args *g = context;
    sc_ntxent *t = g->t;
    size_t i = g->first + r;
    const sc_real *cosine = t->tile + r * t->rows;
    sc_real inv_t = (sc_real)(1 / t->temperature), most = -2;
    double sum = 0;

    for (size_t j = 0; j < t->rows; j++) {
        most = j != i && cosine[j] > most ? cosine[j] : most;
    }
    for (size_t j = 0; j < i; j++) {
        sum += (double)exp((cosine[j] - most) * inv_t);
    }
    for (size_t j = i + 1; j < t->rows; j++) {
        sum += (double)exp((cosine[j] - most) * inv_t);
    }
    /* Differences of cosines first: the loss keeps its digits where exp(1/t) has none left. */
    t->row_loss[i] = log(sum) + ((double)most - (double)cosine[positive(t, i)]) / t->temperature;
    t->lse[i] = (sc_real)(log(sum) + (double)most / t->temperature);
}

static void normalise(sc_ntxent *ntxent, const sc_real *z, size_t rows)
{
    args g = {.t = ntxent, .z = z};

    assert(rows >= 4 && rows % 2 == 0 && rows <= ntxent->max_rows);
    ntxent->rows = rows;
    sc_parallel_for(rows, normalise_row, &g);
}

double sc_ntxent_forward(sc_ntxent *ntxent, const sc_real *z, size_t rows)
{
    args g = {.t = ntxent};
    double sum = 0;

    normalise(ntxent, z, rows);
    for_tiles(&g, loss_row, NULL);
    for (size_t i = 0; i < rows; i++) {
        sum += ntxent->row_loss[i];
    }
    return sum / (double)rows;
}

/* Cosines of a row become the weights of all rows in its gradient. */
static void weight_row(void *context, size_t r)
{
    const args *g = context;
    sc_ntxent *t = g->t;
    size_t i = g->first + r;
    sc_real *w = t->tile + r * t->rows;
    sc_real inv_t = (sc_real)(1 / t->temperature), lse = t->lse[i];
    sc_real scale = (sc_real)(1 / ((double)t->rows * t->temperature));

    for (size_t j = 0; j < t->rows; j++) {
        sc_real s = w[j] * inv_t;
        w[j] = j == i ? 0 : (exp(s - lse) + exp(s - t->lse[j])) * scale;
    }
    w[positive(t, i)] -= 2 * scale;
}

static void gradient_tile(const args *g, size_t count)
{
    sc_ntxent *t = g->t;
    t->backend->gemm(g->dz + g->first * t->dim, t->dim, t->tile, t->rows, false, t->unit, t->dim,
                     false, count, t->dim, t->rows, false);
}

/* Through u = z / |z|: what points along u is lost. */
static void project_row(void *context, size_t i)
{
    const args *g = context;
    size_t d = g->t->dim;
    const sc_real *u = g->t->unit + i * d;
    sc_real *dz = g->dz + i * d;
    double along = 0, inverse = (double)g->t->inv_norm[i];

    for (size_t j = 0; j < d; j++) {
        along += (double)dz[j] * (double)u[j];
    }
    for (size_t j = 0; j < d; j++) {
        dz[j] = (sc_real)(((double)dz[j] - along * (double)u[j]) * inverse);
    }
}

void sc_ntxent_backward(sc_real *dz, sc_ntxent *ntxent)
{
    args g = {.t = ntxent, .dz = dz};

    for_tiles(&g, weight_row, gradient_tile);
    sc_parallel_for(ntxent->rows, project_row, &g);
}

static void diagnose_row(void *context, size_t r)
{
    const args *g = context;
    sc_ntxent *t = g->t;
    size_t i = g->first + r, n = t->rows / 2, end = i < n ? n : 2 * n;
    const sc_real *cosine = t->tile + r * t->rows;
    sc_real own = cosine[positive(t, i)];
    double *out = t->row_loss + i * TERMS, gauss = 0;
    uint32_t near = 0; /* rows not farther than the positive, which is one of them */

    for (size_t j = 0; j < t->rows; j++) {
        near += !(cosine[j] < own);
    }
    for (size_t j = i + 1; j < end; j++) { /* each pair once */
        gauss += (double)exp(4 * cosine[j] - 4);
    }
    out[0] = near == 1 + (uint32_t) !(cosine[i] < own);
    out[1] = 2 - 2 * (double)own;
    out[2] = gauss;
}

void sc_ntxent_diagnose(sc_ntxent_stats *out, sc_ntxent *ntxent, const sc_real *z, size_t rows)
{
    args g = {.t = ntxent};
    size_t n = rows / 2;
    double top = 0, apart = 0, gauss[2] = {0, 0};

    normalise(ntxent, z, rows);
    for_tiles(&g, diagnose_row, NULL);
    for (size_t i = 0; i < rows; i++) {
        const double *row = ntxent->row_loss + i * TERMS;
        top += row[0];
        apart += row[1];
        gauss[i >= n] += row[2];
    }
    double pairs = (double)n * (double)(n - 1) / 2;
    *out = (sc_ntxent_stats){
        .top1 = top / (double)rows,
        .alignment = apart / (double)rows,
        .uniformity = (log(gauss[0] / pairs) + log(gauss[1] / pairs)) / 2,
    };
}

double sc_ntxent_ceiling(size_t n)
{
    return log(2 * (double)n - 1);
}

double sc_ntxent_floor(size_t n, double temperature)
{
    double others = (double)n - 1, t = temperature;
    return log1p(2 * others * exp(-1 / (t * others) - 1 / t));
}
