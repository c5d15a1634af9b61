/* SPDX-License-Identifier: MIT
 *
 * kernelcheck.c - checkasm for the kernels: every operation x every table x both precisions x many
 * odd shapes, against the reference.
 *
 *   kernelcheck [--bench [REPEATS] [--threads N]] [--table NAME] [--precision fp32|bf16]
 *               [--op PREFIX]
 *
 * The seed is SIMCLR_TEST_SEED or 1 and always printed.  A table this machine lacks is named as
 * skipped; if the one asked for with --table is, the exit status is 77.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"
#include "kernelcheck.h"

static const char *const precision_names[] = {[SC_FP32] = "fp32", [SC_BF16] = "bf16"};
enum { TABLES = 5 /* at most */, PRECISIONS = 2 };

static struct {
    const sc_backend *table[PRECISIONS][TABLES];
    const char *op;
    size_t passed, failed, left_out;
} check;

bool wanted(const char *op)
{
    return !check.op || strncmp(op, check.op, strlen(check.op)) == 0;
}

bool affordable(double work)
{
    check.left_out += work > table_most_work;
    return work <= table_most_work;
}

static bool is_map(const case_output *o)
{
    return o->kind >= MAP_EXACT;
}

static size_t output_bytes(const case_output *o, const sc_backend *table)
{
    return o->count * (is_map(o) ? table->map_bytes : sizeof(float));
}

/* One run; out[] receives fresh guarded blocks.  False when a guard was written to. */
static bool run_case(const kernel_case *c, const sc_backend *table, float **out)
{
    size_t scratch_bytes = c->conv ? table->conv2d_scratch(c->conv) : 0;
    void *scratch = guarded(scratch_bytes);

    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        const case_output *o = &c->out[i];
        out[i] = guarded(output_bytes(o, table));
        if (o->initial && is_map(o)) {
            table->map_store(out[i], o->initial, o->count);
        } else if (o->initial) {
            memcpy(out[i], o->initial, o->count * sizeof **out);
        }
    }
    table_run(c, table, out, scratch);
    drop_maps();
    bool intact = guards_intact(scratch, scratch_bytes);
    release(scratch);
    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        intact = intact && guards_intact(out[i], output_bytes(&c->out[i], table));
    }
    return intact;
}

static void drop_outputs(const kernel_case *c, float **out)
{
    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        release(out[i]);
    }
}

/* Outputs that are maps become floats. */
static void load_outputs(const kernel_case *c, const sc_backend *table, float **out)
{
    for (int i = 0; i < CASE_OUTPUTS && c->out[i].count; i++) {
        if (is_map(&c->out[i])) {
            float *loaded = guarded(c->out[i].count * sizeof *loaded);
            table->map_load(loaded, out[i], c->out[i].count);
            release(out[i]);
            out[i] = loaded;
        }
    }
}

static void complain(const kernel_case *c, const sc_backend *table, int threads, const char *what)
{
    const char *precision = precision_names[table->precision];

    check.failed++;
    printf("FAIL %s %s (%s, %s, %d threads): %s; repeat with --table %s --precision %s --op %s\n",
           c->op, c->shape, table->name, precision, threads, what, table->name, precision, c->op);
}

/* A run that must write inside its outputs. */
static bool run_guarded(const kernel_case *c, const sc_backend *table, int threads, float **out)
{
    sc_parallel_set_threads(threads);
    bool ok = run_case(c, table, out);
    if (!ok) {
        complain(c, table, threads, "wrote outside an output or the scratch");
    }
    return ok;
}

/* The bytes of the first run again. */
static bool check_again(const kernel_case *c, const sc_backend *table, int threads, float **first)
{
    float *again[CASE_OUTPUTS] = {0};
    bool ok = run_guarded(c, table, threads, again);

    for (int i = 0; ok && i < CASE_OUTPUTS && c->out[i].count; i++) {
        if (memcmp(again[i], first[i], output_bytes(&c->out[i], table)) != 0) {
            complain(c, table, threads, "other bits than in the first run");
            ok = false;
        }
    }
    drop_outputs(c, again);
    return ok;
}

