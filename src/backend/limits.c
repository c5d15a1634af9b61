/* SPDX-License-Identifier: MIT
 *
 * limits.c - the measured peak and the measured bandwidth of a copy, of the processor.
 *
 * Each thread times its own multiply-adds while the others do theirs, in tries shorter than the turns
 * that a busy system gives its threads, and the median counts: most tries are then undisturbed, and
 * few of them alone on a core that threads share.  Of the copies, which share the memory, the best
 * counts.
 */
#include "backend/limits.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"

/* A try of so many rounds of 12 multiply-adds takes 1 to 3 ms, a copy 3 to 10. */
enum { SPINS = 200, ROUNDS = 1 << 18, COPIES = 40, MIB = 1 << 20, COPY_MIB = 64 };

typedef struct {
    const sc_backend *table;
    double (*speed)[SPINS]; /* one row a thread */
} spins;

static void spin(void *context, size_t part)
{
    const spins *s = context;

    for (size_t i = 0; i < SPINS; i++) {
        double start = sc_clock();
        double flops = s->table->multiply_adds(ROUNDS);
        s->speed[part][i] = flops / (sc_clock() - start);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int sc_limits_peak(double *flops_per_s, const sc_backend *table, simclr_error *err)
{
    if (table->device != NULL) {
        return sc_limits_device_peak(flops_per_s, table, err);
    }
    size_t threads = (size_t)sc_parallel_threads();
    spins s = {table, sc_alloc(threads, sizeof *s.speed, err)};

    *flops_per_s = 0;
    if (s.speed == NULL) {
        return SIMCLR_E_MEMORY;
    }
    sc_parallel_for(threads, spin, &s);
    for (size_t i = 0; i < threads; i++) {
        qsort(s.speed[i], SPINS, sizeof *s.speed[i], ascending);
        *flops_per_s += s.speed[i][SPINS / 2];
    }
    sc_free(s.speed);
    return 0;
}

typedef struct {
    unsigned char *to, *from;
} blocks;

static void touch(void *context, size_t part)
{
    blocks *b = context;

    memset(b->from + part * MIB, (int)part + 1, MIB);
    memset(b->to + part * MIB, 0, MIB);
}

static void copy(void *context, size_t part)
{
    blocks *b = context;

    memcpy(b->to + part * MIB, b->from + part * MIB, MIB);
}

int sc_limits_copy(double *bytes_per_s, const sc_backend *table, simclr_error *err)
{
    if (table->device != NULL) {
        return sc_limits_device_copy(bytes_per_s, table, err);
    }
    blocks b = {.to = sc_alloc(COPY_MIB, MIB, err), .from = sc_alloc(COPY_MIB, MIB, err)};
    int rc = b.to == NULL || b.from == NULL ? SIMCLR_E_MEMORY : 0;

    *bytes_per_s = 0;
    if (rc == 0) {
        sc_parallel_for(COPY_MIB, touch, &b); /* pages that were never written share one of zeros */
    }
    for (int i = 0; rc == 0 && i < COPIES; i++) {
        double start = sc_clock();
        sc_parallel_for(COPY_MIB, copy, &b);
        double speed = 2.0 * COPY_MIB * MIB / (sc_clock() - start);
        *bytes_per_s = speed > *bytes_per_s ? speed : *bytes_per_s;
    }
    sc_free(b.from);
    sc_free(b.to);
    return rc;
}
