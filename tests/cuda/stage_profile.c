/* SPDX-License-Identifier: MIT
 *
 * stage_profile.c - the counting tables and stages on a device, here the one of cuda_on_cpu.h: a step's
 * calls and operations, each waited for; the same weights as without them; peak and copy measured.
 *
 * label: slow
 */
#include <string.h>

#include "config_rig.h"

#include "backend/cuda/kernels.h"
#include "backend/limits.h"
#include "backend/profile.h"
#include "support/support.h"
#include "train/setup.h"
#include "train/trainer.h"

enum { STEPS = 2, IMAGES = 8, SIDE = 8, DIM_Z = 6 };

static sc_device device;
static size_t waits;

static int counted_wait(simclr_error *err)
{
    waits++;
    return device.wait(err);
}

static sc_config small_config(const char *precision)
{
    static const char *const settings[][2] = {
        {"data.dataset", "shapes:60"},
        {"image_size", "8"},
        {"model.width", "0.125"}, /* 8, 16, 32, 64 channels on maps of 8, 4, 2, 1 */
        {"batch", "8"},
        {"projector.layers", "8"},
        {"projector.out_dim", "6"},
        {"projector.drop_rate", "0.2"},
        {"optim.name", "lars"},
        {"threads", "2"},
        {"eval.every", "0"},
    };
    return config_of(settings, sizeof settings / sizeof *settings, precision);
}

/* The entries' sums over all shapes of a kernel. */
static sc_profile_entry sum_of(const sc_profile *p, const char *kernel)
{
    sc_profile_entry sum = {.kernel = kernel};
    for (size_t i = 0; i < p->count; i++) {
        const sc_profile_entry *e = &p->entry[i];
        if (strcmp(e->kernel, kernel) == 0) {
            sum.calls += e->calls;
            sum.flops += e->flops;
            sum.bytes += e->bytes;
            assert_true(e->calls == 0 || e->seconds > 0);
        }
    }
    return sum;
}

static void assert_calls(const sc_profile *p, const char *kernel, size_t calls, double flops)
{
    sc_profile_entry sum = sum_of(p, kernel);
    if (sum.calls != calls || sum.flops != flops)
        fail_msg("%s: %zu calls, %g operations; expected %zu, %g", kernel, sum.calls, sum.flops,
                 calls, flops);
}

/* Multiply-adds of one view: per stage the convolutions of stride 1, the first, and the skip's. */
static double stage_macs(double side, double in, double out)
{
    return side * side * (3 * out * out * 9 + in * out * 9 + (in < out ? in * out : 0));
}

/* Both maps, the weights twice and, in the stem's, the making of dy: no x is made again going back. */
static void check_weight_gradients(const sc_profile *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const sc_profile_entry *e = &p->entry[i];
        const sc_conv_shape *s = &e->shape;
        if (strcmp(e->kernel, "conv2d_backward_weight") != 0)
            continue;
        size_t x = s->n * s->h * s->w * s->c, y = s->n * s->p * s->q * s->k;
        size_t maps = x + (s->c == 3 ? 4 : 1) * y, weights = 2 * s->k * s->c * s->r * s->s;
        size_t bytes = e->calls * (maps * p->maps.map_bytes + weights * sizeof(sc_real));
        if (e->bytes != (double)bytes)
            fail_msg("weight gradient %zu->%zu: %g bytes; expected %zu", s->c, s->k, e->bytes,
                     bytes);
    }
}

static void check_step(const sc_profile *p, size_t trained)
{
    const double rows = 2 * IMAGES, stem = 8 * 8 * 3 * 8 * 9;
    const double macs = stem + stage_macs(8, 8, 8) + stage_macs(4, 8, 16) + stage_macs(2, 16, 32) +
                        stage_macs(1, 32, 64);
    assert_calls(p, "conv2d_forward", 20, 2 * rows * macs);
    assert_calls(p, "conv2d_backward_weight", 20, 2 * rows * macs);
    assert_calls(p, "conv2d_backward_data", 19, 2 * rows * (macs - stem));
    check_weight_gradients(p);
    assert_calls(p, "gemm", 6, 3 * 2 * rows * (64 * 8 + 8 * 6));
    assert_calls(p, "channel_stats", 0, 0); /* the convolutions take them and */
    assert_calls(p, "norm_fold", 0, 0);     /* fold them */
    assert_calls(p, "dropout", 2, 0);
    assert_calls(p, "act_forward", 1, 0); /* of the hidden layer alone */
    assert_calls(p, "act_backward", 1, 0);
    assert_calls(p, "views", 1, 0);
    assert_calls(p, "ntxent_forward", 1, 2 * rows * rows * DIM_Z);
    assert_calls(p, "ntxent_backward", 1, 4 * rows * rows * DIM_Z);
    assert_calls(p, SC_PROFILE_UPDATE, 1, 0);
    assert_calls(p, "zero", 1, 0);
    assert_true(sum_of(p, "zero").bytes == (double)(trained * sizeof(sc_real)));
    assert_true(sum_of(p, "views").bytes == rows * SIDE * SIDE * 3 * (double)sizeof(sc_real));
    assert_true(sum_of(p, "upload").calls > 0);
}

