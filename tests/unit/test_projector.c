/* SPDX-License-Identifier: MIT
 *
 * test_projector.c - the projection head: its layers as torch.nn.Sequential would number them, its
 * values in closed form, and where and when dropout happens.
 *
 * Weights and inputs are small integers, whose sums of products are exact in float.
 */
#include "nn_rig.h"

#include <math.h>
#include <stdio.h>

#include "model/projector.h"

typedef struct {
    rig g;
    sc_projector p;
} head;

static void plan(void *what, sc_arena *arena)
{
    sc_projector_plan(what, arena);
}

static void open_head(head *t, const sc_projector_options *o, size_t in, size_t rows)
{
    sc_nn nn = rig_nn(&t->g);
    sct_assert_ok(sc_projector_init(&t->p, o, in, rows, nn.params, nn.backend, &t->g.err),
                  &t->g.err);
    sct_assert_ok(sc_params_alloc(nn.params, &t->g.err), &t->g.err);
    sc_params_reset(nn.params, 3);
    rig_plan(&t->g, plan, &t->p);
}

static void set(head *t, const char *name, const sc_real *values, size_t count)
{
    long at = sc_params_find(&t->g.params, name);
    assert_true(at >= 0);
    assert_int_equal(t->g.params.entry[at].count, count);
    memcpy(sc_params_value(&t->g.params, (int)at), values, count * sizeof *values);
}

static void set_all(head *t, const char *name, double value)
{
    long at = sc_params_find(&t->g.params, name);
    assert_true(at >= 0);
    for (size_t i = 0; i < t->g.params.entry[at].count; i++)
        sc_params_value(&t->g.params, (int)at)[i] = (sc_real)value;
}

/* ---- the list of layers ---- */

/* All entries as "name shape;", without the "projector." and the buffers of norms. */
static void layers_are(const sc_projector_options *o, const char *want)
{
    sc_params p = {0};
    sc_projector g;
    simclr_error err;
    char got[1024] = "";
    size_t used = 0;

    sct_assert_ok(sc_projector_init(&g, o, 7, 4, &p, sc_backend_ref(SC_FP32), &err), &err);
    assert_int_equal(g.count, p.entry_count);
    for (size_t i = 0; i < p.entry_count; i++) {
        const sc_param *e = &p.entry[i];
        bool weight = e->ndim == 2;
        if (e->flags & SC_PARAM_BUFFER)
            continue;
        assert_int_equal(e->flags, weight ? SC_PARAM_DECAY | SC_PARAM_ADAPT : 0);
        assert_memory_equal(e->name, "projector.", 10);
        used += (size_t)snprintf(got + used, sizeof got - used, weight ? "%s %zu,%zu;" : "%s %zu;",
                                 e->name + 10, e->shape[0], e->shape[1]);
    }
    assert_string_equal(got, want);
    sc_params_close(&p);
}

