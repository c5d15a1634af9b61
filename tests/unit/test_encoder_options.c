/* SPDX-License-Identifier: MIT
 *
 * test_encoder_options.c - a network for each option of the encoder, on the reference and on this
 * machine's engine, in fp32 and bf16: it runs, it is obeyed, and in evaluation an image stands alone.
 *
 * Values against PyTorch: tests/golden/test_model.c.
 */
#include "nn_rig.h"

#include <math.h>

#include "model/encoder.h"

enum { ROWS = 3, HEIGHT = 40, WIDTH = 36, MOST = 48 };

/* A number below 1 passes 20 to 53 layers: sums of up to 300 products, each rounded to 6e-8, and
 * Winograd's transforms, which cost some 20 times that.  Measured: 5e-6 at most. */
static const double ENGINE = 1e-4;
/* bf16 rounds weights, maps and normalised maps to 2^-9 in each of those layers: 0.03 measured at
 * most (cumulative BatchNorm).  Winograd in bf16 errs by 1.2 % on top (tests/kernels/matches.c), in
 * the layers of 16 channels and more. */
static const double BF16_REF = 0.06, BF16_ENGINE = 0.15;
/* What an option has to change at least to count as obeyed: far from any rounding. */
static const double OBEYED = 1e-3;

typedef struct {
    rig g;
    sc_encoder e;
} network;

static void plan(void *what, sc_arena *arena)
{
    sc_encoder_plan(what, arena);
}

/* Weights that depend on the table alone, not on the activation; gamma is not 1, beta not 0. */
static void fill_weights(sc_params *p)
{
    for (size_t i = 0; i < p->entry_count; i++) {
        sc_param *e = &p->entry[i];
        if (e->ndim == 4)
            e->init_scale = sqrt(2 / (double)(e->shape[0] * e->shape[2] * e->shape[3]));
    }
    sc_params_reset(p, 7);
    for (size_t i = 0; i < p->entry_count; i++) {
        const sc_param *e = &p->entry[i];
        for (size_t j = 0; j < e->count && e->ndim == 1 && !(e->flags & SC_PARAM_BUFFER); j++)
            p->value[e->offset + j] += (sc_real)(0.3 * sin((double)(i + j)));
    }
}

static void open_network(network *t, const sc_encoder_options *o, const sc_backend *be)
{
    sc_nn nn = rig_nn(&t->g);
    sct_assert_ok(sc_encoder_init(&t->e, o, HEIGHT, WIDTH, ROWS, nn.params, be, &t->g.err),
                  &t->g.err);
    sct_assert_ok(sc_params_alloc(nn.params, &t->g.err), &t->g.err);
    fill_weights(nn.params);
    rig_plan(&t->g, plan, &t->e);
}

typedef struct {
    const char *what;
    sc_encoder_options options;
    size_t height, width, dim; /* of the last map */
} variant;

typedef struct {
    variant list[MOST];
    size_t count;
} variants;

static sc_encoder_options *add(variants *v, const char *what, size_t height, size_t width)
{
    variant *at = &v->list[v->count++];

    assert_true(v->count <= MOST);
    *at = (variant){what, sc_encoder_defaults(), height, width, 32};
    at->options.stem = SC_STEM_IMAGENET;
    at->options.width = 0.0625;
    return &at->options;
}

/* conv1 20x18, pool and layer1 10x9, layer2 5x5, layer3 3x3, layer4 2x2 unless something else is
 * said. */