/* The same bytes for any number of threads, and within the tolerance of the reference's. */
static bool check_table(const kernel_case *c, const sc_backend *table, float **want)
{
    float *out[CASE_OUTPUTS] = {0};
    char text[200];
    bool ok = run_guarded(c, table, table_threads[0], out);

    for (int run = 1; ok && table_threads[run] > 0; run++) {
        ok = check_again(c, table, table_threads[run], out);
    }
    load_outputs(c, table, out);
    for (int i = 0; ok && i < CASE_OUTPUTS && c->out[i].count; i++) {
        if (!output_matches(text, sizeof text, c, table, i, out, want)) {
            complain(c, table, table_threads[0], text);
            ok = false;
        }
    }
    drop_outputs(c, out);
    return ok;
}

static bool any_table(sc_precision precision)
{
    for (int i = 0; i < TABLES; i++) {
        if (check.table[precision][i]) {
            return true;
        }
    }
    return false;
}

static void check_precision(const kernel_case *c, sc_precision precision)
{
    const sc_backend *ref = sc_backend_ref(precision);
    float *want[CASE_OUTPUTS] = {0};

    run_guarded(c, ref, sc_parallel_available(), want);
    load_outputs(c, ref, want);
    for (int i = 0; i < TABLES; i++) {
        const sc_backend *table = check.table[precision][i];
        if (table && check_table(c, table, want)) {
            check.passed++;
        }
    }
    drop_outputs(c, want);
}

void check_case(const kernel_case *c)
{
    for (int precision = 0; precision < PRECISIONS; precision++) {
        if (any_table((sc_precision)precision)) {
            check_precision(c, (sc_precision)precision);
        }
    }
    drop_fills();
}

/* The tables of this name (NULL: all) and precision (negative: both) that this machine has. */
static int choose_tables(const char *name, int precision)
{
    int found = 0, tables = 0;

    while (table_names[tables]) {
        tables++;
    }
    for (int i = 0; i < PRECISIONS * tables; i++) {
        int p = i / tables, t = i % tables;
        /* avx512bf16 and amx are avx512 in fp32 */
        bool other =
            p == SC_FP32 && !name &&
            (strcmp(table_names[t], "avx512bf16") == 0 || strcmp(table_names[t], "amx") == 0);
        if (other || (name && strcmp(name, table_names[t]) != 0) ||
            (precision >= 0 && precision != p)) {
            continue;
        }
        check.table[p][t] = table_by_name(table_names[t], (sc_precision)p);
        found += check.table[p][t] != NULL;
        if (!check.table[p][t]) {
            printf("*** SKIPPED %s %s: not on this machine or not in this build ***\n",
                   table_names[t], precision_names[p]);
        }
    }
    return found;
}

static int bench_tables(int repeats, int threads)
{
    sc_parallel_set_threads(threads);
    for (int i = 0; i < PRECISIONS * TABLES; i++) {
        if (check.table[i / TABLES][i % TABLES]) {
            bench(check.table[i / TABLES][i % TABLES], repeats);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *seed = getenv("SIMCLR_TEST_SEED"), *name = NULL;
    int repeats = 0, threads = sc_parallel_available(), precision = -1;

    setvbuf(stdout, NULL, _IOLBF, 0); /* what was found is told even if it does not end */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            repeats = i + 1 < argc && atoi(argv[i + 1]) > 0 ? atoi(argv[++i]) : 5;
        } else if (strcmp(argv[i], "--table") == 0 && i + 1 < argc) {
            name = argv[++i];
        } else if (strcmp(argv[i], "--precision") == 0 && i + 1 < argc) {
            precision = strcmp(argv[++i], "bf16") == 0 ? SC_BF16 : SC_FP32;
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--op") == 0 && i + 1 < argc) {
            check.op = argv[++i];
        } else {
            fprintf(stderr, "use: kernelcheck [--bench [REPEATS] [--threads N]] [--table NAME] "
                            "[--precision fp32|bf16] [--op PREFIX]\n");
            return 2;
        }
    }
    seed_fills(seed ? strtoull(seed, NULL, 10) : 1);
    printf("seed %s\n", seed ? seed : "1");
    if (choose_tables(name, precision) == 0) {
        return 77;
    }
    if (repeats > 0) {
        return bench_tables(repeats, threads);
    }
    check_gemm();
    check_convolutions();
    check_passes();
    check_pool_passes();
    check_norms();
    check_pools();
    check_pointwise();
    if (check.left_out) {
        printf("%zu cases of more than %g multiply-adds left out\n", check.left_out,
               table_most_work);
    }
    bool sound = table_end();
    printf("%zu passed, %zu failed\n", check.passed, check.failed);
    return check.failed || !check.passed || !sound;
}
