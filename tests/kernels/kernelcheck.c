/* SPDX-License-Identifier: MIT
 *
 * kernelcheck.c - checkasm for the kernels: every operation x every table x many odd shapes,
 * against the reference.
 *
 *   kernelcheck [--bench [REPEATS] [--threads N]] [--table NAME] [--op PREFIX]
 *
 * The seed is SIMCLR_TEST_SEED or 1 and always printed.  A table this machine lacks is named as
 * skipped; if the one asked for with --table is, the exit status is 77.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"
#include "kernelcheck.h"

enum { GUARD = 64, MAX_FILLS = 64 };

static const char *const table_names[] = {"base", "avx2", "avx512"};
enum { TABLES = sizeof table_names / sizeof *table_names };

static struct {
    const sc_backend *table[TABLES];
    const char *op;
    uint64_t random;
    float *fills[MAX_FILLS];
    size_t fill_count, passed, failed;
} check;

static void *get(size_t size)
{
    void *block = NULL;
    if (posix_memalign(&block, 64, size ? size : 64) != 0) {
        fprintf(stderr, "kernelcheck: out of memory (%zu bytes)\n", size);
        exit(2);
    }
    return block;
}

static double uniform(void)
{
    check.random ^= check.random << 13;
    check.random ^= check.random >> 7;
    check.random ^= check.random << 17;
    return (double)(check.random >> 11) / 9007199254740992.0;
}

float *fill(size_t count, bool exact)
{
    float *x = get(count * sizeof *x);

    for (size_t i = 0; i < count; i++) {
        double v = uniform() + uniform() + uniform() - 1.5;
        x[i] = (float)(exact ? floor(v * 5) : v * 2);
    }
    if (check.fill_count == MAX_FILLS) {
        fprintf(stderr, "kernelcheck: too many fills in one case\n");
        exit(2);
    }
    check.fills[check.fill_count++] = x;
    return x;
}

float *fill_positive(size_t count)
{
    float *x = fill(count, false);

    for (size_t i = 0; i < count; i++) {
        x[i] = 0.25F + fabsf(x[i]);
    }
    return x;
}

void drop_fills(void)
{
    while (check.fill_count > 0) {
        free(check.fills[--check.fill_count]);
    }
}

bool wanted(const char *op)
{
    return !check.op || strncmp(op, check.op, strlen(check.op)) == 0;
}

/* A block with guards before and behind, all of it quiet NaNs with a payload. */
static float *guarded(size_t count)
{
    uint32_t *block = get((count + 2 * GUARD) * sizeof *block);

    for (size_t i = 0; i < count + 2 * GUARD; i++) {
        block[i] = 0x7fc0dead;
    }
    return (float *)block + GUARD;
}

static bool guards_intact(const float *block, size_t count)
{
    uint32_t word;

    for (size_t i = 0; i < GUARD; i++) {
        memcpy(&word, block - GUARD + i, sizeof word);
        if (word != 0x7fc0dead) {
            return false;
        }
        memcpy(&word, block + count + i, sizeof word);
        if (word != 0x7fc0dead) {
            return false;
        }
    }
    return true;
}

static void release(float *block)
{
    free(block - GUARD);
}

/* One run; out[] receives fresh guarded blocks.  False when a guard was written to. */
static bool run_case(const kernel_case *c, const sc_backend *table, float **out)
{
    size_t scratch_count = c->conv ? (table->conv2d_scratch(c->conv) + 3) / 4 : 0;
    float *scratch = guarded(scratch_count);

    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        out[i] = guarded(c->out[i].count);
        if (c->out[i].initial) {
            memcpy(out[i], c->out[i].initial, c->out[i].count * sizeof **out);
        }
    }
    c->run(table, out, scratch, c->context);
    bool intact = guards_intact(scratch, scratch_count);
    release(scratch);
    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        intact = intact && guards_intact(out[i], c->out[i].count);
    }
    return intact;
}

static void drop_outputs(const kernel_case *c, float **out)
{
    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        release(out[i]);
    }
}

static void complain(const kernel_case *c, const char *table, int threads, const char *what)
{
    check.failed++;
    printf("FAIL %s %s (%s, %d threads): %s; repeat with --table %s --op %s\n", c->op, c->shape,
           table, threads, what, table, c->op);
}

