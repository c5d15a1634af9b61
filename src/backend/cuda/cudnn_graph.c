/* SPDX-License-Identifier: MIT
 *
 * cudnn_graph.c - the calls of cuDNN's backend API.  A descriptor is created, its attributes are set,
 * it is finalised; results are written into descriptors that have to be created before.
 */
#include "backend/cuda/cudnn_graph.h"

#include <cudnn.h>
#include <stdio.h>
#include <string.h>

enum { UID_A = 1, UID_B, UID_OUT };

static void explain(char *why, size_t why_size, const char *what, cudnnStatus_t status)
{
    char last[200] = ""; /* names the condition that failed */
    cudnnGetLastErrorString(last, sizeof(last));
    snprintf(why, why_size, "%s: %s%s%s", what, cudnnGetErrorString(status),
             last[0] != '\0' ? ", " : "", last);
}

static void check(sc_cudnn_graph *g, const char *what, cudnnStatus_t status)
{
    if (status != CUDNN_STATUS_SUCCESS && g->status == 0) {
        g->status = (int)status;
        explain(g->why, sizeof(g->why), what, status);
    }
}

static cudnnBackendDescriptor_t new_kept(sc_cudnn_graph *g, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t made = NULL;
    if (g->status != 0) {
        return NULL;
    }
    if (g->count == SC_CUDNN_DESCRIPTORS) {
        check(g, "graph too large", CUDNN_STATUS_INTERNAL_ERROR);
        return NULL;
    }
    check(g, "creating a descriptor", cudnnBackendCreateDescriptor(type, &made));
    if (made != NULL) {
        g->kept[g->count++] = made;
    }
    return made;
}

static void set(sc_cudnn_graph *g, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    if (g->status == 0) {
        check(g, "setting an attribute", cudnnBackendSetAttribute(d, name, type, count, values));
    }
}

