/* SPDX-License-Identifier: MIT
 *
 * onnx_eval.h - evaluates a model as ONNX defines its operators, sums in double: what an export computes,
 * without a program of others.  Operators that we do not write fail the test, as does a value that is read before
 * it is made.
 */
#ifndef SCT_UNIT_ONNX_EVAL_H
#define SCT_UNIT_ONNX_EVAL_H

#include "onnx_value.h"

#include <math.h>
#include <stdlib.h>

/* ---- of numbers ---- */

static inline double oe_unary(const Onnx__Node *n, double x)
{
    const char *op = n->op_type;
    double alpha = oe_float(n, "alpha",
                            strcmp(op, "LeakyRelu") == 0     ? 0.01
                            : strcmp(op, "Selu") == 0        ? 1.67326319217681884765625
                            : strcmp(op, "HardSigmoid") == 0 ? 0.2
                                                             : 1);
    if (strcmp(op, "Relu") == 0)
        return fmax(x, 0);
    if (strcmp(op, "LeakyRelu") == 0)
        return x < 0 ? alpha * x : x;
    if (strcmp(op, "Elu") == 0)
        return x < 0 ? alpha * (exp(x) - 1) : x;
    if (strcmp(op, "Selu") == 0)
        return 1.05070102214813232421875 * (x < 0 ? alpha * (exp(x) - 1) : x);
    if (strcmp(op, "Sigmoid") == 0)
        return 1 / (1 + exp(-x));
    if (strcmp(op, "HardSigmoid") == 0)
        return fmax(0, fmin(1, alpha * x + oe_float(n, "beta", 0.5)));
    if (strcmp(op, "Erf") == 0)
        return erf(x);
    if (strcmp(op, "Tanh") == 0)
        return tanh(x);
    if (strcmp(op, "Softplus") == 0)
        return log(exp(x) + 1);
    fail_msg("operator %s", op);
    return 0;
}

static inline double oe_binary(const char *op, double a, double b)
{
    if (strcmp(op, "Add") == 0)
        return a + b;
    if (strcmp(op, "Sub") == 0)
        return a - b;
    if (strcmp(op, "Mul") == 0)
        return a * b;
    assert_string_equal(op, "Div");
    return a / b;
}

/* b is spread over a, aligned at the last dimension. */
static inline void oe_elementwise(oe_run *run, const Onnx__Node *n, const oe_value *a,
                                  const oe_value *b)
{
    oe_value *y = oe_like(run, n, a);
    assert_true(b == NULL || b->ndim <= a->ndim);
    for (size_t i = 0; i < y->count; i++) {
        size_t rest = i, at = 0, step = 1;
        for (size_t d = 0; b != NULL && d < b->ndim; d++) {
            size_t size = b->dim[b->ndim - 1 - d], whole = a->dim[a->ndim - 1 - d];
            assert_true(size == 1 || size == whole);
            at += size == 1 ? 0 : rest % whole * step;
            step *= size;
            rest /= whole;
        }
        y->data[i] =
            (float)(b == NULL ? oe_unary(n, (double)a->data[i])
                              : oe_binary(n->op_type, (double)a->data[i], (double)b->data[at]));
    }
}

/* ---- of maps (N,C,H,W) ---- */

typedef struct {
    size_t kernel, stride[2], pad[4], dilation[2];
} oe_window;

static inline oe_window oe_window_of(const Onnx__Node *n)
{
    oe_window w = {.kernel = oe_ints(n, "kernel_shape", 0, 0)};
    assert_int_equal(oe_ints(n, "kernel_shape", 1, 0), w.kernel);
    for (size_t d = 0; d < 4; d++) {
        w.pad[d] = oe_ints(n, "pads", d, 0);
        w.stride[d % 2] = oe_ints(n, "strides", d % 2, 1);
        w.dilation[d % 2] = oe_ints(n, "dilations", d % 2, 1);
    }
    return w;
}

/* What a window makes of x, of so many rows and columns. */
static inline oe_value *oe_windowed(oe_run *run, const Onnx__Node *n, const oe_window *w,
                                    const oe_value *x, size_t channels)
{
    size_t dim[4] = {x->dim[0], channels};
    assert_int_equal(x->ndim, 4);
    for (size_t d = 0; d < 2; d++)
        dim[2 + d] =
            (x->dim[2 + d] + w->pad[d] + w->pad[2 + d] - w->dilation[d] * (w->kernel - 1) - 1) /
                w->stride[d] +
            1;
    return oe_new(run, n->output[0], dim, 4);
}

/* Pixel of plane number `plane` under tap (r,s) of the window at (p,q): at = {p,q,r,s}; NULL beside the map. */
static inline const float *oe_pixel(const oe_window *w, const oe_value *x, size_t plane,
                                    const size_t at[4])
{
    size_t place[2];
    for (size_t d = 0; d < 2; d++) {
        place[d] = at[d] * w->stride[d] + at[2 + d] * w->dilation[d] - w->pad[d];
        if (place[d] >= x->dim[2 + d]) /* below 0, too */
            return NULL;
    }
    return x->data + (plane * x->dim[2] + place[0]) * x->dim[3] + place[1];
}