static void add_shapes(variants *v)
{
    add(v, "plain", 2, 2);
    add(v, "ResNet-34", 2, 2)->arch = 34;
    add(v, "ResNet-50", 2, 2)->arch = 50;
    v->list[v->count - 1].dim = 128;
    add(v, "cifar stem", 5, 5)->stem = SC_STEM_CIFAR;
    sc_encoder_options *o = add(v, "cifar stem with pool", 3, 3);
    o->stem = SC_STEM_CIFAR;
    o->strides[1] = 2;
    add(v, "grey images", 2, 2)->in_channels = 1;
    add(v, "out_channels", 2, 2)->out_channels = 12;
    v->list[v->count - 1].dim = 12;
    add(v, "stride of conv1", 3, 3)->strides[0] = 1;
    add(v, "stride of pool", 1, 1)->strides[1] = 3;
    add(v, "stride of layer1", 1, 1)->strides[2] = 2;
    add(v, "stride of layer3", 1, 1)->strides[4] = 3;
    add(v, "stride of layer4", 3, 3)->strides[5] = 1;
    add(v, "dilation of layer1", 2, 2)->dilations[0] = 3;
    add(v, "dilation of layer4", 2, 2)->dilations[3] = 2;
    add(v, "average pool", 2, 2)->down = SC_DOWN_AVGPOOL;
    add(v, "convolution for pool", 2, 2)->down = SC_DOWN_CONV;
    add(v, "no pool", 3, 3)->down = SC_DOWN_NONE;
    add(v, "last pool max", 2, 2)->last_pool = SC_LAST_POOL_MAX;
    add(v, "reflection", 2, 2)->reflect = true;
    o = add(v, "reflection, convolution for pool", 2, 2);
    o->reflect = true;
    o->down = SC_DOWN_CONV;
    add(v, "conv1 3x3", 2, 2)->stem_kernel = 3;
    add(v, "pool 2x2", 2, 2)->pool_kernel = 2;
    add(v, "pool 5x5", 2, 2)->pool_kernel = 5;
}

static void add_norms_and_acts(variants *v)
{
    static const char *const acts[] = {"identity", "ReLU",     "leaky ReLU", "ELU",
                                       "SELU",     "SiLU",     "GELU",       "tanh",
                                       "sigmoid",  "softplus", "hardswish",  "Mish"};
    sc_norm_options *norm;

    norm = &add(v, "GroupNorm", 2, 2)->norm;
    *norm = sc_norm_defaults(SC_NORM_GROUP);
    norm->num_groups = 4;
    norm = &add(v, "InstanceNorm", 2, 2)->norm;
    *norm = sc_norm_defaults(SC_NORM_INSTANCE);
    norm = &add(v, "InstanceNorm, affine", 2, 2)->norm;
    *norm = sc_norm_defaults(SC_NORM_INSTANCE);
    norm->affine = true;
    add(v, "no norm", 2, 2)->norm = sc_norm_defaults(SC_NORM_NONE);
    add(v, "BatchNorm without affine", 2, 2)->norm.affine = false;
    add(v, "BatchNorm, eps", 2, 2)->norm.eps = 0.1;
    add(v, "BatchNorm, momentum", 2, 2)->norm.momentum = 0.5;
    add(v, "BatchNorm, cumulative", 2, 2)->norm.momentum = -1;
    add(v, "BatchNorm without statistics", 2, 2)->norm.track_running_stats = false;
    for (int kind = SC_ACT_IDENTITY; kind <= SC_ACT_MISH; kind++) {
        if (kind != SC_ACT_RELU)
            add(v, acts[kind], 2, 2)->act = rig_act((sc_act_kind)kind);
    }
}

/* h against the pool of the last block's output, when nothing stands between. */
static void check_pool(const network *t, const sc_real *h)
{
    size_t rows = t->e.last_rows, dim = t->e.dim;
    const sc_block *last = &t->e.block[t->e.blocks - 1];
    sc_real *map = rig_new(ROWS * last->out_count);

    t->e.nn.backend->map_load(map, last->out, ROWS * last->out_count);

    for (size_t i = 0; i < ROWS * dim && !t->e.has_last; i++) {
        double sum = 0, most = -INFINITY;
        for (size_t r = 0; r < rows; r++) {
            double x = (double)map[(i / dim * rows + r) * dim + i % dim];
            sum += x / (double)rows;
            most = fmax(most, x);
        }
        double want = t->e.options.last_pool == SC_LAST_POOL_MAX ? most : sum;
        /* at most 25 numbers added in float: half an ulp of the largest each */
        assert_true(fabs((double)h[i] - want) <= 25 * 6e-8 * fmax(fabs(most), fabs(want)) + 1e-7);
    }
    sc_free(map);
}

