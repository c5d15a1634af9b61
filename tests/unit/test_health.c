/* SPDX-License-Identifier: MIT
 *
 * test_health.c - the share of its range that the loss has covered, verdicts, eigenvalues of matrices
 * with known ones, and the effective rank of known spectra.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"
#include "monitor/eigenvalues.h"
#include "monitor/health.h"

static void test_range(void **state)
{
    (void)state;
    assert_true(sc_health_fraction(5.24, 6.24, 4.24) > 0.499);
    assert_true(sc_health_fraction(NAN, 6, 4) == 0 && sc_health_fraction(1, 6, 4) == 1);
}

static void test_verdicts(void **state)
{
    (void)state;
    char text[256];
    sc_health h;
    sc_health_input in = {6.24, 6.24, 4.24, NAN, NAN, NAN, NAN};
    sc_health_init(&h, 10);
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_STARTING);
    for (int i = 0; i < 20; i++)
        sc_health_update(&h, &in);
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_NOT_LEARNING);
    in.loss = 5.31;
    in.top1 = 0.41;
    in.effective_rank = 57;
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_STARTING);
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_STARTING);
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_LEARNING);
    sc_health_text(text, sizeof text, SC_HEALTH_LEARNING, &in);
    assert_string_equal(text, "learning: loss 5.31 has covered 47% of the range 6.24 ... 4.24, "
                              "top-1 41%, rank 57.0");
    in.loss = 6.24; /* once: chance */
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_LEARNING);
    in.effective_rank = 1.01;
    in.uniformity = -0.001;
    for (int i = 0; i < 3; i++)
        sc_health_update(&h, &in);
    assert_int_equal(sc_health_update(&h, &in), SC_HEALTH_COLLAPSING);
}

enum { MOST = 256 };
static double a[MOST * MOST], found[MOST], work[2 * MOST];

static int by_value(const void *x, const void *y)
{
    double p = *(const double *)x, q = *(const double *)y;
    return (p > q) - (p < q);
}

/* Those of a (n,n), whatever their order. */
static void expect_eigenvalues(const char *what, double *want, size_t n)
{
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += want[i];
    sc_eigenvalues(found, a, work, n);
    qsort(found, n, sizeof *found, by_value);
    qsort(want, n, sizeof *want, by_value);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(found[i] - want[i]) <= 1e-14 * trace))
            fail_msg("%s, n = %zu: %.17g, not %.17g", what, n, found[i], want[i]);
    }
}

/* a = Q diag(values) Q^T, Q a product of random reflections. */
static void turn(const double *values, size_t n)
{
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < n; i++)
        a[i * n + i] = values[i];
    for (size_t r = 0; r < 2 * n; r++) {
        double v[MOST], w[MOST], square = 0, along = 0; /* H = I - 2 v v^T / |v|^2 */
        for (size_t i = 0; i < n; i++) {
            v[i] = sct_uniform(-1, 1);
            square += v[i] * v[i];
        }
        for (size_t i = 0; i < n; i++) {
            w[i] = 0;
            for (size_t j = 0; j < n; j++)
                w[i] += a[i * n + j] * v[j] * 2 / square;
            along += w[i] * v[i] / square;
        }
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                a[i * n + j] -= v[i] * (w[j] - along * v[j]) + (w[i] - along * v[i]) * v[j];
    }
}

static void test_eigenvalues(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 5, 16, 60, 128};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        double want[MOST];
        for (size_t i = 0; i < n; i++)
            want[i] = sct_uniform(0, 1);
        turn(want, n);
        expect_eigenvalues("random", want, n);
        for (size_t i = 0; i < n; i++)
            want[i] = i % 4 < 2 ? (double)(i % 4) : 3; /* repeated, a quarter of them 0 */
        turn(want, n);
        expect_eigenvalues("repeated", want, n);
        for (size_t i = 0; i < n; i++)
            want[i] = pow(0.5, (double)i);
        turn(want, n);
        expect_eigenvalues("halves", want, n);
        for (size_t i = 0; i < n; i++)
            want[i] = (double)(i * 7 % n);
        for (size_t i = 0; i < n * n; i++)
            a[i] = i % (n + 1) == 0 ? want[i / (n + 1)] : 0;
        expect_eigenvalues("diagonal", want, n);
        for (size_t i = 0; i < n * n; i++)
            a[i] = 1;
        memset(want, 0, sizeof want);
        want[0] = (double)n;
        expect_eigenvalues("ones", want, n);
        memset(a, 0, sizeof a);
        for (size_t i = 0; i < n; i++) { /* 2 beside -1: a string of beads */
            a[i * n + i] = 2;
            if (i + 1 < n)
                a[i * n + i + 1] = a[(i + 1) * n + i] = -1;
            want[i] = 2 - 2 * cos((double)(i + 1) * acos(-1) / (double)(n + 1));
        }
        expect_eigenvalues("string", want, n);
    }
}