static inline double oe_tap_sum(const oe_window *w, const oe_value *x, const oe_value *weight,
                                size_t image, size_t k, const size_t pq[2])
{
    double sum = 0;
    size_t taps = weight->count / weight->dim[0], side = w->kernel;
    for (size_t i = 0; i < taps; i++) {
        const size_t at[4] = {pq[0], pq[1], i / side % side, i % side};
        const float *pixel = oe_pixel(w, x, image * x->dim[1] + i / side / side, at);
        if (pixel != NULL)
            sum += (double)*pixel * (double)weight->data[k * taps + i];
    }
    return sum;
}

static inline void oe_conv(oe_run *run, const Onnx__Node *n, const oe_value *x,
                           const oe_value *weight, const oe_value *bias)
{
    const oe_window w = oe_window_of(n);
    oe_value *y = oe_windowed(run, n, &w, x, weight->dim[0]);
    assert_int_equal(weight->dim[1], x->dim[1]);
    assert_int_equal(weight->dim[3], w.kernel);
    for (size_t i = 0; i < y->count; i++) {
        const size_t pq[2] = {i / y->dim[3] % y->dim[2], i % y->dim[3]};
        size_t k = i / y->dim[3] / y->dim[2] % y->dim[1];
        y->data[i] = (float)(oe_tap_sum(&w, x, weight, i / (y->count / y->dim[0]), k, pq) +
                             (bias != NULL ? (double)bias->data[k] : 0));
    }
}

static inline void oe_pool(oe_run *run, const Onnx__Node *n, const oe_value *x, bool max)
{
    const oe_window w = oe_window_of(n);
    oe_value *y = oe_windowed(run, n, &w, x, x->dim[1]);
    const Onnx__Attribute *whole = oe_attribute(n, "count_include_pad");
    size_t all = w.kernel * w.kernel;
    for (size_t i = 0; i < y->count; i++) {
        double sum = 0, most = -INFINITY, taps = 0;
        for (size_t tap = 0; tap < all; tap++) {
            const size_t at[4] = {i / y->dim[3] % y->dim[2], i % y->dim[3], tap / w.kernel,
                                  tap % w.kernel};
            const float *pixel = oe_pixel(&w, x, i / y->dim[3] / y->dim[2], at);
            sum += pixel != NULL ? (double)*pixel : 0;
            most = pixel != NULL ? fmax(most, (double)*pixel) : most;
            taps += pixel != NULL;
        }
        if (whole != NULL && whole->i == 1)
            taps = (double)all;
        y->data[i] = (float)(max ? most : sum / taps);
    }
}

static inline void oe_global_pool(oe_run *run, const Onnx__Node *n, const oe_value *x, bool max)
{
    const size_t dim[4] = {x->dim[0], x->dim[1], 1, 1};
    oe_value *y = oe_new(run, n->output[0], dim, 4);
    size_t pixels = x->count / y->count;
    for (size_t i = 0; i < y->count; i++) {
        double sum = 0, most = -INFINITY;
        for (size_t j = 0; j < pixels; j++) {
            sum += (double)x->data[i * pixels + j];
            most = fmax(most, (double)x->data[i * pixels + j]);
        }
        y->data[i] = (float)(max ? most : sum / (double)pixels);
    }
}

static inline void oe_pad(oe_run *run, const Onnx__Node *n, const oe_value *x, const oe_value *pads)
{
    const Onnx__Attribute *mode = oe_attribute(n, "mode");
    assert_true(mode != NULL && mode->s.len == 7 && memcmp(mode->s.data, "reflect", 7) == 0);
    assert_int_equal(pads->count, 8);
    const int64_t *before = pads->integers;
    size_t dim[4];
    for (size_t d = 0; d < 4; d++)
        dim[d] = x->dim[d] + (size_t)before[d] + (size_t)before[4 + d];
    oe_value *y = oe_new(run, n->output[0], dim, 4);
    for (size_t i = 0; i < y->count; i++) {
        size_t at[4], from = 0;
        for (size_t d = 4, rest = i; d-- > 0; rest /= dim[d])
            at[d] = rest % dim[d];
        for (size_t d = 0; d < 4; d++) {
            long place = labs((long)at[d] - (long)before[d]), last = (long)x->dim[d] - 1;
            from = from * x->dim[d] + (size_t)(place > last ? 2 * last - place : place);
        }
        y->data[i] = x->data[from];
    }
}

/* ---- norms, and what changes shapes ---- */

