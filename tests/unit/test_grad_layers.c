/* SPDX-License-Identifier: MIT
 *
 * test_grad_layers.c - every layer's backward pass against central differences, in double.
 *
 *   f(x, parameters) = sum(r y),  dy = r;  ||g - d|| / (||g|| + ||d||) <= 1e-7 (1e-5 past a kink)
 */
#include "nn_rig.h"

#include <math.h>
#include <stdio.h>

enum { SHAPES = 24 };
static const double SMOOTH = 1e-7, KINKED = 1e-5, STEP = 1e-5;

/* A layer under test: y (out) from x (in), with a residual of y's size for norms. */
typedef struct test_layer {
    rig g;
    sc_real *x, *y, *r, *residual, *dx, *dresidual, *scratch;
    size_t in, out, n, rows;
    void (*forward)(struct test_layer *t);
    void (*backward)(struct test_layer *t);
    sc_conv2d conv;
    sc_norm norm;
    sc_linear linear;
    sc_act act;
    sc_pool_shape pool;
    uint32_t *where;
    bool relu, has_residual;
} test_layer;

static double scalar(void *context)
{
    test_layer *t = context;
    t->forward(t);
    return rig_dot(t->y, t->r, t->out);
}

/* Moves x off the kinks of ReLU and max: all values differ, none is near 0. */
static void spread(sc_real *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (sc_real)((double)x[i] + (x[i] < 0 ? -1e-3 : 1e-3));
}

static void begin(test_layer *t, size_t in, size_t out)
{
    t->in = in;
    t->out = out;
    t->x = rig_new(in);
    t->y = rig_new(out);
    t->r = rig_new(out);
    t->residual = rig_new(out);
    t->dx = rig_new(in);
    t->dresidual = rig_new(out);
    spread(t->x, in);
}

static void check(test_layer *t, const char *what, double limit)
{
    sc_params *p = &t->g.params;

    t->forward(t);
    if (p->value)
        sc_params_zero_grad(p);
    t->backward(t);
    sct_assert_grad(what, scalar, t, t->x, t->dx, t->in, STEP, 40, limit);
    if (t->has_residual)
        sct_assert_grad(what, scalar, t, t->residual, t->dresidual, t->out, STEP, 40, limit);
    for (size_t i = 0; i < p->entry_count; i++) {
        const sc_param *e = &p->entry[i];
        if (!(e->flags & SC_PARAM_BUFFER))
            sct_assert_grad(e->name, scalar, t, p->value + e->offset, p->grad + e->offset, e->count,
                            STEP, 40, limit);
    }
    /* Parameter gradients accumulate, those of activations do not. */
    if (p->entry_count > 0 && p->trained > 0) {
        sc_real *once = rig_new(p->trained);
        memcpy(once, p->grad, p->trained * sizeof *once);
        t->forward(t);
        t->backward(t);
        for (size_t i = 0; i < p->trained; i++)
            once[i] *= 2;
        sct_assert_close(what, p->grad, once, p->trained, 1e-9, 1e-9);
        sc_free(once);
    }
}

static void end(test_layer *t)
{
    sc_free(t->x);
    sc_free(t->y);
    sc_free(t->r);
    sc_free(t->residual);
    sc_free(t->dx);
    sc_free(t->dresidual);
    sc_free(t->scratch);
    sc_free(t->where);
    rig_close(&t->g);
}

static void conv_forward(test_layer *t)
{
    sc_conv2d_forward(t->y, SC_NO_STATS, (sc_input){t->x, NULL}, t->n, t->scratch, &t->conv);
}

static void conv_backward(test_layer *t)
{
    sc_conv2d_backward(t->dx, NULL, (sc_gradient){t->r, NULL}, (sc_input){t->x, NULL}, SC_NO_BASE,
                       t->n, t->scratch, &t->conv);
}

static void convolution(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        test_layer t = {.forward = conv_forward, .backward = conv_backward};
        sc_nn nn = rig_nn(&t.g);
        size_t h = 3 + sct_below(6), w = 3 + sct_below(6), kernel = 1 + 2 * sct_below(2);
        size_t dilation = kernel == 3 ? 1 + sct_below(2) : 1;
        sc_conv2d_options o = {.in_channels = 1 + sct_below(5),
                               .out_channels = 1 + sct_below(5),
                               .kernel = kernel,
                               .stride = 1 + sct_below(3),
                               .pad = kernel == 3 ? dilation : 0,
                               .dilation = dilation,
                               .reflect = i % 2,
                               .init_std = 1};
        sct_assert_ok(sc_conv2d_init(&t.conv, nn, "conv", &o, h, w, &t.g.err), &t.g.err);
        rig_alloc(&t.g);
        t.n = 1 + sct_below(3);
        t.scratch = sc_alloc(sc_conv2d_scratch(&t.conv, t.n) + 1, 1, NULL);
        begin(&t, t.n * h * w * o.in_channels,
              t.n * t.conv.shape.p * t.conv.shape.q * o.out_channels);
        check(&t, "conv2d", SMOOTH);
        end(&t);
    }
}

