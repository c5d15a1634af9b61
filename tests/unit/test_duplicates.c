/* SPDX-License-Identifier: MIT
 *
 * test_duplicates.c - near-duplicates and outliers: known answers on a few made-up rows, all pairs one
 * by one on more rows than fit a block, the order of what is found, and what is refused.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"
#include "eval/duplicates.h"
#include "eval/outliers.h"

static sc_knn_place place; /* the processor's reference */

/* Unit vectors of the plane at these degrees, of different lengths. */
static sc_features at_angles(sc_real *x, const double *degrees, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double angle = degrees[i] / 180.0 * 3.14159265358979, length = 0.25 + (double)i;
        x[2 * i] = (sc_real)(length * cos(angle));
        x[2 * i + 1] = (sc_real)(length * sin(angle));
    }
    return (sc_features){.x = x, .n = n, .dim = 2};
}

static size_t find(sc_duplicate *out, size_t *size, const sc_features *f, double threshold)
{
    simclr_error err = {0};
    size_t groups;
    sct_assert_ok(sc_duplicates(out, size, &groups, f, threshold, place.backend, NULL, &err), &err);
    return groups;
}

/* cos 1 degree is 0.99985, cos 2 degrees 0.99939, cos 3 degrees 0.99863. */
static void known_groups(void **state)
{
    (void)state;
    static const double degrees[] = {0, 90, 3, 91, 45, 2, 135, 135};
    sc_real x[16];
    sc_duplicate out[8];
    size_t size[5];
    const sc_features f = at_angles(x, degrees, 8);

    /* 2 and 5 are the closest pair of {0, 5, 2}, whose ends are joined by 5 alone. */
    assert_int_equal(find(out, size, &f, 0.9993), 3);
    static const uint32_t rows[] = {2, 5, 0, 6, 7, 1, 3};
    static const size_t sizes[] = {3, 2, 2};
    assert_memory_equal(size, sizes, sizeof sizes);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(out[i].row, rows[i]);
    assert_true(out[0].similarity == 1 && out[3].similarity == 1 && out[5].similarity == 1);
    assert_true(fabs(out[1].similarity - cos(1 / 57.29578)) < 1e-6);
    assert_true(fabs(out[2].similarity - cos(3 / 57.29578)) < 1e-6); /* below the threshold */

    /* Equal rows of different lengths are found at 1, and they alone. */
    assert_int_equal(find(out, size, &f, 1), 1);
    assert_int_equal(size[0], 2);
    assert_true(out[0].row == 6 && out[1].row == 7);
    /* Everything within 45 degrees of its neighbour is one group. */
    assert_int_equal(find(out, size, &f, 0.7), 1);
    assert_int_equal(size[0], 8);
}

static void rows_of_zeros(void **state)
{
    (void)state;
    sc_real x[8] = {0, 0, 0, 0, 1, 1, 2, 2};
    sc_duplicate out[4];
    size_t size[3];
    const sc_features f = {.x = x, .n = 4, .dim = 2};
    assert_int_equal(find(out, size, &f, 0.01), 1);
    assert_true(size[0] == 2 && out[0].row == 2 && out[1].row == 3);
    const sc_features one = {.x = x, .n = 1, .dim = 2};
    assert_int_equal(find(out, size, &one, 0.5), 0);
}

/* ---- against all pairs, one by one ---- */

enum { N = 2300, DIM = 6 };

/* Every row of some has relatives: the same direction, a little off. */
static sc_features relatives(sc_real *x)
{
    sct_fill_normal(x, (size_t)N * DIM);
    for (size_t i = 0; i < N; i++) {
        size_t of = sct_below(N);
        for (size_t d = 0; i % 3 == 0 && d < DIM; d++)
            x[i * DIM + d] = x[of * DIM + d] + (sc_real)sct_uniform(-0.05, 0.05);
    }
    return (sc_features){.x = x, .n = N, .dim = DIM};
}

/* group[i]: the smallest row that i is connected with; pairs within rounding of the threshold are left
 * out by the choice of it. */
static void slow_groups(uint32_t *group, const sc_features *f, double threshold)
{
    for (uint32_t i = 0; i < N; i++)
        group[i] = i;
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t j = i + 1; j < N; j++) {
            uint32_t from = group[i] > group[j] ? group[i] : group[j];
            uint32_t to = group[i] > group[j] ? group[j] : group[i];
            if (from == to || sct_cosine(f, i, f, j) < threshold)
                continue;
            for (uint32_t k = 0; k < N; k++)
                group[k] = group[k] == from ? to : group[k];
        }
    }
}

/* A threshold with no pair within 1e-5 of it. */
static double clear_threshold(const sc_features *f, double wanted)
{
    for (double t = wanted;; t += 1e-5) {
        bool clear = true;
        for (size_t i = 0; clear && i < N; i++)
            for (size_t j = i + 1; clear && j < N; j++)
                clear = fabs(sct_cosine(f, i, f, j) - t) > 3e-6;
        if (clear)
            return t;
    }
}

static double largest_pair(const sc_features *f, const sc_duplicate *group, size_t size)
{
    double best = -1;
    for (size_t i = 0; i < size; i++)
        for (size_t j = i + 1; j < size; j++)
            best = fmax(best, sct_cosine(f, group[i].row, f, group[j].row));
    return best;
}