/* Zeros, and squares that are near to the least and the largest that the squares of floats can be. */
static void test_eigenvalues_of_extremes(void **state)
{
    (void)state;
    static const double scales[] = {0, 1e-90, 1e77};
    enum { N = 40 };
    for (size_t s = 0; s < 3; s++) {
        double want[MOST];
        for (size_t i = 0; i < N; i++)
            want[i] = i < 10 ? scales[s] * sct_uniform(0, 1) : 0;
        turn(want, N);
        expect_eigenvalues("scaled", want, N);
    }
}

static void test_rank(void **state)
{
    (void)state;
    enum { N = 64, D = 8 };
    float z[N * D] = {0};
    double rank, transposed;
    simclr_error err;
    for (int i = 0; i < N; i++) /* D equal singular values */
        z[i * D + i % D] = 1;
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(fabs(rank - D) < 1e-9);
    sct_assert_ok(sc_effective_rank(&rank, z, 3, D, &err), &err); /* fewer rows than columns */
    assert_true(fabs(rank - 3) < 1e-9);
    for (int i = 0; i < N * D; i++)
        z[i] = (float)(i % D + 1) * (float)(i / D + 1);
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(fabs(rank - 1) < 1e-4);
    for (int i = 0; i < N * D; i++)
        z[i] = (float)sct_uniform(-1, 1);
    float t[N * D];
    for (int i = 0; i < N * D; i++)
        t[i % D * N + i / D] = z[i];
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    sct_assert_ok(sc_effective_rank(&transposed, t, D, N, &err), &err);
    assert_true(fabs(rank - transposed) < 1e-9 && rank > 7 && rank < 8);
    for (int i = 0; i < N * D; i++)
        z[i] = (float)(i % D) - 3.5F; /* all rows equal */
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(fabs(rank - 1) < 1e-5);
    sct_assert_ok(sc_effective_rank(&rank, z, 1, D, &err), &err);
    assert_true(fabs(rank - 1) < 1e-12);
    z[5] = NAN;
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(isnan(rank));
    memset(z, 0, sizeof z);
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(rank == 0);
}

/* Singular values s_j: columns of length s_j that are orthogonal, in a turned space.  Floats round. */
static void test_rank_of_spectra(void **state)
{
    (void)state;
    enum { N = 256, D = 128 };
    static float z[N * D];
    for (int kind = 0; kind < 3; kind++) {
        double s[D], sum = 0, entropy = 0, rank, again;
        simclr_error err;
        for (size_t j = 0; j < D; j++) {
            s[j] = kind == 0 ? 1 : kind == 1 ? (double)(j % 3) : pow(0.9, (double)j);
            sum += s[j];
        }
        for (size_t j = 0; j < D; j++)
            entropy -= s[j] > 0 ? s[j] / sum * log(s[j] / sum) : 0;
        turn(s, D); /* symmetric: its singular values are its eigenvalues */
        for (size_t i = 0; i < D * D; i++) {
            z[i] = (float)a[i];
            z[D * D + i] = -z[i];
        }
        sc_parallel_set_threads(1);
        sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
        assert_true(fabs(rank - exp(entropy)) < 1e-4 * rank);
        for (int threads = 2; threads <= 4; threads++) {
            sc_parallel_set_threads(threads);
            sct_assert_ok(sc_effective_rank(&again, z, N, D, &err), &err);
            assert_memory_equal(&again, &rank, sizeof rank);
        }
    }
}

/* What would take too long stays unknown, at every size that may be configured. */
static void test_rank_of_many(void **state)
{
    (void)state;
    enum { ROWS = 4200, DIM = 4200 };
    static float z[(size_t)ROWS * DIM];
    double rank = 0;
    simclr_error err;
    for (size_t i = 0; i < ROWS; i++)
        z[i * DIM + i] = 1;
    sct_assert_ok(sc_effective_rank(&rank, z, ROWS, DIM, &err), &err);
    assert_true(isnan(rank));
    sct_assert_ok(sc_effective_rank(&rank, z, 300, 300, &err), &err);
    assert_true(isnan(rank));
    sct_assert_ok(sc_effective_rank(&rank, z, 2, DIM, &err), &err);
    assert_true(fabs(rank - 2) < 1e-9);
    sc_health h;
    sc_health_init(&h, 5);
    sc_health_input in = {
        .loss = 4, .ceiling = 5, .floor = 3, .uniformity = -2, .effective_rank = NAN};
    for (int i = 0; i < 10; i++) /* unknown is no collapse */
        assert_int_not_equal(sc_health_update(&h, &in), SC_HEALTH_COLLAPSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),       cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_eigenvalues), cmocka_unit_test(test_eigenvalues_of_extremes),
        cmocka_unit_test(test_rank),        cmocka_unit_test(test_rank_of_spectra),
        cmocka_unit_test(test_rank_of_many)};
    return sct_run(tests);
}
