/* SPDX-License-Identifier: MIT
 *
 * test_optim.c - one or two steps of each optimiser on a few numbers, in closed form; what weight
 * decay and LARS leave alone.  Ten steps of whole networks against PyTorch: tests/golden.
 *
 * Weights are below 8 and pass some ten float operations, each rounded to 6e-8 of them: 2e-6.
 */
#include "nn_rig.h"

#include <math.h>

#include "core/parallel.h"
#include "optim/optim.h"

static const double ROUNDING = 2e-6;

/* A linear layer of two weights and a bias: w (3,4), b (2). */
typedef struct {
    rig g;
    sc_linear linear;
    sc_optim optim;
    sc_real *w, *b, *dw, *db;
} model;

static void open_model(model *t, const sc_optim_options *o)
{
    sc_nn nn = rig_nn(&t->g);
    simclr_error *err = &t->g.err;

    sct_assert_ok(sc_linear_init(&t->linear, nn, "fc", 2, 1, true, err), err);
    sct_assert_ok(sc_params_alloc(nn.params, err), err);
    sct_assert_ok(sc_optim_init(&t->optim, o, nn.params, err), err);
    t->w = sc_params_value(nn.params, t->linear.weight);
    t->b = sc_params_value(nn.params, t->linear.bias);
    t->dw = sc_params_grad(nn.params, t->linear.weight);
    t->db = sc_params_grad(nn.params, t->linear.bias);
    t->w[0] = 3;
    t->w[1] = 4;
    t->b[0] = 2;
}

static void step(model *t, double g0, double g1, double g2, double lr)
{
    t->dw[0] = (sc_real)g0;
    t->dw[1] = (sc_real)g1;
    t->db[0] = (sc_real)g2;
    sc_optim_step(&t->optim, lr);
    assert_true(t->dw[0] == (sc_real)g0 && t->db[0] == (sc_real)g2); /* gradients are only read */
}

static void now(const model *t, double w0, double w1, double b)
{
    const double want[] = {w0, w1, b};
    const sc_real got[] = {t->w[0], t->w[1], t->b[0]};

    for (size_t i = 0; i < 3; i++)
        if (!(fabs((double)got[i] - want[i]) <= ROUNDING))
            fail_msg("number %zu: got %.9g, want %.9g", i, (double)got[i], want[i]);
}

static void close_model(model *t)
{
    sc_optim_close(&t->optim);
    rig_close(&t->g);
}

static sc_optim_options options(sc_optim_kind kind, double decay)
{
    sc_optim_options o = sc_optim_defaults(kind);
    o.weight_decay = decay;
    return o;
}

/* ---- SGD ---- */

static void sgd(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_SGD, 0.5);

    o.momentum = 0;
    open_model(&t, &o);
    step(&t, 1, -2, 4, 0.1); /* g + wd w = 2.5, 0; the bias does not decay: 4 */
    now(&t, 2.75, 4, 1.6);
    step(&t, 0, 0, 0, 0.1);
    now(&t, 2.75 * 0.95, 4 * 0.95, 1.6);
    close_model(&t);

    o.decay_all = true;
    open_model(&t, &o);
    step(&t, 0, 0, 0, 0.1);
    now(&t, 3 * 0.95, 4 * 0.95, 2 * 0.95);
    close_model(&t);
}

/* v = g, then mu v + g': PyTorch's momentum, in which the rate stays outside of v. */
static void momentum(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_SGD, 0);

    open_model(&t, &o);
    step(&t, 1, -2, 4, 0.1);
    now(&t, 2.9, 4.2, 1.6);
    step(&t, 3, 0, -4, 0.2); /* v = 3.9, -1.8, -0.4 */
    now(&t, 2.9 - 0.2 * 3.9, 4.2 + 0.2 * 1.8, 1.6 + 0.2 * 0.4);
    close_model(&t);
}

/* w -= lr (g + mu v) */
static void nesterov(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_SGD, 0);

    o.nesterov = true;
    open_model(&t, &o);
    step(&t, 1, -2, 4, 0.1); /* 1.9 g */
    now(&t, 3 - 0.19, 4 + 0.38, 2 - 0.76);
    step(&t, 3, 0, -4, 0.2); /* g + 0.9 (3.9, -1.8, -0.4) */
    now(&t, 2.81 - 0.2 * 6.51, 4.38 + 0.2 * 1.62, 1.24 + 0.2 * 4.36);
    close_model(&t);
}

/* ---- Adam ---- */

