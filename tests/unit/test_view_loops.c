/* SPDX-License-Identifier: MIT
 *
 * Every loop over bytes, the version for this processor against the one for any, byte by byte, at
 * lengths that leave remainders.  Inputs are blocks of their own, so that ASan sees a read past them.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "core/alloc.h"
#include "views/loops.h"

static const size_t lengths[] = {1, 2, 7, 8, 9, 31, 32, 33, 64, 97, 251, 1024};
enum { LENGTHS = sizeof lengths / sizeof *lengths, ROUNDS = 40, TAPS = 40 };

static const sc_loops *any = &sc_loops_any;
static const sc_loops *fast;

static void needs_fast_loops(void)
{
    if (fast == any) {
        sct_skip("this processor has no faster loops");
    }
}

static uint8_t *random_bytes(size_t n)
{
    uint8_t *p = sc_alloc(n, 1, NULL);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)sct_random();
    }
    return p;
}

static uint8_t *copy_bytes(const uint8_t *from, size_t n)
{
    uint8_t *p = sc_alloc(n, 1, NULL);
    assert_non_null(p);
    return memcpy(p, from, n);
}

/* Work on three planes p, of which q is a copy; afterwards both must be equal. */
static void check_colours(uint8_t *p, uint8_t *q, size_t n)
{
    float factor = (float)sct_uniform(0.0, 2.0);
    int level = (int)sct_below(256);
    uint8_t step = (uint8_t)sct_random();
    assert_true(any->luma_sum(p, p + n, p + 2 * n, n) == fast->luma_sum(q, q + n, q + 2 * n, n));
    any->hue(p, p + n, p + 2 * n, n, step);
    fast->hue(q, q + n, q + 2 * n, n, step);
    assert_memory_equal(p, q, 3 * n);
    any->blend(p, p + n, n, factor);
    fast->blend(q, q + n, n, factor);
    assert_memory_equal(p, q, 3 * n);
    any->blend_level(p + n, 2 * n, level, factor);
    fast->blend_level(q + n, 2 * n, level, factor);
    assert_memory_equal(p, q, 3 * n);
    uint8_t *a = sc_alloc(n, 1, NULL), *b = sc_alloc(n, 1, NULL);
    any->luma(a, p, p + n, p + 2 * n, n);
    fast->luma(b, q, q + n, q + 2 * n, n);
    assert_memory_equal(a, b, n);
    sc_free(a);
    sc_free(b);
}

static void test_colours(void **state)
{
    (void)state;
    needs_fast_loops();
    for (size_t i = 0; i < LENGTHS * ROUNDS; i++) {
        size_t n = lengths[i % LENGTHS];
        uint8_t *p = random_bytes(3 * n), *q = copy_bytes(p, 3 * n);
        check_colours(p, q, n);
        sc_free(p);
        sc_free(q);
    }
}

/* Weights of sum 2^22, the first pushed below zero unless `positive`. */
static void random_weights(int32_t *w, size_t taps, bool positive)
{
    int32_t left = 1 << SC_RESIZE_BITS;
    for (size_t t = 0; t + 1 < taps; t++) {
        w[t] = (int32_t)sct_below((uint32_t)left + 1);
        left -= w[t];
    }
    w[taps - 1] = left;
    if (!positive && taps > 1) {
        int32_t push = (int32_t)sct_below(1 << (SC_RESIZE_BITS - 2));
        w[0] -= push;
        w[taps - 1] += push;
    }
}

static void test_columns(void **state)
{
    (void)state;
    needs_fast_loops();
    for (size_t i = 0; i < LENGTHS * ROUNDS; i++) {
        size_t n = lengths[i % LENGTHS], taps = 1 + sct_below(TAPS);
        uint8_t *in = random_bytes(3 * n * taps);
        uint8_t *a = sc_alloc(3 * n + 2, 1, NULL), *b = sc_alloc(3 * n + 2, 1, NULL);
        int32_t w[TAPS];
        random_weights(w, taps, false);
        any->weigh_rows(a, in, 3 * n, n, w, taps);
        fast->weigh_rows(b, in, 3 * n, n, w, taps);
        assert_memory_equal(a, b, 3 * n + 2);
        if (taps >= 2) {
            random_weights(w, 2, true);
            any->mix_rows(a, n + 1, in, in + 3 * n, n, 3, w);
            fast->mix_rows(b, n + 1, in, in + 3 * n, n, 3, w);
            assert_memory_equal(a, b, 3 * n + 2);
        }
        sc_free(in);
        sc_free(a);
        sc_free(b);
    }
}

/* An axis of `count` outputs from `inputs`, as a resize has it: windows move on evenly. */
static sc_axis make_axis(size_t inputs, size_t count, size_t taps, bool flip)
{
    sc_axis axis = {.stride = taps, .count = count, .inputs = inputs, .pairs = taps == 2};
    axis.weight = sc_alloc(count * taps, sizeof *axis.weight, NULL);
    axis.first = sc_alloc(count, sizeof *axis.first, NULL);
    axis.taps = sc_alloc(count, sizeof *axis.taps, NULL);
    assert_true(axis.weight != NULL && axis.first != NULL && axis.taps != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t at = flip ? count - 1 - i : i;
        axis.first[at] = (uint32_t)(count > 1 ? i * (inputs - taps) / (count - 1) : 0);
        axis.taps[at] = (uint32_t)(taps > 2 ? taps - sct_below(3) : taps);
        random_weights(axis.weight + at * taps, axis.taps[at], axis.pairs);
    }
    return axis;
}

