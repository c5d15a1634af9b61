/* SPDX-License-Identifier: MIT
 *
 * eigenvalues.c - to three diagonals by reflections, then these by QL steps with implicit shifts.
 *
 * 2 n^3 multiply-adds along whole rows, then some 25 n^2: 1 ms at n = 128, on one thread, always in
 * the same order.
 */
#include "monitor/eigenvalues.h"

#include <math.h>

enum { STEPS_MAX = 60 }; /* for one eigenvalue; two are usual */

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* w = a v, the rows of a stride apart */
static void multiply(double *restrict w, const double *restrict a, size_t stride,
                     const double *restrict v, size_t n)
{
    for (size_t j = 0; j < n; j++)
        w[j] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w[j] += v[i] * a[i * stride + j];
}

/* a -= v w^T + w v^T */
static void subtract(double *restrict a, size_t stride, const double *restrict v,
                     const double *restrict w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * stride + j] -= v[i] * w[j] + w[i] * v[j];
}

/* H = I - v v^T / h makes (off, 0, 0, ..) of row k behind its diagonal, and H a H of the rows below it
 * (Golub & Van Loan, 8.3.1).  Returns off.  v takes the place of the row, w is scratch. */
static double reflect(double *a, double *w, size_t n, size_t k, double small)
{
    size_t m = n - k - 1;
    double *v = a + k * n + k + 1, *rest = v + n;
    double length = sqrt(dot(v, v, m));
    if (length <= small)
        return 0;
    double off = -copysign(length, v[0]);
    v[0] -= off;
    double h = -off * v[0]; /* |v|^2 / 2 */
    multiply(w, rest, n, v, m);
    double along = dot(w, v, m) / (2 * h);
    for (size_t j = 0; j < m; j++)
        w[j] = (w[j] - along * v[j]) / h;
    subtract(rest, n, v, w, m);
    return off;
}

/* One step on rows l to m of the diagonal d and e beside it (EISPACK's imtql1). */
static void step(double *d, double *e, size_t l, size_t m)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double s = 1, c = 1, p = 0;

    g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* in two parts sooner than expected */
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

void sc_eigenvalues(double *value, double *a, double *work, size_t n)
{
    double *e = work, *w = work + n, trace = 0;

    for (size_t i = 0; i < n; i++)
        trace += a[i * n + i];
    const double small = 1e-16 * trace; /* as good as 0 beside the diagonal */
    for (size_t k = 0; k + 1 < n; k++)
        e[k] = reflect(a, w, n, k, small);
    for (size_t k = 0; k < n; k++)
        value[k] = a[k * n + k];
    for (size_t l = 0; l < n; l++) {
        for (int i = 0; i < STEPS_MAX; i++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > small)
                m++;
            if (m == l)
                break;
            step(value, e, l, m);
        }
    }
}
