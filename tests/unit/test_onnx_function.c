/* SPDX-License-Identifier: MIT
 *
 * test_onnx_function.c - for each option of encoder and projector, an export is well formed and is the function that
 * the network is.
 */
#include "onnx_eval.h"
#include "onnx_rig.h"

#include <stdio.h>

/* fp32 through 20 layers and more, sums in another order; measured 7e-6 at most, of ten seeds. */
static const double CLOSE = 3e-5;

typedef struct {
    const char *what;
    sc_network_options options;
} variant;

typedef struct {
    variant list[48];
    size_t count;
} variants;

static sc_network_options *add(variants *v, const char *what)
{
    assert_true(v->count < sizeof v->list / sizeof *v->list);
    v->list[v->count] = (variant){what, plain()};
    return &v->list[v->count++].options;
}

static void add_shapes(variants *v)
{
    sc_network_options *o = add(v, "plain");
    o = add(v, "ResNet-50");
    o->encoder.arch = 50;
    add(v, "cifar stem")->encoder.stem = SC_STEM_CIFAR;
    add(v, "grey images")->encoder.in_channels = 1;
    add(v, "out_channels")->encoder.out_channels = 12;
    o = add(v, "strides");
    for (int i = 0; i < 6; i++)
        o->encoder.strides[i] = (size_t[]){1, 3, 2, 1, 3, 1}[i];
    o = add(v, "dilations");
    for (int i = 0; i < 4; i++)
        o->encoder.dilations[i] = (size_t[]){3, 1, 2, 2}[i];
    add(v, "average pool")->encoder.down = SC_DOWN_AVGPOOL;
    add(v, "convolution for pool")->encoder.down = SC_DOWN_CONV;
    add(v, "no pool")->encoder.down = SC_DOWN_NONE;
    add(v, "last pool max")->encoder.last_pool = SC_LAST_POOL_MAX;
    o = add(v, "reflection");
    o->encoder.reflect = true;
    o->encoder.dilations[0] = 3;
    o = add(v, "reflection, convolution for pool");
    o->encoder.reflect = true;
    o->encoder.down = SC_DOWN_CONV;
    add(v, "conv1 3x3")->encoder.stem_kernel = 3;
    add(v, "pool 2x2")->encoder.pool_kernel = 2;
    o = add(v, "average of 5x5");
    o->encoder.down = SC_DOWN_AVGPOOL;
    o->encoder.pool_kernel = 5;
}

static void add_norms(variants *v)
{
    sc_network_options *o = add(v, "GroupNorm");
    o->encoder.norm = o->projector.norm = sc_norm_defaults(SC_NORM_GROUP);
    o->encoder.norm.num_groups = o->projector.norm.num_groups = 4;
    o->projector.last_norm = true;
    o = add(v, "GroupNorm without affine");
    o->encoder.norm = o->projector.norm = sc_norm_defaults(SC_NORM_GROUP);
    o->encoder.norm.num_groups = o->projector.norm.num_groups = 2;
    o->encoder.norm.affine = o->projector.norm.affine = false;
    add(v, "InstanceNorm")->encoder.norm = sc_norm_defaults(SC_NORM_INSTANCE);
    o = add(v, "InstanceNorm, affine");
    o->encoder.norm = sc_norm_defaults(SC_NORM_INSTANCE);
    o->encoder.norm.affine = true;
    add(v, "no norm")->encoder.norm = sc_norm_defaults(SC_NORM_NONE);
    o = add(v, "BatchNorm without affine");
    o->projector.norm = sc_norm_defaults(SC_NORM_BATCH);
    o->encoder.norm.affine = o->projector.norm.affine = false;
    o = add(v, "BatchNorm, eps");
    o->projector.norm = sc_norm_defaults(SC_NORM_BATCH);
    o->encoder.norm.eps = o->projector.norm.eps = 0.1;
}

static void add_acts_and_projectors(variants *v)
{
    static const char *const acts[] = {"identity", "ReLU",     "leaky ReLU", "ELU",
                                       "SELU",     "SiLU",     "GELU",       "tanh",
                                       "sigmoid",  "softplus", "hardswish",  "Mish"};
    for (int kind = SC_ACT_IDENTITY; kind <= SC_ACT_MISH; kind++) {
        sc_network_options *o = add(v, acts[kind]);
        o->encoder.act = (sc_act){(sc_act_kind)kind, 0.7};
        o->projector.act = (sc_act){(sc_act_kind)kind, 1};
        o->projector.last_act = (sc_act){(sc_act_kind)kind, 0.3};
    }
    sc_network_options *o = add(v, "three hidden layers");
    o->projector.hidden_count = 3;
    o->projector.hidden[1] = 9;
    o->projector.hidden[2] = 7;
    o->projector.bias = o->projector.last_bias = false;
    o->projector.norm = sc_norm_defaults(SC_NORM_BATCH);
    o->projector.last_norm = true;
    o->projector.drop_rate = 0.5;
    o->projector.drop_layers = 3;
    add(v, "linear projector")->projector.hidden_count = 0;
}

/* The images as the network takes them: (rows,H,W,C), normalised. */
static sc_real *normalised(const float *images, size_t channels, const sc_onnx_options *o)
{
    size_t pixels = HEIGHT * WIDTH;
    sc_real *x = sc_alloc(ROWS * channels * pixels, sizeof *x, NULL);
    assert_non_null(x);
    for (size_t i = 0; i < ROWS * channels * pixels; i++) {
        size_t pixel = i % pixels, c = i / pixels % channels, row = i / pixels / channels;
        x[(row * pixels + pixel) * channels + c] = (images[i] - o->mean[c]) / o->std[c];
    }
    return x;
}

static void check_variant(const variant *v)
{
    static oe_run run;
    static float images[ROWS * 3 * HEIGHT * WIDTH];
    sc_real h[ROWS * 128], z[ROWS * 8];
    exported *e = export(&v->options);
    sc_network *n = &e->network;
    const sc_onnx_options o = settings_for(n);
    simclr_error err;
    check_model(e);
    for (size_t i = 0; i < ROWS * n->channels * HEIGHT * WIDTH; i++)
        images[i] = (float)sct_below(256) / 255;
    sc_real *x = normalised(images, n->channels, &o);
    assert_true(n->dim_h <= 128 && n->dim_z == 8);
    sct_assert_ok(sc_network_encode(h, n, x, ROWS, false, &err), &err);
    sc_projector_forward(z, h, ROWS, false, &n->projector);
    oe_evaluate(&run, e->model, images, ROWS);
    double far_h = sct_relative_l2(oe_find(&run, "features")->data, h, ROWS * n->dim_h);
    double far_z = sct_relative_l2(oe_find(&run, "z")->data, z, ROWS * n->dim_z);
    printf("%-32s h %.1e z %.1e\n", v->what, far_h, far_z);
    assert_true(far_h <= CLOSE && far_z <= CLOSE);
    oe_close(&run);
    sc_free(x);
    release(e);
}

static void function(void **state)
{
    (void)state;
    static variants v;
    add_shapes(&v);
    add_norms(&v);
    add_acts_and_projectors(&v);
    for (size_t i = 0; i < v.count; i++)
        check_variant(&v.list[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(function)};
    return sct_run(tests);
}
