/* SPDX-License-Identifier: MIT
 *
 * support.h - what the tests share: cmocka, a seeded generator, tensor fills, comparison with a
 * useful message, gradient checks by central differences, buffers with guard pages, scratch
 * directories, and skips that are seen.  Use it as the first include of a test.
 */
#ifndef SCT_SUPPORT_H
#define SCT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "core/real.h"
#include "eval/features.h"

/* SIMCLR_TEST_SEED, or a fixed number; printed when first asked for. */
uint64_t sct_seed(void);
/* Next number of a generator seeded by sct_seed; uniform in [lo, hi). */
uint32_t sct_random(void);
double sct_uniform(double lo, double hi);
/* 0 .. n-1 */
size_t sct_below(size_t n);

void sct_fill_zeros(sc_real *x, size_t n);
void sct_fill_ramp(sc_real *x, size_t n);     /* 0, 1, 2, ... */
void sct_fill_integers(sc_real *x, size_t n); /* -4 .. 4: sums of products are exact in float */
void sct_fill_random(sc_real *x, size_t n);   /* uniform in [-1, 1) */
void sct_fill_normal(sc_real *x, size_t n);
void sct_fill_extremes(sc_real *x, size_t n); /* zeros of both signs, tiny, huge, subnormal */
void sct_fill_nan(sc_real *x, size_t n);      /* for outputs: shows what was not written */

/* <a_i, b_j> / (|a_i| |b_j|) of row i of a and row j of b, in double. */
double sct_cosine(const sc_features *a, size_t i, const sc_features *b, size_t j);

/* ||got - want|| / ||want||, or ||got|| when want is zero; NaN if any is NaN. */
double sct_relative_l2(const sc_real *got, const sc_real *want, size_t n);
/* Fails unless |got - want| <= atol + rtol |want| everywhere; prints the worst index, both values
 * and the relative L2 error. */
void sct_assert_close(const char *what, const sc_real *got, const sc_real *want, size_t n,
                      double rtol, double atol);
void sct_assert_equal_bits(const char *what, const sc_real *got, const sc_real *want, size_t n);
/* Fails unless the call succeeded; prints the text of the error. */
void sct_assert_ok(int result, const simclr_error *err);
/* Fails unless result == code and err->text contains `part` (NULL: anything). */
void sct_assert_error(int result, const simclr_error *err, int code, const char *part);

/* Central differences of the scalar f at x (n values, restored) against grad:
 *   d_i = (f(x + h e_i) - f(x - h e_i)) / 2h
 * at `samples` random i (0 or >= n: all).  Returns ||g - d|| / (||g|| + ||d||) over those, 0 when
 * both vanish, NaN if any is NaN.  h is scaled by max(1, |x_i|). */
typedef double (*sct_scalar_fn)(void *context);
double sct_grad_error(sct_scalar_fn f, void *context, sc_real *x, const sc_real *grad, size_t n,
                      double h, size_t samples);
/* Fails when sct_grad_error is over `limit`, naming the tensor. */
void sct_assert_grad(const char *what, sct_scalar_fn f, void *context, sc_real *x,
                     const sc_real *grad, size_t n, double h, size_t samples, double limit);

/* `size` bytes that end at an unmapped page (and begin after one, when page-sized): the first byte
 * beyond is a crash.  The start is aligned to 64 only if size is a multiple of 64. */
void *sct_guard_alloc(size_t size);
void sct_guard_free(void *block, size_t size);

/* A new empty directory, removed by sct_scratch_remove. */
const char *sct_scratch(void);
void sct_scratch_remove(void);

/* Says loudly why, and skips the running cmocka test. */
#define sct_skip(why)                                                                              \
    do {                                                                                           \
        sct_say_skip(__FILE__, __LINE__, why);                                                     \
        skip();                                                                                    \
    } while (0)
void sct_say_skip(const char *file, int line, const char *why);

/* Runs a group; prints the seed first. The value of main: the number of failures, or 77 when every
 * test skipped itself. */
#define sct_run(tests)                                                                             \
    sct_finish(cmocka_run_group_tests(tests, sct_setup, NULL), sizeof tests / sizeof *tests)
int sct_setup(void **state);
int sct_finish(int failures, size_t tests);

#endif