static void norm_forward(test_layer *t)
{
    sc_norm_forward(t->y, t->x, t->has_residual ? t->residual : NULL, t->relu, t->n, t->rows, true,
                    &t->norm);
}

static void norm_backward(test_layer *t)
{
    sc_gradient dx = sc_norm_backward(t->dx, t->has_residual ? t->dresidual : NULL, t->r, false,
                                      t->x, t->relu ? t->y : NULL, t->n, t->rows, &t->norm);
    sc_norm_made_gradient(dx, t->n, t->rows, &t->norm);
}

static void norm_plan(void *what, sc_arena *arena)
{
    test_layer *t = what;
    sc_norm_plan(&t->norm, t->n, arena);
}

static void one_norm(sc_norm_kind kind, int i)
{
    test_layer t = {.forward = norm_forward, .backward = norm_backward};
    sc_nn nn = rig_nn(&t.g);
    sc_norm_options o = sc_norm_defaults(kind);
    size_t groups = 1 + sct_below(3), channels = groups * (1 + sct_below(4));
    char what[64];

    o.num_groups = groups;
    o.affine = i % 5 != 4;
    t.n = 2 + sct_below(3);
    t.rows = 3 + sct_below(9);
    t.relu = i & 1;
    t.has_residual = i & 2;
    sct_assert_ok(sc_norm_init(&t.norm, nn, "bn", &o, channels, &t.g.err), &t.g.err);
    rig_alloc(&t.g);
    rig_plan(&t.g, norm_plan, &t);
    begin(&t, t.n * t.rows * channels, t.n * t.rows * channels);
    /* Away from the kink: shift the argument of the ReLU until nothing is near 0. */
    for (int again = 0; t.relu && again < 100; again++) {
        double least = INFINITY;
        t.relu = false;
        t.forward(&t);
        t.relu = true;
        for (size_t j = 0; j < t.out; j++)
            least = fmin(least, fabs((double)t.y[j]));
        if (least > 1e-3)
            break;
        sct_fill_normal(t.x, t.in);
    }
    snprintf(what, sizeof what, "norm %d relu %d residual %d", (int)kind, t.relu, t.has_residual);
    check(&t, what, t.relu ? KINKED : SMOOTH);
    end(&t);
}

static void norms(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        one_norm(SC_NORM_BATCH, i);
        one_norm(SC_NORM_GROUP, i);
        one_norm(SC_NORM_INSTANCE, i);
        one_norm(SC_NORM_NONE, i);
    }
}

static void norm_backward_in_place(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        test_layer t = {.n = 3, .rows = 5, .relu = true};
        sc_nn nn = rig_nn(&t.g);
        sc_norm_options o = sc_norm_defaults((sc_norm_kind)kind);
        o.num_groups = 2;
        sct_assert_ok(sc_norm_init(&t.norm, nn, "bn", &o, 4, &t.g.err), &t.g.err);
        rig_alloc(&t.g);
        rig_plan(&t.g, norm_plan, &t);
        begin(&t, 60, 60);
        norm_forward(&t);
        norm_backward(&t);
        memcpy(t.dresidual, t.r, 60 * sizeof *t.r);
        sc_gradient dx =
            sc_norm_backward(t.dresidual, NULL, t.dresidual, false, t.x, t.y, t.n, t.rows, &t.norm);
        sc_norm_made_gradient(dx, t.n, t.rows, &t.norm);
        sct_assert_equal_bits("dx in place", t.dresidual, t.dx, 60);
        sc_input y = sc_norm_again(t.dx, t.x, NULL, true, t.n, t.rows, &t.norm);
        sc_norm_made(y, t.n, t.rows, &t.norm);
        sct_assert_equal_bits("forward again", t.dx, t.y, 60);
        end(&t);
    }
}

static void linear_forward(test_layer *t)
{
    sc_linear_forward(t->y, t->x, t->rows, &t->linear);
}

static void linear_backward(test_layer *t)
{
    sc_linear_backward(t->dx, t->r, t->x, t->rows, &t->linear);
}

static void linear(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        test_layer t = {.forward = linear_forward, .backward = linear_backward};
        sc_nn nn = rig_nn(&t.g);
        size_t in = 1 + sct_below(40), out = 1 + sct_below(40);
        t.rows = 1 + sct_below(9);
        sct_assert_ok(sc_linear_init(&t.linear, nn, "fc", in, out, i & 1, &t.g.err), &t.g.err);
        rig_alloc(&t.g);
        begin(&t, t.rows * in, t.rows * out);
        check(&t, "linear", SMOOTH);
        end(&t);
    }
}

