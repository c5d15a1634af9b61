/* SPDX-License-Identifier: MIT
 *
 * device_rig.h - arrays to the device and back, for the tests of its stages.
 */
#ifndef DEVICE_RIG_H
#define DEVICE_RIG_H

#include "support/support.h"

#include "backend/cuda/kernels.h"
#include "backend/cuda/runtime.h"
#include "core/alloc.h"

/* Of runtime_on_cpu.cpp: how many bytes all blocks may take, and do. */
void cuda_on_cpu_limit(size_t bytes);
/* Whether what libraries take on the way has found no memory; false: forgets all that failed. */
void cuda_on_cpu_full(bool yes);
size_t cuda_on_cpu_taken(void);
size_t cuda_on_cpu_uploaded(void); /* bytes, ever */
/* Nothing is done before somebody waits for it; false: at once. */
void cuda_on_cpu_late(bool yes);

/* from NULL: all bytes 0xff, which are NaNs. */
static inline void *rig_send(const void *from, size_t bytes)
{
    simclr_error err;
    void *block = sc_cuda_alloc(bytes, &err);

    assert_non_null(block);
    if (from != NULL) {
        sc_cuda_upload(block, from, bytes);
        return block;
    }
    unsigned char *nans = sc_alloc(bytes, 1, NULL);
    assert_non_null(nans);
    for (size_t i = 0; i < bytes; i++)
        nans[i] = 0xff;
    sc_cuda_upload(block, nans, bytes);
    sc_free(nans);
    return block;
}

/* A copy, the caller's: sc_free. */
static inline void *rig_fetch(const void *block, size_t bytes)
{
    simclr_error err;
    void *copy = sc_alloc(bytes, 1, NULL);

    assert_non_null(copy);
    sct_assert_ok(sc_cuda_wait(&err), &err);
    sc_cuda_download(copy, block, bytes);
    return copy;
}

#endif
