/* SPDX-License-Identifier: MIT
 *
 * onnx_write.c - a graph as the bytes of an ONNX model.
 *
 * Weights are not copied: protobuf-c packs them from where they are, and what it packs goes to the file as
 * it comes.
 */
#include "export/onnx_parts.h"

#include <limits.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"

enum { OPERATORS = 13, IR_VERSION = 7, COLLECTED = 65536 };

/* Small pieces, as protobuf-c packs them, are collected. */
typedef struct {
    ProtobufCBuffer base;
    sc_fs_writer *writer;
    simclr_error *err;
    int code;
    size_t used;
    unsigned char bytes[COLLECTED];
} sink;

static void flush(sink *s)
{
    if (s->code == 0 && s->used > 0)
        s->code = sc_fs_writer_write(s->writer, s->bytes, s->used, s->err);
    s->used = 0;
}

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    sink *s = (sink *)(void *)buffer;
    if (size > COLLECTED - s->used)
        flush(s);
    if (size > COLLECTED) {
        if (s->code == 0)
            s->code = sc_fs_writer_write(s->writer, data, size, s->err);
        return;
    }
    memcpy(s->bytes + s->used, data, size);
    s->used += size;
}

static int write_model(const char *path, const Onnx__Model *model, simclr_error *err)
{
    if (onnx__model__get_packed_size(model) > INT32_MAX)
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: more than the 2 GiB that an ONNX file holds; use --format safetensors",
                       path);
    sink *s = sc_alloc(1, sizeof *s, err);
    if (s == NULL)
        return SIMCLR_E_MEMORY;
    s->base.append = append;
    s->err = err;
    int rc = sc_fs_writer_open(&s->writer, path, err);
    if (rc < 0) {
        sc_free(s);
        return rc;
    }
    onnx__model__pack_to_buffer(model, &s->base);
    flush(s);
    rc = s->code;
    if (rc == 0)
        rc = sc_fs_writer_commit(s->writer, err);
    else
        sc_fs_writer_abandon(s->writer);
    sc_free(s);
    return rc;
}

/* Arrays of the messages in the lists of g; false: no memory. */
static bool collect(Onnx__Graph *out, sc_onnx_graph *g)
{
    size_t i = 0;
    out->node = sc_onnx_take(g, g->node_count * sizeof *out->node);
    out->initializer = sc_onnx_take(g, g->tensor_count * sizeof *out->initializer);
    out->input = sc_onnx_take(g, sizeof *out->input * SC_ONNX_VALUES);
    out->output = sc_onnx_take(g, sizeof *out->output * SC_ONNX_VALUES);
    if (g->code < 0)
        return false;
    for (sc_onnx_operator *n = g->nodes; n != NULL; n = n->next)
        out->node[i++] = &n->proto;
    out->n_node = i;
    i = 0;
    for (sc_onnx_tensor *t = g->tensors; t != NULL; t = t->next)
        out->initializer[i++] = &t->proto;
    out->n_initializer = i;
    for (i = 0; i < g->inputs.count; i++)
        out->input[i] = &g->inputs.value[i]->proto;
    out->n_input = i;
    for (i = 0; i < g->outputs.count; i++)
        out->output[i] = &g->outputs.value[i]->proto;
    out->n_output = i;
    return true;
}

static Onnx__Entry **entries(sc_onnx_graph *g, const sc_string_pair *metadata, size_t count)
{
    Onnx__Entry **list = sc_onnx_take(g, count * sizeof *list);
    Onnx__Entry *all = sc_onnx_take(g, count * sizeof *all);
    if (g->code < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        onnx__entry__init(list[i] = &all[i]);
        all[i].key = (char *)(uintptr_t)metadata[i].key;
        all[i].value = (char *)(uintptr_t)metadata[i].value;
    }
    return list;
}

int sc_onnx_graph_write(const char *path, sc_onnx_graph *graph, const char *doc,
                        const sc_string_pair *metadata, size_t metadata_count, simclr_error *err)
{
    Onnx__Model model = ONNX__MODEL__INIT;
    Onnx__Graph g = ONNX__GRAPH__INIT;
    Onnx__OperatorSet operators = ONNX__OPERATOR_SET__INIT, *imports[1] = {&operators};
    char name[] = "simclr", version[] = SIMCLR_VERSION, domain[] = "";
    bool whole = collect(&g, graph);
    model.metadata_props = entries(graph, metadata, metadata_count);
    if (!whole || model.metadata_props == NULL)
        return sc_fail(err, SIMCLR_E_MEMORY, "%s: no memory for its graph", path);
    g.name = name;
    operators.domain = domain;
    operators.has_version = model.has_ir_version = 1;
    operators.version = OPERATORS;
    model.ir_version = IR_VERSION;
    model.producer_name = name;
    model.producer_version = version;
    model.doc_string = (char *)(uintptr_t)doc;
    model.graph = &g;
    model.n_opset_import = 1;
    model.opset_import = imports;
    model.n_metadata_props = metadata_count;
    return write_model(path, &model, err);
}