static void all_pairs(void **state)
{
    (void)state;
    sc_real *x = malloc(sizeof(sc_real) * N * DIM);
    uint32_t *group = malloc(sizeof *group * N);
    sc_duplicate *out = malloc(sizeof *out * N);
    size_t *size = malloc(sizeof *size * (N / 2 + 1));
    const sc_features f = relatives(x);
    double threshold = clear_threshold(&f, 0.997), before = INFINITY;
    slow_groups(group, &f, threshold);
    size_t groups = find(out, size, &f, threshold), at = 0, expected = 0, alone = 0;
    for (size_t g = 0; g < groups; g++) {
        double best = largest_pair(&f, out + at, size[g]);
        assert_true(size[g] > 1 && (g == 0 || size[g] <= size[g - 1]));
        assert_true(g == 0 || size[g] < size[g - 1] || best < before + 1e-5);
        for (size_t i = 1; i < size[g]; i++) {
            assert_int_equal(group[out[at + i].row], group[out[at].row]);
            assert_true(out[at + i].similarity <= out[at + i - 1].similarity);
            double exact = sct_cosine(&f, out[at].row, &f, out[at + i].row);
            assert_true(fabs((double)out[at + i].similarity - exact) < 1e-5);
        }
        assert_true((double)out[at + 1].similarity > best - 1e-5);
        before = best;
        at += size[g];
    }
    for (uint32_t i = 0; i < N; i++) {
        bool shared = false;
        for (uint32_t j = 0; j < N; j++)
            shared = shared || (j != i && group[j] == group[i]);
        expected += shared && group[i] == i;
        alone += !shared;
    }
    assert_int_equal(groups, expected);
    assert_int_equal(at + alone, N);
    assert_true(groups > 100 && alone > 100);
    free(size);
    free(out);
    free(group);
    free(x);
}

static void threads_bit_equal(void **state)
{
    (void)state;
    sc_real *x = malloc(sizeof(sc_real) * N * DIM);
    sc_duplicate *out = calloc(2 * N, sizeof *out);
    size_t *size = calloc(2 * N, sizeof *size);
    const sc_features f = relatives(x);
    int usual = sc_parallel_threads();
    for (int threads = 1; threads <= 3; threads += 2) {
        sc_parallel_set_threads(threads);
        size_t half = threads == 1 ? 0 : N;
        assert_true(find(out + half, size + half, &f, 0.997) > 100);
    }
    sc_parallel_set_threads(usual);
    assert_memory_equal(out, out + N, N * sizeof *out);
    assert_memory_equal(size, size + N, N * sizeof *size);
    free(size);
    free(out);
    free(x);
}

/* ---- outliers ---- */

static void known_outliers(void **state)
{
    (void)state;
    static const double degrees[] = {0, 10, 20, 120, 30, 150};
    sc_real x[12];
    sc_outlier out[6];
    simclr_error err = {0};
    const sc_features f = at_angles(x, degrees, 6);
    static const uint32_t rows[] = {5, 3, 0, 4, 1, 2};
    /* Of 0 and 30 degrees the two nearest are at 10 and 20 degrees, of 10 and 20 at 10 and 10. */
    const double mean[] = {(cos(30 / 57.29578) + cos(120 / 57.29578)) / 2,
                           (cos(30 / 57.29578) + cos(90 / 57.29578)) / 2,
                           (cos(10 / 57.29578) + cos(20 / 57.29578)) / 2,
                           (cos(10 / 57.29578) + cos(20 / 57.29578)) / 2,
                           cos(10 / 57.29578),
                           cos(10 / 57.29578)};
    sct_assert_ok(sc_outliers(out, &f, 2, &place, &err), &err);
    for (size_t i = 0; i < 6; i++) {
        bool twin = i > 1; /* whose sums differ by rounding alone */
        assert_true(out[i].row == rows[i] || (twin && out[i].row == rows[i ^ 1]));
        assert_true(fabs((double)out[i].similarity - mean[i]) < 1e-6);
    }
    sct_assert_error(sc_outliers(out, &f, 6, &place, &err), &err, SIMCLR_E_USAGE, "k = 6");
    sct_assert_error(sc_outliers(out, &f, 0, &place, &err), &err, SIMCLR_E_USAGE, "k = 0");
}

/* ---- refusals ---- */

static bool stop_at_once(void *context)
{
    (void)context;
    return true;
}

static void refusals(void **state)
{
    (void)state;
    sc_real x[] = {1, 0, 0, 1, 1, 1};
    sc_duplicate out[3];
    sc_outlier unusual[3];
    size_t size[2], groups;
    simclr_error err = {0};
    const double thresholds[] = {0, -0.5, 1.001, NAN};
    const sc_features f = {.x = x, .n = 3, .dim = 2};
    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++)
        sct_assert_error(
            sc_duplicates(out, size, &groups, &f, thresholds[i], place.backend, NULL, &err), &err,
            SIMCLR_E_USAGE, "threshold");
    const simclr_observer impatient = {.stop = stop_at_once};
    const sc_knn_place watched = {.backend = place.backend, .observer = &impatient};
    sct_assert_error(sc_duplicates(out, size, &groups, &f, 0.5, place.backend, &impatient, &err),
                     &err, SIMCLR_E_INTERRUPTED, "interrupted");
    sct_assert_error(sc_outliers(unusual, &f, 1, &watched, &err), &err, SIMCLR_E_INTERRUPTED,
                     "interrupted");
    x[3] = (sc_real)NAN;
    sct_assert_error(sc_duplicates(out, size, &groups, &f, 0.5, place.backend, NULL, &err), &err,
                     SIMCLR_E_NUMERIC, "duplicates");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_groups),   cmocka_unit_test(rows_of_zeros),
        cmocka_unit_test(all_pairs),      cmocka_unit_test(threads_bit_equal),
        cmocka_unit_test(known_outliers), cmocka_unit_test(refusals),
    };
    place.backend = sc_backend_ref(SC_FP32);
    return sct_run(tests);
}