/* p NULL: the tables alone. */
static void train(char digest[65], const sc_config *cfg, const sc_tables *tables, sc_profile *p)
{
    static sc_trainer t;
    simclr_error err = {0};
    sct_assert_ok(sc_trainer_open(&t, cfg, NULL, tables, NULL, &err), &err);
    for (int i = 0; i < STEPS; i++) {
        sc_step_stats stats;
        if (p != NULL)
            sc_profile_clear(p);
        waits = 0;
        sct_assert_ok(sc_train_step(&stats, &t.step, &err), &err);
        size_t calls = 0;
        for (size_t k = 0; p != NULL && k < p->count; k++)
            calls += p->entry[k].calls;
        assert_true(waits >= calls && waits <= calls + 2); /* the step's own, and for more room */
        if (p != NULL)
            check_step(p, t.step.network.params.trained);
    }
    sct_assert_ok(sc_weights_digest(digest, &t.step.network, &err), &err);
    sc_trainer_close(&t);
}

static void counted_steps(void **state)
{
    (void)state;
    static sc_profile p;
    static const char *const precisions[] = {"fp32", "bf16"};
    for (int i = 0; i < 2; i++) {
        sc_device waiting = device;
        sc_backend reals = *device.reals, maps = i == 0 ? *device.reals : *device.bf16;
        waiting.wait = counted_wait;
        reals.device = maps.device = &waiting;
        const sc_tables inner = {&reals, &maps}, counting = {&p.reals, &p.maps};
        const sc_config cfg = small_config(precisions[i]);
        char plain[65], counted[65];
        train(plain, &cfg, &inner, NULL);
        sc_profile_init(&p, &inner);
        assert_ptr_equal(p.maps.device, &p.device);
        sc_profile_begin(&p);
        train(counted, &cfg, &counting, &p);
        sc_profile_end();
        assert_string_equal(counted, plain);
    }
}

static void limits(void **state)
{
    (void)state;
    const sc_backend *const tables[] = {device.reals, device.bf16};
    simclr_error err;
    for (int i = 0; i < 2; i++) {
        double peak = 0, copy = 0;
        sct_assert_ok(sc_limits_peak(&peak, tables[i], &err), &err);
        sct_assert_ok(sc_limits_copy(&copy, tables[i], &err), &err);
        print_message("%s: %.3g operations/s, copies %.3g bytes/s\n", i ? "bf16" : "fp32", peak,
                      copy);
        /* Thread by thread on a processor: tens of cycles an operation, memcpy's speed. */
        assert_true(peak > 1e5 && peak < 1e12);
        assert_true(copy > 1e8 && copy < 1e12);
    }
}

static size_t room;

static void *narrow_alloc(size_t bytes, simclr_error *err)
{
    if (bytes <= room)
        return device.memory.alloc(bytes, err);
    sc_fail(err, SIMCLR_E_MEMORY, "no block of %zu bytes", bytes);
    return NULL;
}

/* The largest that fits must do; where nothing fits it is an error. */
static void limits_in_little_memory(void **state)
{
    (void)state;
    sc_device narrow = device;
    sc_backend table = *device.reals;
    simclr_error err;
    double peak = 0, copy = 0;
    narrow.memory.alloc = narrow_alloc;
    table.device = &narrow;
    room = 8 << 20;
    sct_assert_ok(sc_limits_peak(&peak, &table, &err), &err);
    sct_assert_ok(sc_limits_copy(&copy, &table, &err), &err);
    assert_true(peak > 0 && copy > 0);
    room = 1 << 10;
    sct_assert_error(sc_limits_peak(&peak, &table, &err), &err, SIMCLR_E_MEMORY, "no block");
    sct_assert_error(sc_limits_copy(&copy, &table, &err), &err, SIMCLR_E_MEMORY, "no block");
}

int main(void)
{
    sc_cuda_device(&device);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_steps),
        cmocka_unit_test(limits),
        cmocka_unit_test(limits_in_little_memory),
    };
    return sct_run(tests);
}