static void layers(void **state)
{
    (void)state;
    sc_projector_options o = sc_projector_defaults();

    layers_are(&o, "0.weight 512,7;0.bias 512;2.weight 128,512;2.bias 128;");
    o.out = 4;
    o.hidden_count = 0;
    layers_are(&o, "0.weight 4,7;0.bias 4;");
    o.last_bias = false;
    layers_are(&o, "0.weight 4,7;");
    o.hidden_count = 2;
    o.hidden[0] = 10;
    o.hidden[1] = 6;
    layers_are(&o, "0.weight 10,7;0.bias 10;2.weight 6,10;2.bias 6;4.weight 4,6;");
    o.bias = false;
    o.last_bias = true;
    layers_are(&o, "0.weight 10,7;2.weight 6,10;4.weight 4,6;4.bias 4;");
    o.norm = sc_norm_defaults(SC_NORM_BATCH);
    layers_are(&o, "0.weight 10,7;1.weight 10;1.bias 10;3.weight 6,10;4.weight 6;4.bias 6;"
                   "6.weight 4,6;6.bias 4;");
    o.last_norm = true;
    o.act = (sc_act){SC_ACT_IDENTITY, 0}; /* is no module */
    layers_are(&o, "0.weight 10,7;1.weight 10;1.bias 10;2.weight 6,10;3.weight 6;3.bias 6;"
                   "4.weight 4,6;4.bias 4;5.weight 4;5.bias 4;");
    o.norm = sc_norm_defaults(SC_NORM_NONE);
    o.act = (sc_act){SC_ACT_TANH, 0};
    o.drop_rate = 0.1;
    o.drop_layers = 1; /* a module after the second activation */
    layers_are(&o, "0.weight 10,7;2.weight 6,10;5.weight 4,6;5.bias 4;");
    o.drop_layers = 2;
    layers_are(&o, "0.weight 10,7;3.weight 6,10;6.weight 4,6;6.bias 4;");
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        sc_projector_options options;
        const char *part;
    } cases[] = {
        {{.hidden_count = 8, .out = 4}, "8 hidden layers; at most 7"},
        {{.out = 4, .drop_rate = 1}, "drop_rate"},
        {{.out = 4, .drop_rate = NAN}, "drop_rate"},
        {{.out = 4, .norm = {.kind = SC_NORM_INSTANCE}}, "InstanceNorm"},
        {{.out = 0}, "layer 0 has 0 outputs"},
        {{.hidden = {5, 0}, .hidden_count = 2, .out = 4}, "layer 1 has 0 outputs"},
        {{.out = 65537}, "65537 outputs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_params p = {0};
        sc_projector g;
        simclr_error err;
        sct_assert_error(
            sc_projector_init(&g, &cases[i].options, 7, 4, &p, sc_backend_ref(SC_FP32), &err), &err,
            SIMCLR_E_USAGE, cases[i].part);
        assert_int_equal(p.entry_count, 0);
    }
}

/* ---- values ---- */

static const sc_real H[] = {1, 2, -1, 3, 0, 2};                     /* (2,3) */
static const sc_real W0[] = {1, 0, 2, -1, 1, 0, 2, 2, 1, 0, -1, 1}; /* (4,3) */
static const sc_real B0[] = {1, 0, -1, 2};
static const sc_real W1[] = {1, 2, 0, -1, 3, 0, 1, 1}; /* (2,4) */
static const sc_real B1[] = {5, -3};

static void linear(void **state)
{
    (void)state;
    head t;
    sc_projector_options o = sc_projector_defaults();
    sc_real z[8];
    static const sc_real want[] = {0, 1, 4, -1, 8, -3, 7, 4}; /* H W0' + B0 */

    o.hidden_count = 0;
    o.out = 4;
    open_head(&t, &o, 3, 2);
    set(&t, "projector.0.weight", W0, 12);
    set(&t, "projector.0.bias", B0, 4);
    sc_projector_forward(z, H, 2, true, &t.p);
    sct_assert_equal_bits("z", z, want, 8);
    rig_close(&t.g);
}

static void two_layers(void **state)
{
    (void)state;
    static const struct {
        sc_act act, last_act;
        sc_real want[4];
    } cases[] = {
        /* hidden (0 1 4 -1), (8 -3 7 4), then max(0, .) */
        {{SC_ACT_RELU, 0}, {SC_ACT_IDENTITY, 0}, {7, 1, 9, 32}},
        {{SC_ACT_IDENTITY, 0}, {SC_ACT_IDENTITY, 0}, {8, 0, 3, 32}},
        {{SC_ACT_LEAKY_RELU, 2}, {SC_ACT_IDENTITY, 0}, {9, -1, -3, 32}},
        {{SC_ACT_LEAKY_RELU, 2}, {SC_ACT_RELU, 0}, {9, 0, 0, 32}},
    };
    sc_projector_options o = sc_projector_defaults();
    sc_real z[4];

    o.hidden[0] = 4;
    o.out = 2;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        head t;
        o.act = cases[i].act;
        o.last_act = cases[i].last_act;
        open_head(&t, &o, 3, 2);
        set(&t, "projector.0.weight", W0, 12);
        set(&t, "projector.0.bias", B0, 4);
        const char *last = o.act.kind == SC_ACT_IDENTITY ? "projector.1" : "projector.2";
        char name[32];
        snprintf(name, sizeof name, "%s.weight", last);
        set(&t, name, W1, 8);
        snprintf(name, sizeof name, "%s.bias", last);
        set(&t, name, B1, 2);
        sc_projector_forward(z, H, 2, true, &t.p);
        sct_assert_equal_bits("training", z, cases[i].want, 4);
        sc_projector_forward(z, H, 2, false, &t.p);
        sct_assert_equal_bits("evaluation", z, cases[i].want, 4);
        rig_close(&t.g);
    }
}

