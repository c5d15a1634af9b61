/* SPDX-License-Identifier: MIT
 *
 * test_group_training.c - several processes train as one does: losses and gradients of a step are those of the
 * whole batch, weights are the same on all of them and in every run.
 */
#include "support/support.h"
#include "support/fork_group.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/parallel.h"
#include "train/trainer.h"

/* 67 images: batches of 21, 21, 21 and 4, which 2 and 3 processes share unequally. */
enum { MOST = 3, STEPS = 4, WEIGHTS = 1 << 16 };

/* Children cannot fail an assertion of cmocka's: what they do is judged by the parent. */
typedef struct {
    sc_config cfg;
    double loss[MOST][STEPS], norm[MOST][STEPS];
    size_t count; /* of weights and running statistics */
    sc_real weight[MOST][WEIGHTS];
    int rc[MOST];
    simclr_error err[MOST];
} training;

static void set(sc_config *cfg, const char *key, const char *value)
{
    simclr_error err = {0};
    sct_assert_ok(sc_config_set(cfg, key, value, SC_ORIGIN_CLI, "test", &err), &err);
}

static void configure(sc_config *cfg, const char *precision, const char *stem, const char *act,
                      const char *threads)
{
    sc_config_default(cfg);
    set(cfg, "data.dataset", "shapes:67");
    set(cfg, "image_size", "32");
    set(cfg, "model.width", "0.0625");
    set(cfg, "projector.layers", "24");
    set(cfg, "projector.out_dim", "16");
    set(cfg, "batch", "21");
    set(cfg, "epochs", "2");
    set(cfg, "device", "cpu");
    set(cfg, "optim.name", "sgd");
    set(cfg, "lr", "0.05");
    set(cfg, "precision", precision);
    set(cfg, "model.stem", stem);
    set(cfg, "model.activation", act);
    set(cfg, "projector.activation", act);
    set(cfg, "threads", threads);
}

static int train(const sc_group *group, void *context)
{
    static sc_trainer trainer;
    training *t = context;
    const int rank = group == NULL ? 0 : group->rank;
    simclr_error *err = &t->err[rank];
    sc_step_stats stats;
    t->rc[rank] = sc_trainer_open_in(&trainer, &t->cfg, NULL, NULL, group, NULL, err);
    for (int i = 0; t->rc[rank] == 0 && i < STEPS; i++) {
        t->rc[rank] = sc_trainer_step(&stats, &trainer, err);
        t->loss[rank][i] = stats.loss;
        t->norm[rank][i] = stats.gradient_norm;
    }
    const sc_params *params = &trainer.step.network.params;
    if (t->rc[rank] == 0 && params->total <= WEIGHTS) {
        t->count = params->total;
        memcpy(t->weight[rank], params->value, params->total * sizeof(sc_real));
    }
    sc_trainer_close(&trainer);
    return t->rc[rank] != 0;
}

static training *run(int size, const char *precision, const char *stem, const char *act,
                     const char *threads)
{
    training *t = sct_shared(sizeof *t);
    configure(&t->cfg, precision, stem, act, threads);
    if (sct_group_run(size, train, t) != 0)
        fail_msg("%d processes, %s, stem %s: %s", size, precision, stem, t->err[0].text);
    assert_true(t->count > 0);
    return t;
}

/* How far apart, relative to the values, may be: the loss of the first step, all gradient norms and later losses. */
typedef struct {
    double first, norm, later;
} tolerance;

/* Both add up the same numbers in another order, 2^-24 each, in bf16 of maps rounded to 2^-9.  Where the activation is
 * smooth, gradients are as near.  A ReLU (or a maximum) at its edge may fall to the other side, as it does
 * between instruction sets: seen 1.4e-3 of the norm in the first step, a tenth in the third.  A process with its own
 * statistics, or its own negatives alone, would be another loss by a tenth in the first step. */
static const tolerance SMOOTH = {2e-6, 2e-5, 2e-6}, EDGES = {2e-6, 1, 0.1}, BF16 = {2e-3, 1, 0.1};

