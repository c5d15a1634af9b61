/* SPDX-License-Identifier: MIT
 *
 * test_tsne.c - clusters stay apart, equal points and few points are no trouble, and the bits do
 * not depend on the number of threads.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "report/tsne.h"

enum { N = 150, D = 10, CLASSES = 3 };

static void make(float *x)
{
    for (int i = 0; i < N; i++)
        for (int d = 0; d < D; d++)
            x[i * D + d] = (i % CLASSES == d ? 4.0f : 0) + (float)sct_uniform(-1, 1);
}

static void test_clusters(void **state)
{
    (void)state;
    static float x[N * D], y[N * 2];
    simclr_error err;
    sc_tsne_options options = sc_tsne_defaults();
    int right = 0;
    options.iterations = 500;
    make(x);
    sct_assert_ok(sc_tsne(y, x, N, D, &options, &err), &err);
    for (int i = 0; i < N; i++) {
        int best = -1;
        float least = INFINITY;
        for (int j = 0; j < N; j++) {
            float d = hypotf(y[2 * i] - y[2 * j], y[2 * i + 1] - y[2 * j + 1]);
            assert_true(isfinite(d));
            if (j != i && d < least) {
                least = d;
                best = j;
            }
        }
        right += best % CLASSES == i % CLASSES;
    }
    assert_true(right >= N - 1);
}

static void test_threads(void **state)
{
    (void)state;
    static float x[N * D], a[N * 2], b[N * 2];
    simclr_error err;
    sc_tsne_options options = {30, 300, 7};
    make(x);
    sc_parallel_set_threads(1);
    sct_assert_ok(sc_tsne(a, x, N, D, &options, &err), &err);
    sc_parallel_set_threads(4);
    sct_assert_ok(sc_tsne(b, x, N, D, &options, &err), &err);
    assert_memory_equal(a, b, sizeof a);
}

static void test_odd(void **state)
{
    (void)state;
    static float x[N * D], y[N * 2];
    simclr_error err;
    sc_tsne_options options = {30, 100, 0};
    for (size_t rows = 0; rows < 12; rows++) /* all points equal */
        sct_assert_ok(sc_tsne(y, x, rows, D, &options, &err), &err);
    for (int i = 0; i < 24; i++)
        assert_true(isfinite(y[i]));
    x[3] = NAN;
    sct_assert_error(sc_tsne(y, x, 9, D, &options, &err), &err, SIMCLR_E_NUMERIC, "point 0");
    sct_assert_error(sc_tsne(y, x, 100000, D, &options, &err), &err, SIMCLR_E_USAGE, "sample");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clusters),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_odd)};
    return sct_run(tests);
}
