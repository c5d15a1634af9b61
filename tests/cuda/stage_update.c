/* SPDX-License-Identifier: MIT
 *
 * stage_update.c - updates by the device's kernels against sc_optim_step, bit by bit, over steps
 * of every optimiser; and that nothing moves where the loss or a gradient is not finite.
 */
#include "device_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/parallel.h"
#include "optim/device_update.h"

enum { STEPS = 4 };

static const struct {
    size_t count;
    unsigned flags;
} entries[] = {
    {3 * (1 << 14) + 7, SC_PARAM_DECAY | SC_PARAM_ADAPT}, /* four pieces, the last of 7 */
    {1, 0},
    {5, SC_PARAM_DECAY},
    {40, SC_PARAM_BUFFER}, /* running statistics in between: not trained */
    {1030, SC_PARAM_ADAPT},
    {1 << 14, SC_PARAM_DECAY | SC_PARAM_ADAPT},
    {48, SC_PARAM_ADAPT},                  /* gradients are zero: no ratio, if without decay */
    {66, SC_PARAM_DECAY | SC_PARAM_ADAPT}, /* weights are zero: no ratio */
};
enum { ENTRIES = sizeof entries / sizeof *entries, NO_GRADIENT = ENTRIES - 2, NO_WEIGHT };

typedef struct {
    sc_params params;
    sc_optim optim;
    sc_device_update u; /* in device memory */
    sc_step_input *in;
    sc_step_output *out;
} model;

/* Of all trained entries but one. */
static void fill(model *t, sc_real *x, size_t but)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (i != but && !(entries[i].flags & SC_PARAM_BUFFER))
            sct_fill_normal(x + t->params.entry[i].offset, entries[i].count);
}

static void open_params(model *t)
{
    simclr_error err;

    for (size_t i = 0; i < ENTRIES; i++) {
        sc_param p = {.shape = {entries[i].count},
                      .ndim = 1,
                      .count = entries[i].count,
                      .flags = entries[i].flags};
        snprintf(p.name, sizeof p.name, "p%zu", i);
        assert_int_equal(sc_params_add(&t->params, &p, &err), (int)i);
    }
    sct_assert_ok(sc_params_alloc(&t->params, &err), &err);
    fill(t, t->params.value, NO_WEIGHT);
}

static void open_model(model *t, const sc_optim_options *o)
{
    simclr_error err;
    size_t bytes;

    memset(t, 0, sizeof *t);
    open_params(t);
    sct_assert_ok(sc_optim_init(&t->optim, o, &t->params, &err), &err);
    sc_optim_describe(&t->u, &t->optim);
    sc_update_piece *piece = sc_alloc(t->u.pieces, sizeof *piece, NULL);
    sc_optim_pieces(piece, &t->optim);
    t->u.piece = rig_send(piece, t->u.pieces * sizeof *piece);
    sc_free(piece);
    bytes = t->params.trained * sizeof(sc_real);
    t->u.w = rig_send(t->params.value, t->params.total * sizeof(sc_real));
    t->u.m = rig_send(t->params.m, bytes);
    t->u.v = rig_send(t->params.v, bytes);
    t->u.g = rig_send(t->params.grad, bytes);
    t->u.sum = rig_send(NULL, t->u.pieces * 3 * sizeof(double));
    t->u.ratio = rig_send(NULL, t->u.entries * sizeof(double));
    t->in = rig_send(NULL, sizeof *t->in);
    t->out = rig_send(NULL, sizeof *t->out);
}

static void close_model(model *t)
{
    void *blocks[] = {(void *)t->u.piece, t->u.w,     t->u.m, t->u.v, (void *)t->u.g,
                      t->u.sum,           t->u.ratio, t->in,  t->out};

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        sc_cuda_free(blocks[i]);
    sc_optim_close(&t->optim);
    sc_params_close(&t->params);
}

