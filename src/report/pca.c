/* SPDX-License-Identifier: MIT
 *
 * pca.c - subspace iteration: V <- orthonormal(C V), C = X^T X / n of the centred rows X.
 *
 * C is never formed: C V costs two passes over X, in double, over a fixed number of parts whose
 * sums are added in order, so that any number of threads gives the same bits.
 */
#include "report/pca.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/rng.h"

enum { PARTS = 16, ITERATIONS = 100, K_MAX = 64, EXTRA = 4 };

typedef struct {
    const float *x;
    size_t rows, dim, k;
    const double *mean; /* (dim) */
    double *v;          /* (k, dim) orthonormal rows */
    double *w;          /* (k, dim) C V */
    double *partial;    /* (PARTS, k, dim) */
} pca;

static double dot_row(const pca *p, size_t row, const double *v)
{
    const float *x = p->x + row * p->dim;
    double sum = 0;
    for (size_t j = 0; j < p->dim; j++)
        sum += (x[j] - p->mean[j]) * v[j];
    return sum;
}

static void multiply_part(void *context, size_t part)
{
    pca *p = context;
    double *out = p->partial + part * p->k * p->dim;
    size_t begin, end;
    sc_part_range(&begin, &end, p->rows, PARTS, part);
    memset(out, 0, p->k * p->dim * sizeof *out);
    for (size_t i = begin; i < end; i++) {
        for (size_t c = 0; c < p->k; c++) {
            double s = dot_row(p, i, p->v + c * p->dim);
            for (size_t j = 0; j < p->dim; j++)
                out[c * p->dim + j] += s * (p->x[i * p->dim + j] - p->mean[j]);
        }
    }
}

/* w = C v */
static void multiply(pca *p)
{
    size_t n = p->k * p->dim;
    sc_parallel_for(PARTS, multiply_part, p);
    memset(p->w, 0, n * sizeof *p->w);
    for (size_t part = 0; part < PARTS; part++)
        for (size_t i = 0; i < n; i++)
            p->w[i] += p->partial[part * n + i] / (double)p->rows;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Rows of v orthonormal, by modified Gram-Schmidt, twice; rows without length become 0. */
static void orthonormalise(double *v, size_t k, size_t dim)
{
    for (size_t c = 0; c < k; c++) {
        double *row = v + c * dim;
        double before = sqrt(dot(row, row, dim));
        for (int pass = 0; pass < 2; pass++) {
            for (size_t b = 0; b < c; b++) {
                double s = dot(row, v + b * dim, dim);
                for (size_t j = 0; j < dim; j++)
                    row[j] -= s * v[b * dim + j];
            }
        }
        double norm = sqrt(dot(row, row, dim));
        bool lost = !(norm > 1e-10 * before) || norm == 0;
        for (size_t j = 0; j < dim; j++)
            row[j] = lost ? 0 : row[j] / norm;
    }
}

/* Orders the first components by variance and fixes signs; length[c] = |C v_c|. */
static void order(pca *p, double *length)
{
    for (size_t c = 0; c < p->k; c++)
        length[c] = dot(p->v + c * p->dim, p->w + c * p->dim, p->dim);
    for (size_t a = 0; a < p->k; a++) {
        size_t best = a;
        for (size_t b = a + 1; b < p->k; b++)
            best = length[b] > length[best] ? b : best;
        double t = length[a];
        length[a] = length[best];
        length[best] = t;
        for (size_t j = 0; best != a && j < p->dim; j++) {
            t = p->v[a * p->dim + j];
            p->v[a * p->dim + j] = p->v[best * p->dim + j];
            p->v[best * p->dim + j] = t;
        }
    }
    for (size_t c = 0; c < p->k; c++) {
        double *row = p->v + c * p->dim;
        size_t top = 0;
        for (size_t j = 1; j < p->dim; j++)
            top = fabs(row[j]) > fabs(row[top]) ? j : top;
        double sign = row[top] < 0 ? -1 : 1;
        for (size_t j = 0; j < p->dim; j++)
            row[j] *= sign;
    }
}

/* The mean of the columns, and their total variance. */
static double centre(double *mean, const float *x, size_t rows, size_t dim)
{
    double total = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < dim; j++)
            mean[j] += x[i * dim + j];
    for (size_t j = 0; j < dim; j++)
        mean[j] /= (double)rows;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < dim; j++) {
            double d = x[i * dim + j] - mean[j];
            total += d * d;
        }
    return total / (double)rows;
}

static void iterate(pca *p)
{
    sc_rng rng = sc_rng_at(0, 0, 0, 0, SC_RNG_TSNE);
    for (size_t i = 0; i < p->k * p->dim; i++)
        p->v[i] = sc_rng_normal(&rng);
    orthonormalise(p->v, p->k, p->dim);
    for (int i = 0; i < ITERATIONS; i++) {
        multiply(p);
        double change = 0;
        orthonormalise(p->w, p->k, p->dim);
        for (size_t c = 0; c < p->k; c++)
            change += 1 - fabs(dot(p->w + c * p->dim, p->v + c * p->dim, p->dim));
        memcpy(p->v, p->w, p->k * p->dim * sizeof *p->v);
        if (change < 1e-13)
            break;
    }
    multiply(p);
}

int sc_pca(float *y, double *variance, const float *x, size_t rows, size_t dim, size_t k,
           simclr_error *err)
{
    double length[K_MAX + EXTRA];
    if (rows == 0 || dim == 0 || k == 0 || k > K_MAX)
        return sc_fail(err, SIMCLR_E_INTERNAL, "principal components of nothing");
    /* A few components more than asked for make the iteration converge faster. */
    size_t wide = k + EXTRA < dim ? k + EXTRA : dim;
    pca p = {x, rows, dim, wide, NULL, NULL, NULL, NULL};
    double *mean = sc_alloc(dim, sizeof *mean, err);
    p.mean = mean;
    p.v = sc_alloc(wide * dim, sizeof *p.v, err);
    p.w = sc_alloc(wide * dim, sizeof *p.w, err);
    p.partial = sc_alloc(PARTS * wide * dim, sizeof *p.partial, err);
    int rc = mean && p.v && p.w && p.partial ? 0 : SIMCLR_E_MEMORY;
    if (rc == 0) {
        double total = centre(mean, x, rows, dim);
        iterate(&p);
        order(&p, length);
        for (size_t c = 0; c < k; c++) {
            bool real = c < wide && length[c] > 1e-12 * total;
            for (size_t i = 0; i < rows; i++)
                y[i * k + c] = real ? (float)dot_row(&p, i, p.v + c * dim) : 0;
            if (variance != NULL)
                variance[c] = real ? length[c] / total : 0;
        }
    }
    sc_free(p.partial);
    sc_free(p.w);
    sc_free(p.v);
    sc_free(mean);
    return rc;
}
