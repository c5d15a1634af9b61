/* SPDX-License-Identifier: MIT
 *
 * onnx_layers.c - layers as ONNX operators.
 *
 * Operator set 13 lacks some of ours, which are put together:
 *
 *   group norm  Reshape (N,G,-1) -> InstanceNormalization -> Reshape back -> Mul gamma -> Add beta
 *   SiLU        x sigmoid(x)              hardswish  x HardSigmoid(x), slope 1/6
 *   GELU        x (erf(x / sqrt 2) / 2 + 1/2)   Mish  x tanh(softplus(x))
 *   softplus    log(1 + exp(beta x)) / beta     reflection  Pad, then a convolution without padding
 */
#include "export/onnx_layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    sc_onnx_graph *graph;
    const sc_params *params;
    char module[SC_PARAM_NAME]; /* "layer1.0.conv1" */
} place;

/* Of the layer that has this weight. */
static place place_of(sc_onnx_graph *graph, const sc_params *params, int weight)
{
    place at = {.graph = graph, .params = params};
    const char *name = params->entry[weight].name;
    snprintf(at.module, sizeof at.module, "%.*s", (int)(strrchr(name, '.') - name), name);
    return at;
}

/* An operator of one to three inputs, the first NULL ending them. */
static const char *node(const place *at, const char *op, const char *x, const char *y,
                        const char *z)
{
    return sc_onnx_node(at->graph, op, at->module, (const char *const[]){x, y, z, NULL});
}

static const char *scalar(const place *at, double value)
{
    return sc_onnx_filled(at->graph, value, 0);
}

/* Parameter number `index`, of this shape or its own; NULL for -1. */
static const char *parameter(const place *at, int index, const size_t *shape, size_t ndim)
{
    if (index < 0)
        return NULL;
    const sc_param *p = &at->params->entry[index];
    return sc_onnx_weights(at->graph, p->name, at->params->value + p->offset,
                           shape != NULL ? shape : p->shape,
                           shape != NULL ? ndim : (size_t)p->ndim);
}

static const char *own(const place *at, int index)
{
    return parameter(at, index, NULL, 0);
}

/* ---- activations ---- */

/* x op(x) */
static const char *gated(const place *at, const char *x, const char *gate)
{
    return node(at, "Mul", x, gate, NULL);
}

static const char *softplus(const place *at, const char *x, double beta)
{
    if (beta == 1)
        return node(at, "Softplus", x, NULL, NULL);
    x = node(at, "Mul", x, scalar(at, beta), NULL);
    return node(at, "Div", node(at, "Softplus", x, NULL, NULL), scalar(at, beta), NULL);
}

static const char *gelu(const place *at, const char *x)
{
    const char *y = node(at, "Erf", node(at, "Mul", x, scalar(at, sqrt(0.5)), NULL), NULL, NULL);
    y = node(at, "Add", node(at, "Mul", y, scalar(at, 0.5), NULL), scalar(at, 0.5), NULL);
    return gated(at, x, y);
}

static const char *hardswish(const place *at, const char *x)
{
    const char *gate = node(at, "HardSigmoid", x, NULL, NULL);
    sc_onnx_float(at->graph, "alpha", 1.0 / 6);
    sc_onnx_float(at->graph, "beta", 0.5);
    return gated(at, x, gate);
}

static const char *with_alpha(const place *at, const char *op, const char *x, double alpha)
{
    const char *y = node(at, op, x, NULL, NULL);
    sc_onnx_float(at->graph, "alpha", alpha);
    return y;
}

static const char *activation(const place *at, const char *x, sc_act act)
{
    switch (act.kind) {
    case SC_ACT_IDENTITY:
        return x;
    case SC_ACT_RELU:
        return node(at, "Relu", x, NULL, NULL);
    case SC_ACT_LEAKY_RELU:
        return with_alpha(at, "LeakyRelu", x, act.param);
    case SC_ACT_ELU:
        return with_alpha(at, "Elu", x, act.param);
    case SC_ACT_SELU: /* its defaults are PyTorch's */
        return node(at, "Selu", x, NULL, NULL);
    case SC_ACT_SILU:
        return gated(at, x, node(at, "Sigmoid", x, NULL, NULL));
    case SC_ACT_GELU:
        return gelu(at, x);
    case SC_ACT_TANH:
        return node(at, "Tanh", x, NULL, NULL);
    case SC_ACT_SIGMOID:
        return node(at, "Sigmoid", x, NULL, NULL);
    case SC_ACT_SOFTPLUS:
        return softplus(at, x, act.param);
    case SC_ACT_HARDSWISH:
        return hardswish(at, x);
    case SC_ACT_MISH:
        return gated(at, x, node(at, "Tanh", softplus(at, x, 1), NULL, NULL));
    }
    return x;
}

/* ---- norms ---- */

static const char *batch_norm(const place *at, const char *x, const sc_norm *n)
{
    const char *gamma = own(at, n->weight), *beta = own(at, n->bias);
    const char *const in[] = {x,
                              gamma != NULL ? gamma : sc_onnx_filled(at->graph, 1, n->channels),
                              beta != NULL ? beta : sc_onnx_filled(at->graph, 0, n->channels),
                              own(at, n->running_mean),
                              own(at, n->running_var),
                              NULL};
    const char *y = sc_onnx_node(at->graph, "BatchNormalization", at->module, in);
    sc_onnx_float(at->graph, "epsilon", n->options.eps);
    return y;
}