static void check_rows(size_t inputs, size_t count, size_t taps, size_t rows, bool flip)
{
    sc_axis axis = make_axis(inputs, count, taps, flip);
    size_t left = sct_below(5), stride = 3 * (inputs + left + sct_below(5));
    size_t bytes = (rows - 1) * stride + 3 * (inputs + left); /* the last row ends with the box */
    uint8_t *image = random_bytes(bytes);
    size_t n = rows * 3 * count;
    uint8_t *a = sc_alloc(n, 1, NULL), *b = sc_alloc(n, 1, NULL);
    any->rows3(a, image + 3 * left, stride, rows, &axis);
    fast->rows3(b, image + 3 * left, stride, rows, &axis);
    if (memcmp(a, b, n) != 0) {
        fail_msg("%zu rows of %zu pixels to %zu, %zu taps, flip %d", rows, inputs, count, taps,
                 flip);
    }
    sc_free(image);
    sc_free(a);
    sc_free(b);
    sc_free(axis.weight);
    sc_free(axis.first);
    sc_free(axis.taps);
}

static void test_rows(void **state)
{
    (void)state;
    needs_fast_loops();
    static const size_t taps[] = {1, 2, 3, 4, 5, 8, 9, 17, 127, 128, 129, 150};
    for (size_t i = 0; i < sizeof taps / sizeof *taps; i++) {
        for (size_t round = 0; round < 60; round++) {
            size_t inputs = taps[i] + sct_below(round % 2 == 0 ? 8 : 200);
            size_t count = 1 + sct_below(40), rows = 1 + sct_below(round % 10 == 0 ? 150 : 4);
            check_rows(inputs, count, taps[i], rows, round % 3 == 0);
            check_rows(inputs, inputs + count, taps[i], rows, round % 3 == 1);
        }
    }
}

static void test_blur(void **state)
{
    (void)state;
    needs_fast_loops();
    for (size_t i = 0; i < LENGTHS * ROUNDS; i++) {
        size_t n = lengths[i % LENGTHS], taps = 1 + sct_below(TAPS), all = n * taps;
        size_t stride = i % 2 == 0 ? n : 1;
        uint8_t *in = random_bytes(all), *p = sc_alloc(n, 1, NULL), *q = sc_alloc(n, 1, NULL);
        float *x = sc_alloc(all, sizeof *x, NULL), *y = sc_alloc(all, sizeof *y, NULL);
        float *a = sc_alloc(n, sizeof *a, NULL), *b = sc_alloc(n, sizeof *b, NULL), w[TAPS];
        for (size_t k = 0; k < taps; k++) {
            w[k] = (float)(sct_uniform(0.0, 2.2) / (double)taps); /* some sums above 255 */
        }
        taps = stride == 1 && taps > all - n + 1 ? all - n + 1 : taps;
        any->to_floats(x, in, all);
        fast->to_floats(y, in, all);
        assert_memory_equal(x, y, all * sizeof *x);
        any->weigh_floats(a, x, stride, n, w, taps);
        fast->weigh_floats(b, y, stride, n, w, taps);
        assert_memory_equal(a, b, n * sizeof *a);
        any->round_row(p, a, n);
        fast->round_row(q, b, n);
        assert_memory_equal(p, q, n);
        sc_free(in);
        sc_free(p);
        sc_free(q);
        sc_free(x);
        sc_free(y);
        sc_free(a);
        sc_free(b);
    }
}

static sc_normal make_normal(const float mean[3], const float std[3], bool direct)
{
    sc_normal normal = {.direct = direct};
    for (int c = 0; c < 3; c++) {
        normal.mean[c] = mean[c];
        normal.inverse[c] = 1.0F / std[c];
        normal.rest[c] = (float)(1.0 / (double)std[c] - (double)normal.inverse[c]);
        for (int u = 0; u < 256; u++) {
            normal.table[c][u] = ((float)u / 255.0F - mean[c]) / std[c];
        }
    }
    return normal;
}

static void test_write(void **state)
{
    (void)state;
    needs_fast_loops();
    const float imagenet[2][3] = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
    const float cifar[2][3] = {{0.4914F, 0.4822F, 0.4465F}, {0.2470F, 0.2435F, 0.2616F}};
    const float other[2][3] = {{0.0F, 0.5F, 1.0F}, {1.0F, 0.3F, 77.0F}};
    const sc_normal normal[] = {make_normal(imagenet[0], imagenet[1], true),
                                make_normal(cifar[0], cifar[1], true),
                                make_normal(other[0], other[1], false)};
    for (size_t i = 0; i < LENGTHS * 3; i++) {
        size_t n = lengths[i % LENGTHS];
        const sc_normal *how = &normal[i / LENGTHS];
        uint8_t *in = random_bytes(3 * n);
        sc_real *x = sc_alloc(3 * n, sizeof *x, NULL), *y = sc_alloc(3 * n, sizeof *y, NULL);
        for (size_t k = 0; n >= 256 && k < 3 * n; k++) {
            in[k] = (uint8_t)k; /* every byte at every place of a vector */
        }
        any->write3(x, in, n, how);
        fast->write3(y, in, n, how);
        sct_assert_equal_bits("normalised", y, x, 3 * n);
        sc_free(in);
        sc_free(x);
        sc_free(y);
    }
}

/* SIMCLR_CPU caps these loops as it caps the engine. */
static void test_choice(void **state)
{
    (void)state;
    const sc_backend *backend;
    simclr_error err;
    sct_assert_ok(sc_backend_select(&backend, SC_FP32, &err), &err);
    assert_ptr_equal(sc_loops_here(), sc_loops_for(backend->name));
    assert_ptr_equal(sc_loops_for("ref"), any);
    assert_ptr_equal(sc_loops_for("base"), any);
#if defined(__x86_64__)
    assert_ptr_equal(sc_loops_for("avx512"), &sc_loops_avx2);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_blur),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_choice),
    };
    fast = sc_loops_here();
    return sct_run(tests);
}
