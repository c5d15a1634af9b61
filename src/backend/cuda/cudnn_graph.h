/* SPDX-License-Identifier: MIT
 *
 * cudnn_graph.h - convolutions as graphs of cuDNN's backend API: descriptions, engines, plans.
 *
 * The first failure of building a graph sticks: later calls then do nothing.  A query or a plan fails by
 * itself.  All descriptors of a graph are freed together.  Needs no device where a described one is
 * given (cuDNN 9.8 or later).
 * No type of cuDNN's is named here, so that only cudnn_graph.c and cudnn_notes.c depend on its header.
 */
#ifndef SC_CUDA_CUDNN_GRAPH_H
#define SC_CUDA_CUDNN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/cuda/conv.h"

typedef void *sc_cudnn_descriptor; /* cudnnBackendDescriptor_t */

enum { SC_CUDNN_DESCRIPTORS = 8, SC_CUDNN_CONFIGS = 48, SC_CUDNN_SETTINGS = 200 };

typedef struct {
    sc_cudnn_descriptor kept[SC_CUDNN_DESCRIPTORS];
    size_t count;
    sc_cudnn_descriptor operations; /* the operation graph */
    int status;                     /* cudnnStatus_t of the first failure to build it; 0: none */
    char why[320];                  /* what failed first of all; "": nothing */
} sc_cudnn_graph;

/* Where plans run: on the device of a handle, or on a described one. */
typedef struct {
    void *handle; /* cudnnHandle_t */
    sc_cudnn_descriptor described;
} sc_cudnn_target;

/* What an engine says of itself. */
typedef struct {
    int64_t engine; /* its number, of this pass */
    bool deterministic;
    bool tensor_core;      /* with float: products in TF32 or narrower */
    bool narrow_inputs;    /* converts to fewer bits first */
    bool narrow_sums;      /* sums in fewer bits than fp32 */
    bool fourier;          /* by FFT */
    unsigned winograd;     /* pixels of its tiles' sides; 0: not by Winograd; 1: unknown */
    bool runtime_compiled; /* compiled when first used: seconds */
    /* What the configuration sets of it, tiles and the like, by cuDNN's numbers: "2=0,13=1"; "-": nothing;
     * "?": it is not known. */
    char settings[SC_CUDNN_SETTINGS];
} sc_cudnn_notes;

/* The graph of one pass; a, b and out are as in conv.h and have the identifiers 1, 2, 3. */
void sc_cudnn_graph_conv(sc_cudnn_graph *g, const sc_cudnn_target *target, sc_conv_pass pass,
                         sc_precision precision, const sc_conv_shape *shape);
void sc_cudnn_graph_free(sc_cudnn_graph *g);

/* Engine configurations that the heuristics propose, best first; each is the caller's to free.
 * fallback: those that always work, instead. */
size_t sc_cudnn_configs(sc_cudnn_descriptor *out, size_t most, sc_cudnn_graph *g,
                        const sc_cudnn_target *target, bool fallback);
bool sc_cudnn_config_notes(sc_cudnn_notes *out, sc_cudnn_descriptor config);

/* NULL where the engine does not take this graph. */
sc_cudnn_descriptor sc_cudnn_plan(int64_t *workspace, sc_cudnn_descriptor config, sc_cudnn_graph *g,
                                  const sc_cudnn_target *target);
/* Queues it: 0, or a cudnnStatus_t, told in `why`. */
int sc_cudnn_execute(void *handle, sc_cudnn_descriptor plan, const void *a, const void *b,
                     void *out, void *workspace, char *why, size_t why_size);
/* Whether a cudnnStatus_t says that memory ran out. */
bool sc_cudnn_no_memory(int status);

/* A device by its description in JSON; NULL with `why` where cuDNN does not take it. */
sc_cudnn_descriptor sc_cudnn_describe(const char *json, char *why, size_t why_size);
void sc_cudnn_free(sc_cudnn_descriptor descriptor); /* NULL is fine */

#endif