/* Two rows become -1 and 1 per column, whatever they were; in evaluation mean 1/10 of the batch's
 * and variance 9/10 + 1/10 of its unbiased one stand for them. */
static void batch_norm(void **state)
{
    (void)state;
    head t;
    sc_projector_options o = sc_projector_defaults();
    static const sc_real h[] = {3, 7, 11, 1};
    static const sc_real eye[] = {1, 0, 0, 1}, gamma[] = {2, 10}, beta[] = {5, -3};
    sc_real z[4];

    o.hidden_count = 0;
    o.out = 2;
    o.norm = sc_norm_defaults(SC_NORM_BATCH);
    o.last_norm = true;
    o.last_bias = false;
    open_head(&t, &o, 2, 2);
    set(&t, "projector.0.weight", eye, 4);
    set(&t, "projector.1.weight", gamma, 2);
    set(&t, "projector.1.bias", beta, 2);
    sc_projector_forward(z, h, 2, true, &t.p);
    /* variances 16, 9: eps takes 3e-7 and 6e-7 of 2 and 10; float's rounding is 1e-7 of them */
    sct_assert_close("training", z, (sc_real[]){3, 7, 7, -13}, 4, 0, 8e-6);
    sc_projector_forward(z, h, 2, false, &t.p);
    sc_real want[4];
    for (size_t i = 0; i < 4; i++) {
        double mean = i % 2 ? 0.4 : 0.7, var = i % 2 ? 0.9 + 1.8 : 0.9 + 3.2;
        want[i] = (sc_real)(((double)h[i] - mean) / sqrt(var + 1e-5) * (double)gamma[i % 2] +
                            (double)beta[i % 2]);
    }
    sct_assert_close("evaluation", z, want, 4, 1e-6, 0); /* a few roundings of 6e-8 */
    rig_close(&t.g);
}

/* GroupNorm sees one row: its two groups become -1 and 1, and no other row matters. */
static void group_norm(void **state)
{
    (void)state;
    head t;
    sc_projector_options o = sc_projector_defaults();
    static const sc_real h[] = {1, 5, 30, 10, -2, 4, 0, 8};
    sc_real z[8], eye[16] = {[0] = 1, [5] = 1, [10] = 1, [15] = 1}, one[4];

    o.hidden_count = 0;
    o.out = 4;
    o.norm = sc_norm_defaults(SC_NORM_GROUP);
    o.norm.num_groups = 2;
    o.last_norm = true;
    open_head(&t, &o, 4, 2);
    set(&t, "projector.0.weight", eye, 16);
    set_all(&t, "projector.0.bias", 0);
    sc_projector_forward(z, h, 2, true, &t.p);
    /* variances 4 and more: eps takes 1.3e-6 of 1 at most */
    sct_assert_close("z", z, (sc_real[]){-1, 1, 1, -1, -1, 1, -1, 1}, 8, 0, 2e-6);
    sc_projector_forward(one, h + 4, 1, false, &t.p);
    sct_assert_equal_bits("a row alone", one, z + 4, 4);
    rig_close(&t.g);
}

/* ---- dropout ---- */

enum { UNITS = 1000, DROP_ROWS = 2 };

/* One input that is 1, and weights that hand it on: hidden values are 1 without dropout. */
static void open_ones(head *t, size_t drop_layers, double rate)
{
    sc_projector_options o = sc_projector_defaults();
    o.hidden_count = 3;
    o.hidden[0] = o.hidden[1] = o.hidden[2] = UNITS;
    o.out = 1;
    o.bias = o.last_bias = false;
    o.drop_rate = rate;
    o.drop_layers = drop_layers;
    o.seed = 11;
    open_head(t, &o, 1, DROP_ROWS);
    for (size_t l = 0; l < 4; l++) {
        const sc_linear *linear = &t->p.layer[l].linear;
        sc_real *w = sc_params_value(&t->g.params, linear->weight);
        sct_fill_zeros(w, linear->in * linear->out);
        for (size_t i = 0; i < linear->out; i++)
            w[i * linear->in + (linear->in == 1 ? 0 : i)] = 1;
    }
}

