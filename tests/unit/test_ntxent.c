/* SPDX-License-Identifier: MIT
 *
 * test_ntxent.c - NT-Xent against closed forms, its symmetries, and a plain double computation.
 *
 * z is exact in float and sums are in double; what is left is the rounding of unit vectors and of
 * their products, 6e-8 each, divided by the temperature.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "loss/ntxent.h"

typedef struct {
    sc_ntxent t;
    sc_arena arena;
} loss;

static void open_loss(loss *l, size_t rows, size_t dim, double temperature)
{
    simclr_error err;
    memset(l, 0, sizeof *l);
    sct_assert_ok(sc_ntxent_init(&l->t, sc_backend_ref(SC_FP32), rows, dim, temperature, &err),
                  &err);
    sc_ntxent_plan(&l->t, &l->arena);
    sct_assert_ok(sc_arena_open(&l->arena, &err), &err);
    sc_ntxent_plan(&l->t, &l->arena);
}

static double value(const sc_real *z, size_t rows, size_t dim, double temperature)
{
    loss l;
    open_loss(&l, rows, dim, temperature);
    double v = sc_ntxent_forward(&l.t, z, rows);
    sc_arena_close(&l.arena);
    return v;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("got %.10g, want %.10g", got, want);
}

static sc_real *zeros(size_t count)
{
    sc_real *z = sc_alloc(count, sizeof *z, NULL);
    assert_non_null(z);
    return z;
}

/* pairs[i] of 2N rows at the unit vector e_(i mod N), or all at e_0, or all different. */
static void closed_forms(void **state)
{
    (void)state;
    static const size_t ns[] = {2, 3, 8, 100};
    static const double ts[] = {0.1, 0.5, 1};
    for (size_t a = 0; a < 4; a++) {
        for (size_t b = 0; b < 3; b++) {
            size_t n = ns[a], rows = 2 * n;
            double t = ts[b], top = exp(1 / t);
            sc_real *z = zeros(rows * rows);
            for (size_t i = 0; i < rows; i++)
                z[i * rows] = 3;
            near(value(z, rows, rows, t), sc_ntxent_ceiling(n), 1e-6);
            for (size_t i = 0; i < rows; i++) {
                z[i * rows] = 0;
                z[i * rows + i] = (sc_real)(i + 1);
            }
            near(value(z, rows, rows, t), sc_ntxent_ceiling(n), 1e-6);
            for (size_t i = n; i < rows; i++) {
                z[i * rows + i] = 0;
                z[i * rows + i - n] = 5;
            }
            near(value(z, rows, rows, t), log(top + (double)rows - 2) - 1 / t, 2e-6);
            sc_free(z);
        }
    }
    near(sc_ntxent_ceiling(2), 1.0986123, 1e-7);
    near(sc_ntxent_ceiling(256), 6.2363696, 1e-7);
}

/* Corners of a simplex: e_i - mean, cosine -1/(N-1). */
static void floors(void **state)
{
    (void)state;
    sc_real antipodal[8] = {1, 2, -1, -2, 1, 2, -1, -2};
    near(value(antipodal, 4, 2, 0.5), 0.0359763, 1e-6);
    for (size_t n = 2; n < 40; n += 7) {
        sc_real *z = zeros(2 * n * n);
        for (size_t i = 0; i < 2 * n; i++)
            for (size_t j = 0; j < n; j++)
                z[i * n + j] = (sc_real)((double)(i % n == j) - 1 / (double)n);
        near(value(z, 2 * n, n, 0.5), sc_ntxent_floor(n, 0.5), 2e-6);
        sct_fill_normal(z, 2 * n * n);
        double random = value(z, 2 * n, n, 0.5);
        assert_true(random > sc_ntxent_floor(n, 0.5));
        sc_free(z);
    }
    near(sc_ntxent_floor(5, 0.5), 0.5048156, 1e-7);
    near(sc_ntxent_floor(256, 0.5), 4.2411, 5e-5);
    near(sc_ntxent_floor(256, 0.1), 0.0220, 5e-5);
}

static double plain(const sc_real *z, size_t rows, size_t dim, double t)
{
    double sum = 0;
    for (size_t i = 0; i < rows; i++) {
        double total = 0, s_pos = 0;
        for (size_t j = 0; j < rows; j++) {
            double ab = 0, aa = 0, bb = 0;
            for (size_t k = 0; k < dim; k++) {
                double a = (double)z[i * dim + k], b = (double)z[j * dim + k];
                ab += a * b;
                aa += a * a;
                bb += b * b;
            }
            double s = ab / sqrt(aa * bb) / t;
            total += i == j ? 0 : exp(s);
            s_pos = j == (i + rows / 2) % rows ? s : s_pos;
        }
        sum += log(total) - s_pos;
    }
    return sum / (double)rows;
}

