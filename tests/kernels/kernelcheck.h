/* SPDX-License-Identifier: MIT
 *
 * kernelcheck.h - what the parts of the kernel harness share.
 *
 * A case is one call of one operation.  It runs in both precisions, with the reference and with the
 * table under test, on 1, 2 and 3 threads and once more; outputs lie between guards and are poisoned
 * before.  Data are floats: what the operation takes as a map goes through map_of, and an output
 * that is a map is loaded before it is compared.
 */
#ifndef SC_KERNELS_KERNELCHECK_H
#define SC_KERNELS_KERNELCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

enum { CASE_OUTPUTS = 8 };

/* What an output is and how it is compared. */
typedef enum {
    OUT_EXACT, /* numbers equal; -0 equals 0, NaN equals NaN */
    OUT_NEAR,  /* within tolerance * the largest magnitude of the reference */
    OUT_BITS,  /* uint32_t */
    OUT_TRUE,  /* 1 of the table and of the reference: something that the case found out holds */
    MAP_EXACT, /* the same for a map */
    MAP_NEAR,  /* and, in bf16, one step of bf16 more */
    MAP_ANY    /* a map that another output judges */
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
    double terms; /* the size of what outputs are sums of, where they may all be much less; or 0 */
    const double *norms; /* table_norms of it, or NULL */
    bool gradient; /* of a convolution: output 0 less its `initial`; later ones are it and a base */
    double winograd; /* what Winograd's transforms may cost in bf16: rms error / rms output; or 0 */
    const sc_conv_shape *conv; /* scratch by conv2d_scratch; NULL: none */
} kernel_case;

/* Runs the case for every table under test. */
void check_case(const kernel_case *c);
bool wanted(const char *op);
/* Whether a case of so many multiply-adds is small enough; else it is counted as left out. */
bool affordable(double work);

/* ---- tables_cpu.c, or tests/cuda/tables_cuda.c or tables_gpu.c: what is tested, and how ---- */

extern const char *const table_names[]; /* up to NULL */
const sc_backend *table_by_name(const char *name, sc_precision precision);
/* Whether a table rounds a convolution's gradient, of this output, to an element of a map before it adds it
 * to a base. */
bool table_adds_rounded(const sc_backend *table, const kernel_case *c, int which);
extern const int table_threads[];    /* of runs that must give the same bits, up to 0 */
extern const bool table_transforms;  /* convolutions are not all direct sums */
extern const double table_most_work; /* multiply-adds of a case */

/* ---- tables_host.c, or tests/cuda/tables_gpu.c ---- */

/* Memory that the host and the tables reach, 64-byte aligned; NULL: there is none. */
void *table_alloc(size_t bytes);
void table_free(void *block);
enum { POISON = 0xff }; /* of each byte: quiet NaNs, as floats and as bfloat16 */
void table_poison(void *block, size_t bytes);
/* Calls c->run, and returns when what it asked for has been done. */
void table_run(const kernel_case *c, const sc_backend *table, float **out, void *scratch);
/* When all cases have run: says what should be known of them; false: they do not count. */
bool table_end(void);
/* Of convolutions forward, to the data, to the weights, by precision: largest norm of the difference
 * over the norm of the output.  0: element by element, as all else. */
extern const double table_norms[3][2];

/* ---- buffers.c ---- */

void seed_fills(uint64_t seed);
/* count floats; exact: small integers, whose products and sums are exact in float. */
float *fill(size_t count, bool exact);
float *fill_positive(size_t count);
/* Floats of 12 significant bits.  The product of two is exact, so that x scale + shift is the same number
 * fused or not and ReLU keeps the same pixels in every table. */
float *fill_short(size_t count);
/* x, which fill gave, as a map of this table; NULL for NULL. */
sc_map *map_of(const sc_backend *table, const float *x);
void drop_maps(void);
void drop_fills(void); /* frees everything that fill and map_of gave */
/* A block with guards before and behind, all of it poisoned. */
void *guarded(size_t bytes);
bool guards_intact(const void *block, size_t bytes);
void release(void *block);

/* ---- matches.c ---- */

/* Whether output `which` is near enough to the reference's, or what differs as text. */
bool output_matches(char *text, size_t size, const kernel_case *c, const sc_backend *table,
                    int which, float *const *gots, float *const *wants);

/* Whether two maps of this table are the same to the bit. */
bool same_maps(const sc_backend *table, const void *a, const void *b, size_t count);
/* sums (vectors, c) = 1 + how far they are from `want`, in parts of the largest of each vector */
void deviations(float *sums, const float *want, size_t vectors, size_t c);

/* ---- the cases ---- */

/* {n, h, w, c, k, r, s, stride, pad, dilation} with its output */
sc_conv_shape conv_shape(const size_t v[10]);
/* multiply-adds */
double conv_work(const sc_conv_shape *s);

void check_gemm(void);
void check_convolutions(void);
void check_passes(void);
void check_pool_passes(void);
void check_norms(void);
void check_pools(void);
void check_pointwise(void);
void bench(const sc_backend *table, int repeats);

#endif
