/* SPDX-License-Identifier: MIT
 *
 * health.h - is the run learning?  One verdict from the loss within its possible range and from the
 * geometry of z.
 *
 * ceiling = ln(2N - 1), nothing learnt; floor = ln(e^(1/t) + 2(N-1) e^(-1/(t(N-1)))) - 1/t, all
 * negatives on a simplex.  Effective rank = exp(entropy of the normalised singular values of z)
 * (RankMe, Garrido et al. 2023, eq. 4).
 */
#ifndef SC_MONITOR_HEALTH_H
#define SC_MONITOR_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef enum {
    SC_HEALTH_STARTING,     /* too few steps to tell */
    SC_HEALTH_LEARNING,     /* below the ceiling three times in a row, and not stuck since */
    SC_HEALTH_NOT_LEARNING, /* within 0.5 % of the range of the ceiling for `patience` steps */
    SC_HEALTH_COLLAPSING    /* all z alike: effective rank or spread (almost) gone */
} sc_health_verdict;

typedef struct {
    double loss, ceiling, floor;
    double top1;           /* share of rows whose nearest other row is the positive; NaN: unknown */
    double alignment;      /* mean |z_i - z_pos(i)|^2; NaN: unknown */
    double uniformity;     /* ln mean exp(-2 |z_i - z_j|^2), -4..0; NaN: unknown */
    double effective_rank; /* 1..d; NaN: unknown */
} sc_health_input;

typedef struct {
    uint64_t stuck;  /* steps in a row at the ceiling */
    uint64_t moving; /* steps in a row below it */
    uint64_t sunken; /* steps in a row that looked collapsed */
    uint64_t patience;
    bool learning;
} sc_health;

void sc_health_init(sc_health *health, uint64_t patience);
sc_health_verdict sc_health_update(sc_health *health, const sc_health_input *in);

const char *sc_health_name(sc_health_verdict verdict); /* "learning" */
/* How far the loss has come from ceiling to floor: 0..1, clamped. */
double sc_health_fraction(double loss, double ceiling, double floor);
/* "learning: loss 5.31 has covered 23% of the range 6.24 ... 4.24, top-1 41%, rank 57". */
void sc_health_text(char *out, size_t out_size, sc_health_verdict verdict,
                    const sc_health_input *in);

/* Effective rank of z (rows, dim).  NaN when z holds a value that is not finite, and where both rows
 * and dim are more than 256: it takes a tenth of a second and more there.  The same bits for any number
 * of threads. */
int sc_effective_rank(double *out, const float *z, size_t rows, size_t dim, simclr_error *err);

#endif
