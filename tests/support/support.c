/* SPDX-License-Identifier: MIT
 *
 * support.c - seeds, fills, skips and scratch directories of the tests.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "support/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/rng.h"

static sc_rng generator;
static bool seeded;
static size_t skipped;
static char scratch[SC_PATH_MAX];

uint64_t sct_seed(void)
{
    static uint64_t seed;

    if (!seeded) {
        const char *text = getenv("SIMCLR_TEST_SEED");
        seed = text ? strtoull(text, NULL, 0) : 20240601;
        generator = sc_rng_at(seed, 0, 0, 0, SC_RNG_INIT);
        seeded = true;
        printf("seed: SIMCLR_TEST_SEED=%llu\n", (unsigned long long)seed);
        fflush(stdout);
    }
    return seed;
}

uint32_t sct_random(void)
{
    sct_seed();
    return sc_rng_u32(&generator);
}

double sct_uniform(double lo, double hi)
{
    return lo + (hi - lo) * (sct_random() * 0x1p-32);
}

size_t sct_below(size_t n)
{
    sct_seed();
    return sc_rng_below(&generator, (uint32_t)n);
}

void sct_fill_zeros(sc_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0;
}

void sct_fill_ramp(sc_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)i;
}

void sct_fill_integers(sc_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)((int)sct_below(9) - 4);
}

void sct_fill_random(sc_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)sct_uniform(-1, 1);
}

void sct_fill_normal(sc_real *x, size_t n)
{
    sct_seed();
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)sc_rng_normal(&generator);
}

double sct_cosine(const sc_features *a, size_t i, const sc_features *b, size_t j)
{
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (size_t d = 0; d < a->dim; d++) {
        double x = (double)a->x[i * a->dim + d], y = (double)b->x[j * b->dim + d];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

void sct_fill_extremes(sc_real *x, size_t n)
{
    static const float value[] = {0.0f,    -0.0f,  FLT_MIN, -FLT_MIN, FLT_MIN / 8,
                                  -1e-30f, 1e-20f, 1.0f,    -1e15f,   1e18f};
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)value[sct_below(sizeof value / sizeof *value)];
}

void sct_fill_nan(sc_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (sc_real)NAN;
}

static size_t guard_span(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page + 2 * page;
}

void *sct_guard_alloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = guard_span(size);
    unsigned char *start =
        mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED || mprotect(start, page, PROT_NONE) < 0 ||
        mprotect(start + span - page, page, PROT_NONE) < 0) {
        fail_msg("no memory for a buffer of %zu bytes between guard pages", size);
        return NULL;
    }
    return start + span - page - size;
}

void sct_guard_free(void *block, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = guard_span(size);

    if (block)
        munmap((unsigned char *)block + size + page - span, span);
}

const char *sct_scratch(void)
{
    if (!scratch[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(scratch, sizeof scratch, "%s/simclr-test-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(scratch))
            fail_msg("%s: cannot be made", scratch);
    }
    return scratch;
}

void sct_scratch_remove(void)
{
    if (scratch[0])
        sc_fs_remove_tree(scratch, NULL);
    scratch[0] = '\0';
}

void sct_say_skip(const char *file, int line, const char *why)
{
    skipped++;
    printf("\n*** SKIPPED %s:%d: %s ***\n\n", file, line, why);
    fflush(stdout);
}

int sct_setup(void **state)
{
    (void)state;
    sct_seed();
    return 0;
}

int sct_finish(int failures, size_t tests)
{
    sct_scratch_remove();
    if (skipped)
        printf("*** %zu of %zu tests skipped themselves ***\n", skipped, tests);
    /* 77 and more failures, of which the exit status keeps eight bits, are a failure too */
    return failures != 0 ? 1 : skipped >= tests ? 77 : 0;
}
