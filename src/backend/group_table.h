/* SPDX-License-Identifier: MIT
 *
 * group_table.h - tables of kernels for one of several processes: batch statistics are those of the whole
 * batch, not of the process's share.
 *
 * Everything else they forward to the tables of this process.  Mean and variance are put together from
 * those of the ranks' rows (Chan, Golub and LeVeque 1979), in the order of the ranks:
 *
 *   mean = sum n_r mean_r / n     var = sum n_r (var_r + (mean_r - mean)^2) / n     n = sum n_r
 *
 * and so are the means of the backward pass.  The sums into dgamma and dbeta stay those of the share:
 * they are added up with all other gradients of parameters.
 *
 * Kernels get no context, so the group is one a process.
 */
#ifndef SC_BACKEND_GROUP_TABLE_H
#define SC_BACKEND_GROUP_TABLE_H

#include "backend/backend.h"
#include "core/group.h"

/* *out: the tables of `group` above `inner`, tables of the host.  SIMCLR_E_BUSY: there are some already. */
int sc_group_tables_open(sc_tables *out, const sc_tables *inner, const sc_group *group,
                         simclr_error *err);
void sc_group_tables_close(void); /* without any: nothing */

/* ---- for the tables: group_table_kernels.h ---- */

typedef struct {
    sc_tables inner;
    const sc_group *group;
    size_t rows, all_rows; /* of the last statistics: the share's, the batch's */
    void *own, *all;       /* messages */
} sc_group_tables;

sc_group_tables *sc_group_tables_here(void);
/* mean and var, biased, of `rows` rows of this rank become those of all. */
void sc_group_statistics(sc_real *mean, sc_real *var, size_t rows, size_t channels);
/* a and b, means over `rows` rows of this rank, become those over all. */
void sc_group_means(sc_real *a, sc_real *b, size_t rows, size_t channels);
void sc_group_override_reals(sc_backend *table);
void sc_group_override_maps(sc_backend *table);

#endif
