/* SPDX-License-Identifier: MIT
 *
 * test_linear_probe.c - the linear probe: its gradient against differences, its minimum against
 * scikit-learn's LogisticRegression, its choices, its refusals, any number of threads.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/eval.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/lbfgs.h"
#include "eval/linear_probe.h"
#include "eval/softmax_regression.h"
#include "loss/softmax_xent.h"

typedef struct {
    sc_real *x;
    int32_t *label;
    sc_features features;
} set;

static set make_set(size_t n, size_t dim, int classes, double distance, uint32_t seed)
{
    set s = {malloc(n * dim * sizeof(sc_real)), malloc(n * sizeof(int32_t)), {0}};
    sc_rng rng = sc_rng_at(seed, 0, 0, 0, SC_RNG_PROBE);
    for (size_t i = 0; i < n; i++) {
        s.label[i] = (int32_t)sc_rng_below(&rng, (uint32_t)classes);
        for (size_t j = 0; j < dim; j++) {
            s.x[i * dim + j] = (sc_real)(3.0 + 2.0 * sc_rng_normal(&rng));
        }
        s.x[i * dim + (size_t)s.label[i] % dim] += (sc_real)distance;
    }
    s.features = (sc_features){s.x, s.label, n, dim};
    return s;
}

static void free_set(set *s)
{
    free(s->x);
    free(s->label);
}

static void test_xent_gradient(void **state)
{
    (void)state;
    const sc_real scores[] = {1, -2, 0.5, 300, 299, -300};
    const int32_t labels[] = {1, 0};
    sc_real d[6];
    double loss = sc_softmax_xent(d, scores, labels, 2, 3, 0.5);
    double s = exp(1.0) + exp(-2.0) + exp(0.5);
    assert_true(fabs(loss - (log(s) + 2.0 + log1p(exp(-1.0)))) < 1e-12);
    assert_true(fabs((double)d[0] - 0.5 * exp(1.0) / s) < 1e-7);
    assert_true(fabs((double)d[1] - 0.5 * (exp(-2.0) / s - 1.0)) < 1e-7);
    assert_true(fabs((double)d[4] - 0.5 / (1.0 + exp(1.0))) < 1e-7);
    assert_int_equal(sc_topk_hits(scores, labels, 2, 3, 1), 1);
    assert_int_equal(sc_topk_hits(scores, labels, 2, 3, 2), 1);
    assert_int_equal(sc_topk_hits(scores, labels, 2, 3, 5), 2);
    const sc_real equal[] = {1, 1, 1};
    const int32_t last[] = {2};
    assert_int_equal(sc_topk_hits(equal, last, 1, 3, 2), 0); /* a constant guess scores nothing */
}

/* J is evaluated in sc_real: its rounding limits the difference quotient. */
static void test_objective_gradient(void **state)
{
    (void)state;
    enum { N = 700, DIM = 4, CLASSES = 3, PARAMS = (DIM + 1) * CLASSES };
    const double step = sizeof(sc_real) == 8 ? 1e-5 : 1e-2;
    const double tolerance = sizeof(sc_real) == 8 ? 1e-8 : 1e-4;
    set s = make_set(N, DIM, CLASSES, 2.0, 1);
    uint32_t row[N];
    double theta[PARAMS], gradient[PARAMS], unused[PARAMS];
    sc_softreg model;
    sc_rng rng = sc_rng_at(2, 0, 0, 0, SC_RNG_PROBE);
    for (uint32_t i = 0; i < N; i++) {
        row[i] = N - 1 - i;
    }
    for (size_t i = 0; i < PARAMS; i++) {
        theta[i] = 0.3 * sc_rng_normal(&rng);
    }
    sc_rows rows = {&s.features, row, N - 9};
    assert_int_equal(sc_softreg_init(&model, &s.features, CLASSES, sc_backend_ref(SC_FP32), NULL),
                     0);
    sc_softreg_objective(gradient, theta, &model, &rows, 0.1);
    for (size_t i = 0; i < PARAMS; i++) {
        double at = theta[i];
        theta[i] = at + step;
        double up = sc_softreg_objective(unused, theta, &model, &rows, 0.1);
        theta[i] = at - step;
        double down = sc_softreg_objective(unused, theta, &model, &rows, 0.1);
        theta[i] = at;
        assert_true(fabs((up - down) / (2.0 * step) - gradient[i]) < tolerance);
    }
    sc_softreg_free(&model);
    free_set(&s);
}

static double rosenbrock(double *g, const double *x, void *context)
{
    double a = 1.0 - x[0], b = x[1] - x[0] * x[0];
    ++*(int *)context;
    g[0] = -2.0 * a - 400.0 * x[0] * b;
    g[1] = 200.0 * b;
    return a * a + 100.0 * b * b;
}

