/* SPDX-License-Identifier: MIT
 *
 * test_profile.c - the counting tables: calls, operations and bytes of known kernels and of a small
 * ResNet-18 equal those counted by hand, and the bits are those of the tables behind them.
 */
#include "support/support.h"

#include <string.h>

#include "backend/limits.h"
#include "backend/profile.h"
#include "model/network.h"

enum { N = 2, SIDE = 5, C = 3, K = 4, MOST = N * SIDE * SIDE * K, ROWS = 4, IMAGE = 8 };

static const sc_conv_shape strided = {N, SIDE, SIDE, C, K, 3, 3, 3, 3, 2, 1, 1, SC_CONV_FASTEST};

static const sc_profile_entry *entry(const sc_profile *p, const char *kernel)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->entry[i].kernel, kernel) == 0)
            return &p->entry[i];
    fail_msg("no entry %s", kernel);
    return NULL;
}

static void assert_entry(const sc_profile *p, const char *kernel, size_t calls, double flops,
                         double bytes)
{
    const sc_profile_entry *e = entry(p, kernel);
    assert_int_equal(e->calls, calls);
    assert_true(e->flops == flops);
    if (e->bytes != bytes)
        fail_msg("%s: %g bytes, expected %g", kernel, e->bytes, bytes);
    assert_true(e->seconds >= 0);
}

/* Every kind of kernel once, its bytes counted by hand: b bytes an element of a map. */
static void test_kernels(void **state)
{
    (void)state;
    static sc_profile p;
    static sc_real a[MOST], y[MOST], w[K * C * 9], channel[4][K];

    for (int bf16 = 0; bf16 < 2; bf16++) {
        const sc_precision precision = bf16 ? SC_BF16 : SC_FP32;
        const sc_tables inner = {sc_backend_ref(SC_FP32), sc_backend_ref(precision)};
        const double b = bf16 ? 2 : 4, x_bytes = N * SIDE * SIDE * C * b,
                     y_bytes = N * 3 * 3 * K * b;
        const double flops = 2.0 * N * 3 * 3 * K * C * 9;
        const sc_affine affine = {y, a, NULL, channel[0], channel[1], true};
        const sc_batchnorm alone = {.dy = y,
                                    .x = a,
                                    .mean = channel[3],
                                    .invstd = channel[1],
                                    .scale = channel[2],
                                    .shift = channel[2],
                                    .relu = true,
                                    .mean_g = channel[0],
                                    .curve = channel[1],
                                    .dx = y};
        sc_affine added = affine;
        sc_batchnorm with_residual = alone;
        added.residual = a;
        with_residual.y = a;
        with_residual.g = y;
        static unsigned char scratch[1 << 16];
        sc_profile_init(&p, &inner);
        assert_true(p.maps.conv2d_scratch(&strided) <= sizeof scratch);
        sc_profile_begin(&p);
        p.reals.gemm(y, 4, a, 5, false, w, 4, false, 3, 4, 5, false);
        p.reals.gemm(y, 4, a, 5, false, w, 4, false, 3, 4, 5, true);
        p.maps.conv2d_forward(y, SC_NO_STATS, a, NULL, w, &strided, scratch);
        p.maps.conv2d_backward_data(a, NULL, y, NULL, w, SC_NO_BASE, &strided, scratch);
        p.maps.conv2d_backward_weight(w, y, NULL, a, NULL, &strided, scratch);
        p.maps.channel_stats(channel[0], channel[1], a, 6, K);
        p.maps.channel_affine(&affine, 6, K);
        p.maps.channel_affine(&added, 6, K);
        p.maps.batchnorm_sums(&alone, 6, K);
        p.maps.batchnorm_sums(&with_residual, 6, K);
        p.maps.batchnorm_gradient(&alone, 6, K);
        p.maps.add(y, y, a, 10);
        p.reals.add(y, y, a, 10); /* the projector's: fp32 in either precision */
        sc_profile_end();
        assert_entry(&p, "gemm", 2, 2 * 2.0 * 3 * 4 * 5, 4.0 * (2 * (15 + 20) + 3 * 12));
        assert_entry(&p, "conv2d_forward", 1, flops, x_bytes + y_bytes + K * C * 9 * 4.0);
        assert_entry(&p, "conv2d_backward_data", 1, flops, x_bytes + y_bytes + K * C * 9 * 4.0);
        assert_entry(&p, "conv2d_backward_weight", 1, flops, x_bytes + y_bytes + K * C * 9 * 8.0);
        assert_entry(&p, "channel_stats", 1, 0, 6 * K * b);
        assert_entry(&p, "channel_affine", 2, 0, 6 * K * b * (2 + 3));
        assert_entry(&p, "batchnorm_sums", 2, 0, 6 * K * b * (2 + 4));
        assert_entry(&p, "batchnorm_gradient", 1, 0, 6 * K * b * 3);
        assert_entry(&p, "add", 2, 0, 3 * 10 * (b + 4));
        sc_profile_clear(&p);
        assert_int_equal(p.count, 9);
        assert_entry(&p, "add", 0, 0, 0);
    }
}

/* One entry for each shape; the same shape again finds it. */
static void test_shapes(void **state)
{
    (void)state;
    static sc_profile p;
    static sc_real a[MOST], y[MOST], w[K * C * 9];
    static unsigned char scratch[1 << 16];
    const sc_tables inner = {sc_backend_ref(SC_FP32), sc_backend_ref(SC_FP32)};
    sc_conv_shape one = strided;
    one.n = 1;
    sc_profile_init(&p, &inner);
    sc_profile_begin(&p);
    p.maps.conv2d_forward(y, SC_NO_STATS, a, NULL, w, &strided, scratch);
    p.maps.conv2d_forward(y, SC_NO_STATS, a, NULL, w, &one, scratch);
    p.maps.conv2d_forward(y, SC_NO_STATS, a, NULL, w, &strided, scratch);
    sc_profile_end();
    assert_int_equal(p.count, 2);
    assert_int_equal(p.entry[0].calls, 2);
    assert_int_equal(p.entry[1].calls, 1);
    assert_true(p.entry[0].flops == 4 * p.entry[1].flops);
}

