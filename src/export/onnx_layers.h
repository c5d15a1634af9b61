/* SPDX-License-Identifier: MIT
 *
 * onnx_layers.h - layers, in inference, as ONNX operators of operator set 13.  Maps are NCHW; weights are the
 * parameters of the network under their names, with two exceptions of shape: scale and shift of a
 * group norm are (C,1,1).
 *
 * Each function takes and returns the name of a value.  Nodes bear the name of the convolution or linear
 * layer that they belong to.
 */
#ifndef SC_EXPORT_ONNX_LAYERS_H
#define SC_EXPORT_ONNX_LAYERS_H

#include "export/onnx_graph.h"
#include "model/encoder.h"
#include "model/projector.h"

/* act(norm(conv(x)) + residual); residual may be NULL. */
const char *sc_onnx_unit(sc_onnx_graph *graph, const char *x, const char *residual,
                         const sc_unit *unit);
/* The pool behind the stem. */
const char *sc_onnx_pool(sc_onnx_graph *graph, const char *x, const sc_encoder *encoder);
/* act(norm(linear(x))), without dropout. */
const char *sc_onnx_projector_layer(sc_onnx_graph *graph, const char *x,
                                    const sc_projector_layer *layer);

#endif
