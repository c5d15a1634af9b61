/* SPDX-License-Identifier: MIT
 *
 * test_schedule.c - the learning rate of every step in closed form, its scaling with the batch, and
 * the lengths that a configuration gives it.
 *
 * All in double, a handful of operations each: 1e-15 is four times the rounding of values below 1.
 */
#include "support/support.h"

#include <math.h>

#include "optim/schedule.h"
#include "train/setup.h"

static const double ROUNDING = 1e-15;
static const sc_schedule_kind kinds[] = {SC_SCHEDULE_CONSTANT, SC_SCHEDULE_COSINE, SC_SCHEDULE_STEP,
                                         SC_SCHEDULE_EXPONENTIAL};

static sc_schedule schedule(sc_schedule_kind kind)
{
    return (sc_schedule){.kind = kind,
                         .lr = 0.8,
                         .min_lr = 0.1,
                         .warmup = 10,
                         .total = 110,
                         .step_size = 30,
                         .gamma = 0.25};
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("got %.17g, want %.17g", got, want);
}

static void at(const sc_schedule *s, uint64_t step, double want)
{
    near(sc_schedule_lr(s, step), want, ROUNDING);
}

static void warm_up(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        sc_schedule s = schedule(kinds[k]);
        at(&s, 0, 0.08); /* not 0: the first step counts; and min_lr is no floor here */
        at(&s, 4, 0.4);
        at(&s, 9, 0.8);
        at(&s, 10, 0.8); /* the peak again, as the first step of what follows */
        s.warmup = 0;
        at(&s, 0, 0.8);
        s.warmup = 200; /* longer than the run */
        at(&s, 109, 0.8 * 110 / 200);
    }
}

static void cosine(void **state)
{
    (void)state;
    sc_schedule s = schedule(SC_SCHEDULE_COSINE);

    at(&s, 10 + 25, 0.1 + 0.7 * (1 + sqrt(0.5)) / 2);
    at(&s, 10 + 50, 0.45);
    at(&s, 109, 0.1 + 0.7 * pow(sin(acos(-1) / 200), 2)); /* last: (1 + cos(pi - a)) / 2 */
    at(&s, 110, 0.1);
    at(&s, 100000, 0.1); /* a run that was made longer does not come up again */
    for (uint64_t i = 0; i < 100; i++) {
        double now = sc_schedule_lr(&s, 10 + i), next = sc_schedule_lr(&s, 11 + i);
        near(now + sc_schedule_lr(&s, 110 - i), 0.9, ROUNDING); /* symmetric about the middle */
        assert_true(next < now && now - next <= 0.7 * acos(-1) / 200);
    }
    s.min_lr = 0;
    at(&s, 110, 0);
    s.total = 10; /* nothing but warm-up: no division by zero after it */
    at(&s, 10, 0.8);
    at(&s, 11, 0);
}

static void steps(void **state)
{
    (void)state;
    sc_schedule s = schedule(SC_SCHEDULE_STEP);

    at(&s, 10 + 29, 0.8); /* counted from the end of the warm-up */
    at(&s, 10 + 30, 0.2);
    at(&s, 10 + 59, 0.2);
    at(&s, 10 + 60, 0.1); /* 0.05, but for min_lr */
    s.min_lr = 0;
    at(&s, 10 + 60, 0.05);
    s.step_size = 0;
    at(&s, 10 + 2, 0.05);
}

static void exponential(void **state)
{
    (void)state;
    sc_schedule s = schedule(SC_SCHEDULE_EXPONENTIAL);

    at(&s, 10 + 15, 0.4); /* half way to the factor 1/4 */
    at(&s, 10 + 30, 0.2);
    at(&s, 10 + 60, 0.1);
    s.min_lr = 0;
    at(&s, 10 + 60, 0.05);
    s.step_size = 0;
    at(&s, 10 + 1, 0.2);
}

static void constant(void **state)
{
    (void)state;
    sc_schedule s = schedule(SC_SCHEDULE_CONSTANT);

    at(&s, 60, 0.8);
    at(&s, 100000, 0.8);
}

/* SimCLR: 0.3 B / 256, or 0.075 sqrt B (B.1); both are 4.8 at the paper's 4096. */
static void scaling(void **state)
{
    (void)state;
    near(sc_lr_scaled(0.3, 4096, SC_LR_SCALE_LINEAR), 4.8, 4 * ROUNDING);
    near(sc_lr_scaled(1.2, 4096, SC_LR_SCALE_SQRT), 4.8, 4 * ROUNDING);
    for (double batch = 2; batch <= 8192; batch *= 2) {
        near(sc_lr_scaled(0.3, batch, SC_LR_SCALE_LINEAR), 0.3 * batch / 256, 8 * ROUNDING);
        near(sc_lr_scaled(1.2, batch, SC_LR_SCALE_SQRT), 0.075 * sqrt(batch), 8 * ROUNDING);
        near(sc_lr_scaled(0.3, batch, SC_LR_SCALE_NONE), 0.3, 0);
    }
}

/* Epochs of the configuration become steps, and the rate that of its batch. */
static void of_a_configuration(void **state)
{
    (void)state;
    sc_config cfg;
    simclr_error err;
    static const char *const keys[][2] = {
        {"optim.lr", "0.5"},        {"optim.lr_scaling", "linear"},
        {"train.batch", "128"},     {"train.epochs", "40"},
        {"schedule.name", "step"},  {"schedule.warmup_epochs", "2.5"},
        {"schedule.gamma", "0.5"},  {"schedule.step_size", "10"},
        {"schedule.min_lr", "0.01"}};

    sc_config_default(&cfg);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        sct_assert_ok(sc_config_set(&cfg, keys[i][0], keys[i][1], SC_ORIGIN_CLI, NULL, &err), &err);
    sc_schedule s = sc_setup_schedule(&cfg, 7);
    assert_int_equal(s.warmup, 18); /* 17.5 */
    assert_int_equal(s.total, 280);
    assert_int_equal(s.step_size, 70);
    near(s.lr, 0.25, 0);
    at(&s, 18 + 69, 0.25);
    at(&s, 18 + 70, 0.125);
    at(&s, 18 + 5 * 70, 0.01); /* 0.0078 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warm_up),
        cmocka_unit_test(cosine),
        cmocka_unit_test(steps),
        cmocka_unit_test(exponential),
        cmocka_unit_test(constant),
        cmocka_unit_test(scaling),
        cmocka_unit_test(of_a_configuration),
    };
    return sct_run(tests);
}
