/* SPDX-License-Identifier: MIT
 *
 * test_group.c - sums and agreements of several processes, and statistics of the whole batch from shares.
 */
#include "support/support.h"
#include "support/fork_group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/group_table.h"
#include "core/alloc.h"
#include "core/parallel.h"

enum { MOST = 3 };

/* ---- sums ---- */

enum { NUMBERS = 300001 }; /* more than 3 ranks add up at once, and no multiple of anything */

static sc_real number(int rank, size_t i)
{
    return (sc_real)(1 + (i * 7 + (size_t)rank * 13) % 1000) / 1024;
}

typedef struct {
    sc_real sum[MOST][NUMBERS];
} sums;

static int add_up(const sc_group *group, void *context)
{
    sums *s = context;
    sc_real *x = s->sum[group->rank];
    void *scratch = malloc(sc_group_sum_bytes(group));
    for (size_t i = 0; i < NUMBERS; i++)
        x[i] = number(group->rank, i);
    sc_group_sum(x, NUMBERS, scratch, group);
    free(scratch);
    return 0;
}

static void test_sums(void **state)
{
    (void)state;
    sums *s = sct_shared(sizeof *s);
    for (int size = 2; size <= MOST; size++) {
        assert_int_equal(sct_group_run(size, add_up, s), 0);
        for (size_t i = 0; i < NUMBERS; i++) {
            sc_real want = number(0, i);
            for (int r = 1; r < size; r++)
                want += number(r, i);
            for (int r = 0; r < size; r++)
                if (s->sum[r][i] != want)
                    fail_msg("rank %d of %d: number %zu", r, size, i);
        }
    }
}

/* ---- agreements ---- */

typedef struct {
    bool any[MOST], none[MOST], same[MOST], different[MOST];
    int good[MOST], bad[MOST];
    simclr_error err[MOST];
} agreements;

static int agree(const sc_group *group, void *context)
{
    agreements *a = context;
    const int r = group->rank, last = group->size - 1;
    char text[16];
    a->any[r] = sc_group_any(r == last, group);
    a->none[r] = sc_group_any(false, group);
    a->same[r] = sc_group_same("digest", group);
    snprintf(text, sizeof text, "%d", r == last);
    a->different[r] = sc_group_same(text, group);
    a->good[r] = sc_group_agree(0, group, &a->err[r]);
    int rc = r == 0 ? 0 : sc_fail(&a->err[r], SIMCLR_E_DATA, "rank %d", r);
    a->bad[r] = sc_group_agree(rc, group, &a->err[r]);
    return 0;
}

static void test_agreements(void **state)
{
    (void)state;
    agreements *a = sct_shared(sizeof *a);
    assert_int_equal(sct_group_run(MOST, agree, a), 0);
    for (int r = 0; r < MOST; r++) {
        assert_true(a->any[r] && !a->none[r] && a->same[r] && !a->different[r]);
        assert_int_equal(a->good[r], 0);
        assert_int_equal(a->bad[r], SIMCLR_E_DATA); /* ranks 1 and 2 failed: the first of them */
        assert_string_equal(a->err[r].text, "rank 1");
    }
}

static void test_alone(void **state)
{
    (void)state;
    simclr_error err;
    sc_real x = 3;
    sc_group_sum(&x, 1, NULL, NULL);
    assert_true(x == 3 && sc_group_first(NULL) && sc_group_same("a", NULL));
    assert_true(sc_group_any(true, NULL) && !sc_group_any(false, NULL));
    assert_int_equal(sc_group_agree(SIMCLR_E_IO, NULL, &err), SIMCLR_E_IO);
}

/* ---- statistics ---- */

/* More channels than a message has; ranks have different numbers of images. */
enum { IMAGES = 7, PIXELS = 9, CHANNELS = 600, ROWS = IMAGES * PIXELS };

typedef struct {
    sc_real x[ROWS * CHANNELS], dy[ROWS * CHANNELS], y[ROWS * CHANNELS], dx[ROWS * CHANNELS];
    sc_real running_mean[CHANNELS], running_var[CHANNELS];
    sc_real dgamma[MOST][CHANNELS], dbeta[MOST][CHANNELS];
} batchnorm;