/* The first step is lr g / (|g| + eps), however large g is; of a constant g every step. */
static void adam(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_ADAM, 0);

    open_model(&t, &o);
    step(&t, 0.125, -50, 0, 0.25);
    now(&t, 2.75, 4.25, 2);
    step(&t, 0.125, -50, 0, 0.25);
    now(&t, 2.5, 4.5, 2);
    step(&t, -0.125, -50, 0, 0.25);
    /* m = 0.9 0.19 - 0.1 of |g|, over 1 - 0.9^3 */
    now(&t, 2.5 - 0.25 * 0.071 / 0.271, 4.75, 2);
    close_model(&t);

    o.eps = 1; /* outside the root */
    open_model(&t, &o);
    step(&t, 1, -3, 0.25, 0.5);
    now(&t, 3 - 0.25, 4 + 0.375, 2 - 0.1);
    close_model(&t);

    o.beta1 = 0; /* what is left is RMSProp with its correction */
    o.beta2 = 0.75;
    o.eps = 0;
    open_model(&t, &o);
    step(&t, 1, 1, 1, 0.5);
    step(&t, 3, -3, 0.5, 0.5);
    /* v = (0.75 0.25 1 + 0.25 g^2) / (1 - 0.75^2) */
    double big = 0.5 * 3 / sqrt((0.1875 + 2.25) / 0.4375);
    double little = 0.5 * 0.5 / sqrt((0.1875 + 0.0625) / 0.4375);
    now(&t, 2.5 - big, 3.5 + big, 1.5 - little);
    close_model(&t);
}

/* Adam's decay goes through m and v, AdamW's does not. */
static void adam_decay(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_ADAM, 0.5);

    open_model(&t, &o);
    step(&t, -1, -3, 0, 0.25); /* g + wd w = 0.5, -1: only the signs count */
    now(&t, 2.75, 4.25, 2);
    close_model(&t);

    o.kind = SC_OPTIM_ADAMW;
    open_model(&t, &o);
    step(&t, -1, -3, 0, 0.25); /* w (1 - lr wd) + lr */
    now(&t, 3 * 0.875 + 0.25, 4 * 0.875 + 0.25, 2);
    step(&t, -1, -3, 0, 0); /* no rate, no decay */
    now(&t, 3 * 0.875 + 0.25, 4 * 0.875 + 0.25, 2);
    close_model(&t);
}

/* ---- LARS ---- */

/* |w| = 5 and eeta = 0.1: the weights move by lr 0.5 along g, the bias by lr g. */
static void lars(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_LARS, 0);

    o.trust = 0.1;
    for (double scale = 1e-3; scale < 1e4; scale *= 1000) { /* q g does not depend on |g| */
        open_model(&t, &o);
        step(&t, 0.6 * scale, -0.8 * scale, 0.5, 2);
        now(&t, 3 - 0.6, 4 + 0.8, 2 - 1);
        assert_true(fabs(t.optim.ratio[0] * scale - 0.5) < 1e-6); /* g is rounded to float */
        assert_true(t.optim.ratio[1] == 1);
        close_model(&t);
    }
    o.weight_decay = 0.5;
    open_model(&t, &o);
    step(&t, 0, 0, 0, 2); /* g = w / 2, q = 0.2: decay too is at most lr eeta of w */
    now(&t, 3 - 0.6, 4 - 0.8, 2);
    close_model(&t);
}

/* The rate of a step stays in the velocity. */
static void lars_momentum(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_LARS, 0);

    o.trust = 0.1;
    open_model(&t, &o);
    step(&t, 0.6, 0.8, 1, 2); /* v = (0.6, 0.8), 2 */
    now(&t, 2.4, 3.2, 0);
    step(&t, 0.8, -0.6, 1, 1); /* |w| = 4: v = 0.9 v + 0.4 g, 0.9 v + g */
    now(&t, 2.4 - 0.54 - 0.32, 3.2 - 0.72 + 0.24, -2.8);
    close_model(&t);

    o.nesterov = true;
    open_model(&t, &o);
    step(&t, 0.6, 0.8, 1, 1); /* 1.9 of lr q g */
    now(&t, 3 - 0.57, 4 - 0.76, 2 - 1.9);
    close_model(&t);
}

/* Where |w| or |g| is 0 the ratio is 1: fresh weights can leave 0, and nothing is divided by 0. */
static void lars_zeros(void **state)
{
    (void)state;
    model t;
    sc_optim_options o = options(SC_OPTIM_LARS, 0);

    open_model(&t, &o);
    step(&t, 0, 0, 0, 1);
    now(&t, 3, 4, 2);
    t.w[0] = t.w[1] = 0;
    step(&t, 1, 2, 0, 0.5);
    now(&t, -0.5, -1, 2);
    close_model(&t);
}

/* By the kind of layer: weights of convolutions and linear layers decay and adapt; gamma, beta and
 * biases do not (SimCLR, B.9); running statistics are not touched at all. */
