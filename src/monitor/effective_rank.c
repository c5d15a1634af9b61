/* SPDX-License-Identifier: MIT
 *
 * effective_rank.c - RankMe: exp(-sum p ln p), p = s / sum s, s the singular values of z.
 *
 * s = sqrt(eigenvalues of the Gram matrix z^T z or z z^T, whichever is smaller), in double.
 */
#include <math.h>
#include <stdbool.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "monitor/eigenvalues.h"
#include "monitor/health.h"

enum { LARGEST = 256, STRIP = 4 };

typedef struct {
    double *a;       /* (n,n): the sum of x_k x_k^T */
    const double *x; /* (terms,n) */
    size_t n, terms;
} gram;

/* x: z, or its transpose; whether all of it is finite. */
static bool copy(double *x, const float *z, size_t rows, size_t dim, bool transpose)
{
    bool finite = true;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dim; j++) {
            double value = z[i * dim + j];
            finite = finite && isfinite(value);
            x[transpose ? j * rows + i : i * dim + j] = value;
        }
    }
    return finite;
}

/* STRIP rows of a, from the diagonal on, each number in the order of the terms. */
static void sum_strip(void *context, size_t strip)
{
    const gram *g = context;
    size_t n = g->n, begin = strip * STRIP, end = begin + STRIP < n ? begin + STRIP : n;
    for (size_t k = 0; k < g->terms; k++) {
        const double *x = g->x + k * n;
        for (size_t i = begin; i < end; i++) {
            double *restrict row = g->a + i * n;
            for (size_t j = begin; j < n; j++)
                row[j] += x[i] * x[j];
        }
    }
}

static void sum_up(gram *g)
{
    size_t n = g->n;
    sc_parallel_for((n + STRIP - 1) / STRIP, sum_strip, g);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            g->a[i * n + j] = g->a[j * n + i];
}

static double entropy_rank(const double *value, size_t n)
{
    double sum = 0, entropy = 0;
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = value[i] > largest ? value[i] : largest;
    /* Below the rounding of float input an eigenvalue is noise. */
    const double noise = 1e-12 * largest;
    for (size_t i = 0; i < n; i++)
        sum += value[i] > noise ? sqrt(value[i]) : 0;
    if (sum <= 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        double p = value[i] > noise ? sqrt(value[i]) / sum : 0;
        if (p > 0)
            entropy -= p * log(p);
    }
    return exp(entropy);
}

int sc_effective_rank(double *out, const float *z, size_t rows, size_t dim, simclr_error *err)
{
    bool by_rows = rows < dim;
    size_t n = by_rows ? rows : dim;
    *out = NAN;
    if (n == 0 || n > LARGEST)
        return 0;
    double *x = sc_alloc(rows * dim + n * n + 3 * n, sizeof *x, err);
    if (x == NULL)
        return SIMCLR_E_MEMORY;
    gram g = {.a = x + rows * dim, .x = x, .n = n, .terms = by_rows ? dim : rows};
    double *value = g.a + n * n;
    if (copy(x, z, rows, dim, by_rows)) {
        sum_up(&g);
        sc_eigenvalues(value, g.a, value + n, n);
        *out = entropy_rank(value, n);
    }
    sc_free(x);
    return 0;
}
