/* SPDX-License-Identifier: MIT
 *
 * device_update.h - an optimiser as a device's update takes it (backend/device.h).
 */
#ifndef SC_OPTIM_DEVICE_UPDATE_H
#define SC_OPTIM_DEVICE_UPDATE_H

#include "backend/device.h"
#include "optim/optim.h"

/* The options, and pointers to the parameters wherever those are; piece, sum and ratio are NULL: the
 * caller's, in device memory. */
void sc_optim_describe(sc_device_update *out, const sc_optim *optim);
/* All out->pieces of them, each beginning at a multiple of 64 bytes of the parameters. */
void sc_optim_pieces(sc_update_piece *piece, const sc_optim *optim);
/* Rates of the step that comes after optim->steps; in->step stays. */
void sc_optim_rates(sc_step_input *in, const sc_optim *optim, double lr);

#endif