static void compare(const training *got, const training *want, const tolerance *t)
{
    for (int i = 0; i < STEPS; i++) {
        double loss = i == 0 ? t->first : t->later,
               norm = i == 0 && t->norm > 0.01 ? 0.01 : t->norm;
        if (fabs(got->loss[0][i] - want->loss[0][i]) > loss * want->loss[0][i])
            fail_msg("step %d: loss %.9g, of one process %.9g", i, got->loss[0][i],
                     want->loss[0][i]);
        if (fabs(got->norm[0][i] - want->norm[0][i]) > norm * want->norm[0][i])
            fail_msg("step %d: gradient norm %.9g, of one process %.9g", i, got->norm[0][i],
                     want->norm[0][i]);
    }
}

static void check_ranks(const training *t, int size)
{
    for (int r = 1; r < size; r++) {
        sct_assert_equal_bits("weights", t->weight[r], t->weight[0], t->count);
        assert_memory_equal(t->loss[r], t->loss[0], sizeof t->loss[0]);
    }
}

static void compare_runs(const char *precision, const char *stem, const char *act,
                         const tolerance *t)
{
    training *one = run(1, precision, stem, act, "1");
    for (int size = 2; size <= MOST; size++) {
        training *all = run(size, precision, stem, act, "1");
        check_ranks(all, size);
        compare(all, one, t);
    }
}

static void test_as_one(void **state)
{
    (void)state;
    compare_runs("fp32", "cifar", "gelu", &SMOOTH);
    compare_runs("fp32", "cifar", "relu", &EDGES);
    compare_runs("fp32", "imagenet", "relu", &EDGES); /* with max pooling */
    compare_runs("bf16", "cifar", "relu", &BF16);
}

static void test_same_bits(void **state)
{
    (void)state;
    training *a = run(2, "fp32", "cifar", "relu", "1"), *b = run(2, "fp32", "cifar", "relu", "2");
    sct_assert_equal_bits("weights", b->weight[0], a->weight[0], a->count);
    assert_memory_equal(b->loss[0], a->loss[0], sizeof a->loss[0]);
}

/* ---- what cannot be ---- */

typedef struct {
    sc_config cfg[MOST];
    int rc[MOST];
    simclr_error err[MOST];
} attempt;

static int try_to_open(const sc_group *group, void *context)
{
    static sc_trainer trainer;
    attempt *a = context;
    const int r = group->rank;
    a->rc[r] = sc_trainer_open_in(&trainer, &a->cfg[r], NULL, NULL, group, NULL, &a->err[r]);
    sc_trainer_close(&trainer);
    return 0;
}

/* A setting on the ranks from `first` on. */
static attempt *try_with(int size, int first, const char *key, const char *value)
{
    attempt *a = sct_shared(sizeof *a);
    for (int r = 0; r < size; r++) {
        configure(&a->cfg[r], "fp32", "cifar", "relu", "1");
        if (r >= first)
            set(&a->cfg[r], key, value);
    }
    assert_int_equal(sct_group_run(size, try_to_open, a), 0);
    return a;
}

static void refused(int size, const char *key, const char *value, const char *text)
{
    attempt *a = try_with(size, 0, key, value);
    for (int r = 0; r < size; r++)
        sct_assert_error(a->rc[r], &a->err[r], SIMCLR_E_USAGE, text);
}

static void test_refusals(void **state)
{
    (void)state;
    refused(2, "device", "cuda:0", "several processes train on processors");
    refused(3, "data.dataset", "shapes:65",
            "2 images in the last batch of an epoch are too few for 3");
    attempt *a = try_with(2, 1, "data.dataset", "shapes:68");
    for (int r = 0; r < 2; r++)
        sct_assert_error(a->rc[r], &a->err[r], SIMCLR_E_USAGE, "have not the same images");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_one),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_refusals),
    };
    return sct_run(tests);
}
