/* SPDX-License-Identifier: MIT
 *
 * act.cu - activations, y = f(x), dx = f'(x) dy; ref_act.h has the equations.
 */
#include <math.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/parts.h"

static __device__ float sigmoid(float x)
{
    float e = expf(-fabsf(x));

    return (x >= 0 ? 1 : e) / (1 + e);
}

static __device__ float softplus(float x)
{
    return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

static __device__ float act(float x, sc_act_kind kind, float param)
{
    const float selu_alpha = 1.67326324F, selu_scale = 1.05070099F, sqrt_half = 0.707106781F;

    switch (kind) {
    case SC_ACT_IDENTITY:
        return x;
    case SC_ACT_RELU:
        return x < 0 ? 0 : x;
    case SC_ACT_LEAKY_RELU:
        return x < 0 ? param * x : x;
    case SC_ACT_ELU:
        return x < 0 ? param * expm1f(x) : x;
    case SC_ACT_SELU:
        return selu_scale * (x < 0 ? selu_alpha * expm1f(x) : x);
    case SC_ACT_SILU:
        return x * sigmoid(x);
    case SC_ACT_GELU:
        return 0.5F * x * (1 + erff(x * sqrt_half));
    case SC_ACT_TANH:
        return tanhf(x);
    case SC_ACT_SIGMOID:
        return sigmoid(x);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? x : softplus(param * x) / param;
    case SC_ACT_HARDSWISH:
        return x * fminf(fmaxf(x + 3, 0), 6) / 6;
    case SC_ACT_MISH:
        return x * tanhf(softplus(x));
    }
    return nanf("");
}

/* f'(x); at a kink the side that torch.autograd takes. */
static __device__ float act_slope(float x, sc_act_kind kind, float param)
{
    const float selu_alpha = 1.67326324F, selu_scale = 1.05070099F, sqrt_half = 0.707106781F;
    const float inv_sqrt_2pi = 0.398942280F;
    float s, t;

    switch (kind) {
    case SC_ACT_IDENTITY:
        return 1;
    case SC_ACT_RELU:
        return x > 0;
    case SC_ACT_LEAKY_RELU:
        return x > 0 ? 1 : param;
    case SC_ACT_ELU:
        return x > 0 ? 1 : param * expf(x);
    case SC_ACT_SELU:
        return selu_scale * (x > 0 ? 1 : selu_alpha * expf(x));
    case SC_ACT_SILU:
        s = sigmoid(x);
        return s * (1 + x * (1 - s));
    case SC_ACT_GELU:
        return 0.5F * (1 + erff(x * sqrt_half)) + x * inv_sqrt_2pi * expf(-0.5F * x * x);
    case SC_ACT_TANH:
        t = tanhf(x);
        return 1 - t * t;
    case SC_ACT_SIGMOID:
        s = sigmoid(x);
        return s * (1 - s);
    case SC_ACT_SOFTPLUS:
        return param * x > 20 ? 1 : sigmoid(param * x);
    case SC_ACT_HARDSWISH:
        return x < -3 ? 0 : x <= 3 ? fmaf(x, 2, 3) / 6 : 1; /* exact near its zero */
    case SC_ACT_MISH:
        t = tanhf(softplus(x));
        return t + x * sigmoid(x) * (1 - t * t);
    }
    return nanf("");
}

/* out = f(x), or with dy f'(x) dy.  The kind is a constant of each kernel: its code alone. */
template <sc_act_kind KIND, int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    act_kernel(E *out, const E *dy, const E *x, size_t packs, float param)
{
    for (size_t i = grid_first(); i < packs; i += grid_step()) {
        elem_pack<E, V> from = elem_load<V>(x + i * V), by = {};
        float y[V];
        if (dy != nullptr)
            by = elem_load<V>(dy + i * V);
        SC_UNROLL
        for (int j = 0; j < V; j++) {
            float v = from.get(j);
            y[j] = dy != nullptr ? by.get(j) * act_slope(v, KIND, param) : act(v, KIND, param);
        }
        elem_store<V>(out + i * V, y);
    }
}

template <sc_act_kind KIND, class E>
static void run(E *out, const E *dy, const E *x, size_t count, float param)
{
    constexpr int V = elem_wide<E>;

    if (elem_may_widen<E>(count, out, dy, x))
        SC_LAUNCH((act_kernel<KIND, V, E>), grid_of(count / V), SC_THREADS, out, dy, x, count / V,
                  param);
    else
        SC_LAUNCH((act_kernel<KIND, 1, E>), grid_of(count), SC_THREADS, out, dy, x, count, param);
}

template <class E> struct act_of {
    typedef void run(E *out, const E *dy, const E *x, size_t count, float param);
};

template <class E>
static void choose(E *out, const E *dy, const E *x, size_t count, sc_act_kind kind, double param)
{
    static typename act_of<E>::run *const kinds[] = {
        run<SC_ACT_IDENTITY, E>, run<SC_ACT_RELU, E>,      run<SC_ACT_LEAKY_RELU, E>,
        run<SC_ACT_ELU, E>,      run<SC_ACT_SELU, E>,      run<SC_ACT_SILU, E>,
        run<SC_ACT_GELU, E>,     run<SC_ACT_TANH, E>,      run<SC_ACT_SIGMOID, E>,
        run<SC_ACT_SOFTPLUS, E>, run<SC_ACT_HARDSWISH, E>, run<SC_ACT_MISH, E>,
    };

    kinds[kind](out, dy, x, count, (float)param);
}

template <class E>
static void act_forward(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind, double param)
{
    choose<E>((E *)y, nullptr, (const E *)x, count, kind, param);
}

template <class E>
static void act_backward(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                         sc_act_kind kind, double param)
{
    choose<E>((E *)dx, (const E *)dy, (const E *)x, count, kind, param);
}

template <class E> static void put(sc_backend *table)
{
    table->act_forward = act_forward<E>;
    table->act_backward = act_backward<E>;
}

void sc_cuda_put_act(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
