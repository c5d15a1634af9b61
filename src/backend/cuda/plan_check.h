/* SPDX-License-Identifier: MIT
 *
 * plan_check.h - plans of convolutions for devices that are only described: which engine a GPU would be
 * given, found on a machine that has none.
 */
#ifndef SC_CUDA_PLAN_CHECK_H
#define SC_CUDA_PLAN_CHECK_H

#include "backend/cuda/conv_plan.h"

/* What cuDNN asks about a device; the rest is the same for all of them. */
typedef struct {
    const char *name;
    int capability; /* 10 major + minor */
    int processors;
    int shared_optin;    /* bytes of shared memory a block may ask for */
    int blocks, threads; /* a multiprocessor holds at once */
    int clock_mhz, memory_mhz;
    int cache_mib; /* level 2 */
    int memory_mib;
} sc_plan_device;

extern const sc_plan_device SC_PLAN_DEVICES[];
extern const size_t SC_PLAN_DEVICE_COUNT;

/* Version of the cuDNN that is loaded, as CUDNN_VERSION; 0 where it cannot describe devices. */
size_t sc_plan_cudnn_version(void);

/* For sc_cudnn_target.described; NULL with `why`. */
sc_cudnn_descriptor sc_plan_describe(const sc_plan_device *device, char *why, size_t why_size);

typedef struct {
    size_t proposed, admitted; /* configurations; admitted of those that were looked at */
    sc_conv_candidate first;   /* the first admitted one that uses tensor cores, else the first; its
                                  plan is freed */
    char why[320];             /* where none is admitted */
} sc_plan_report;

/* Whether a plan is admitted.  precision bf16: looks on for one that uses tensor cores. */
bool sc_plan_check(sc_plan_report *out, sc_cudnn_descriptor device, sc_conv_pass pass,
                   sc_precision precision, const sc_conv_shape *shape);

#endif
