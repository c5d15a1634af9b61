/* SPDX-License-Identifier: MIT
 *
 * test_grad_step.c - the gradient of one whole step, L(g(f(x))), against central differences.
 *
 * 200 random parameters and 20 random directions per network, in double: 1e-7 where everything is
 * smooth, 1e-5 through ReLU and max pooling.  A sample whose difference quotients with h and h/8
 * disagree stands on a kink and is drawn again.
 *
 * label: slow
 */
#include "grad_rig.h"

#include <math.h>
#include <stdio.h>

#include "core/parallel.h"
#include "loss/ntxent.h"
#include "model/encoder.h"
#include "model/projector.h"

enum { ROWS = 4, SAMPLES = 200, DIRECTIONS = 20 };

typedef struct {
    rig g;
    sc_encoder encoder;
    sc_projector projector;
    sc_ntxent ntxent;
    sc_real *x, *h, *z, *dh, *dz;
} network;

static void plan(void *what, sc_arena *arena)
{
    network *t = what;
    sc_encoder_plan(&t->encoder, arena);
    sc_projector_plan(&t->projector, arena);
    sc_ntxent_plan(&t->ntxent, arena);
}

static void open_network(network *t, const sc_encoder_options *e, const sc_projector_options *p,
                         size_t size)
{
    sc_nn nn = rig_nn(&t->g);
    simclr_error *err = &t->g.err;

    sct_assert_ok(sc_encoder_init(&t->encoder, e, size, size, ROWS, nn.params, nn.backend, err),
                  err);
    sct_assert_ok(
        sc_projector_init(&t->projector, p, t->encoder.dim, ROWS, nn.params, nn.backend, err), err);
    sct_assert_ok(sc_ntxent_init(&t->ntxent, nn.backend, ROWS, p->out, 0.5, err), err);
    sct_assert_ok(sc_params_alloc(nn.params, err), err);
    sc_params_reset(nn.params, 3);
    for (size_t i = 0; i < nn.params->entry_count; i++) {
        const sc_param *q = &nn.params->entry[i]; /* gamma, beta, bias: not 1 and 0 */
        for (size_t j = 0; j < q->count && q->ndim == 1 && !(q->flags & SC_PARAM_BUFFER); j++)
            nn.params->value[q->offset + j] += (sc_real)sct_uniform(-0.3, 0.3);
    }
    rig_plan(&t->g, plan, t);
    t->x = rig_new(ROWS * size * size * e->in_channels);
    t->h = rig_new(ROWS * t->encoder.dim);
    t->dh = rig_new(ROWS * t->encoder.dim);
    t->z = rig_new(ROWS * p->out);
    t->dz = rig_new(ROWS * p->out);
}

static void close_network(network *t)
{
    sc_free(t->x);
    sc_free(t->h);
    sc_free(t->dh);
    sc_free(t->z);
    sc_free(t->dz);
    rig_close(&t->g);
}

static double loss(void *context)
{
    network *t = context;
    sc_encoder_forward(t->h, t->x, ROWS, true, &t->encoder);
    sc_projector_forward(t->z, t->h, ROWS, true, &t->projector);
    return sc_ntxent_forward(&t->ntxent, t->z, ROWS);
}

static void backward(network *t)
{
    sc_params_zero_grad(&t->g.params);
    sc_ntxent_backward(t->dz, &t->ntxent);
    sc_projector_backward(t->dh, t->dz, &t->projector);
    sc_encoder_backward(t->dh, &t->encoder);
}

