/* SPDX-License-Identifier: MIT
 *
 * onnx_graph.c - the graph grows: nodes, attributes, initializers, inputs and outputs as protobuf messages.
 */
#include "export/onnx_parts.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

/* protobuf-c has no const. */
static char *text(const char *of)
{
    return (char *)(uintptr_t)of;
}

void *sc_onnx_take(sc_onnx_graph *graph, size_t size)
{
    sc_onnx_block *b = sc_alloc(1, sizeof *b + size, NULL);
    if (b == NULL) {
        graph->code = SIMCLR_E_MEMORY;
        return NULL;
    }
    b->next = graph->blocks;
    graph->blocks = b;
    return b->bytes;
}

int sc_onnx_graph_open(sc_onnx_graph **out, simclr_error *err)
{
    *out = sc_alloc(1, sizeof **out, err);
    return *out == NULL ? SIMCLR_E_MEMORY : 0;
}

void sc_onnx_graph_close(sc_onnx_graph *graph)
{
    if (graph == NULL)
        return;
    while (graph->blocks != NULL) {
        sc_onnx_block *b = graph->blocks;
        graph->blocks = b->next;
        sc_free(b);
    }
    sc_free(graph);
}

/* ---- nodes ---- */

/* "module/Op", with a number from the second of its kind. */
static void name_node(sc_onnx_operator *n, const sc_onnx_graph *g, const char *op,
                      const char *module)
{
    snprintf(n->name, sizeof n->name, "%s/%s", module, op);
    size_t length = strlen(n->name), before = 0;
    for (const sc_onnx_operator *other = g->nodes; other != NULL; other = other->next)
        before += strncmp(other->name, n->name, length) == 0 &&
                  (other->name[length] == '\0' || other->name[length] == '_');
    if (before > 0)
        snprintf(n->name + length, sizeof n->name - length, "_%zu", before);
}

const char *sc_onnx_node(sc_onnx_graph *graph, const char *op, const char *module,
                         const char *const *in)
{
    sc_onnx_operator *n = sc_onnx_take(graph, sizeof *n);
    if (n == NULL)
        return "";
    onnx__node__init(&n->proto);
    name_node(n, graph, op, module);
    n->proto.name = n->output[0] = n->name;
    n->proto.op_type = text(op);
    n->proto.input = n->input;
    n->proto.output = n->output;
    n->proto.n_output = 1;
    n->proto.attribute = n->attributes;
    for (size_t i = 0; i < SC_ONNX_INPUTS && in[i] != NULL; i++)
        n->input[n->proto.n_input++] = text(in[i]);
    if (graph->last == NULL)
        graph->nodes = n;
    else
        graph->last->next = n;
    graph->last = n;
    graph->node_count++;
    return n->name;
}

/* A new attribute of the last node; NULL when there was no memory for that. */
static Onnx__Attribute *attribute(sc_onnx_graph *g, const char *name, Onnx__Attribute__Type type)
{
    sc_onnx_operator *n = g->last;
    if (g->code < 0 || n == NULL || n->proto.n_attribute == SC_ONNX_ATTRIBUTES)
        return NULL;
    Onnx__Attribute *a = n->attributes[n->proto.n_attribute] = &n->attribute[n->proto.n_attribute];
    n->proto.n_attribute++;
    onnx__attribute__init(a);
    a->name = text(name);
    a->has_type = 1;
    a->type = type;
    return a;
}

void sc_onnx_int(sc_onnx_graph *graph, const char *name, int64_t value)
{
    Onnx__Attribute *a = attribute(graph, name, ONNX__ATTRIBUTE__TYPE__INT);
    if (a == NULL)
        return;
    a->has_i = 1;
    a->i = value;
}

void sc_onnx_float(sc_onnx_graph *graph, const char *name, double value)
{
    Onnx__Attribute *a = attribute(graph, name, ONNX__ATTRIBUTE__TYPE__FLOAT);
    if (a == NULL)
        return;
    a->has_f = 1;
    a->f = (float)value;
}

void sc_onnx_string(sc_onnx_graph *graph, const char *name, const char *value)
{
    Onnx__Attribute *a = attribute(graph, name, ONNX__ATTRIBUTE__TYPE__STRING);
    if (a == NULL)
        return;
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)text(value)};
}

