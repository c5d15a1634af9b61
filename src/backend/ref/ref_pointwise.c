/* SPDX-License-Identifier: MIT
 *
 * ref_pointwise.c - reference activations, as torch.nn defines them, and addition.
 *
 *   y = f(x),  dx = f'(x) dy,  y = a + b
 */
#include "backend/ref/ref.h"

#include <math.h>

#include "core/parallel.h"

enum { CHUNK = 16384 }; /* elements of one part */

static const double selu_alpha = 1.6732632423543772848170429916717;
static const double selu_scale = 1.0507009873554804934193349852946;
static const double sqrt_half = 0.70710678118654752440;
static const double inv_sqrt_2pi = 0.39894228040143267794;

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double act(double x, sc_act_kind kind, double param)
{
    switch (kind) {
    case SC_ACT_IDENTITY:
        return x;
    case SC_ACT_RELU:
        return x < 0 ? 0 : x;
    case SC_ACT_LEAKY_RELU:
        return x < 0 ? param * x : x;
    case SC_ACT_ELU:
        return x < 0 ? param * expm1(x) : x;
    case SC_ACT_SELU:
        return selu_scale * (x < 0 ? selu_alpha * expm1(x) : x);
    case SC_ACT_SILU:
        return x * sigmoid(x);
    case SC_ACT_GELU:
        return 0.5 * x * (1 + erf(x * sqrt_half));
    case SC_ACT_TANH:
        return tanh(x);
    case SC_ACT_SIGMOID:
        return sigmoid(x);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? x : softplus(param * x) / param;
    case SC_ACT_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case SC_ACT_MISH:
        return x * tanh(softplus(x));
    }
    return NAN;
}

/* f'(x); at a kink the side that torch.autograd takes. */
static double act_slope(double x, sc_act_kind kind, double param)
{
    double s, t;

    switch (kind) {
    case SC_ACT_IDENTITY:
        return 1;
    case SC_ACT_RELU:
        return x > 0;
    case SC_ACT_LEAKY_RELU:
        return x > 0 ? 1 : param;
    case SC_ACT_ELU:
        return x > 0 ? 1 : param * exp(x);
    case SC_ACT_SELU:
        return selu_scale * (x > 0 ? 1 : selu_alpha * exp(x));
    case SC_ACT_SILU:
        s = sigmoid(x);
        return s * (1 + x * (1 - s));
    case SC_ACT_GELU:
        return 0.5 * (1 + erf(x * sqrt_half)) + x * inv_sqrt_2pi * exp(-0.5 * x * x);
    case SC_ACT_TANH:
        t = tanh(x);
        return 1 - t * t;
    case SC_ACT_SIGMOID:
        s = sigmoid(x);
        return s * (1 - s);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? 1 : sigmoid(param * x);
    case SC_ACT_HARDSWISH:
        return x < -3 ? 0 : x <= 3 ? x / 3 + 0.5 : 1;
    case SC_ACT_MISH:
        t = tanh(softplus(x));
        return t + x * sigmoid(x) * (1 - t * t);
    }
    return NAN;
}

typedef struct {
    sc_real *out;
    const sc_real *a, *b;
    size_t count;
    sc_act_kind kind;
    double param;
} pointwise_args;

static void run(pointwise_args *g, sc_part_fn fn)
{
    sc_parallel_for((g->count + CHUNK - 1) / CHUNK, fn, g);
}

static size_t chunk_end(const pointwise_args *g, size_t part)
{
    return (part + 1) * CHUNK < g->count ? (part + 1) * CHUNK : g->count;
}

static void act_forward_part(void *context, size_t part)
{
    const pointwise_args *g = context;

    for (size_t i = part * CHUNK; i < chunk_end(g, part); i++) {
        g->out[i] = (sc_real)act(g->a[i], g->kind, g->param);
    }
}

void sc_ref_act_forward(sc_real *y, const sc_real *x, size_t count, sc_act_kind kind, double param)
{
    pointwise_args g = {y, x, NULL, count, kind, param};
    run(&g, act_forward_part);
}

static void act_backward_part(void *context, size_t part)
{
    const pointwise_args *g = context;

    for (size_t i = part * CHUNK; i < chunk_end(g, part); i++) {
        g->out[i] = (sc_real)(g->a[i] * act_slope(g->b[i], g->kind, g->param));
    }
}

void sc_ref_act_backward(sc_real *dx, const sc_real *dy, const sc_real *x, size_t count,
                         sc_act_kind kind, double param)
{
    pointwise_args g = {dx, dy, x, count, kind, param};
    run(&g, act_backward_part);
}

static void add_part(void *context, size_t part)
{
    const pointwise_args *g = context;

    for (size_t i = part * CHUNK; i < chunk_end(g, part); i++) {
        g->out[i] = g->a[i] + g->b[i];
    }
}

void sc_ref_add(sc_real *y, const sc_real *a, const sc_real *b, size_t count)
{
    pointwise_args g = {.out = y, .a = a, .b = b, .count = count};
    run(&g, add_part);
}