/* h (ROWS,D) in evaluation, after one training pass for the running statistics. */
static void check_variant(sc_real *h, const variant *v, const sc_real *x, const sc_backend *be)
{
    network t;
    size_t image = HEIGHT * WIDTH * v->options.in_channels, bytes = ROWS * v->dim * sizeof *h;

    open_network(&t, &v->options, be);
    assert_int_equal(t.e.dim, v->dim);
    assert_int_equal(t.e.last_rows, v->height * v->width);
    sc_real *again = sct_guard_alloc(bytes), *values = rig_new(t.g.params.total);
    sct_fill_nan(again, ROWS * v->dim);
    sc_encoder_forward(again, x, ROWS, true, &t.e);
    for (size_t i = 0; i < ROWS * v->dim; i++)
        assert_true(isfinite(again[i]));
    memcpy(values, t.g.params.value, t.g.params.total * sizeof *values);
    sc_encoder_forward(h, x, ROWS, false, &t.e);
    check_pool(&t, h);
    sc_encoder_forward(again, x, ROWS, false, &t.e);
    sct_assert_equal_bits("evaluation again", again, h, ROWS * v->dim);
    /* Each image alone, unless statistics of the batch are what was asked for. */
    bool alone = v->options.norm.kind != SC_NORM_BATCH || v->options.norm.track_running_stats;
    for (size_t i = ROWS; i-- > 0;) {
        sc_encoder_forward(again, x + i * image, 1, false, &t.e);
        if (alone)
            sct_assert_equal_bits("one image", again, h + i * v->dim, v->dim);
        else
            assert_true(sct_relative_l2(again, h + i * v->dim, v->dim) > OBEYED);
    }
    sct_assert_equal_bits("parameters", t.g.params.value, values, t.g.params.total);
    sct_guard_free(again, bytes);
    sc_free(values);
    rig_close(&t.g);
}

static void options(void **state)
{
    (void)state;
    static variants v;
    static sc_real h[MOST][ROWS * 128], other[ROWS * 128];
    const sc_backend *engine[3] = {NULL, sc_backend_ref(SC_BF16), NULL};
    const double limit[3] = {ENGINE, BF16_REF, BF16_ENGINE};
    simclr_error err;
    double worst[3] = {0};
    sc_real *x = rig_new(ROWS * HEIGHT * WIDTH * 3);

    sct_assert_ok(sc_backend_select(&engine[0], SC_FP32, &err), &err);
    sct_assert_ok(sc_backend_select(&engine[2], SC_BF16, &err), &err);
    v.count = 0;
    add_shapes(&v);
    add_norms_and_acts(&v);
    for (size_t i = 0; i < v.count; i++) {
        const variant *one = &v.list[i];
        check_variant(h[i], one, x, sc_backend_ref(SC_FP32));
        for (int j = 0; j < 3; j++) {
            check_variant(other, one, x, engine[j]);
            double error = sct_relative_l2(other, h[i], ROWS * one->dim);
            worst[j] = fmax(worst[j], error / limit[j]);
            if (!(error <= limit[j]))
                fail_msg("%s: %s is %.3g from the reference", one->what, engine[j]->name, error);
        }
        for (size_t j = 0; j < i; j++)
            if (one->dim == v.list[j].dim && sct_relative_l2(h[i], h[j], ROWS * one->dim) < OBEYED)
                fail_msg("%s: makes no difference to %s", one->what, v.list[j].what);
    }
    for (int j = 0; j < 3; j++)
        print_message("%s %s: worst error / limit %.2g\n", engine[j]->name, j ? "bf16" : "fp32",
                      worst[j]);
    sc_free(x);
}

/* Largest difference between a pixel and the first one, over the largest value. */
static double unevenness(const sc_real *map, size_t pixels, size_t channels)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < pixels * channels; i++) {
        most = fmax(most, fabs((double)map[i] - (double)map[i % channels]));
        largest = fmax(largest, fabs((double)map[i]));
    }
    return most / largest;
}

/* Reflected, an even image has no border: every map is even.  With zeros none is.  And the
 * convolution that stands for the pool adds its bias. */