/* Writes what differs, or returns true. */
static bool output_matches(char *text, size_t size, const kernel_case *c, int which,
                           const float *got, const float *want)
{
    const case_output *o = &c->out[which];
    double scale = 0;

    if (o->kind == OUT_BITS) {
        snprintf(text, size, "output %d: integers differ", which);
        return memcmp(got, want, o->count * sizeof *got) == 0;
    }
    for (size_t i = 0; i < o->count; i++) {
        scale = fmax(scale, fabs((double)want[i]));
    }
    double limit = o->kind == OUT_EXACT ? 0 : c->tolerance * scale, worst = -1;
    size_t at = 0;
    for (size_t i = 0; i < o->count; i++) {
        double error = fabs((double)got[i] - want[i]);
        if (isnan(got[i]) && isnan(want[i])) {
            continue;
        }
        if (!(error <= limit) && !(error <= worst)) {
            worst = isnan(error) ? INFINITY : error;
            at = i;
        }
    }
    snprintf(text, size, "output %d[%zu] is %.9g, not %.9g (limit %.3g)", which, at,
             (double)got[at], (double)want[at], limit);
    return worst < 0;
}

static bool check_table(const kernel_case *c, const sc_backend *table, float **want)
{
    static const int threads[] = {1, 2, 3, 3};
    float *first[CASE_OUTPUTS] = {0}, *again[CASE_OUTPUTS] = {0};
    char text[200];

    for (int run = 0; run < 4; run++) {
        float **out = run == 0 ? first : again;
        sc_parallel_set_threads(threads[run]);
        bool ok = run_case(c, table, out);
        if (!ok) {
            complain(c, table->name, threads[run], "wrote outside an output or the scratch");
        }
        for (int i = 0; ok && i < CASE_OUTPUTS && c->out[i].count; i++) {
            if (run == 0 && !output_matches(text, sizeof text, c, i, out[i], want[i])) {
                complain(c, table->name, threads[run], text);
                ok = false;
            }
            if (run > 0 && memcmp(out[i], first[i], c->out[i].count * sizeof **out) != 0) {
                complain(c, table->name, threads[run], "other bits than with 1 thread");
                ok = false;
            }
        }
        if (run > 0) {
            drop_outputs(c, again);
        }
        if (!ok) {
            drop_outputs(c, first);
            return false;
        }
    }
    drop_outputs(c, first);
    return true;
}

void check_case(const kernel_case *c)
{
    float *want[CASE_OUTPUTS] = {0};

    sc_parallel_set_threads(sc_parallel_available());
    if (!run_case(c, sc_backend_ref(SC_FP32), want)) {
        complain(c, "ref", sc_parallel_available(), "wrote outside an output");
    }
    for (int i = 0; i < TABLES; i++) {
        if (check.table[i] && check_table(c, check.table[i], want)) {
            check.passed++;
        }
    }
    drop_outputs(c, want);
    drop_fills();
}

static int choose_tables(const char *name)
{
    int found = 0;

    for (int i = 0; i < TABLES; i++) {
        if (name && strcmp(name, table_names[i]) != 0) {
            continue;
        }
        check.table[i] = sc_backend_by_name(table_names[i], SC_FP32);
        found += check.table[i] != NULL;
        if (!check.table[i]) {
            printf("SKIP %s: not on this machine or not in this build\n", table_names[i]);
        }
    }
    return found;
}

int main(int argc, char **argv)
{
    const char *seed = getenv("SIMCLR_TEST_SEED"), *name = NULL;
    int repeats = 0, threads = sc_parallel_available();

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            repeats = i + 1 < argc && atoi(argv[i + 1]) > 0 ? atoi(argv[++i]) : 5;
        } else if (strcmp(argv[i], "--table") == 0 && i + 1 < argc) {
            name = argv[++i];
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--op") == 0 && i + 1 < argc) {
            check.op = argv[++i];
        } else {
            fprintf(stderr, "use: kernelcheck [--bench [REPEATS] [--threads N]] [--table NAME] "
                            "[--op PREFIX]\n");
            return 2;
        }
    }
    check.random = seed ? strtoull(seed, NULL, 10) * 0x9e3779b97f4a7c15u + 1 : 0x9e3779b97f4a7c15u;
    printf("seed %s\n", seed ? seed : "1");
    if (choose_tables(name) == 0) {
        return 77;
    }
    if (repeats > 0) {
        sc_parallel_set_threads(threads);
        for (int i = 0; i < TABLES; i++) {
            if (check.table[i]) {
                bench(check.table[i], repeats);
            }
        }
        return 0;
    }
    check_gemm();
    check_convolutions();
    check_norms();
    check_pools();
    check_pointwise();
    printf("%zu passed, %zu failed\n", check.passed, check.failed);
    return check.failed || !check.passed;
}