static void set_descriptor(sc_cudnn_graph *g, cudnnBackendDescriptor_t d,
                           cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
    set(g, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void finalize(sc_cudnn_graph *g, cudnnBackendDescriptor_t d, const char *what)
{
    if (g->status == 0) {
        check(g, what, cudnnBackendFinalize(d));
    }
}

/* Of logical order (n,c,h,w), stored (n,h,w,c). */
static cudnnBackendDescriptor_t tensor(sc_cudnn_graph *g, int64_t uid, sc_precision precision,
                                       const size_t nchw[4])
{
    cudnnBackendDescriptor_t d = new_kept(g, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    cudnnDataType_t type = precision == SC_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    int64_t c = (int64_t)nchw[1], h = (int64_t)nchw[2], w = (int64_t)nchw[3];
    int64_t dim[4] = {(int64_t)nchw[0], c, h, w}, stride[4] = {c * h * w, 1, c * w, c};
    int64_t alignment = 16;
    set(g, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(g, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dim);
    set(g, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, stride);
    set(g, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
    set(g, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    finalize(g, d, "tensor");
    return d;
}

/* Stride, padding and dilation; fp32 sums. */
static cudnnBackendDescriptor_t convolution(sc_cudnn_graph *g, const sc_conv_shape *shape)
{
    cudnnBackendDescriptor_t d = new_kept(g, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    int64_t dims = 2, pad[2] = {(int64_t)shape->pad, (int64_t)shape->pad};
    int64_t stride[2] = {(int64_t)shape->stride, (int64_t)shape->stride};
    int64_t dilation[2] = {(int64_t)shape->dilation, (int64_t)shape->dilation};
    cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    set(g, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &dims);
    set(g, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    set(g, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(g, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    set(g, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    set(g, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, stride);
    set(g, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilation);
    finalize(g, d, "convolution");
    return d;
}

/* What the API calls the parts of each pass, in the order of conv.h. */
typedef struct {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t a, b, out, convolution, alpha, beta;
} pass_names;

static const pass_names PASS[] = {
    [SC_CONV_Y] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                   CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [SC_CONV_DX] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [SC_CONV_DW] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

void sc_cudnn_graph_conv(sc_cudnn_graph *g, const sc_cudnn_target *target, sc_conv_pass pass,
                         sc_precision precision, const sc_conv_shape *s)
{
    const float one = 1, of_out = pass == SC_CONV_DX_ADD ? 1 : 0;
    pass = pass == SC_CONV_DX_ADD ? SC_CONV_DX : pass; /* but for beta the same */
    const pass_names *names = &PASS[pass];
    const size_t x[4] = {s->n, s->c, s->h, s->w}, w[4] = {s->k, s->c, s->r, s->s};
    const size_t y[4] = {s->n, s->k, s->p, s->q};
    memset(g, 0, sizeof(*g));
    cudnnBackendDescriptor_t a = tensor(g, UID_A, precision, pass == SC_CONV_DX ? y : x);
    cudnnBackendDescriptor_t b = tensor(g, UID_B, precision, pass == SC_CONV_DW ? y : w);
    const size_t *to = pass == SC_CONV_Y ? y : pass == SC_CONV_DX ? x : w;
    cudnnBackendDescriptor_t out = tensor(g, UID_OUT, precision, to);
    cudnnBackendDescriptor_t conv = convolution(g, s);
    cudnnBackendDescriptor_t operation = new_kept(g, names->type);
    set_descriptor(g, operation, names->a, a);
    set_descriptor(g, operation, names->b, b);
    set_descriptor(g, operation, names->out, out);
    set_descriptor(g, operation, names->convolution, conv);
    set(g, operation, names->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    set(g, operation, names->beta, CUDNN_TYPE_FLOAT, 1, &of_out);
    finalize(g, operation, "operation");
    g->operations = new_kept(g, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set_descriptor(g, g->operations, CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    if (target->handle != NULL) {
        set(g, g->operations, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
            &target->handle);
    }
    finalize(g, g->operations, "operation graph");
}

void sc_cudnn_graph_free(sc_cudnn_graph *g)
{
    while (g->count > 0) {
        cudnnBackendDestroyDescriptor(g->kept[--g->count]);
    }
    g->operations = NULL;
}

void sc_cudnn_free(sc_cudnn_descriptor descriptor)
{
    if (descriptor != NULL) {
        cudnnBackendDestroyDescriptor(descriptor);
    }
}

/* Sets the described device, by the name it has there; does nothing with a handle. */
static void set_described(sc_cudnn_graph *g, cudnnBackendDescriptor_t d, int name,
                          const sc_cudnn_target *target)
{
    if (target->described != NULL) {
        set_descriptor(g, d, (cudnnBackendAttributeName_t)name, target->described);
    }
}

#if CUDNN_VERSION >= 90800
enum {
    HEURISTICS_DEVICE = CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
    PLAN_DEVICE = CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP
};
#else
enum { HEURISTICS_DEVICE = -1, PLAN_DEVICE = -1 };
#endif

/* Of what was tried with a graph and has a status of its own. */
static bool succeeded(sc_cudnn_graph *g, const sc_cudnn_graph *tried)
{
    if (g->why[0] == '\0') {
        memcpy(g->why, tried->why, sizeof(g->why));
    }
    return tried->status == 0;
}

size_t sc_cudnn_configs(sc_cudnn_descriptor *out, size_t most, sc_cudnn_graph *g,
                        const sc_cudnn_target *target, bool fallback)
{
    cudnnBackendHeurMode_t mode = fallback ? CUDNN_HEUR_MODE_FALLBACK : CUDNN_HEUR_MODE_A;
    sc_cudnn_graph query = {.status = g->status};
    cudnnBackendDescriptor_t heuristics = new_kept(&query, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    size_t made = 0;
    int64_t got = 0;
    set_descriptor(&query, heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g->operations);
    set(&query, heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    set_described(&query, heuristics, HEURISTICS_DEVICE, target);
    finalize(&query, heuristics, fallback ? "engines that always work" : "heuristics");
    while (query.status == 0 && made < most &&
           cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &out[made]) == 0) {
        made++;
    }
    if (made > 0) {
        check(&query, "results of the heuristics",
              cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, (int64_t)made, &got, out));
    }
    size_t count = succeeded(g, &query) && got > 0 ? (size_t)got : 0;
    count = count < made ? count : made;
    while (made > count) {
        sc_cudnn_free(out[--made]);
    }
    sc_cudnn_graph_free(&query);
    return count;
}

sc_cudnn_descriptor sc_cudnn_plan(int64_t *workspace, sc_cudnn_descriptor config, sc_cudnn_graph *g,
                                  const sc_cudnn_target *target)
{
    sc_cudnn_graph attempt = {.status = g->status};
    cudnnBackendDescriptor_t plan = new_kept(&attempt, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    void *handle = target->handle;
    int64_t one = 0;
    *workspace = 0;
    if (handle != NULL) { /* versions before 9.8 ask for it; later ones need not take it */
        cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                                 &handle);
    }
    set_descriptor(&attempt, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    set_described(&attempt, plan, PLAN_DEVICE, target);
    finalize(&attempt, plan, "plan");
    if (attempt.status == 0) {
        check(&attempt, "a plan's workspace",
              cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                       CUDNN_TYPE_INT64, 1, &one, workspace));
    }
    if (succeeded(g, &attempt)) {
        return plan;
    }
    sc_cudnn_graph_free(&attempt);
    return NULL;
}

bool sc_cudnn_no_memory(int status)
{
    return status == (int)CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ||
           status == (int)CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
}

int sc_cudnn_execute(void *handle, sc_cudnn_descriptor plan, const void *a, const void *b,
                     void *out, void *workspace, char *why, size_t why_size)
{
    static const int64_t uid[3] = {UID_A, UID_B, UID_OUT};
    const void *pointer[3] = {a, b, out};
    cudnnBackendDescriptor_t pack = NULL;
    cudnnStatus_t status =
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (status == 0) {
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                          CUDNN_TYPE_VOID_PTR, 3, (const void *)pointer);
    }
    if (status == 0) {
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                                          CUDNN_TYPE_INT64, 3, uid);
    }
    if (status == 0) {
        status = cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                          CUDNN_TYPE_VOID_PTR, 1, &workspace);
    }
    if (status == 0) {
        status = cudnnBackendFinalize(pack);
    }
    if (status == 0) {
        status = cudnnBackendExecute(handle, plan, pack);
    }
    if (status != 0) {
        explain(why, why_size, "executing a plan", status);
    }
    sc_cudnn_free(pack);
    return (int)status;
}

sc_cudnn_descriptor sc_cudnn_describe(const char *json, char *why, size_t why_size)
{
    cudnnBackendDescriptor_t device = NULL;
#if CUDNN_VERSION >= 90800
    cudnnStatus_t status =
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &device);
    if (status == 0) {
        status = cudnnBackendSetAttribute(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                          CUDNN_TYPE_CHAR, (int64_t)strlen(json) + 1, json);
    }
    if (status == 0) {
        status = cudnnBackendFinalize(device);
    }
    if (status != 0) {
        explain(why, why_size, "describing a device", status);
        sc_cudnn_free(device);
        device = NULL;
    }
#else
    (void)json;
    snprintf(why, why_size, "cuDNN 9.8 or later is needed to describe a device");
#endif
    return device;
}
