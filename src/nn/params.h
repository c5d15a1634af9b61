/* SPDX-License-Identifier: MIT
 *
 * params.h - every parameter of the network in one table over flat buffers of one layout.
 *
 * Checkpoint names, LARS exclusions, initialisation, histograms and `simclr inspect` all walk this
 * table; no list is kept in step by hand.  Trainable entries come first in the buffers, entries
 * with SC_PARAM_BUFFER (running statistics) in the tail of `value` alone; the order of the table
 * is the order of registration, which is torchvision's.
 */
#ifndef SC_NN_PARAMS_H
#define SC_NN_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/real.h"

enum {
    SC_PARAM_BUFFER = 1,  /* not trained: no grad, m, v */
    SC_PARAM_DECAY = 2,   /* weight decay applies: weights, not norms and biases */
    SC_PARAM_ADAPT = 4,   /* LARS adapts its rate (SimCLR B.9: not norms and biases) */
    SC_PARAM_COUNTER = 8, /* num_batches_tracked: written as an int64 scalar */
    SC_PARAM_NAME = 96
};

typedef enum {
    SC_INIT_ZERO,
    SC_INIT_ONE,
    SC_INIT_NORMAL, /* standard deviation init_scale */
    SC_INIT_UNIFORM /* [-init_scale, init_scale) */
} sc_init_kind;

typedef struct {
    char name[SC_PARAM_NAME]; /* "layer1.0.conv1.weight" */
    size_t shape[4];          /* as PyTorch: K,C,R,S; out,in; C; nothing */
    int ndim;                 /* 0 .. 4 */
    size_t count;             /* product of shape; 1 for a scalar */
    size_t offset;            /* in sc_real, multiple of 64 bytes; valid after sc_params_alloc */
    unsigned flags;
    sc_init_kind init;
    double init_scale;
} sc_param;

typedef struct {
    sc_real *value, *grad, *m, *v; /* NULL before sc_params_alloc; padding is always zero */
} sc_param_buffers;

/* On a device the kernels work on `there`, in its memory, and what the host sees, value, m and v, is
 * what sc_params_pull fetched last; sc_params_push brings back what the host wrote. */
typedef struct {
    sc_param *entry;
    size_t entry_count, entry_capacity;
    size_t trained; /* sc_real in grad, m, v: trainable entries with their padding */
    size_t total;   /* sc_real in value: trained, then the buffers */
    sc_real *value, *grad, *m, *v;
    const struct sc_device *device; /* NULL: the host; set before sc_params_alloc */
    sc_param_buffers there;
    sc_arena memory_here, memory_there;
} sc_params;

/* Appends an entry; the index, or a negative code (SIMCLR_E_MEMORY; SIMCLR_E_INTERNAL for a name
 * that is taken or too long).  `like` gives name, shape, ndim, flags, init, init_scale. */
int sc_params_add(sc_params *params, const sc_param *like, simclr_error *err);

/* Lays out the buffers once all entries are added: memory_here.used and (with a device)
 * memory_there.used are the bytes they take. */
void sc_params_measure(sc_params *params);
/* The same, and allocates them, zeroed. */
int sc_params_alloc(sc_params *params, simclr_error *err);
void sc_params_close(sc_params *params); /* a zeroed table is fine */

/* Without a device they do nothing.  value, m and v; sc_params_pull_grad: the gradients alone.  What a
 * device that failed was asked for is zeros: SIMCLR_E_DEVICE, SIMCLR_E_MEMORY (device.h, wait). */
void sc_params_push(const sc_params *params);
int sc_params_pull(const sc_params *params, simclr_error *err);
int sc_params_pull_grad(const sc_params *params, simclr_error *err);

/* Fresh values for every entry, as its init says; entry i draws from the stream
 * (seed, 0, i, 0, SC_RNG_INIT).  m, v and grad become zero. */
void sc_params_reset(sc_params *params, uint64_t seed);

/* Index of an entry by name, or -1. */
long sc_params_find(const sc_params *params, const char *name);

/* Where the kernels find an entry: in the device's memory if there is one. */
sc_real *sc_params_value(const sc_params *params, int index);
sc_real *sc_params_grad(const sc_params *params, int index); /* NULL for buffers */

/* Numbers in entries first .. first+count-1 that are trained (not buffers). */
size_t sc_params_count(const sc_params *params, size_t first, size_t count);

void sc_params_zero_grad(sc_params *params);

/* Of the host's gradients: sqrt(sum g^2) over all trainable entries, added in a fixed order.  NaN or Inf when any gradient
 * is; *bad (may be NULL) is then the first such entry, else entry_count. */
double sc_params_grad_norm(const sc_params *params, size_t *bad);

#endif
