/* SPDX-License-Identifier: MIT
 *
 * test_grad_finetune.c - the gradient of a step of fine-tuning, encoder and classifier, against central
 * differences, in double.
 *
 * label: slow
 */
#include "grad_rig.h"

#include "eval/finetune_step.h"

enum { ROWS = 5, CLASSES = 7, SIDE = 8, SAMPLES = 80, DIRECTIONS = 10 };

typedef struct {
    sc_network net;
    sc_finetuner step;
    sc_real *x;
    int32_t label[ROWS];
    simclr_error err;
} tuned;

/* sc_network_open chooses among the processor's kernels, which exist in float only. */
static void open_tuned(tuned *t, const sc_encoder_options *e)
{
    *t = (tuned){.net = {.max_rows = ROWS}};
    sc_network *net = &t->net;
    const sc_nn nn = {&net->params, sc_backend_ref(SC_FP32), SC_CONV_FASTEST};
    sct_assert_ok(
        sc_encoder_init(&net->encoder, e, SIDE, SIDE, ROWS, nn.params, nn.backend, &t->err),
        &t->err);
    net->dim_h = net->encoder.dim;
    sct_assert_ok(sc_linear_init(&net->classifier, nn, "fc", net->dim_h, CLASSES, true, &t->err),
                  &t->err);
    sct_assert_ok(sc_params_alloc(nn.params, &t->err), &t->err);
    sc_params_reset(nn.params, 3);
    sc_encoder_plan(&net->encoder, &net->arena);
    sct_assert_ok(sc_arena_open(&net->arena, &t->err), &t->err);
    sc_encoder_plan(&net->encoder, &net->arena);
    sct_assert_ok(sc_finetuner_open(&t->step, net, 0, &t->err), &t->err);
    t->x = rig_new(ROWS * SIDE * SIDE * 3);
    for (size_t i = 0; i < ROWS; i++)
        t->label[i] = (int32_t)sct_below(CLASSES);
}

static void close_tuned(tuned *t)
{
    sc_finetuner_close(&t->step);
    sc_arena_close(&t->net.arena);
    sc_params_close(&t->net.params);
    sc_free(t->x);
}

/* A step of rate 0 leaves the weights, and its gradients behind. */
static double loss(void *context)
{
    tuned *t = context;
    double value;
    sct_assert_ok(sc_finetune_step(&value, &t->step, t->x, t->label, ROWS, 0, &t->err), &t->err);
    return value;
}

static void check(const char *name, const sc_encoder_options *e)
{
    tuned t;
    open_tuned(&t, e);
    const sc_params *p = &t.net.params;
    sc_real *at = rig_new(p->trained), *gradient = rig_new(p->trained);
    sc_real *direction = rig_new(p->trained);
    const double h = 1e-5;
    loss(&t);
    memcpy(at, p->value, p->trained * sizeof *at);
    memcpy(gradient, p->grad, p->trained * sizeof *gradient);
    for (int single = 1; single >= 0; single--) {
        double difference = 0, size = 0;
        for (int s = 0; s < (single ? SAMPLES : DIRECTIONS); s++) {
            grad_pick(p, direction, single);
            double g = rig_dot(gradient, direction, p->trained);
            double d = grad_quotient(&t.net.params, at, direction, h, loss, &t);
            d = (4 * grad_quotient(&t.net.params, at, direction, h / 2, loss, &t) - d) / 3;
            difference += (g - d) * (g - d);
            size += g * g;
        }
        double error = sqrt(difference / size);
        print_message("%s, %s: error %.2g\n", name, single ? "parameters" : "directions", error);
        if (!(error <= 1e-7))
            fail_msg("%s: error %.3g", name, error);
    }
    sc_free(direction);
    sc_free(gradient);
    sc_free(at);
    close_tuned(&t);
}

static sc_encoder_options smooth(void)
{
    sc_encoder_options e = sc_encoder_defaults();
    e.width = 0.125;
    e.act = (sc_act){SC_ACT_SILU, 0};
    return e;
}

static void batchnorm(void **state)
{
    (void)state;
    sc_encoder_options e = smooth();
    check("BatchNorm", &e);
}

static void groupnorm(void **state)
{
    (void)state;
    sc_encoder_options e = smooth();
    e.norm = sc_norm_defaults(SC_NORM_GROUP);
    e.norm.num_groups = 2;
    check("GroupNorm", &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batchnorm),
        cmocka_unit_test(groupnorm),
    };
    return sct_run(tests);
}