static void check(const char *name, const sc_encoder_options *e, const sc_projector_options *p,
                  size_t size, bool smooth)
{
    network t;
    open_network(&t, e, p, size);
    size_t count = t.g.params.trained;
    sc_real *at = rig_new(count), *direction = rig_new(count);
    /* A weight before batch norm may be curved so much that with h = 1e-4 Richardson's rest, h^4, is 8e-6;
     * rounding, 1e-16 / h, is far below the limit here. */
    double limit = smooth ? 1e-7 : 1e-5, h = smooth ? 1e-5 : 2e-6;

    memcpy(at, t.g.params.value, count * sizeof *at);
    loss(&t);
    backward(&t);
    for (int single = 1; single >= 0; single--) {
        int samples = single ? SAMPLES : DIRECTIONS, kinks = 0;
        double difference = 0, got = 0, want = 0;
        for (int s = 0; s < samples;) {
            grad_pick(&t.g.params, direction, single);
            double g = rig_dot(t.g.params.grad, direction, count);
            double d = grad_quotient(&t.g.params, at, direction, h, loss, &t);
            if (smooth) /* Richardson: the error of the quotient falls from h^2 to h^4 */
                d = (4 * grad_quotient(&t.g.params, at, direction, h / 2, loss, &t) - d) / 3;
            if (!smooth && fabs(g - d) > 1e-6 * fabs(d) + 2e-9 && kinks < samples / 4) {
                double finer = grad_quotient(&t.g.params, at, direction, h / 8, loss, &t);
                if (fabs(finer - d) > 1e-6 * fabs(d) + 2e-9) {
                    kinks++;
                    continue;
                }
            }
            difference += (g - d) * (g - d);
            got += g * g;
            want += d * d;
            s++;
        }
        double error = sqrt(difference) / (sqrt(got) + sqrt(want));
        print_message("%s, %s: error %.2g, %d drawn again\n", name,
                      single ? "parameters" : "directions", error, kinks);
        if (!(error <= limit))
            fail_msg("%s: error %.3g over %.3g", name, error, limit);
    }
    sc_free(at);
    sc_free(direction);
    close_network(&t);
}

static sc_encoder_options tiny(int arch, sc_stem stem)
{
    sc_encoder_options e = sc_encoder_defaults();
    e.arch = arch;
    e.width = 0.125;
    e.stem = stem;
    return e;
}

static sc_projector_options head(void)
{
    sc_projector_options p = sc_projector_defaults();
    p.hidden[0] = 12;
    p.out = 6;
    return p;
}

static void resnet18_cifar(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(18, SC_STEM_CIFAR);
    sc_projector_options p = head();
    check("resnet18 cifar", &e, &p, 8, false);
}

/* A border between a convolution and the norms that leave their passes to it. */
static void resnet18_reflect(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(18, SC_STEM_CIFAR);
    sc_projector_options p = head();
    e.reflect = true;
    check("resnet18 cifar, BatchNorm, reflect", &e, &p, 16, false);
}

static void resnet18_imagenet(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(18, SC_STEM_IMAGENET);
    sc_projector_options p = head();
    p.norm = sc_norm_defaults(SC_NORM_BATCH);
    p.last_norm = true;
    check("resnet18 imagenet, BatchNorm1d in the head", &e, &p, 20, false);
}

static void resnet34_last(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(34, SC_STEM_CIFAR);
    sc_projector_options p = head();
    e.out_channels = 10;
    e.last_pool = SC_LAST_POOL_MAX;
    p.hidden[1] = 9;
    p.hidden_count = 2;
    p.drop_rate = 0.3;
    p.drop_layers = 1;
    check("resnet34, conv_last, max, dropout", &e, &p, 8, false);
}

static void resnet50_tiny(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(50, SC_STEM_CIFAR);
    sc_projector_options p = head();
    check("resnet50 cifar", &e, &p, 8, false);
}

static void smooth_groupnorm(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(18, SC_STEM_CIFAR);
    sc_projector_options p = head();
    e.norm = sc_norm_defaults(SC_NORM_GROUP);
    e.norm.num_groups = 2;
    e.act = (sc_act){SC_ACT_SILU, 0};
    e.reflect = true;
    e.out_channels = 10;
    e.strides[1] = 2;
    e.down = SC_DOWN_CONV;
    e.pool_kernel = 2;
    e.dilations[1] = 2;
    p.act = e.act;
    p.norm = e.norm;
    check("GroupNorm, SiLU, reflect, pool conv", &e, &p, 20, true);
}

