/* SPDX-License-Identifier: MIT
 *
 * runtime.h - the one device that is open: its stream, its memory, what has failed on it.
 *
 * Kernels are queued on one stream, in the order of the calls, so that they may share the workspace.
 * runtime.c is this on CUDA; tests/cuda/runtime_on_cpu.cpp for the tests.
 */
#ifndef SC_CUDA_RUNTIME_H
#define SC_CUDA_RUNTIME_H

#include <stddef.h>

#include "backend/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the workspace: partial sums of a kernel's blocks, free again when the kernel that adds them
 * up has been queued.  The tests define less. */
#ifndef SC_CUDA_WORKSPACE
#define SC_CUDA_WORKSPACE ((size_t)32 << 20)
#endif

/* What blocks take a multiple of, in bytes: CUDA maps memory by pages of this size. */
#ifndef SC_CUDA_GRANULE
#define SC_CUDA_GRANULE ((size_t)2 << 20)
#endif

void *sc_cuda_stream(void);   /* cudaStream_t */
int sc_cuda_processors(void); /* multiprocessors: a good grid has a few times as many blocks */
void *sc_cuda_workspace(void);

/* Notes the first failure, of the launch just made or of anything before it; sc_cuda_wait tells. */
void sc_cuda_check(const char *what);
/* The same for a failure that is no cudaError_t; and where memory ran out, which sc_cuda_wait tells apart. */
void sc_cuda_fail(const char *what, const char *why);
void sc_cuda_fail_memory(const char *what, const char *why);

/* As in sc_device. */
void *sc_cuda_alloc(size_t bytes, simclr_error *err);
void sc_cuda_free(void *block);
size_t sc_cuda_free_bytes(void);
void *sc_cuda_host_alloc(size_t bytes, simclr_error *err);
void sc_cuda_host_free(void *block);
void sc_cuda_upload(void *to, const void *from, size_t bytes);
void sc_cuda_download(void *to, const void *from, size_t bytes);
void sc_cuda_zero(void *to, size_t bytes);
void sc_cuda_copy(void *to, const void *from, size_t bytes); /* both in device memory */
int sc_cuda_wait(simclr_error *err);
void sc_cuda_play(size_t key, void (*record)(void *context), void *context);
void sc_cuda_forget(void);

#ifdef __cplusplus
}
#endif

#endif
