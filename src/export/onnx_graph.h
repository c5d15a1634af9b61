/* SPDX-License-Identifier: MIT
 *
 * onnx_graph.h - a graph of ONNX operators, built node by node, and written as a model.
 *
 * Values go by name.  What adds something returns the name of the value it makes, which lives as long as the
 * graph; names and weights that are passed in are borrowed for as long.  A failure for want of memory is
 * remembered and told by sc_onnx_graph_write.
 */
#ifndef SC_EXPORT_ONNX_GRAPH_H
#define SC_EXPORT_ONNX_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/safetensors.h"

typedef struct sc_onnx_graph sc_onnx_graph;

int sc_onnx_graph_open(sc_onnx_graph **out, simclr_error *err);
void sc_onnx_graph_close(sc_onnx_graph *graph); /* NULL is fine */

enum { SC_ONNX_INPUTS = 5, SC_ONNX_ATTRIBUTES = 6, SC_ONNX_DIMS = 4 };

/* Adds an operator of one output, named after the module it belongs to: "layer1.0.conv1/Conv".  in: up to
 * SC_ONNX_INPUTS names, ended by NULL. */
const char *sc_onnx_node(sc_onnx_graph *graph, const char *op, const char *module,
                         const char *const *in);
/* Attributes of the node added last. */
void sc_onnx_int(sc_onnx_graph *graph, const char *name, int64_t value);
void sc_onnx_float(sc_onnx_graph *graph, const char *name, double value);
void sc_onnx_string(sc_onnx_graph *graph, const char *name, const char *value);
void sc_onnx_ints(sc_onnx_graph *graph, const char *name, const size_t *values, size_t count);
/* Calls the output of the node added last `name` from now on. */
void sc_onnx_rename(sc_onnx_graph *graph, const char *name);

/* Initializers.  One of a name that is there already is that one.  Weights stay where they are until the graph is
 * written; ndim <= SC_ONNX_DIMS. */
const char *sc_onnx_weights(sc_onnx_graph *graph, const char *name, const float *data,
                            const size_t *shape, size_t ndim);
/* One number `count` times, or with 0 a scalar; named by both. */
const char *sc_onnx_filled(sc_onnx_graph *graph, double value, size_t count);
const char *sc_onnx_integers(sc_onnx_graph *graph, const char *name, const int64_t *values,
                             size_t count);

/* The graph's own inputs and outputs: float, ("batch", shape ...), with a line of explanation. */
const char *sc_onnx_input(sc_onnx_graph *graph, const char *name, const char *doc,
                          const size_t *shape, size_t ndim);
void sc_onnx_output(sc_onnx_graph *graph, const char *name, const char *doc, const size_t *shape,
                    size_t ndim);

/* Writes the model atomically: operator set 13, IR version 7.  SIMCLR_E_USAGE: more than the 2 GiB that
 * protobuf can hold. */
int sc_onnx_graph_write(const char *path, sc_onnx_graph *graph, const char *doc,
                        const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

#endif