static void left_alone(void **state)
{
    (void)state;
    rig g;
    sc_nn nn = rig_nn(&g);
    sc_conv2d conv;
    sc_norm norm;
    sc_linear linear;
    sc_optim optim;
    sc_conv2d_options c = {
        .in_channels = 2, .out_channels = 3, .kernel = 1, .stride = 1, .dilation = 1};
    sc_norm_options n = sc_norm_defaults(SC_NORM_BATCH);
    sc_optim_options o = options(SC_OPTIM_LARS, 0.5);

    sct_assert_ok(sc_conv2d_init(&conv, nn, "conv", &c, 4, 4, &g.err), &g.err);
    sct_assert_ok(sc_norm_init(&norm, nn, "bn", &n, 3, &g.err), &g.err);
    sct_assert_ok(sc_linear_init(&linear, nn, "fc", 3, 2, true, &g.err), &g.err);
    sct_assert_ok(sc_params_alloc(nn.params, &g.err), &g.err);
    sct_assert_ok(sc_optim_init(&optim, &o, nn.params, &g.err), &g.err);
    for (size_t i = 0; i < nn.params->total; i++)
        nn.params->value[i] = 2;
    sc_optim_step(&optim, 1);
    for (size_t i = 0; i < nn.params->entry_count; i++) {
        bool weight = (int)i == conv.weight || (int)i == linear.weight;
        /* g = w / 2, so that q = 0.001 / 0.5 */
        assert_true(fabs(optim.ratio[i] - (weight ? 0.002 : 1)) < 1e-12);
        for (size_t j = 0; j < nn.params->entry[i].count; j++) {
            double value = (double)nn.params->value[nn.params->entry[i].offset + j];
            assert_true(weight ? fabs(value - 1.998) < 1e-6 : value == 2); /* 4 roundings of 2 */
        }
    }
    sc_optim_close(&optim);
    rig_close(&g);
}

/* More numbers than one chunk: |w| and |g| are those of the whole entry, on any number of threads. */
static void large_entry(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    sc_real *first = rig_new(COUNT);

    for (int threads = 1; threads <= 3; threads++) {
        rig g;
        sc_nn nn = rig_nn(&g);
        sc_linear linear;
        sc_optim optim;
        sc_optim_options o = options(SC_OPTIM_LARS, 0);
        sc_parallel_set_threads(threads);
        sct_assert_ok(sc_linear_init(&linear, nn, "fc", COUNT, 1, false, &g.err), &g.err);
        sct_assert_ok(sc_params_alloc(nn.params, &g.err), &g.err);
        sct_assert_ok(sc_optim_init(&optim, &o, nn.params, &g.err), &g.err);
        assert_true(optim.chunk_count > 1);
        sc_real *w = sc_params_value(nn.params, linear.weight);
        sc_real *dw = sc_params_grad(nn.params, linear.weight);
        for (size_t i = 0; i < COUNT; i++) {
            w[i] = i % 2 ? 4 : -4;
            dw[i] = (sc_real)(i % 3) - 1; /* of three, two count */
        }
        sc_optim_step(&optim, 1);
        double numbers = COUNT - (COUNT + 1) / 3; /* i = 1, 4, ... have none */
        double q = 1e-3 * 4 * sqrt(COUNT) / sqrt(numbers);
        assert_true(fabs(optim.ratio[0] - q) < 1e-12); /* sums of integers, exact in double */
        for (size_t i = 0; i < COUNT; i++) {
            double want = (i % 2 ? 4 : -4) - q * ((double)(i % 3) - 1);
            assert_true(fabs((double)w[i] - want) <= ROUNDING);
        }
        if (threads == 1)
            memcpy(first, w, COUNT * sizeof *w);
        sct_assert_equal_bits("threads", w, first, COUNT);
        sc_optim_close(&optim);
        rig_close(&g);
    }
    sc_parallel_set_threads(2);
    sc_free(first);
}

/* ---- refusals ---- */

static void refused(sc_params *p, const sc_optim_options *o, int code, const char *part)
{
    sc_optim optim;
    simclr_error err = {0};
    sct_assert_error(sc_optim_init(&optim, o, p, &err), &err, code, part);
}

static void refusals(void **state)
{
    (void)state;
    model t;
    sc_optim_options good = options(SC_OPTIM_ADAM, 0), o = good;

    open_model(&t, &good);
    o.momentum = 1;
    refused(&t.g.params, &o, SIMCLR_E_USAGE, "momentum");
    o = good;
    o.weight_decay = -1;
    refused(&t.g.params, &o, SIMCLR_E_USAGE, "weight_decay");
    o = good;
    o.eps = NAN;
    refused(&t.g.params, &o, SIMCLR_E_USAGE, "eps");
    o = good;
    o.beta1 = 1;
    refused(&t.g.params, &o, SIMCLR_E_USAGE, "betas");
    o = good;
    o.beta2 = -0.1;
    refused(&t.g.params, &o, SIMCLR_E_USAGE, "betas");
    for (size_t n = 1; n <= 3; n++) {
        sc_alloc_fail_at(n);
        refused(&t.g.params, &good, SIMCLR_E_MEMORY, NULL);
        sc_alloc_fail_at(0);
    }
    close_model(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd),           cmocka_unit_test(momentum),   cmocka_unit_test(nesterov),
        cmocka_unit_test(adam),          cmocka_unit_test(adam_decay), cmocka_unit_test(lars),
        cmocka_unit_test(lars_momentum), cmocka_unit_test(lars_zeros), cmocka_unit_test(left_alone),
        cmocka_unit_test(large_entry),   cmocka_unit_test(refusals),
    };
    return sct_run(tests);
}