static void reflection(void **state)
{
    (void)state;
    for (int reflect = 0; reflect < 2; reflect++) {
        network t;
        sc_encoder_options o = sc_encoder_defaults();
        sc_real *x = sc_alloc(HEIGHT * WIDTH * 3, sizeof *x, NULL), h[32];
        o.stem = SC_STEM_IMAGENET;
        o.width = 0.0625;
        o.down = SC_DOWN_CONV;
        o.reflect = reflect;
        open_network(&t, &o, sc_backend_ref(SC_FP32));
        for (size_t i = 0; i < HEIGHT * WIDTH * 3; i++)
            x[i] = (sc_real[]){1, -2, 0.5}[i % 3];
        sc_encoder_forward(h, x, 1, false, &t.e);
        /* Even means the same sums of the same products: the same bits. */
        double pool = unevenness(t.e.pool_out, t.e.pool.p * t.e.pool.q, t.e.pool.c);
        double stem = unevenness(t.e.stem.u, t.e.stem.p * t.e.stem.q, t.e.stem.k);
        assert_true(reflect ? stem == 0 && pool == 0 : stem > 0 && pool > 0);
        for (size_t i = 0; i < t.e.blocks; i++) {
            const sc_unit *unit = &t.e.block[i].unit[1];
            double uneven = unevenness(unit->u, unit->p * unit->q, unit->k);
            assert_true(reflect ? uneven == 0 : uneven > 0);
        }
        sct_fill_zeros(sc_params_value(&t.g.params, t.e.pool_conv.weight), 8 * 8 * 9);
        sc_encoder_forward(h, x, 1, false, &t.e);
        sct_assert_equal_bits("bias", t.e.pool_out, sc_params_value(&t.g.params, t.e.pool_bias), 8);
        sc_free(x);
        rig_close(&t.g);
    }
}

/* gamma 0 in the last norm of each block, and nowhere else: a block without downsample is the
 * identity then, since its input is no longer negative. */
static void zero_init_residual(void **state)
{
    (void)state;
    for (int arch = 18; arch <= 50; arch += 32) {
        network t;
        sc_params *p = &t.g.params;
        sc_encoder_options o = sc_encoder_defaults();
        const char *last = arch == 50 ? ".bn3.weight" : ".bn2.weight";
        size_t zeros = 0;
        o.arch = arch;
        o.width = 0.0625;
        o.zero_init_residual = true;
        open_network(&t, &o, sc_backend_ref(SC_FP32));
        sc_params_reset(p, 1);
        for (size_t i = 0; i < p->entry_count; i++) {
            const char *name = p->entry[i].name;
            bool is_last = strstr(name, last) != NULL;
            if (strstr(name, "bn") && strstr(name, ".weight"))
                assert_true(sc_params_value(p, (int)i)[0] == (is_last ? 0 : 1));
            zeros += is_last;
        }
        assert_int_equal(zeros, t.e.blocks);
        sc_real *x = rig_new(ROWS * HEIGHT * WIDTH * 3), *h = rig_new(ROWS * t.e.dim);
        sc_encoder_forward(h, x, ROWS, true, &t.e);
        assert_true(rig_dot(h, h, ROWS * t.e.dim) > 0);
        for (size_t i = 1; i < t.e.blocks; i++)
            if (!t.e.block[i].has_skip)
                sct_assert_equal_bits("identity", t.e.block[i].out, t.e.block[i - 1].out,
                                      ROWS * t.e.block[i].out_count);
        sc_free(x);
        sc_free(h);
        rig_close(&t.g);
    }
}

/* Found when this test was written: 12 MB too few for 164 images in a plan for 166, because only
 * 166, 83, 41, ... had been asked for. */
static void scratch_for_fewer_images(void **state)
{
    (void)state;
    static const char *const tables[] = {"ref", "base", "avx2", "avx512", "avx512bf16", "amx"};
    static const size_t shapes[][3] = {{16, 16, 8}, {512, 512, 4}, {64, 64, 32}, {3, 64, 32}};

    for (size_t b = 0; b < 12; b++) {
        const sc_backend *be = sc_backend_by_name(tables[b / 2], b % 2 ? SC_BF16 : SC_FP32);
        for (size_t i = 0; i < 4 && be != NULL; i++) {
            sc_params p = {0};
            sc_conv2d conv;
            simclr_error err;
            sc_conv2d_options o = {.in_channels = shapes[i][0],
                                   .out_channels = shapes[i][1],
                                   .kernel = 3,
                                   .stride = 1,
                                   .pad = 1,
                                   .dilation = 1};
            sct_assert_ok(sc_conv2d_init(&conv, (sc_nn){&p, be, SC_CONV_FASTEST}, "conv", &o,
                                         shapes[i][2], shapes[i][2], &err),
                          &err);
            for (size_t most = 1; most <= 200; most++) {
                size_t bytes = sc_conv2d_scratch(&conv, most);
                sc_conv_shape s = conv.shape;
                for (s.n = 1; s.n <= most; s.n++)
                    assert_true(be->conv2d_scratch(&s) <= bytes);
            }
            sc_params_close(&p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(reflection),
        cmocka_unit_test(zero_init_residual),
        cmocka_unit_test(scratch_for_fewer_images),
    };
    return sct_run(tests);
}