/* ---- a network ---- */

static void open_network(sc_network *net, sc_precision precision, const sc_profile *p)
{
    simclr_error err;
    sc_network_options o = {.encoder = sc_encoder_defaults(),
                            .projector = sc_projector_defaults(),
                            .height = IMAGE,
                            .width = IMAGE,
                            .max_rows = ROWS,
                            .precision = precision,
                            .seed = 3};
    o.encoder.width = 0.125; /* 8, 16, 32, 64 channels on maps of 8, 4, 2, 1 */
    o.projector.hidden[0] = 8;
    o.projector.out = 6;
    if (p != NULL)
        o.tables = (sc_tables){&p->reals, &p->maps};
    sct_assert_ok(sc_network_open(net, &o, &err), &err);
}

static void pass(sc_real *z, sc_network *net, const sc_real *x)
{
    sc_real h[ROWS * 64], dh[ROWS * 64], dz[ROWS * 6];
    sc_encoder_forward(h, x, ROWS, true, &net->encoder);
    sc_projector_forward(z, h, ROWS, true, &net->projector);
    memcpy(dz, z, sizeof dz);
    sc_projector_backward(dh, dz, &net->projector);
    sc_encoder_backward(dh, &net->encoder);
}

/* Multiply-adds of one view: per stage the convolutions of stride 1, the first, and the skip's. */
static double stage_macs(double side, double in, double out)
{
    return side * side * (3 * out * out * 9 + in * out * 9 + (in < out ? in * out : 0));
}

static double sum_flops(const sc_profile *p, const char *kernel, size_t *calls)
{
    double flops = 0;
    *calls = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->entry[i].kernel, kernel) == 0) {
            flops += p->entry[i].flops;
            *calls += p->entry[i].calls;
        }
    }
    return flops;
}

static void check_network(const sc_profile *p)
{
    const double stem = 8 * 8 * 3 * 8 * 9;
    const double macs = stem + stage_macs(8, 8, 8) + stage_macs(4, 8, 16) + stage_macs(2, 16, 32) +
                        stage_macs(1, 32, 64);
    size_t calls;
    assert_true(sum_flops(p, "conv2d_forward", &calls) == 2 * ROWS * macs);
    assert_int_equal(calls, 20);
    assert_true(sum_flops(p, "conv2d_backward_weight", &calls) == 2 * ROWS * macs);
    assert_int_equal(calls, 20);
    assert_true(sum_flops(p, "conv2d_backward_data", &calls) == 2 * ROWS * (macs - stem));
    assert_int_equal(calls, 19); /* no gradient to the pixels */
    assert_true(sum_flops(p, "gemm", &calls) == 3 * 2.0 * ROWS * (64 * 8 + 8 * 6));
    assert_int_equal(calls, 6);
    sum_flops(p, "channel_stats", &calls);
    assert_int_equal(calls, 0); /* the convolutions take them and */
    sum_flops(p, "norm_fold", &calls);
    assert_int_equal(calls, 0); /* fold them */
    /* The rest is left to convolutions: all but the last block's and the three skips'. */
    assert_int_equal(entry(p, "channel_affine")->calls, 4);
    assert_int_equal(entry(p, "batchnorm_sums")->calls, 4);
    sum_flops(p, "batchnorm_gradient", &calls);
    assert_int_equal(calls, 0);
}

static void test_network(void **state)
{
    (void)state;
    static sc_profile p;
    sc_real x[ROWS * IMAGE * IMAGE * 3], z[2][ROWS * 6];
    sct_fill_random(x, sizeof x / sizeof *x);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        const sc_precision precision = bf16 ? SC_BF16 : SC_FP32;
        simclr_error err;
        sc_tables inner;
        sc_network plain, counted;
        sct_assert_ok(sc_tables_select(&inner, precision, &err), &err);
        sc_profile_init(&p, &inner);
        open_network(&plain, precision, NULL);
        open_network(&counted, precision, &p); /* before sc_profile_begin */
        assert_string_equal(sc_network_precision(&counted), bf16 ? "bf16" : "fp32");
        assert_string_equal(p.maps.name, inner.maps->name);
        pass(z[0], &plain, x);
        sc_profile_begin(&p);
        pass(z[1], &counted, x);
        sc_profile_end();
        sct_assert_equal_bits("z", z[1], z[0], ROWS * 6);
        sct_assert_equal_bits("gradients", counted.params.grad, plain.params.grad,
                              plain.params.trained);
        check_network(&p);
        sc_network_close(&counted);
        sc_network_close(&plain);
    }
}

static void test_limits(void **state)
{
    (void)state;
    simclr_error err;
    sc_tables tables;
    double copy, peak[2];
    sct_assert_ok(sc_tables_select(&tables, SC_BF16, &err), &err);
    sct_assert_ok(sc_limits_peak(&peak[0], tables.reals, &err), &err);
    sct_assert_ok(sc_limits_peak(&peak[1], tables.maps, &err), &err);
    assert_true(peak[0] > 1e8 && peak[1] > 1e8); /* ten cycles an operation: any machine */
    assert_true(tables.maps->multiply_adds(20) == 2 * tables.maps->multiply_adds(10));
    sct_assert_ok(sc_limits_copy(&copy, tables.reals, &err), &err);
    assert_true(copy > 1e8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_limits),
    };
    return sct_run(tests);
}
