/* SPDX-License-Identifier: MIT
 *
 * onnx_parts.h - what a graph is made of, for onnx_graph.c, which adds parts, and onnx_write.c.
 *
 * The parts hold protobuf messages and what these point to, in lists: arrays are made when the graph is
 * written.  All lie in blocks that are freed together.
 */
#ifndef SC_EXPORT_ONNX_PARTS_H
#define SC_EXPORT_ONNX_PARTS_H

#include <stdalign.h>

#include "export/onnx_graph.h"
#include "onnx.pb-c.h"

enum { SC_ONNX_NAME = 128, SC_ONNX_VALUES = 4 };

typedef struct sc_onnx_block {
    struct sc_onnx_block *next;
    alignas(max_align_t) unsigned char bytes[];
} sc_onnx_block;

typedef struct sc_onnx_operator {
    struct sc_onnx_operator *next;
    Onnx__Node proto;
    char *input[SC_ONNX_INPUTS], *output[1];
    Onnx__Attribute attribute[SC_ONNX_ATTRIBUTES], *attributes[SC_ONNX_ATTRIBUTES];
    char name[SC_ONNX_NAME];
} sc_onnx_operator;

typedef struct sc_onnx_tensor {
    struct sc_onnx_tensor *next;
    Onnx__Tensor proto;
    int64_t dims[SC_ONNX_DIMS];
    char name[SC_ONNX_NAME];
    unsigned char data[]; /* of constants */
} sc_onnx_tensor;

/* An input or output of the graph. */
typedef struct {
    Onnx__ValueInfo proto;
    Onnx__Type type;
    Onnx__Type__TensorType tensor;
    Onnx__Shape shape;
    Onnx__Shape__Dim dim[SC_ONNX_DIMS + 1], *dims[SC_ONNX_DIMS + 1];
} sc_onnx_value;

typedef struct {
    sc_onnx_value *value[SC_ONNX_VALUES];
    size_t count;
} sc_onnx_values;

struct sc_onnx_graph {
    sc_onnx_block *blocks;
    sc_onnx_operator *nodes, *last;
    sc_onnx_tensor *tensors, *last_tensor;
    size_t node_count, tensor_count;
    sc_onnx_values inputs, outputs;
    int code; /* SIMCLR_E_MEMORY once there was none */
};

/* `size` bytes that live as long as the graph, zeroed; NULL when there is no memory, which is remembered. */
void *sc_onnx_take(sc_onnx_graph *graph, size_t size);

#endif
