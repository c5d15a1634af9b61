/* SPDX-License-Identifier: MIT
 *
 * fake_cudart.h - the calls of CUDA's runtime that the plug-in's C makes, in host memory, so that its
 * bookkeeping is tested where there is no GPU.  Copies and zeroings are done when somebody waits for the
 * stream, as late as they may be; while it is captured they are noted, and queued when the graph is launched.
 * Each thread has its device; a thread with another than that of the stream is refused.
 */
#ifndef SC_TESTS_FAKE_CUDART_H
#define SC_TESTS_FAKE_CUDART_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *fail; /* name of the call that fails */
    int fail_in;      /* 1: the next one, then never again; 0: none */
    int status;       /* with this cudaError_t */
    bool sticky;      /* and so does everything after it */
    int driver;       /* version; 0: none */
    int devices;
    int capability[4]; /* of each: 10 major + minor */
    size_t free_mib;   /* of 1000 */
    int captures, launches, synchronisations;
    size_t blocks; /* not freed yet */
    size_t graphs; /* not destroyed yet */
    double ms;     /* the device's clock, which events read */
} fake_state;

extern fake_state fake;

/* A machine with two good devices. */
void fake_reset(void);
/* The cudaError_t of this call: the failure that was asked for, when its turn comes. */
int fake_turn(const char *call);

#endif