/* y = (x - mean) / sqrt(var + eps) * scale + shift of each channel; with in[3] == NULL over each image's own. */
static inline void oe_norm(oe_run *run, const Onnx__Node *n, const oe_value *x, oe_value **in)
{
    oe_value *y = oe_like(run, n, x);
    size_t pixels = x->count / x->dim[0] / x->dim[1];
    double eps = oe_float(n, "epsilon", 1e-5);
    for (size_t i = 0; i < x->dim[0] * x->dim[1]; i++) {
        size_t c = i % x->dim[1];
        const float *from = x->data + i * pixels;
        double mean = 0, var = 0;
        for (size_t j = 0; j < pixels; j++)
            mean += (double)from[j] / (double)pixels;
        for (size_t j = 0; j < pixels; j++)
            var += ((double)from[j] - mean) * ((double)from[j] - mean) / (double)pixels;
        if (in[3] != NULL) {
            mean = (double)in[3]->data[c];
            var = (double)in[4]->data[c];
        }
        for (size_t j = 0; j < pixels; j++)
            y->data[i * pixels + j] =
                (float)(((double)from[j] - mean) / sqrt(var + eps) * (double)in[1]->data[c] +
                        (double)in[2]->data[c]);
    }
}

static inline void oe_reshape(oe_run *run, const Onnx__Node *n, const oe_value *x,
                              const oe_value *shape)
{
    size_t dim[OE_DIMS], known = 1, ndim = shape != NULL ? shape->count : 2;
    for (size_t i = 0; i < ndim; i++) {
        int64_t asked = shape != NULL ? shape->integers[i] : i == 0 ? 0 : -1; /* Flatten */
        dim[i] = asked == 0 ? x->dim[i] : asked < 0 ? 0 : (size_t)asked;
        known *= dim[i] > 0 ? dim[i] : 1;
    }
    for (size_t i = 0; i < ndim; i++)
        dim[i] = dim[i] > 0 ? dim[i] : x->count / known;
    oe_value *y = oe_new(run, n->output[0], dim, ndim);
    assert_int_equal(y->count, x->count);
    memcpy(y->data, x->data, x->count * sizeof *x->data);
}

static inline void oe_gemm(oe_run *run, const Onnx__Node *n, const oe_value *x, const oe_value *w,
                           const oe_value *bias)
{
    const Onnx__Attribute *transposed = oe_attribute(n, "transB");
    assert_true(transposed != NULL && transposed->i == 1);
    assert_int_equal(w->dim[1], x->dim[1]);
    const size_t dim[2] = {x->dim[0], w->dim[0]};
    oe_value *y = oe_new(run, n->output[0], dim, 2);
    for (size_t i = 0; i < y->count; i++) {
        double sum = bias != NULL ? (double)bias->data[i % dim[1]] : 0;
        for (size_t j = 0; j < x->dim[1]; j++)
            sum += (double)x->data[i / dim[1] * x->dim[1] + j] *
                   (double)w->data[i % dim[1] * x->dim[1] + j];
        y->data[i] = (float)sum;
    }
}

static inline void oe_node(oe_run *run, const Onnx__Node *n)
{
    oe_value *in[5] = {NULL};
    const char *op = n->op_type;
    assert_true(n->n_input >= 1 && n->n_input <= 5 && n->n_output == 1);
    for (size_t i = 0; i < n->n_input; i++)
        in[i] = oe_find(run, n->input[i]);
    if (strcmp(op, "Conv") == 0)
        oe_conv(run, n, in[0], in[1], in[2]);
    else if (strcmp(op, "MaxPool") == 0 || strcmp(op, "AveragePool") == 0)
        oe_pool(run, n, in[0], op[0] == 'M');
    else if (strcmp(op, "GlobalMaxPool") == 0 || strcmp(op, "GlobalAveragePool") == 0)
        oe_global_pool(run, n, in[0], op[6] == 'M');
    else if (strcmp(op, "Pad") == 0)
        oe_pad(run, n, in[0], in[1]);
    else if (strcmp(op, "BatchNormalization") == 0 || strcmp(op, "InstanceNormalization") == 0)
        oe_norm(run, n, in[0], in);
    else if (strcmp(op, "Reshape") == 0 || strcmp(op, "Flatten") == 0)
        oe_reshape(run, n, in[0], in[1]);
    else if (strcmp(op, "Gemm") == 0)
        oe_gemm(run, n, in[0], in[1], in[2]);
    else
        oe_elementwise(run, n, in[0], in[1]);
}

/* All nodes, of rows images (rows,C,H,W). */
static inline void oe_evaluate(oe_run *run, const Onnx__Model *model, const float *images,
                               size_t rows)
{
    const Onnx__Graph *g = model->graph;
    const Onnx__Shape *shape = g->input[0]->type->tensor_type->shape;
    size_t dim[OE_DIMS] = {rows};
    *run = (oe_run){.model = model};
    for (size_t i = 1; i < shape->n_dim; i++)
        dim[i] = (size_t)shape->dim[i]->dim_value;
    oe_value *x = oe_new(run, g->input[0]->name, dim, shape->n_dim);
    memcpy(x->data, images, x->count * sizeof *x->data);
    for (size_t i = 0; i < g->n_initializer; i++)
        oe_initializer(run, g->initializer[i]);
    for (size_t i = 0; i < g->n_node; i++)
        oe_node(run, g->node[i]);
}

static inline void oe_close(oe_run *run)
{
    for (size_t i = 0; i < run->values; i++)
        sc_free(run->value[i].data);
    run->values = 0;
}

#endif
