/* SPDX-License-Identifier: MIT
 *
 * limits.h - what this machine can do at most, measured: multiply-adds and copies, on all threads; or
 * what a device can.
 */
#ifndef SC_BACKEND_LIMITS_H
#define SC_BACKEND_LIMITS_H

#include "backend/backend.h"

/* Operations per second (2 a multiply-add) of the kind that the table's convolutions are made of, in
 * registers.  With a device: of the largest product that the table offers in its precision, 8192^3 if
 * the device is fast enough and has 2 GiB free.  SIMCLR_E_MEMORY, SIMCLR_E_DEVICE. */
int sc_limits_peak(double *flops_per_s, const sc_backend *table, simclr_error *err);
/* Bytes per second, read plus written, of a copy that no cache holds, within the memory that the table
 * works on; the best of several tries.  SIMCLR_E_MEMORY, SIMCLR_E_DEVICE. */
int sc_limits_copy(double *bytes_per_s, const sc_backend *table, simclr_error *err);

/* ---- limits_device.c: the same of a table with a device ---- */

int sc_limits_device_peak(double *flops_per_s, const sc_backend *table, simclr_error *err);
int sc_limits_device_copy(double *bytes_per_s, const sc_backend *table, simclr_error *err);

#endif
