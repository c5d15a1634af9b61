/* SPDX-License-Identifier: MIT
 *
 * linear.c - y = x W^T + b, and the bias on its own.
 *
 * x (rows,in)  W (out,in)  b (out)  y (rows,out)
 *   dx = dy W,   dW += dy^T x,   db += sum of dy over rows
 */
#include "nn/layers.h"

#include <math.h>
#include <stdio.h>

#include "core/parallel.h"

int sc_linear_init(sc_linear *linear, sc_nn nn, const char *name, size_t in, size_t out, bool bias,
                   simclr_error *err)
{
    /* torch.nn.Linear: kaiming_uniform with a = sqrt 5, which is 1 / sqrt(in) for both. */
    sc_param entry = {.shape = {out, in},
                      .ndim = 2,
                      .flags = SC_PARAM_DECAY | SC_PARAM_ADAPT,
                      .init = SC_INIT_UNIFORM,
                      .init_scale = 1 / sqrt((double)in)};

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
    const sc_real *w = sc_params_value(linear->nn.params, linear->weight);
    size_t in = linear->in, out = linear->out;

    linear->nn.backend->gemm(y, out, x, in, false, w, in, true, rows, out, in, false);
    if (linear->bias >= 0) {
        sc_bias_forward(y, sc_params_value(linear->nn.params, linear->bias), rows, out);
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
        sc_bias_backward(sc_params_grad(linear->nn.params, linear->bias), dy, rows, out);
    }
    if (dx != NULL) {
        be->gemm(dx, in, dy, out, false, w, in, false, rows, in, out, false);
    }
}

enum { CHANNELS = 16 }; /* of one part of the sum: one cache line of floats per row */

typedef struct {
    sc_real *out;
    const sc_real *in, *b;
    size_t rows, c;
} bias_args;

static void bias_sum(void *context, size_t part)
{
    const bias_args *g = context;
    size_t begin = part * CHANNELS;
    size_t count = g->c - begin < CHANNELS ? g->c - begin : CHANNELS;
    double sum[CHANNELS] = {0};

    for (size_t i = 0; i < g->rows; i++) {
        for (size_t j = 0; j < count; j++) {
            sum[j] += (double)g->in[i * g->c + begin + j];
        }
    }
    for (size_t j = 0; j < count; j++) {
        g->out[begin + j] = (sc_real)((double)g->out[begin + j] + sum[j]);
    }
}

void sc_bias_backward(sc_real *db, const sc_real *dy, size_t rows, size_t c)
{
    bias_args g = {db, dy, NULL, rows, c};
    sc_parallel_for((c + CHANNELS - 1) / CHANNELS, bias_sum, &g);
}

static void bias_row(void *context, size_t row)
{
    const bias_args *g = context;

    for (size_t j = 0; j < g->c; j++) {
        g->out[row * g->c + j] += g->b[j];
    }
}

void sc_bias_forward(sc_real *y, const sc_real *b, size_t rows, size_t c)
{
    bias_args g = {y, NULL, b, rows, c};
    sc_parallel_for(rows, bias_row, &g);
}