/* Zeros among the outputs of hidden layer l; the others must be `kept`. */
static size_t dropped(const head *t, size_t l, double kept)
{
    size_t zeros = 0;
    for (size_t i = 0; i < DROP_ROWS * UNITS; i++) {
        double y = (double)t->p.layer[l].y[i];
        zeros += y == 0;
        assert_true(y == 0 || fabs(y - kept) <= 1e-6 * kept); /* products of rounded 1/(1 - rate) */
    }
    return zeros;
}

static void last_layers_drop(void **state)
{
    (void)state;
    static const sc_real ones[DROP_ROWS] = {1, 1};
    sc_real z[DROP_ROWS];
    double rate = 0.3, all = DROP_ROWS * UNITS;

    for (size_t n = 0; n <= 4; n++) { /* 4: more than there are */
        head t;
        open_ones(&t, n, rate);
        sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
        double alive = 1, kept = 1;
        for (size_t l = 0; l < 3; l++) {
            bool drops = l + n >= 3;
            alive *= drops ? 1 - rate : 1;
            kept /= drops ? 1 - rate : 1;
            /* binomial: five standard deviations */
            double zeros = (double)dropped(&t, l, kept);
            assert_true(fabs(zeros - all * (1 - alive)) <= 5 * sqrt(all * alive * (1 - alive)));
        }
        sc_projector_forward(z, ones, DROP_ROWS, false, &t.p);
        for (size_t l = 0; l < 3; l++)
            assert_int_equal(dropped(&t, l, 1), 0);
        assert_true(z[0] == 1 && z[1] == 1);
        rig_close(&t.g);
    }
}

/* Masks are named by step, row and layer: the same again, others elsewhere. */
static void masks(void **state)
{
    (void)state;
    head t;
    static const sc_real ones[DROP_ROWS] = {1, 1};
    sc_real z[DROP_ROWS], *first = rig_new(DROP_ROWS * UNITS);
    double rate = 0.5;
    size_t both = 0, all = DROP_ROWS * UNITS;

    open_ones(&t, 3, rate);
    sc_real *y = t.p.layer[0].y;
    sc_projector_set_step(&t.p, 5);
    sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
    memcpy(first, y, all * sizeof *y);
    for (size_t i = 0; i < all; i++) /* layer 1 drops others: of layer 0's half, half again */
        both += y[i] != 0 && t.p.layer[1].y[i] != 0;
    assert_true(fabs((double)both - 0.25 * (double)all) <= 5 * sqrt((double)all * 0.25 * 0.75));
    assert_memory_not_equal(first, first + UNITS, UNITS * sizeof *y);
    sc_projector_set_step(&t.p, 6);
    sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
    assert_memory_not_equal(first, y, all * sizeof *y);
    sc_projector_set_step(&t.p, 5);
    sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
    sct_assert_equal_bits("the same step", y, first, all);
    t.p.options.seed = 12;
    sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
    assert_memory_not_equal(first, y, all * sizeof *y);
    sc_free(first);
    rig_close(&t.g);
}

/* The gradient passes where the value passed, times the same 1 / (1 - rate) each time. */
static void backward_drops_alike(void **state)
{
    (void)state;
    head t;
    static const sc_real ones[DROP_ROWS] = {1, 1};
    sc_real z[DROP_ROWS], dh[DROP_ROWS], dz[DROP_ROWS] = {1, 1};

    open_ones(&t, 2, 0.5);
    sc_real *last = sc_params_value(&t.g.params, t.p.layer[3].linear.weight);
    for (size_t i = 0; i < UNITS; i++)
        last[i] = 1;
    sc_projector_forward(z, ones, DROP_ROWS, true, &t.p);
    sc_projector_backward(dh, dz, &t.p);
    /* z = sum over units of mask mask' / 0.25 times the input: its derivative is z itself */
    sct_assert_equal_bits("dh", dh, z, DROP_ROWS);
    assert_true(z[0] > 0 && z[0] != z[1]);
    rig_close(&t.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers),
        cmocka_unit_test(refusals),
        cmocka_unit_test(linear),
        cmocka_unit_test(two_layers),
        cmocka_unit_test(batch_norm),
        cmocka_unit_test(group_norm),
        cmocka_unit_test(last_layers_drop),
        cmocka_unit_test(masks),
        cmocka_unit_test(backward_drops_alike),
    };
    return sct_run(tests);
}