static void test_lbfgs(void **state)
{
    (void)state;
    double x[2] = {-1.2, 1.0};
    int calls = 0;
    sc_lbfgs_options options = {10, 200, 1e-9, 0.0};
    sc_lbfgs_result result;
    assert_int_equal(sc_lbfgs(&result, x, 2, rosenbrock, &calls, &options, NULL), 0);
    assert_true(result.converged);
    assert_true(fabs(x[0] - 1.0) < 1e-7 && fabs(x[1] - 1.0) < 1e-7);
    assert_true(result.iterations < 60 && result.evaluations == calls);
    x[0] = NAN;
    assert_int_equal(sc_lbfgs(&result, x, 2, rosenbrock, &calls, &options, NULL), SIMCLR_E_NUMERIC);
}

static void test_golden(void **state)
{
    (void)state;
    enum { PARAMS = (GOLDEN_DIM + 1) * GOLDEN_CLASSES };
    sc_real x[GOLDEN_N * GOLDEN_DIM], u[GOLDEN_M * GOLDEN_DIM];
    uint32_t row[GOLDEN_N];
    double theta[PARAMS] = {0}, gradient[PARAMS], mean = 0.0;
    sc_softreg model;
    sc_softreg_score score;
    for (size_t i = 0; i < GOLDEN_N * GOLDEN_DIM; i++) {
        x[i] = (sc_real)golden_x[i];
    }
    for (size_t i = 0; i < GOLDEN_M * GOLDEN_DIM; i++) {
        u[i] = (sc_real)golden_u[i];
    }
    for (uint32_t i = 0; i < GOLDEN_N; i++) {
        row[i] = i;
    }
    sc_features train = {x, golden_y, GOLDEN_N, GOLDEN_DIM};
    sc_features test = {u, golden_v, GOLDEN_M, GOLDEN_DIM};
    sc_rows rows = {&train, row, GOLDEN_N}, test_rows = {&test, row, GOLDEN_M};
    assert_int_equal(sc_softreg_init(&model, &train, GOLDEN_CLASSES, sc_backend_ref(SC_FP32), NULL),
                     0);
    assert_int_equal(sc_softreg_fit(theta, NULL, &model, &rows, GOLDEN_L2, 500, NULL), 0);
    assert_true(
        fabs(sc_softreg_objective(gradient, theta, &model, &rows, GOLDEN_L2) - GOLDEN_LOSS) < 1e-6);
    for (size_t c = 0; c < GOLDEN_CLASSES; c++) {
        mean += theta[GOLDEN_DIM * GOLDEN_CLASSES + c] / GOLDEN_CLASSES;
    }
    for (size_t c = 0; c < GOLDEN_CLASSES; c++) {
        for (size_t j = 0; j < GOLDEN_DIM; j++) {
            assert_true(fabs(theta[j * GOLDEN_CLASSES + c] - golden_w[c * GOLDEN_DIM + j]) < 2e-3);
        }
        assert_true(fabs(theta[GOLDEN_DIM * GOLDEN_CLASSES + c] - mean - golden_b[c]) < 2e-3);
    }
    sc_softreg_score_rows(&score, theta, &model, &test_rows);
    assert_true(fabs(score.top1 - GOLDEN_TOP1) < 1e-6);
    sc_softreg_free(&model);
}

static int probe(sc_probe_result *out, const set *train, const set *test, double labels,
                 simclr_error *err)
{
    sc_probe_options options = sc_probe_defaults();
    options.label_fraction = labels;
    return sc_linear_probe(out, &train->features, &test->features, &options,
                           sc_backend_ref(SC_FP32), err);
}

static void test_separable_and_chance(void **state)
{
    (void)state;
    sc_probe_result r;
    simclr_error err;
    set train = make_set(600, 10, 8, 60.0, 3), test = make_set(300, 10, 8, 60.0, 4);
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), 0);
    assert_true(r.top1 > 99.99 && r.top5 > 99.99 && r.val_top1 > 99.99 && r.train_top1 > 99.99);
    assert_int_equal(r.n_train, 600);
    assert_int_equal(r.n_val, 600);
    assert_int_equal(r.folds, 5);
    assert_int_equal(r.n_test, 300);
    assert_int_equal(r.classes, 8);
    assert_int_equal(probe(&r, &train, &test, 0.1, &err), 0);
    assert_true(r.n_train >= 56 && r.n_train <= 64);
    assert_true(r.top1 > 95.0);
    free_set(&train);
    free_set(&test);
    train = make_set(600, 10, 8, 0.0, 5);
    test = make_set(1000, 10, 8, 0.0, 6);
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), 0);
    assert_true(r.top1 > 8.0 && r.top1 < 17.5);  /* 12.5 +- 4.5 standard deviations */
    assert_true(r.top5 > 55.5 && r.top5 < 69.5); /* 62.5 */
    assert_true(r.l2 > 1e-3);                    /* there is nothing to fit */
    free_set(&train);
    free_set(&test);
}

static int probe_folds(sc_probe_result *out, const set *train, const set *test, size_t folds_below)
{
    sc_probe_options options = sc_probe_defaults();
    options.folds_below = folds_below;
    return sc_linear_probe(out, &train->features, &test->features, &options,
                           sc_backend_ref(SC_FP32), NULL);
}

/* Every row is held out once, each class spread over the parts: of five rows of a class, one a part.  A
 * class of one row is asked for once, and then the fit does not know it. */