void sc_onnx_ints(sc_onnx_graph *graph, const char *name, const size_t *values, size_t count)
{
    Onnx__Attribute *a = attribute(graph, name, ONNX__ATTRIBUTE__TYPE__INTS);
    int64_t *ints = a == NULL ? NULL : sc_onnx_take(graph, count * sizeof *ints);
    if (ints == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        ints[i] = (int64_t)values[i];
    a->ints = ints;
    a->n_ints = count;
}

void sc_onnx_rename(sc_onnx_graph *graph, const char *name)
{
    if (graph->last != NULL)
        graph->last->output[0] = text(name);
}

/* ---- tensors ---- */

/* Room for `room` bytes of its own in *data; the one of this name that is there already has NULL. */
static const char *add_tensor(unsigned char **data, sc_onnx_graph *g, const char *name, size_t room,
                              const size_t *shape, size_t ndim)
{
    *data = NULL;
    for (const sc_onnx_tensor *t = g->tensors; t != NULL; t = t->next)
        if (strcmp(t->name, name) == 0)
            return t->name;
    sc_onnx_tensor *t = sc_onnx_take(g, sizeof *t + room);
    if (t == NULL)
        return "";
    onnx__tensor__init(&t->proto);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->proto.name = t->name;
    t->proto.dims = t->dims;
    t->proto.n_dims = ndim;
    t->proto.has_data_type = t->proto.has_raw_data = 1;
    for (size_t i = 0; i < ndim; i++)
        t->dims[i] = (int64_t)shape[i];
    if (g->last_tensor == NULL)
        g->tensors = t;
    else
        g->last_tensor->next = t;
    g->last_tensor = t;
    g->tensor_count++;
    *data = t->data;
    return t->name;
}

static void set_data(sc_onnx_graph *g, int32_t type, const void *data, size_t size)
{
    Onnx__Tensor *t = &g->last_tensor->proto;
    t->data_type = type;
    t->raw_data = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}

const char *sc_onnx_weights(sc_onnx_graph *graph, const char *name, const float *data,
                            const size_t *shape, size_t ndim)
{
    unsigned char *own;
    const char *added = add_tensor(&own, graph, name, 0, shape, ndim);
    size_t bytes = sizeof *data;
    for (size_t i = 0; i < ndim; i++)
        bytes *= shape[i];
    if (own != NULL)
        set_data(graph, ONNX__TENSOR__DATA_TYPE__FLOAT, data, bytes);
    return added;
}

const char *sc_onnx_filled(sc_onnx_graph *graph, double value, size_t count)
{
    unsigned char *own;
    char name[SC_ONNX_NAME];
    float number = (float)value;
    size_t copies = count > 0 ? count : 1;
    snprintf(name, sizeof name, count > 0 ? "%.9g x %zu" : "%.9g", (double)number, count);
    const char *added =
        add_tensor(&own, graph, name, copies * sizeof number, &count, count > 0 ? 1 : 0);
    if (own == NULL)
        return added;
    for (size_t i = 0; i < copies; i++)
        memcpy(own + i * sizeof number, &number, sizeof number);
    set_data(graph, ONNX__TENSOR__DATA_TYPE__FLOAT, own, copies * sizeof number);
    return added;
}

const char *sc_onnx_integers(sc_onnx_graph *graph, const char *name, const int64_t *values,
                             size_t count)
{
    unsigned char *own;
    size_t size = count * sizeof *values;
    const char *added = add_tensor(&own, graph, name, size, &count, 1);
    if (own == NULL)
        return added;
    memcpy(own, values, size);
    set_data(graph, ONNX__TENSOR__DATA_TYPE__INT64, own, size);
    return added;
}

/* ---- inputs and outputs ---- */

static void add_value(sc_onnx_values *to, sc_onnx_graph *g, const char *name, const char *doc,
                      const size_t *shape, size_t ndim)
{
    sc_onnx_value *v = sc_onnx_take(g, sizeof *v);
    if (v == NULL || to->count == SC_ONNX_VALUES)
        return;
    onnx__value_info__init(&v->proto);
    onnx__type__init(&v->type);
    onnx__type__tensor_type__init(&v->tensor);
    onnx__shape__init(&v->shape);
    for (size_t i = 0; i <= ndim; i++) {
        onnx__shape__dim__init(v->dims[i] = &v->dim[i]);
        if (i == 0) {
            v->dim[i].dim_param = text("batch");
            continue;
        }
        v->dim[i].has_dim_value = 1;
        v->dim[i].dim_value = (int64_t)shape[i - 1];
    }
    v->shape.n_dim = ndim + 1;
    v->shape.dim = v->dims;
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = ONNX__TENSOR__DATA_TYPE__FLOAT;
    v->tensor.shape = &v->shape;
    v->type.tensor_type = &v->tensor;
    v->proto.type = &v->type;
    v->proto.name = text(name);
    v->proto.doc_string = text(doc);
    to->value[to->count++] = v;
}

const char *sc_onnx_input(sc_onnx_graph *graph, const char *name, const char *doc,
                          const size_t *shape, size_t ndim)
{
    add_value(&graph->inputs, graph, name, doc, shape, ndim);
    return name;
}

void sc_onnx_output(sc_onnx_graph *graph, const char *name, const char *doc, const size_t *shape,
                    size_t ndim)
{
    add_value(&graph->outputs, graph, name, doc, shape, ndim);
}