static void act_forward(test_layer *t)
{
    sc_backend_ref(SC_FP32)->act_forward(t->y, t->x, t->in, t->act.kind, t->act.param);
}

static void act_backward(test_layer *t)
{
    sc_backend_ref(SC_FP32)->act_backward(t->dx, t->r, t->x, t->in, t->act.kind, t->act.param);
}

static void activations(void **state)
{
    (void)state;
    for (int kind = SC_ACT_IDENTITY; kind <= SC_ACT_MISH; kind++) {
        for (int i = 0; i < SHAPES; i++) {
            char what[32];
            test_layer t = {.forward = act_forward, .backward = act_backward};
            rig_nn(&t.g);
            t.act = rig_act((sc_act_kind)kind);
            size_t count = 1 + sct_below(40);
            begin(&t, count, count);
            bool kinked = kind == SC_ACT_HARDSWISH || kind == SC_ACT_RELU;
            snprintf(what, sizeof what, "activation %d", kind);
            check(&t, what, kinked ? KINKED : SMOOTH);
            end(&t);
        }
    }
}

static void dropout_forward(test_layer *t)
{
    memcpy(t->y, t->x, t->in * sizeof *t->x);
    uint64_t step = 3;
    sc_backend_ref(SC_FP32)->dropout(t->y, t->n, t->rows, 0.4, 11, &step, 1);
}

static void dropout_backward(test_layer *t)
{
    memcpy(t->dx, t->r, t->in * sizeof *t->x);
    uint64_t step = 3;
    sc_backend_ref(SC_FP32)->dropout(t->dx, t->n, t->rows, 0.4, 11, &step, 1);
}

static void dropout(void **state)
{
    (void)state;
    test_layer t = {.forward = dropout_forward, .backward = dropout_backward, .n = 7, .rows = 9};
    rig_nn(&t.g);
    begin(&t, 63, 63);
    check(&t, "dropout", SMOOTH);
    end(&t);
}

static void pool_forward(test_layer *t)
{
    const sc_backend *be = sc_backend_ref(SC_FP32);
    if (t->rows == 0)
        be->maxpool_forward(t->y, t->where, t->x, NULL, &t->pool);
    else if (t->rows == 1)
        be->avgpool_forward(t->y, t->x, &t->pool);
    else if (t->rows == 2)
        be->global_maxpool_forward(t->y, t->where, t->x, t->pool.n, t->pool.h * t->pool.w,
                                   t->pool.c);
    else
        be->global_avgpool_forward(t->y, t->x, t->pool.n, t->pool.h * t->pool.w, t->pool.c);
}

static void pool_backward(test_layer *t)
{
    const sc_backend *be = sc_backend_ref(SC_FP32);
    if (t->rows == 0)
        be->maxpool_backward(t->dx, NULL, t->r, t->where, &t->pool);
    else if (t->rows == 1)
        be->avgpool_backward(t->dx, t->r, &t->pool);
    else if (t->rows == 2)
        be->global_maxpool_backward(t->dx, t->r, t->where, t->pool.n, t->pool.h * t->pool.w,
                                    t->pool.c);
    else
        be->global_avgpool_backward(t->dx, t->r, t->pool.n, t->pool.h * t->pool.w, t->pool.c);
}

static void pools(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * SHAPES; i++) {
        test_layer t = {.forward = pool_forward, .backward = pool_backward, .rows = (size_t)i % 4};
        rig_nn(&t.g);
        size_t window = 2 + sct_below(2), h = 3 + sct_below(6), w = 3 + sct_below(6);
        t.pool = (sc_pool_shape){.n = 1 + sct_below(3),
                                 .h = h,
                                 .w = w,
                                 .c = 1 + sct_below(5),
                                 .window = window,
                                 .stride = 1 + sct_below(2),
                                 .pad = (window - 1) / 2};
        t.pool.p = sc_conv2d_out(h, window, t.pool.stride, t.pool.pad, 1);
        t.pool.q = sc_conv2d_out(w, window, t.pool.stride, t.pool.pad, 1);
        size_t out = t.rows < 2 ? t.pool.n * t.pool.p * t.pool.q * t.pool.c : t.pool.n * t.pool.c;
        t.where = sc_alloc(out, sizeof *t.where, NULL);
        begin(&t, t.pool.n * h * w * t.pool.c, out);
        check(&t, "pool", t.rows % 2 ? SMOOTH : KINKED);
        end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),
        cmocka_unit_test(norms),
        cmocka_unit_test(norm_backward_in_place),
        cmocka_unit_test(linear),
        cmocka_unit_test(activations),
        cmocka_unit_test(dropout),
        cmocka_unit_test(pools),
    };
    return sct_run(tests);
}
