/* SPDX-License-Identifier: MIT
 *
 * dist_load.h - the processes that mpirun or srun started together, as a group.
 *
 * The program links nothing of MPI's: what connects the ranks is a plug-in, libsimclr_mpi.so, built where MPI
 * is and loaded only where a launcher has started more than one process.
 *
 *   SIMCLR_MPI        path of the plug-in, or "off": every process for itself
 */
#ifndef SC_DIST_DIST_LOAD_H
#define SC_DIST_DIST_LOAD_H

#include "core/group.h"

enum { SC_DIST_ABI = 1 };

/* What the plug-in exports as simclr_group_plugin. */
typedef struct {
    uint32_t abi, bytes; /* SC_DIST_ABI, sizeof(sc_dist_plugin) */
    const char *(*version)(void);
    /* Meets the others; NULL, with the reason in why (size): impossible. */
    const sc_group *(*join)(char *why, size_t size);
} sc_dist_plugin;
typedef const sc_dist_plugin *(*sc_dist_entry)(void);

/* *out: the group, or NULL where this process is alone.  The first call meets the others, later ones give the same.
 * SIMCLR_E_USAGE: several were started, and cannot be connected. */
int sc_dist_join(const sc_group **out, simclr_error *err);
/* One line: what would connect the ranks, or why nothing can. */
void sc_dist_probe(char *text, size_t size);

#endif