/* Permuting pairs, swapping views, scaling rows; odd N, partial batches, more than one tile. */
static void identities(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        size_t n = round == 0 ? 150 : 2 + sct_below(20), rows = 2 * n, dim = 1 + sct_below(30);
        double t = sct_uniform(0.1, 1);
        sc_real *z = zeros(rows * dim), *y = zeros(rows * dim);
        sct_fill_normal(z, rows * dim);
        double want = value(z, rows, dim, t), tolerance = 1e-6 / t;
        near(want, plain(z, rows, dim, t), tolerance);
        for (size_t i = 0; i < rows; i++) { /* reversed pairs, views swapped, rows scaled */
            const sc_real *from = z + ((i < n ? n - 1 - i + n : rows - 1 - i) * dim);
            double scale = sct_uniform(0.01, 100);
            for (size_t k = 0; k < dim; k++)
                y[i * dim + k] = (sc_real)((double)from[k] * scale);
        }
        near(value(y, rows, dim, t), want, tolerance);
        loss l; /* a plan for more rows gives the same bits */
        open_loss(&l, rows + 8, dim, t);
        assert_true(sc_ntxent_forward(&l.t, z, rows) == want);
        sc_arena_close(&l.arena);
        sc_free(z);
        sc_free(y);
    }
}

static void extremes(void **state)
{
    (void)state;
    sc_real z[6 * 3];
    sct_fill_normal(z, 18);
    memcpy(z + 9, z, 9 * sizeof *z); /* duplicated images */
    double at = value(z, 6, 3, 1e-3);
    assert_true(isfinite(at) && at >= 0);
    assert_true(at <
                1e-3); /* a positive equal to its anchor wins outright at so low a temperature */
    for (size_t i = 0; i < 18; i++)
        z[i] *= (sc_real)1e30;
    assert_true(isfinite(value(z, 6, 3, 0.5)));
    z[4] = (sc_real)NAN;
    assert_true(isnan(value(z, 6, 3, 0.5)));
}

static void zero_rows(void **state)
{
    (void)state;
    loss l;
    sc_real z[4 * 5], dz[4 * 5];
    open_loss(&l, 4, 5, 0.5);
    sct_fill_normal(z, 20);
    memset(z + 5, 0, 5 * sizeof *z);
    assert_true(isfinite(sc_ntxent_forward(&l.t, z, 4)));
    sct_fill_nan(dz, 20);
    sc_ntxent_backward(dz, &l.t);
    for (size_t i = 0; i < 20; i++)
        assert_true(isfinite(dz[i]) && (i < 5 || i >= 10 || dz[i] == 0));
    for (size_t i = 5; i < 10; i++) /* a norm whose inverse is no float */
        z[i] = (sc_real)1e-39;
    assert_true(isfinite(sc_ntxent_forward(&l.t, z, 4)));
    sct_fill_nan(dz, 20);
    sc_ntxent_backward(dz, &l.t);
    for (size_t i = 0; i < 20; i++)
        assert_true(isfinite(dz[i]));
    sc_arena_close(&l.arena);
}

static void threads_give_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 300, DIM = 17 };
    loss l;
    sc_real *z = zeros(ROWS * DIM), *one = zeros(ROWS * DIM), *two = zeros(ROWS * DIM);
    sc_ntxent_stats a, b;
    open_loss(&l, ROWS, DIM, 0.2);
    sct_fill_normal(z, ROWS * DIM);
    sc_parallel_set_threads(1);
    double first = sc_ntxent_forward(&l.t, z, ROWS);
    sc_ntxent_backward(one, &l.t);
    sc_ntxent_diagnose(&a, &l.t, z, ROWS);
    sc_parallel_set_threads(2);
    double second = sc_ntxent_forward(&l.t, z, ROWS);
    sc_ntxent_diagnose(&b, &l.t, z, ROWS); /* between forward and backward: changes nothing */
    sc_ntxent_backward(two, &l.t);
    assert_memory_equal(&first, &second, sizeof first);
    assert_memory_equal(&a, &b, sizeof a);
    sct_assert_equal_bits("dz", two, one, ROWS * DIM);
    for (size_t i = 0; i < ROWS; i++) { /* <z_i, dz_i> = 0 */
        double along = 0, size = 0;
        for (size_t k = 0; k < DIM; k++) {
            along += (double)z[i * DIM + k] * (double)one[i * DIM + k];
            size += fabs((double)z[i * DIM + k] * (double)one[i * DIM + k]);
        }
        assert_true(fabs(along) <= 1e-5 * size);
    }
    sc_arena_close(&l.arena);
    sc_free(z);
    sc_free(one);
    sc_free(two);
}