/* Over each image and channel of x. */
static const char *instance_norm(const place *at, const char *x, const char *gamma,
                                 const char *beta, size_t channels, double eps)
{
    const char *y = node(at, "InstanceNormalization", x,
                         gamma != NULL ? gamma : sc_onnx_filled(at->graph, 1, channels),
                         beta != NULL ? beta : sc_onnx_filled(at->graph, 0, channels));
    sc_onnx_float(at->graph, "epsilon", eps);
    return y;
}

static const char *reshape(const place *at, const char *x, const int64_t *shape, size_t ndim)
{
    char name[96] = "shape";
    for (size_t i = 0, used = 5; i < ndim; i++)
        used += (size_t)snprintf(name + used, sizeof name - used, " %lld", (long long)shape[i]);
    return node(at, "Reshape", x, sc_onnx_integers(at->graph, name, shape, ndim), NULL);
}

/* x of (N, map[0], ...), of ndim + 1 dimensions. */
static const char *group_norm(const place *at, const char *x, const sc_norm *n, const size_t *map,
                              size_t ndim)
{
    const int64_t grouped[] = {0, (int64_t)n->groups, -1}; /* 0: as it is */
    const size_t per_channel[] = {n->channels, 1, 1};
    int64_t back[SC_ONNX_DIMS] = {0};
    for (size_t i = 0; i < ndim; i++)
        back[i + 1] = (int64_t)map[i];
    const char *y = reshape(at, x, grouped, 3);
    y = instance_norm(at, y, NULL, NULL, n->groups, n->options.eps);
    y = reshape(at, y, back, ndim + 1);
    if (n->weight >= 0)
        y = node(at, "Mul", y, parameter(at, n->weight, per_channel, ndim), NULL);
    return n->bias < 0 ? y : node(at, "Add", y, parameter(at, n->bias, per_channel, ndim), NULL);
}

static const char *norm(const place *at, const char *x, const sc_norm *n, const size_t *map,
                        size_t ndim)
{
    switch (n->options.kind) {
    case SC_NORM_BATCH:
        return batch_norm(at, x, n);
    case SC_NORM_GROUP:
        return group_norm(at, x, n, map, ndim);
    case SC_NORM_INSTANCE:
        return instance_norm(at, x, own(at, n->weight), own(at, n->bias), n->channels,
                             n->options.eps);
    case SC_NORM_NONE: /* its bias is the convolution's */
        break;
    }
    return x;
}

/* ---- layers ---- */

static void window(const place *at, size_t kernel, size_t stride, size_t pad)
{
    sc_onnx_ints(at->graph, "kernel_shape", (const size_t[]){kernel, kernel}, 2);
    sc_onnx_ints(at->graph, "strides", (const size_t[]){stride, stride}, 2);
    sc_onnx_ints(at->graph, "pads", (const size_t[]){pad, pad, pad, pad}, 4);
}

static const char *convolution(const place *at, const char *x, const char *bias,
                               const sc_conv2d *conv)
{
    const sc_conv_shape *s = &conv->shape;
    if (conv->reflect) {
        char name[32];
        int64_t p = (int64_t)conv->reflect_pad;
        const int64_t pads[] = {0, 0, p, p, 0, 0, p, p};
        snprintf(name, sizeof name, "pads %zu", conv->reflect_pad);
        x = node(at, "Pad", x, sc_onnx_integers(at->graph, name, pads, 8), NULL);
        sc_onnx_string(at->graph, "mode", "reflect");
    }
    const char *y = node(at, "Conv", x, own(at, conv->weight), bias);
    window(at, s->r, s->stride, s->pad);
    sc_onnx_ints(at->graph, "dilations", (const size_t[]){s->dilation, s->dilation}, 2);
    return y;
}

const char *sc_onnx_unit(sc_onnx_graph *graph, const char *x, const char *residual,
                         const sc_unit *unit)
{
    const sc_norm *n = &unit->norm;
    place at = place_of(graph, unit->conv.nn.params, unit->conv.weight);
    const char *bias = n->options.kind == SC_NORM_NONE ? own(&at, n->bias) : NULL;
    const size_t map[] = {unit->k, unit->p, unit->q};
    const char *y = norm(&at, convolution(&at, x, bias, &unit->conv), n, map, 3);
    if (residual != NULL)
        y = node(&at, "Add", y, residual, NULL);
    return activation(&at, y, unit->act);
}

const char *sc_onnx_pool(sc_onnx_graph *graph, const char *x, const sc_encoder *encoder)
{
    const sc_pool_shape *s = &encoder->pool;
    place at = {.graph = graph, .params = encoder->nn.params, .module = "pool"};
    if (encoder->options.down == SC_DOWN_CONV)
        return convolution(&at, x, own(&at, encoder->pool_bias), &encoder->pool_conv);
    bool average = encoder->options.down == SC_DOWN_AVGPOOL;
    const char *y = node(&at, average ? "AveragePool" : "MaxPool", x, NULL, NULL);
    window(&at, s->window, s->stride, s->pad);
    if (average)
        sc_onnx_int(graph, "count_include_pad", 1);
    return y;
}

const char *sc_onnx_projector_layer(sc_onnx_graph *graph, const char *x,
                                    const sc_projector_layer *layer)
{
    const sc_linear *l = &layer->linear;
    place at = place_of(graph, l->nn.params, l->weight);
    const char *y = node(&at, "Gemm", x, own(&at, l->weight), own(&at, l->bias));
    sc_onnx_int(graph, "transB", 1);
    if (layer->has_norm)
        y = norm(&at, y, &layer->norm, &layer->out, 1);
    return activation(&at, y, layer->act);
}
