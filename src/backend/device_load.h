/* SPDX-License-Identifier: MIT
 *
 * device_load.h - finds the plug-in with a GPU's kernels, libsimclr_cuda.so, and opens a device.
 *
 * The program links nothing of a GPU's: without the plug-in, the library it needs, a driver or a GPU it
 * says which of them is missing and goes on with the processor.
 *
 *   SIMCLR_CUDA       path of the plug-in, or "off"
 *   SIMCLR_CUDA_LIBS  directories with libcudnn.so.9, with ":" between them
 */
#ifndef SC_BACKEND_DEVICE_LOAD_H
#define SC_BACKEND_DEVICE_LOAD_H

#include "backend/device.h"

/* How many devices can be used; `text` is one line: which, with versions, or why there is none. */
int sc_device_probe(char *text, size_t size);
/* Devices, usable or not: their numbers are 0 .. n-1.  0 without a plug-in. */
int sc_device_count(void);

/* Opens device `number`; SIMCLR_E_DEVICE with the reason.  One at a time, also by several callers. */
int sc_device_load(const sc_device **out, int number, simclr_error *err);
/* What its user should know, for instance why nothing is recorded; "": nothing.  device may be NULL. */
const char *sc_device_note(const sc_device *device);
/* The one that is open, if any; its memory is freed before. */
void sc_device_close(void);

#endif
