/* SPDX-License-Identifier: MIT
 *
 * check_pointwise.c - cases of kernelcheck: activations, addition, bias, dropout, copies, and maps from
 * reals.
 *
 * Tolerances, relative to the largest output: a few ulp of exp and erf, 1e-6, of terms of 1: a slope near its zero,
 * of SiLU at -1.278, may be the only output; a bias' gradient is a sum over the rows, 1e-5.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "kernelcheck.h"

typedef struct {
    const float *x, *dy, *b;
    size_t count, rows, c;
    bool in_place;
    sc_act_kind kind;
    double rate;
    const uint64_t *step; /* where the table reaches it */
} pointwise_context;

static void run_act(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pointwise_context *g = context;
    (void)scratch;
    t->act_forward(out[0], map_of(t, g->x), g->count, g->kind, 1);
    t->act_backward(out[1], g->in_place ? out[1] : map_of(t, g->dy), map_of(t, g->x), g->count,
                    g->kind, 1);
}

static void run_add(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pointwise_context *g = context;
    (void)scratch;
    t->add(out[0], g->in_place ? out[0] : map_of(t, g->x), map_of(t, g->dy), g->count);
}

static void run_map(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pointwise_context *g = context;
    (void)scratch;
    t->map_store(out[0], g->x, g->count);
    t->map_load(out[1], map_of(t, g->x), g->count);
    t->map_copy(out[2], map_of(t, g->x), g->count);
}

static void run_bias(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pointwise_context *g = context;
    (void)scratch;
    t->bias_forward(out[0], g->b, g->rows, g->c);
    t->bias_backward(out[1], map_of(t, g->dy), g->rows, g->c);
}

static void run_dropout(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pointwise_context *g = context;
    (void)scratch;
    t->dropout(out[0], g->rows, g->c, g->rate, 0x9e3779b97f4a7c15u, g->step, 3);
}

static void act_cases(size_t count, bool in_place)
{
    pointwise_context g = {.count = count, .in_place = in_place};
    kernel_case k = {.op = "act", .run = run_act, .context = &g, .tolerance = 1e-6, .terms = 1};

    for (int kind = SC_ACT_IDENTITY; wanted("act") && kind <= SC_ACT_MISH; kind++) {
        g.kind = (sc_act_kind)kind;
        g.x = fill(count, false);
        g.dy = fill(count, false);
        k.out[0] = (case_output){MAP_NEAR, count, NULL};
        k.out[1] = (case_output){MAP_NEAR, count, in_place ? g.dy : NULL};
        snprintf(k.shape, sizeof k.shape, "count=%zu kind=%d", count, kind);
        check_case(&k);
    }
}

/* What rounding to bf16 must get right, without numbers below the normal ones: the instruction takes
 * those for zero. */
static void fill_special(float *x, size_t count)
{
    const float special[] = {
        0x1.01p0F,      /* midway between 1 and the next bf16: to even, down */
        0x1.03p0F,      /* midway: to even, up */
        -0x1.010002p0F, /* just above midway */
        0x1.fep0F,      /* kept */
        0x1.ffp0F,      /* carries into the exponent */
        FLT_MAX,        /* rounds to infinity */
        -INFINITY,      NAN, -0.0F, FLT_MIN, 0x1.00fffep0F, 3.14159274F,
    };

    for (size_t i = 0; i < count; i++) {
        x[i] = i % 2 && i / 2 < sizeof special / sizeof *special ? special[i / 2] : x[i];
    }
}

static void map_cases(size_t count, bool in_place)
{
    pointwise_context g = {.count = count, .in_place = in_place};
    kernel_case k = {.context = &g};
    float *x;

    snprintf(k.shape, sizeof k.shape, "count=%zu", count);
    if (wanted("add")) {
        g.x = fill(count, false);
        g.dy = fill(count, false);
        k.op = "add";
        k.run = run_add;
        k.out[0] = (case_output){MAP_EXACT, count, in_place ? g.x : NULL};
        check_case(&k);
    }
    if (wanted("map")) {
        g.x = x = fill(count, false);
        fill_special(x, count);
        k.op = "map";
        k.run = run_map;
        k.out[0] = (case_output){MAP_EXACT, count, NULL};
        k.out[1] = (case_output){OUT_EXACT, count, NULL};
        k.out[2] = (case_output){MAP_EXACT, count, NULL};
        check_case(&k);
    }
}

static void bias_cases(size_t rows, size_t c)
{
    pointwise_context g = {.rows = rows, .c = c};
    kernel_case k = {.op = "bias", .run = run_bias, .context = &g, .tolerance = 1e-5};

    if (wanted("bias")) {
        g.b = fill(c, true);
        g.dy = fill(rows * c, false);
        k.out[0] = (case_output){MAP_EXACT, rows * c, fill(rows * c, true)};
        k.out[1] = (case_output){OUT_NEAR, c, fill(c, false)};
        snprintf(k.shape, sizeof k.shape, "rows=%zu c=%zu", rows, c);
        check_case(&k);
    }
}

/* The same mask bit for bit: at rates whose bound is a whole number of 2^-32, and at others. */
static void dropout_cases(size_t rows, size_t c)
{
    static const double rate[] = {0, 0.1, 0.5, 0.999};
    uint64_t *step = guarded(sizeof *step);
    pointwise_context g = {.rows = rows, .c = c, .step = step};
    kernel_case k = {.op = "dropout", .run = run_dropout, .context = &g};

    *step = ((uint64_t)7 << 32) + 11;
    for (size_t i = 0; wanted("dropout") && i < sizeof rate / sizeof *rate; i++) {
        g.rate = rate[i];
        k.out[0] = (case_output){OUT_EXACT, rows * c, fill(rows * c, false)};
        snprintf(k.shape, sizeof k.shape, "rows=%zu c=%zu rate=%g", rows, c, g.rate);
        check_case(&k);
    }
    release(step);
}

void check_pointwise(void)
{
    static const size_t count[] = {1, 7, 64, 1000, 40001};

    for (size_t i = 0; i < sizeof count / sizeof *count; i++) {
        act_cases(count[i], i % 2);
        map_cases(count[i], i % 2);
        bias_cases(count[i] % 997, 1 + 13 * i);
        dropout_cases(count[i] % 997, 1 + 13 * i);
    }
}