/* Forward and backward of a batch norm of this rank's images, at their places of y and dx. */
static int normalise(const sc_group *group, void *context)
{
    static sc_real mean[CHANNELS], invstd[CHANNELS], scale[CHANNELS], shift[CHANNELS];
    static sc_real mean_g[CHANNELS], curve[CHANNELS], running[3][CHANNELS], gamma[CHANNELS];
    batchnorm *b = context;
    const int rank = group == NULL ? 0 : group->rank, size = group == NULL ? 1 : group->size;
    const sc_backend *ref = sc_backend_ref(SC_FP32);
    sc_tables tables, inner = {ref, ref};
    size_t begin, end;
    sc_part_range(&begin, &end, IMAGES, (size_t)size, (size_t)rank);
    size_t first = begin * PIXELS * CHANNELS, rows = (end - begin) * PIXELS;
    tables = inner;
    if (group != NULL && sc_group_tables_open(&tables, &inner, group, NULL) < 0)
        return 1;
    for (size_t c = 0; c < CHANNELS; c++) {
        gamma[c] = (sc_real)(0.5 + (double)c / CHANNELS);
        running[1][c] = 1;
    }
    const sc_norm_fold fold = {.channels = CHANNELS,
                               .rows = rows,
                               .batch = true,
                               .statistics = true,
                               .update = true,
                               .eps = 1e-5,
                               .momentum = 0.1,
                               .gamma = gamma,
                               .beta = running[0],
                               .running_mean = running[0],
                               .running_var = running[1],
                               .batches = running[2],
                               .mean = mean,
                               .invstd = invstd,
                               .scale = scale,
                               .shift = shift};
    tables.maps->channel_stats(mean, invstd, b->x + first, rows, CHANNELS);
    tables.maps->norm_fold(&fold);
    const sc_affine affine = {b->y + first, b->x + first, NULL, scale, shift, true};
    tables.maps->channel_affine(&affine, rows, CHANNELS);
    sc_batchnorm back = {.dy = b->dy + first,
                         .x = b->x + first,
                         .mean = mean,
                         .invstd = invstd,
                         .scale = scale,
                         .shift = shift,
                         .relu = true,
                         .mean_g = mean_g,
                         .curve = curve,
                         .dgamma = b->dgamma[rank],
                         .dbeta = b->dbeta[rank],
                         .dx = b->dx + first};
    tables.maps->batchnorm_sums(&back, rows, CHANNELS);
    tables.maps->batchnorm_gradient(&back, rows, CHANNELS);
    if (rank == size - 1) {
        memcpy(b->running_mean, running[0], sizeof b->running_mean);
        memcpy(b->running_var, running[1], sizeof b->running_var);
    }
    sc_group_tables_close();
    return 0;
}

/* fp32: sums of other parts, each to 2^-24 of values about 1; a rank's own statistics differ by 10 %. */
static void test_batchnorm(void **state)
{
    (void)state;
    batchnorm *whole = sct_shared(sizeof *whole), *parts = sct_shared(sizeof *parts);
    sct_fill_normal(whole->x, ROWS * CHANNELS);
    sct_fill_normal(whole->dy, ROWS * CHANNELS);
    *parts = *whole;
    assert_int_equal(sct_group_run(1, normalise, whole), 0);
    assert_int_equal(sct_group_run(3, normalise, parts), 0);
    sct_assert_close("y", parts->y, whole->y, ROWS * CHANNELS, 1e-5, 1e-5);
    sct_assert_close("dx", parts->dx, whole->dx, ROWS * CHANNELS, 1e-5, 1e-5);
    sct_assert_close("running mean", parts->running_mean, whole->running_mean, CHANNELS, 1e-5,
                     1e-6);
    sct_assert_close("running var", parts->running_var, whole->running_var, CHANNELS, 1e-5, 1e-6);
    for (size_t c = 0; c < CHANNELS; c++)
        for (int r = 1; r < 3; r++) {
            parts->dgamma[0][c] += parts->dgamma[r][c];
            parts->dbeta[0][c] += parts->dbeta[r][c];
        }
    sct_assert_close("dgamma", parts->dgamma[0], whole->dgamma[0], CHANNELS, 1e-5, 1e-4);
    sct_assert_close("dbeta", parts->dbeta[0], whole->dbeta[0], CHANNELS, 1e-5, 1e-4);
}

static int open_twice(const sc_group *group, void *context)
{
    (void)context;
    simclr_error err;
    const sc_backend *ref = sc_backend_ref(SC_FP32);
    sc_tables tables, inner = {ref, ref};
    bool good = sc_group_tables_open(&tables, &inner, group, &err) == 0 &&
                sc_group_tables_open(&tables, &inner, group, &err) == SIMCLR_E_BUSY;
    sc_group_tables_close();
    return good && sc_group_tables_open(&tables, &inner, group, &err) == 0 ? 0 : 1;
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(sct_group_run(2, open_twice, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),          cmocka_unit_test(test_agreements),
        cmocka_unit_test(test_alone),         cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_one_at_a_time),
    };
    return sct_run(tests);
}