static void smooth_batchnorm(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(50, SC_STEM_CIFAR);
    sc_projector_options p = head();
    e.act = (sc_act){SC_ACT_SILU, 0};
    e.strides[1] = 2;
    e.down = SC_DOWN_AVGPOOL;
    p.act = (sc_act){SC_ACT_GELU, 0};
    p.norm = sc_norm_defaults(SC_NORM_BATCH);
    check("BatchNorm, SiLU, avgpool, bottleneck", &e, &p, 16, true);
}

static void smooth_without_norm(void **state)
{
    (void)state;
    sc_encoder_options e = tiny(18, SC_STEM_CIFAR);
    sc_projector_options p = head();
    e.norm = sc_norm_defaults(SC_NORM_NONE);
    e.act = (sc_act){SC_ACT_TANH, 0};
    check("no norm, Tanh", &e, &p, 8, true);
}

typedef struct {
    sc_ntxent t;
    sc_real *z;
    size_t rows;
} loss_only;

static double ntxent_loss(loss_only *l)
{
    return sc_ntxent_forward(&l->t, l->z, l->rows);
}

static void loss_plan(void *what, sc_arena *arena)
{
    loss_only *l = what;
    sc_ntxent_plan(&l->t, arena);
}

/* f' from four points: errs by h^4 f'''''/30, and f''''' grows as 1/t^5. */
static double fourth_order(loss_only *l, size_t j)
{
    double h = 1e-4, value[4];
    static const double at[4] = {-2, -1, 1, 2};
    sc_real keep = l->z[j];

    for (int i = 0; i < 4; i++) {
        l->z[j] = (sc_real)((double)keep + at[i] * h);
        value[i] = ntxent_loss(l);
    }
    l->z[j] = keep;
    return (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * h);
}

/* Any N, more rows than a tile, several temperatures; and <z_i, dz_i> = 0. */
static void ntxent(void **state)
{
    (void)state;
    static const double temperature[] = {0.05, 0.1, 0.5, 1, 3};
    for (int i = 0; i < 24; i++) {
        rig g;
        sc_nn nn = rig_nn(&g);
        loss_only l = {.rows = i == 0 ? 2 * SC_NTXENT_TILE + 10 : 4 + 2 * sct_below(20)};
        size_t dim = 2 + sct_below(20);
        sct_assert_ok(
            sc_ntxent_init(&l.t, nn.backend, l.rows, dim, temperature[(i + 2) % 5], &g.err),
            &g.err);
        rig_plan(&g, loss_plan, &l);
        l.z = rig_new(l.rows * dim);
        sc_real *dz = rig_new(l.rows * dim);
        ntxent_loss(&l);
        sc_ntxent_backward(dz, &l.t);
        for (size_t r = 0; r < l.rows; r++) {
            double along = rig_dot(l.z + r * dim, dz + r * dim, dim);
            assert_true(fabs(along) < 1e-14);
        }
        sc_real *numeric = rig_new(l.rows * dim);
        double error = 0;
        for (size_t k = 0; k < 60; k++) {
            size_t j = sct_below(l.rows * dim);
            numeric[j] = (sc_real)fourth_order(&l, j);
            error += pow((double)(numeric[j] - dz[j]), 2);
        }
        error = sqrt(error) / (2 * sqrt(rig_dot(dz, dz, l.rows * dim)));
        if (!(error <= 1e-7))
            fail_msg("ntxent, %zu rows, t %g: %.3g", l.rows, l.t.temperature, error);
        sc_free(numeric);
        sc_free(l.z);
        sc_free(dz);
        rig_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntxent),
        cmocka_unit_test(resnet18_cifar),
        cmocka_unit_test(resnet18_reflect),
        cmocka_unit_test(resnet18_imagenet),
        cmocka_unit_test(resnet34_last),
        cmocka_unit_test(resnet50_tiny),
        cmocka_unit_test(smooth_groupnorm),
        cmocka_unit_test(smooth_batchnorm),
        cmocka_unit_test(smooth_without_norm),
    };
    sc_parallel_set_threads(1); /* the loops are tiny */
    return sct_run(tests);
}
