/* SPDX-License-Identifier: MIT
 *
 * kernels.h - what the .cu files give table.cu: tables of kernels and the stages of a step, as
 * backend.h and device.h describe them.  Each only queues work.
 */
#ifndef SC_CUDA_KERNELS_H
#define SC_CUDA_KERNELS_H

#include "backend/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- table.cu ---- */

/* The tables of kernels; their device is the one that sc_cuda_device filled last, or NULL. */
const sc_backend *sc_cuda_table(sc_precision precision);
/* Everything but name, which the caller fills; `out` must stay. */
void sc_cuda_device(sc_device *out);

/* ---- views.cu ---- */

size_t sc_cuda_views_scratch(const sc_device_views *host_options, size_t count, uint32_t max_height,
                             uint32_t max_width);
void sc_cuda_views(sc_real *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
                   const sc_device_views *options, const sc_device_views *host_options,
                   uint32_t max_height, uint32_t max_width, void *scratch);

/* ---- ntxent.cu ---- */

void sc_cuda_ntxent_forward(sc_step_output *out, const sc_device_ntxent *t);
void sc_cuda_ntxent_backward(const sc_device_ntxent *t);

/* ---- update.cu ---- */

void sc_cuda_update(sc_step_output *out, const sc_step_input *in, const sc_device_update *u);

/* ---- nearest.cu ---- */

void sc_cuda_nearest(const sc_device_nearest *t);

#ifdef __cplusplus
}
#endif

#endif
