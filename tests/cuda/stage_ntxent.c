/* SPDX-License-Identifier: MIT
 *
 * stage_ntxent.c - NT-Xent by the device's kernels against loss/ntxent.c.
 *
 * Both round cosines to about 1e-7, each in its own order of sums: divided by the temperature, that is
 * what the loss may differ by besides 5e-6 of itself, and the gradient besides 5e-5 of its norm.
 */
#include "device_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "loss/ntxent.h"

enum { BEHIND = 64 }; /* NaNs behind what is read in tiles */

typedef enum { NORMAL, ALIGNED, EQUAL, ZERO_ROW, SIZES, DATA_KINDS } data_kind;

static const char *const data_name[] = {"normal", "aligned", "equal", "zero row", "huge and tiny"};

typedef struct {
    size_t rows, dim;
    double temperature;
    sc_ntxent t;
    sc_arena arena;
    sc_device_ntxent d;
    sc_step_output *out;
    sc_real *z, *dz;
    double loss;
} pair;

static void fill_rows(sc_real *z, size_t rows, size_t dim, data_kind kind)
{
    sct_fill_normal(z, rows * dim);
    if (kind == ALIGNED) { /* views of an image nearly alike */
        for (size_t i = 0; i < rows / 2 * dim; i++)
            z[rows / 2 * dim + i] = z[i] * (1 + 0.01F * (sc_real)sct_uniform(-1, 1));
    } else if (kind == EQUAL) {
        for (size_t i = dim; i < rows * dim; i++)
            z[i] = z[i - dim];
    } else if (kind == ZERO_ROW) {
        memset(z + rows / 3 * dim, 0, dim * sizeof *z);
    } else if (kind == SIZES) {
        for (size_t i = 0; i < rows * dim; i++)
            z[i] *= i / dim % 3 == 0 ? 1e30F : i / dim % 3 == 1 ? 1e-30F : 1;
    }
}

static void open_pair(pair *p, data_kind kind)
{
    simclr_error err;
    size_t count = p->rows * p->dim;

    sct_assert_ok(
        sc_ntxent_init(&p->t, sc_backend_ref(SC_FP32), p->rows, p->dim, p->temperature, &err),
        &err);
    sc_ntxent_plan(&p->t, &p->arena);
    sct_assert_ok(sc_arena_open(&p->arena, &err), &err);
    sc_ntxent_plan(&p->t, &p->arena);
    p->z = sc_alloc(count, sizeof *p->z, NULL);
    p->dz = sc_alloc(count, sizeof *p->dz, NULL);
    fill_rows(p->z, p->rows, p->dim, kind);
    p->d = (sc_device_ntxent){.z = rig_send(p->z, count * sizeof *p->z),
                              .dz = rig_send(NULL, count * sizeof *p->z),
                              .rows = p->rows,
                              .dim = p->dim,
                              .temperature = p->temperature,
                              .unit = rig_send(NULL, count * sizeof *p->z),
                              .inv_norm = rig_send(NULL, p->rows * sizeof *p->z),
                              .lse = rig_send(NULL, (p->rows + BEHIND) * sizeof *p->z),
                              .row_loss = rig_send(NULL, p->rows * sizeof(double))};
    p->out = rig_send(NULL, sizeof *p->out);
}

static void close_pair(pair *p)
{
    void *blocks[] = {(void *)p->d.z, p->d.dz,       p->d.unit, p->d.inv_norm,
                      p->d.lse,       p->d.row_loss, p->out};

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        sc_cuda_free(blocks[i]);
    sc_free(p->z);
    sc_free(p->dz);
    sc_arena_close(&p->arena);
}

/* Loss and gradient by the device; the gradient is the caller's. */
static sc_real *device_gradient(pair *p, double *loss)
{
    sc_cuda_ntxent_forward(p->out, &p->d);
    sc_cuda_ntxent_backward(&p->d);
    sc_step_output *out = rig_fetch(p->out, sizeof *out);
    *loss = out->loss;
    sc_free(out);
    return rig_fetch(p->d.dz, p->rows * p->dim * sizeof(sc_real));
}

static void near_loss(const char *what, const pair *p, double got)
{
    double room = 5e-6 * p->loss + 1e-7 / p->temperature;

    if (!(fabs(got - p->loss) <= room))
        fail_msg("%s: loss %.10g, want %.10g, within %.2g", what, got, p->loss, room);
}

