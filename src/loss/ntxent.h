/* SPDX-License-Identifier: MIT
 *
 * ntxent.h - the normalised, temperature-scaled cross-entropy of Chen et al. 2020 (SimCLR, eq. 1).
 *
 *   s_ij = <z_i, z_j> / (|z_i| |z_j| t)
 *   L = mean over all 2N rows i of  log sum_{j != i} exp(s_ij) - s_i,pos(i)
 *   pos(i) = (i + N) mod 2N
 *
 * Computed over tiles of rows: memory O(N d), never (2N)^2.  Any N >= 2.
 */
#ifndef SC_LOSS_NTXENT_H
#define SC_LOSS_NTXENT_H

#include "backend/backend.h"
#include "core/alloc.h"

enum { SC_NTXENT_TILE = 128 }; /* rows of similarities in memory at once */

typedef struct {
    double top1;       /* share of rows whose positive is the most similar of the 2N-1 others */
    double alignment;  /* mean |z_i - z_pos|^2 of unit vectors (Wang & Isola 2020), 0 .. 4 */
    double uniformity; /* log mean exp(-2 |z_i - z_j|^2), i != j of one view; mean of both */
} sc_ntxent_stats;

typedef struct {
    const sc_backend *backend;
    size_t max_rows, dim, rows; /* rows = 2N of the last forward */
    double temperature;
    sc_real *unit;     /* (2N,d): z_i / |z_i|; 0 for a row of norm 0 */
    sc_real *inv_norm; /* (2N): 1/|z_i|; 0 for a row of norm 0 */
    sc_real *lse;      /* (2N): log sum_{j != i} exp(s_ij) */
    sc_real *tile;     /* (SC_NTXENT_TILE, 2N) */
    double *row_loss;  /* (2N, 3): per-row terms, added in order of the rows */
} sc_ntxent;

/* SIMCLR_E_USAGE unless temperature > 0, max_rows even and >= 4, dim >= 1. */
int sc_ntxent_init(sc_ntxent *ntxent, const sc_backend *backend, size_t max_rows, size_t dim,
                   double temperature, simclr_error *err);
void sc_ntxent_plan(sc_ntxent *ntxent, sc_arena *arena);

/* The loss of z (rows,d), rows = 2N >= 4: view 0 of N images, then view 1 of the same. */
double sc_ntxent_forward(sc_ntxent *ntxent, const sc_real *z, size_t rows);
/* dz (rows,d) of the last forward; for a row of norm 0 it is 0. */
void sc_ntxent_backward(sc_real *dz, sc_ntxent *ntxent);
/* Of z as forward takes it.  A backward pass may follow if z is that of the last forward. */
void sc_ntxent_diagnose(sc_ntxent_stats *out, sc_ntxent *ntxent, const sc_real *z, size_t rows);

/* ln(2N - 1): all rows equal, or all orthogonal. */
double sc_ntxent_ceiling(size_t n);
/* ln(e^(1/t) + 2(N-1) e^(-1/(t(N-1)))) - 1/t: pairs equal, images at the corners of a simplex;
 * the least value in a space of at least N-1 dimensions. */
double sc_ntxent_floor(size_t n, double temperature);

#endif
