/* SPDX-License-Identifier: MIT
 *
 * ref_act.h - reference activations, as torch.nn defines them.
 *
 *   y = f(x),  dx = f'(x) dy
 */
#ifndef SC_REF_REF_ACT_H
#define SC_REF_REF_ACT_H

#include <math.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

static const double ref_selu_alpha = 1.6732632423543772848170429916717;
static const double ref_selu_scale = 1.0507009873554804934193349852946;
static const double ref_sqrt_half = 0.70710678118654752440;
static const double ref_inv_sqrt_2pi = 0.39894228040143267794;

static double ref_sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double ref_softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double ref_act(double x, sc_act_kind kind, double param)
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
        return ref_selu_scale * (x < 0 ? ref_selu_alpha * expm1(x) : x);
    case SC_ACT_SILU:
        return x * ref_sigmoid(x);
    case SC_ACT_GELU:
        return 0.5 * x * (1 + erf(x * ref_sqrt_half));
    case SC_ACT_TANH:
        return tanh(x);
    case SC_ACT_SIGMOID:
        return ref_sigmoid(x);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? x : ref_softplus(param * x) / param;
    case SC_ACT_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case SC_ACT_MISH:
        return x * tanh(ref_softplus(x));
    }
    return NAN;
}

/* f'(x); at a kink the side that torch.autograd takes. */
static double ref_act_slope(double x, sc_act_kind kind, double param)
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
        return ref_selu_scale * (x > 0 ? 1 : ref_selu_alpha * exp(x));
    case SC_ACT_SILU:
        s = ref_sigmoid(x);
        return s * (1 + x * (1 - s));
    case SC_ACT_GELU:
        return 0.5 * (1 + erf(x * ref_sqrt_half)) + x * ref_inv_sqrt_2pi * exp(-0.5 * x * x);
    case SC_ACT_TANH:
        t = tanh(x);
        return 1 - t * t;
    case SC_ACT_SIGMOID:
        s = ref_sigmoid(x);
        return s * (1 - s);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? 1 : ref_sigmoid(param * x);
    case SC_ACT_HARDSWISH:
        return x < -3 ? 0 : x <= 3 ? x / 3 + 0.5 : 1;
    case SC_ACT_MISH:
        t = tanh(ref_softplus(x));
        return t + x * ref_sigmoid(x) * (1 - t * t);
    }
    return NAN;
}

typedef struct {
    ref_elem *out;
    const ref_elem *x, *dy;
    size_t count;
    sc_act_kind kind;
    double param;
} ref_act_args;

static void ref_act_forward_part(void *context, size_t part)
{
    const ref_act_args *g = context;

    for (size_t i = part * REF_CHUNK; i < ref_chunk_end(g->count, part); i++) {
        g->out[i] = ref_put(ref_act(ref_get(g->x[i]), g->kind, g->param));
    }
}

static void ref_act_forward(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind,
                            double param)
{
    ref_act_args g = {y, x, NULL, count, kind, param};
    sc_parallel_for(ref_chunks(count), ref_act_forward_part, &g);
}

static void ref_act_backward_part(void *context, size_t part)
{
    const ref_act_args *g = context;

    for (size_t i = part * REF_CHUNK; i < ref_chunk_end(g->count, part); i++) {
        double slope = ref_act_slope(ref_get(g->x[i]), g->kind, g->param);
        g->out[i] = ref_put(ref_get(g->dy[i]) * slope);
    }
}

static void ref_act_backward(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                             sc_act_kind kind, double param)
{
    ref_act_args g = {dx, x, dy, count, kind, param};
    sc_parallel_for(ref_chunks(count), ref_act_backward_part, &g);
}

#endif
