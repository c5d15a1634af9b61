/* SPDX-License-Identifier: MIT
 *
 * test_health.c - the share of its range that the loss has covered, verdicts, and the effective rank
 * of known spectra.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

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
    z[5] = NAN;
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(isnan(rank));
    memset(z, 0, sizeof z);
    sct_assert_ok(sc_effective_rank(&rank, z, N, D, &err), &err);
    assert_true(rank == 0);
}

/* What would take longer than a step stays unknown, at every size that may be configured. */
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_range),
                                       cmocka_unit_test(test_verdicts), cmocka_unit_test(test_rank),
                                       cmocka_unit_test(test_rank_of_many)};
    return sct_run(tests);
}
