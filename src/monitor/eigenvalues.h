/* SPDX-License-Identifier: MIT
 *
 * eigenvalues.h - of a small symmetric matrix the eigenvalues, without vectors.
 */
#ifndef SC_MONITOR_EIGENVALUES_H
#define SC_MONITOR_EIGENVALUES_H

#include <stddef.h>

/* value (n), in no order, of a (n,n): symmetric, no eigenvalue below 0, finite, and so its squares; it
 * is overwritten.  work (2n).  Right to some 1e-15 of the trace. */
void sc_eigenvalues(double *value, double *a, double *work, size_t n);

#endif
