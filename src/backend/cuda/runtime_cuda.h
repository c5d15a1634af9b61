/* SPDX-License-Identifier: MIT
 *
 * runtime_cuda.h - what only runtime.c, the real one, has: opening a device, and what is being recorded.
 */
#ifndef SC_CUDA_RUNTIME_CUDA_H
#define SC_CUDA_RUNTIME_CUDA_H

#include <stdbool.h>

#include "backend/cuda/runtime.h"

/* Least compute capability, 10 major + minor: bf16 came with it. */
enum { SC_CUDA_CAPABILITY = 80 };

int sc_cuda_open(int number, simclr_error *err);
/* Frees what sc_cuda_open made; blocks are their owners'. */
void sc_cuda_close(void);
/* Makes it the device of the calling thread: CUDA keeps one for each, and calls may come from several in
 * turn.  What is declared in runtime.h begins with it. */
void sc_cuda_enter(void);

/* Between calls that are recorded and not executed: nothing may synchronise or allocate. */
bool sc_cuda_recording(void);
/* Why steps are not recorded; NULL: they are, or nobody has tried. */
const char *sc_cuda_note(void);

#endif
