/* SPDX-License-Identifier: MIT
 *
 * plan_store.h - which plan was the fastest for a convolution, kept between runs: a text file for each
 * GPU and version of cuDNN in $XDG_CACHE_HOME/simclr or ~/.cache/simclr.
 *
 * Timing is not the same twice, so that without it two runs might choose differently and differ in their
 * last bits.  A file that is missing, of another version or not readable is as good as none.
 */
#ifndef SC_CUDA_PLAN_STORE_H
#define SC_CUDA_PLAN_STORE_H

#include "backend/cuda/cudnn_graph.h"

enum { SC_PLAN_STORE_ENTRIES = 1024 };

/* What a plan is for; of no padding bytes, so that two are compared as bytes. */
typedef struct {
    uint64_t pass, precision;
    uint64_t n, h, w, c, k, r, s, stride, pad, dilation, algorithm;
} sc_plan_key;

typedef struct {
    sc_plan_key key;
    uint64_t index;                   /* of its configuration (conv_plan.h) */
    int64_t engine;                   /* these two must be the same again, or the choice is void */
    char settings[SC_CUDNN_SETTINGS]; /* no blanks, not "" */
    double us;                        /* measured; for people */
} sc_plan_choice;

typedef struct {
    char path[4096];  /* "": nowhere to keep it */
    char header[256]; /* first line of the file */
    sc_plan_choice choice[SC_PLAN_STORE_ENTRIES];
    size_t count;
} sc_plan_store;

sc_plan_key sc_plan_key_of(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape);

/* Reads what there is for this device and version of cuDNN. */
void sc_plan_store_open(sc_plan_store *store, const char *device, size_t cudnn_version);
const sc_plan_choice *sc_plan_store_find(const sc_plan_store *store, const sc_plan_key *key);
/* Adds or replaces, and writes the file; that it cannot be written is not an error. */
void sc_plan_store_put(sc_plan_store *store, const sc_plan_choice *choice);

#endif
