/* SPDX-License-Identifier: MIT
 *
 * limits.h - what this machine can do at most, measured: multiply-adds and copies, on all threads.
 */
#ifndef SC_BACKEND_LIMITS_H
#define SC_BACKEND_LIMITS_H

#include "backend/backend.h"

/* Operations per second (2 a multiply-add) of the kind that the table's convolutions are made of.
 * SIMCLR_E_MEMORY. */
int sc_limits_peak(double *flops_per_s, const sc_backend *table, simclr_error *err);
/* Bytes per second, read plus written, of a copy that no cache holds; the best of several tries.
 * SIMCLR_E_MEMORY. */
int sc_limits_copy(double *bytes_per_s, simclr_error *err);

#endif
