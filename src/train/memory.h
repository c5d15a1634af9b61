/* SPDX-License-Identifier: MIT
 *
 * memory.h - the memory of a run: all that grows with the batch is laid out before it is allocated, so
 * that what any batch needs is known in advance.
 */
#ifndef SC_TRAIN_MEMORY_H
#define SC_TRAIN_MEMORY_H

#include "train/trainer.h"

/* Options of the network for batches of `batch` images, of all processes together, once data, size and tables
 * of t are settled. */
sc_network_options sc_run_network(const sc_trainer *t, size_t batch);
/* x, h, z, their gradients and NT-Xent of a step of `rows` views of this process, as far as they are the
 * host's; step->group says how many processes there are. */
void sc_run_plan(sc_step *step, size_t rows, sc_arena *arena);

/* Bytes that a run of `batch` images a step takes where its network is: in the device's memory, else
 * the host's.  t's views are open; nothing else of its step is looked at. */
size_t sc_run_bytes(const sc_trainer *t, size_t batch);
/* Of these, what the loader holds without a device: views drawn ahead, and the images that its threads
 * are at. */
size_t sc_run_loader_bytes(const sc_trainer *t, size_t batch);
/* Bytes that are free there; 0 where the system does not say. */
size_t sc_run_free(const sc_trainer *t);

/* Bytes as a person reads them, in the unit of `scale` bytes: "21.3 GiB". */
void sc_run_amount(char *out, size_t size, double bytes, double scale);

/* After SIMCLR_E_MEMORY, with what was free before: where that is less than the run needs, err says
 * so and names the largest batch that fits.  Returns SIMCLR_E_MEMORY. */
int sc_run_too_large(const sc_trainer *t, size_t free_bytes, simclr_error *err);
/* After SIMCLR_E_MEMORY in a step: the run fits, but not with what the device's libraries take later, which
 * nobody knows in advance.  Adds to err a batch that leaves more for them.  Returns SIMCLR_E_MEMORY. */
int sc_run_ran_out(const sc_trainer *t, simclr_error *err);

#endif
