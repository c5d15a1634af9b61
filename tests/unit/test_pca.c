/* SPDX-License-Identifier: MIT
 *
 * test_pca.c - known axes are found with their variances, rank-deficient data give zeros, and the
 * bits do not depend on the number of threads.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "report/pca.h"

enum { N = 300, D = 12 };

static void test_axes(void **state)
{
    (void)state;
    static float x[N * D], y[N * 2];
    double share[2], cross = 0;
    simclr_error err;
    for (int i = 0; i < N; i++) { /* spread 9 along axis 3, 4 along axis 7, 0.1 elsewhere */
        for (int d = 0; d < D; d++)
            x[i * D + d] = 5 + (float)sct_uniform(-0.1, 0.1);
        x[i * D + 3] += (float)sct_uniform(-9, 9);
        x[i * D + 7] += (float)sct_uniform(-4, 4);
    }
    sct_assert_ok(sc_pca(y, share, x, N, D, 2, &err), &err);
    for (int i = 0; i < N; i++) {
        cross += (double)y[2 * i] * y[2 * i + 1];
        assert_true(fabs(y[2 * i] - (x[i * D + 3] - x[3]) - y[0]) < 0.9);
    }
    assert_true(fabs(cross / N) < 1e-3);
    assert_true(share[0] > 0.75 && share[1] > 0.1 && share[0] + share[1] > 0.99);
}

static void test_degenerate_and_threads(void **state)
{
    (void)state;
    static float x[N * D], a[N * 3], b[N * 3];
    simclr_error err;
    for (int i = 0; i < N; i++)
        for (int d = 0; d < D; d++)
            x[i * D + d] = (float)i * (float)(d + 1);
    sct_assert_ok(sc_pca(a, NULL, x, N, D, 3, &err), &err);
    for (int i = 0; i < N; i++)
        assert_true(a[3 * i + 1] == 0 && a[3 * i + 2] == 0);
    memset(x, 0, sizeof x);
    sct_assert_ok(sc_pca(a, NULL, x, N, D, 3, &err), &err);
    assert_true(a[0] == 0);
    sct_assert_ok(sc_pca(a, NULL, x, 1, 1, 3, &err), &err);
    for (int i = 0; i < N * D; i++)
        x[i] = (float)sct_uniform(-1, 1);
    sc_parallel_set_threads(1);
    sct_assert_ok(sc_pca(a, NULL, x, N, D, 3, &err), &err);
    sc_parallel_set_threads(3);
    sct_assert_ok(sc_pca(b, NULL, x, N, D, 3, &err), &err);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_axes),
                                       cmocka_unit_test(test_degenerate_and_threads)};
    return sct_run(tests);
}
