/* SPDX-License-Identifier: MIT
 *
 * kernelcheck.h - what the parts of the kernel harness share.
 *
 * A case is one call of one operation.  It runs with the reference and with the table under test,
 * on 1, 2 and 3 threads and once more; outputs lie between guards and are poisoned before.
 */
#ifndef SC_KERNELS_KERNELCHECK_H
#define SC_KERNELS_KERNELCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

enum { CASE_OUTPUTS = 5 };

/* How an output is compared. */
typedef enum {
    OUT_EXACT, /* bit for bit (numbers equal; -0 equals 0) */
    OUT_BITS,  /* uint32_t */
    OUT_NEAR   /* within tolerance * the largest magnitude of the reference */
} out_kind;

typedef struct {
    out_kind kind;
    size_t count;
    const float *initial; /* contents before the call; NULL: poison */
} case_output;

typedef struct {
    const char *op;
    char shape[200]; /* for the message */
    void (*run)(const sc_backend *table, float **out, void *scratch, void *context);
    void *context;
    case_output out[CASE_OUTPUTS];
    double tolerance;
    const sc_conv_shape *conv; /* scratch by conv2d_scratch; NULL: none */
} kernel_case;

/* Runs the case for every table under test. */
void check_case(const kernel_case *c);
/* count floats; exact: small integers, whose products and sums are exact in float. */
float *fill(size_t count, bool exact);
float *fill_positive(size_t count);
void drop_fills(void); /* frees everything fill gave */
bool wanted(const char *op);

void check_gemm(void);
void check_convolutions(void);
void check_norms(void);
void check_pools(void);
void check_pointwise(void);
void bench(const sc_backend *table, int repeats);

#endif