/* |z| divided out, as rows may differ in size by 1e60.  What points along u is up to 2 / (2N t) a row
 * and lost but for its rounding, which is all there is where rows are equal. */
static void near_gradient(const char *what, const pair *p, const sc_real *got)
{
    double error = 0, norm = 0, t = p->temperature, noise = 2e-6 * (1 + 1 / t);

    for (size_t i = 0; i < p->rows; i++) {
        double inverse = (double)p->t.inv_norm[i];
        for (size_t k = 0; k < p->dim; k++) {
            double a = (double)got[i * p->dim + k], b = (double)p->dz[i * p->dim + k];
            if (inverse == 0) {
                assert_true(a == 0 && b == 0);
                continue;
            }
            error += (a - b) / inverse * ((a - b) / inverse);
            norm += b / inverse * (b / inverse);
        }
    }
    double room = 5e-5 * sqrt(norm) + noise / (sqrt((double)p->rows) * t);
    if (!(sqrt(error) <= room))
        fail_msg("%s: gradient off by %g of %g, within %.2g", what, sqrt(error), sqrt(norm), room);
}

static void check(size_t rows, size_t dim, double temperature, data_kind kind)
{
    pair p = {.rows = rows, .dim = dim, .temperature = temperature};
    char what[100];
    double loss, again;

    snprintf(what, sizeof what, "%zu x %zu, t %g, %s", rows, dim, temperature, data_name[kind]);
    open_pair(&p, kind);
    p.loss = sc_ntxent_forward(&p.t, p.z, rows);
    sc_ntxent_backward(p.dz, &p.t);
    sc_real *first = device_gradient(&p, &loss), *second = device_gradient(&p, &again);
    near_loss(what, &p, loss);
    near_gradient(what, &p, first);
    assert_true(loss == again);
    sct_assert_equal_bits(what, second, first, rows * dim);
    sc_free(first);
    sc_free(second);
    close_pair(&p);
}

static void against_cpu(void **state)
{
    static const size_t rows[] = {4, 6, 66, 130, 194}, dims[] = {1, 3, 64, 128, 200};
    static const double temperatures[] = {0.05, 0.1, 0.5, 1};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            for (size_t kind = 0; kind < (rows[i] < 100 ? DATA_KINDS : 1); kind++)
                check(rows[i], dims[j], temperatures[sct_below(4)],
                      (data_kind)((kind + j) % DATA_KINDS));
    check(70, 1030, 0.5, NORMAL);  /* several slabs of d */
    check(130, 64, 0.004, NORMAL); /* exp(-1/t), of a row with itself, would swallow the others */
}

/* Pairs equal and images orthogonal: each row has a term of 1 and 2N - 2 of exp(-1/t), here of
 * 2e-9, which a sum in float would lose. */
static void digits_of_a_small_loss(void **state)
{
    enum { N = 40 };
    pair p = {.rows = 2 * N, .dim = N, .temperature = 0.05};
    double want = log1p((2 * N - 2) * exp(-20)), loss;
    (void)state;
    open_pair(&p, NORMAL);
    memset(p.z, 0, sizeof(sc_real) * 2 * N * N);
    for (size_t i = 0; i < 2 * N; i++)
        p.z[i * N + i % N] = 3;
    sc_cuda_upload((void *)p.d.z, p.z, sizeof(sc_real) * 2 * N * N);
    sc_free(device_gradient(&p, &loss));
    if (!(fabs(loss - want) <= 5e-6 * want))
        fail_msg("loss %.10g, want %.10g", loss, want);
    close_pair(&p);
}

static void not_a_number(void **state)
{
    static const sc_real bad[] = {NAN, INFINITY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        pair p = {.rows = 66, .dim = 5, .temperature = 0.5};
        double loss;
        open_pair(&p, NORMAL);
        p.z[sct_below(66 * 5)] = bad[i];
        sc_cuda_upload((void *)p.d.z, p.z, sizeof(sc_real) * 66 * 5);
        sc_free(device_gradient(&p, &loss));
        assert_false(isfinite(loss));
        close_pair(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_cpu),
                                       cmocka_unit_test(digits_of_a_small_loss),
                                       cmocka_unit_test(not_a_number)};
    return sct_run(tests);
}