static void diagnostics(void **state)
{
    (void)state;
    loss l;
    sc_ntxent_stats s;
    /* N = 2: pairs equal, the two images orthogonal. */
    sc_real z[8] = {1, 0, 0, 1, 2, 0, 0, 2};
    open_loss(&l, 4, 2, 0.5);
    sc_ntxent_diagnose(&s, &l.t, z, 4);
    near(s.top1, 1, 0);
    near(s.alignment, 0, 1e-6);
    near(s.uniformity, -4, 1e-5); /* log exp(-2 * 2) */
    sc_real all[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    sc_ntxent_diagnose(&s, &l.t, all, 4);
    near(s.top1, 0, 0); /* a tie is no hit: collapse is not 100 per cent */
    near(s.uniformity, 0, 1e-5);
    sc_arena_close(&l.arena);
}

/* In double, as ntxent.h defines them. */
static void diagnostics_of_random_rows(void **state)
{
    (void)state;
    enum { N = 75, ROWS = 2 * N, DIM = 6 }; /* more than a tile */
    loss l;
    sc_ntxent_stats s;
    static sc_real z[ROWS * DIM];
    static double cosine[ROWS][ROWS];
    double hits = 0, apart = 0, gauss[2] = {0, 0};
    sct_fill_normal(z, ROWS * DIM);
    for (size_t i = 0; i < N * DIM; i++)
        z[N * DIM + i] = z[i] + (sc_real)0.4 * z[N * DIM + i];
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < ROWS; j++) {
            double dot = 0, a = 0, b = 0;
            for (size_t k = 0; k < DIM; k++) {
                double x = z[i * DIM + k], y = z[j * DIM + k];
                dot += x * y;
                a += x * x;
                b += y * y;
            }
            cosine[i][j] = dot / sqrt(a * b);
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        size_t pos = (i + N) % ROWS;
        int nearer = 0;
        apart += 2 - 2 * cosine[i][pos];
        for (size_t j = 0; j < ROWS; j++) {
            nearer += j != i && j != pos && cosine[i][j] >= cosine[i][pos];
            if (j != i && j / N == i / N)
                gauss[i / N] += exp(-2 * (2 - 2 * cosine[i][j]));
        }
        hits += nearer == 0;
    }
    open_loss(&l, ROWS, DIM, 0.5);
    sc_ntxent_diagnose(&s, &l.t, z, ROWS);
    assert_in_range((int)hits, ROWS / 4, ROWS - 10);
    near(s.top1, hits / ROWS, 1.01 / ROWS); /* floats may tie */
    near(s.alignment, apart / ROWS, 1e-6);
    near(s.uniformity, (log(gauss[0] / (N * (N - 1))) + log(gauss[1] / (N * (N - 1)))) / 2, 1e-6);
    sc_arena_close(&l.arena);
}

static void refusals(void **state)
{
    (void)state;
    sc_ntxent t;
    simclr_error err;
    const sc_backend *be = sc_backend_ref(SC_FP32);
    sct_assert_error(sc_ntxent_init(&t, be, 8, 4, 0, &err), &err, SIMCLR_E_USAGE, "temperature");
    sct_assert_error(sc_ntxent_init(&t, be, 8, 4, NAN, &err), &err, SIMCLR_E_USAGE, "temperature");
    sct_assert_error(sc_ntxent_init(&t, be, 8, 4, 1e-39, &err), &err, SIMCLR_E_USAGE,
                     "temperature");
    sct_assert_error(sc_ntxent_init(&t, be, 2, 4, 1, &err), &err, SIMCLR_E_USAGE, "2 images");
    sct_assert_error(sc_ntxent_init(&t, be, (size_t)1 << 62, 4, 1, &err), &err, SIMCLR_E_USAGE,
                     "at most 16777216");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms), cmocka_unit_test(floors),
        cmocka_unit_test(identities),   cmocka_unit_test(extremes),
        cmocka_unit_test(zero_rows),    cmocka_unit_test(threads_give_the_same_bits),
        cmocka_unit_test(diagnostics),  cmocka_unit_test(diagnostics_of_random_rows),
        cmocka_unit_test(refusals),
    };
    return sct_run(tests);
}
