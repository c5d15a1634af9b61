/* SPDX-License-Identifier: MIT
 *
 * effective_rank.c - RankMe: exp(-sum p ln p), p = s / sum s, s the singular values of z.
 *
 * s = sqrt(eigenvalues of the Gram matrix z^T z or z z^T, whichever is smaller), by cyclic Jacobi
 * rotations in double: short, accurate, and always in the same order.
 */
#include <math.h>
#include <stdbool.h>

#include "core/alloc.h"
#include "monitor/health.h"

/* The rotations take time with the third power: 0.4 s at 256 on one thread, 4 s at 512. */
enum { SWEEPS_MAX = 30, LARGEST = 256 };

/* a (n, n) = z^T z (by columns) or z z^T (by rows). */
static bool gram(double *a, const float *z, size_t rows, size_t dim)
{
    bool by_rows = rows < dim, finite = true;
    size_t n = by_rows ? rows : dim, terms = by_rows ? dim : rows;
    size_t step = by_rows ? dim : 1, next = by_rows ? 1 : dim;
    for (size_t k = 0; k < terms; k++) {
        for (size_t i = 0; i < n; i++) {
            double x = z[i * step + k * next];
            finite = finite && isfinite(x);
            for (size_t j = i; j < n; j++)
                a[i * n + j] += x * (double)z[j * step + k * next];
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
    return finite;
}

/* One rotation that makes a[p][q] zero (Golub & Van Loan, 8.5). */
static void rotate(double *a, size_t n, size_t p, size_t q)
{
    double apq = a[p * n + q];
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t k = 0; k < n; k++) {
        double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
    }
}

/* Leaves the eigenvalues on the diagonal of a. */
static void jacobi(double *a, size_t n)
{
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += a[i * n + i];
    const double small = 1e-14 * trace;
    for (int sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        bool rotated = false;
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                if (fabs(a[p * n + q]) <= small)
                    continue;
                rotate(a, n, p, q);
                rotated = true;
            }
        }
        if (!rotated)
            return;
    }
}

static double entropy_rank(const double *a, size_t n)
{
    double sum = 0, entropy = 0;
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = a[i * n + i] > largest ? a[i * n + i] : largest;
    /* Below the rounding of float input an eigenvalue is noise. */
    const double noise = 1e-12 * largest;
    for (size_t i = 0; i < n; i++)
        sum += a[i * n + i] > noise ? sqrt(a[i * n + i]) : 0;
    if (sum <= 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        double p = a[i * n + i] > noise ? sqrt(a[i * n + i]) / sum : 0;
        if (p > 0)
            entropy -= p * log(p);
    }
    return exp(entropy);
}

int sc_effective_rank(double *out, const float *z, size_t rows, size_t dim, simclr_error *err)
{
    size_t n = rows < dim ? rows : dim;
    *out = NAN;
    if (n == 0 || n > LARGEST)
        return 0;
    double *a = sc_alloc(n * n, sizeof *a, err);
    if (a == NULL)
        return SIMCLR_E_MEMORY;
    if (gram(a, z, rows, dim)) {
        jacobi(a, n);
        *out = entropy_rank(a, n);
    }
    sc_free(a);
    return 0;
}