/* One step on the device with the host's gradient; what it reports. */
static sc_step_output device_step(model *t, double loss, double lr)
{
    sc_step_output report = {.loss = loss};
    sc_step_input in = {.step = 7};

    sc_optim_rates(&in, &t->optim, lr);
    sc_cuda_upload(t->in, &in, sizeof in);
    sc_cuda_upload(t->out, &report, sizeof report);
    sc_cuda_upload((void *)t->u.g, t->params.grad, t->params.trained * sizeof(sc_real));
    sc_cuda_update(t->out, t->in, &t->u);
    sc_step_output *now = rig_fetch(t->out, sizeof *now);
    report = *now;
    sc_free(now);
    return report;
}

static void same(const char *what, const sc_real *device, const sc_real *host, size_t count)
{
    sc_real *got = rig_fetch(device, count * sizeof *got);

    sct_assert_equal_bits(what, got, host, count);
    sc_free(got);
}

static void same_state(const char *what, const model *t)
{
    same(what, t->u.w, t->params.value, t->params.total);
    same(what, t->u.m, t->params.m, t->params.trained);
    same(what, t->u.v, t->params.v, t->params.trained);
}

/* Sums of 16384 squares in another order: 1e-12.  With this seed the rates made of them are the same floats,
 * as nearly always, so that the weights must be equal to the last bit. */
static void same_ratios(const model *t)
{
    double *ratio = rig_fetch(t->u.ratio, t->u.entries * sizeof *ratio);

    for (size_t i = 0; i < t->u.entries; i++)
        if (!(fabs(ratio[i] - t->optim.ratio[i]) <= 1e-12 * t->optim.ratio[i]))
            fail_msg("ratio %zu: got %.17g, want %.17g", i, ratio[i], t->optim.ratio[i]);
    sc_free(ratio);
}

static void run(const char *what, const sc_optim_options *o)
{
    model t;

    open_model(&t, o);
    for (int step = 0; step < STEPS; step++) {
        double lr = sct_uniform(0.05, 0.9);
        fill(&t, t.params.grad, NO_GRADIENT);
        sc_step_output report = device_step(&t, 4.5, lr);
        double norm = sc_params_grad_norm(&t.params, NULL);
        sc_optim_step(&t.optim, lr);
        assert_int_equal(report.updated, 1);
        assert_true(report.loss == 4.5);
        assert_true(fabs(report.gradient_norm - norm) <= 1e-12 * norm);
        if (o->kind == SC_OPTIM_LARS)
            same_ratios(&t);
        same_state(what, &t);
    }
    close_model(&t);
}

static void every_kind(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * 2 * 2 * 2; i++) {
        char what[80];
        sc_optim_options o = sc_optim_defaults((sc_optim_kind)(i % 4));
        o.nesterov = i & 4;
        o.decay_all = i & 8;
        o.weight_decay = i & 16 ? 0.37 : 0;
        snprintf(what, sizeof what, "optimiser %d nesterov %d decay_all %d decay %g", (int)o.kind,
                 o.nesterov, o.decay_all, o.weight_decay);
        run(what, &o);
    }
}

/* A step that must not be made. */
static void refused(model *t, double loss)
{
    sc_step_output report = device_step(t, loss, 0.1);

    assert_int_equal(report.updated, 0);
    assert_true(isfinite(report.gradient_norm) == (sc_params_grad_norm(&t->params, NULL) < 1e300));
    same_state("refused", t);
}

static void not_finite(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        model t;
        sc_optim_options o = sc_optim_defaults((sc_optim_kind)kind);
        open_model(&t, &o);
        fill(&t, t.params.grad, NO_GRADIENT);
        assert_int_equal(device_step(&t, 1, 0.1).updated, 1);
        sc_optim_step(&t.optim, 0.1);
        for (size_t b = 0; b < 3; b++) {
            refused(&t, bad[b]);
            for (size_t i = 0; i < ENTRIES; i++) {
                const sc_param *p = &t.params.entry[i];
                if (p->flags & SC_PARAM_BUFFER)
                    continue;
                sc_real *at = t.params.grad + p->offset + sct_below(p->count), kept = *at;
                *at = (sc_real)bad[b];
                refused(&t, 1);
                *at = kept;
            }
        }
        assert_int_equal(device_step(&t, 1, 0.1).updated, 1);
        close_model(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind), cmocka_unit_test(not_finite)};
    return sct_run(tests);
}
