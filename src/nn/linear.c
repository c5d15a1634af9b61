/* SPDX-License-Identifier: MIT
 *
 * linear.c - y = x W^T + b.
 *
 * x (rows,in)  W (out,in)  b (out)  y (rows,out)
 *   dx = dy W,   dW += dy^T x,   db += sum of dy over rows
 */
#include "nn/layers.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

int sc_linear_init(sc_linear *linear, sc_nn nn, const char *name, size_t in, size_t out, bool bias,
                   simclr_error *err)
{
    /* torch.nn.Linear: kaiming_uniform with a = sqrt 5, which is 1 / sqrt(in) for both. */
    sc_param entry = {.shape = {out, in},
                      .ndim = 2,
                      .flags = SC_PARAM_DECAY | SC_PARAM_ADAPT,
                      .init = SC_INIT_UNIFORM,
                      .init_scale = 1 / sqrt((double)in)};

    assert(nn.backend->precision == SC_FP32);
    *linear = (sc_linear){.nn = nn, .in = in, .out = out, .bias = -1};
    snprintf(entry.name, sizeof entry.name, "%s.weight", name);
    linear->weight = sc_params_add(nn.params, &entry, err);
    if (linear->weight < 0) {
        return linear->weight;
    }
    if (bias) {
        entry.ndim = 1;
        entry.flags = 0;
        snprintf(entry.name, sizeof entry.name, "%s.bias", name);
        linear->bias = sc_params_add(nn.params, &entry, err);
        return linear->bias < 0 ? linear->bias : 0;
    }
    return 0;
}

void sc_linear_forward(sc_real *y, const sc_real *x, size_t rows, const sc_linear *linear)
{
    const sc_backend *be = linear->nn.backend;
    const sc_real *w = sc_params_value(linear->nn.params, linear->weight);
    size_t in = linear->in, out = linear->out;

    be->gemm(y, out, x, in, false, w, in, true, rows, out, in, false);
    if (linear->bias >= 0) {
        be->bias_forward(y, sc_params_value(linear->nn.params, linear->bias), rows, out);
    }
}

void sc_linear_backward(sc_real *dx, const sc_real *dy, const sc_real *x, size_t rows,
                        const sc_linear *linear)
{
    const sc_backend *be = linear->nn.backend;
    const sc_real *w = sc_params_value(linear->nn.params, linear->weight);
    sc_real *dw = sc_params_grad(linear->nn.params, linear->weight);
    size_t in = linear->in, out = linear->out;

    be->gemm(dw, in, dy, out, true, x, in, false, out, in, rows, true);
    if (linear->bias >= 0) {
        be->bias_backward(sc_params_grad(linear->nn.params, linear->bias), dy, rows, out);
    }
    if (dx != NULL) {
        be->gemm(dx, in, dy, out, false, w, in, false, rows, in, out, false);
    }
}
