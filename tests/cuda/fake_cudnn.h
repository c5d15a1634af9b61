/* SPDX-License-Identifier: MIT
 *
 * fake_cudnn.h - cudnn_graph.h with engines that a test describes, instead of cuDNN's.
 */
#ifndef SC_TESTS_FAKE_CUDNN_H
#define SC_TESTS_FAKE_CUDNN_H

#include "backend/cuda/cudnn_graph.h"

enum { FAKE_ENGINES = 9, FAKE_FAILS = 3000, FAKE_NO_MEMORY = 4004 };

typedef struct {
    sc_cudnn_notes notes;
    int64_t workspace;
    float ms;       /* of an execution */
    bool no_plan;   /* the engine does not take this graph */
    bool no_run;    /* and this plan fails when executed */
    int status;     /* with this cudnnStatus_t */
    int executions; /* so far */
} fake_engine;

typedef struct {
    fake_engine engine[FAKE_ENGINES];
    size_t proposed,
        fallback; /* the first `proposed` come from the heuristics, then the fallback's */
    size_t searches;
    size_t alive;  /* descriptors */
    int no_handle; /* cudnnStatus_t of cudnnCreate */
} fake_cudnn_state;

extern fake_cudnn_state fake_cudnn;

#endif