static void test_folds(void **state)
{
    (void)state;
    enum { N = 25 + 1, DIM = 6 };
    sc_probe_result r, again;
    set train = make_set(N, DIM, 1, 0.0, 12), test = make_set(50, DIM, 5, 60.0, 13);
    for (size_t i = 0; i < N; i++) {
        train.label[i] = i < 25 ? (int32_t)i % 5 : 5;
        train.x[i * DIM + (size_t)train.label[i]] += (sc_real)60;
    }
    assert_int_equal(probe_folds(&r, &train, &test, N + 1), 0);
    assert_int_equal(r.folds, 5);
    assert_int_equal(r.n_val, N);
    assert_int_equal(llround(r.val_top1 * N / 100), 25);
    assert_true(r.top1 > 99.99);
    assert_int_equal(probe_folds(&again, &train, &test, N + 1), 0);
    assert_true(memcmp(&r.val_top1, &again.val_top1, sizeof r.val_top1) == 0 && !(r.l2 < again.l2));
    assert_int_equal(probe_folds(&r, &train, &test, N), 0); /* not fewer: a part is held out */
    assert_int_equal(r.folds, 1);
    assert_int_equal(r.n_val, 3);
    free_set(&train);
    free_set(&test);
}

/* Of few rows the folds choose better than a tenth does: mean over seeds. */
static void test_folds_choose_better(void **state)
{
    (void)state;
    enum { SETS = 30 };
    double folds = 0, part = 0;
    for (uint32_t i = 0; i < SETS; i++) {
        sc_probe_result r;
        set train = make_set(40, 60, 4, 6.0, 100 + i), test = make_set(500, 60, 4, 6.0, 200 + i);
        assert_int_equal(probe_folds(&r, &train, &test, 41), 0);
        folds += r.top1 / SETS;
        assert_int_equal(probe_folds(&r, &train, &test, 0), 0);
        part += r.top1 / SETS;
        free_set(&train);
        free_set(&test);
    }
    print_message("5 folds %.2f %%, a tenth %.2f %%\n", folds, part);
    assert_true(folds > part + 1);
}

static void test_constant_feature(void **state)
{
    (void)state;
    sc_probe_result r;
    simclr_error err;
    set train = make_set(200, 5, 2, 60.0, 7), test = make_set(50, 5, 2, 60.0, 8);
    for (size_t i = 0; i < 200; i++) {
        train.x[i * 5 + 4] = (sc_real)0.1;
    }
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), 0); /* the test set's column varies */
    assert_true(r.top1 > 99.99);
    free_set(&train);
    free_set(&test);
}

static void test_refusals(void **state)
{
    (void)state;
    sc_probe_result r;
    simclr_error err;
    set train = make_set(40, 3, 2, 1.0, 9), test = make_set(20, 3, 2, 1.0, 10);
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), 0);
    assert_int_equal(probe(&r, &train, &test, 0.0, &err), SIMCLR_E_USAGE);
    test.label[3] = -1;
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), SIMCLR_E_DATA);
    assert_non_null(strstr(err.text, "test set: row 3 has no label"));
    test.label[3] = 2;
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), SIMCLR_E_DATA);
    test.label[3] = 0;
    test.features.dim = 2;
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), SIMCLR_E_USAGE);
    test.features.dim = 3;
    train.x[4] = (sc_real)INFINITY;
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), SIMCLR_E_NUMERIC);
    train.x[4] = 0;
    memset(train.label, 0, 40 * sizeof *train.label);
    memset(test.label, 0, 20 * sizeof *test.label);
    assert_int_equal(probe(&r, &train, &test, 1.0, &err), SIMCLR_E_DATA);
    free_set(&train);
    free_set(&test);
}

static void test_threads_bit_equal(void **state)
{
    (void)state;
    enum { N = 900, DIM = 20, CLASSES = 6, PARAMS = (DIM + 1) * CLASSES };
    set s = make_set(N, DIM, CLASSES, 2.0, 11);
    uint32_t row[N];
    double first[PARAMS] = {0}, again[PARAMS];
    int before = sc_parallel_threads();
    for (uint32_t i = 0; i < N; i++) {
        row[i] = i;
    }
    sc_rows rows = {&s.features, row, N};
    for (int threads = 1; threads <= 5; threads += 2) {
        double *theta = threads == 1 ? first : again;
        sc_softreg model;
        sc_parallel_set_threads(threads);
        memset(theta, 0, sizeof first);
        assert_int_equal(
            sc_softreg_init(&model, &s.features, CLASSES, sc_backend_ref(SC_FP32), NULL), 0);
        assert_int_equal(sc_softreg_fit(theta, NULL, &model, &rows, 1e-3, 40, NULL), 0);
        assert_memory_equal(first, theta, sizeof first);
        sc_softreg_free(&model);
    }
    sc_parallel_set_threads(before);
    free_set(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xent_gradient),
        cmocka_unit_test(test_objective_gradient),
        cmocka_unit_test(test_lbfgs),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_separable_and_chance),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_folds_choose_better),
        cmocka_unit_test(test_constant_feature),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_threads_bit_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
