/* SPDX-License-Identifier: MIT
 *
 * cpu_init.c - the choice of a table: the highest that processor and build have, unless the
 * environment variable SIMCLR_CPU names a lower one.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"

static const struct {
    const char *name;
    sc_cpu_level level;
    const sc_backend *(*fp32)(void), *(*bf16)(void);
} sets[] = {
    /* best first */
    {"amx", SC_CPU_AMX, sc_cpu_table_avx512, sc_cpu_table_bf16_amx},
    {"avx512bf16", SC_CPU_AVX512BF16, sc_cpu_table_avx512, sc_cpu_table_bf16_avx512bf16},
    {"avx512", SC_CPU_AVX512, sc_cpu_table_avx512, sc_cpu_table_bf16_avx512},
    {"avx2", SC_CPU_AVX2, sc_cpu_table_avx2, sc_cpu_table_bf16_avx2},
    {"base", SC_CPU_BASE, sc_cpu_table_base, sc_cpu_table_bf16_base},
};
enum { SETS = sizeof sets / sizeof *sets };

const sc_backend *sc_backend_by_name(const char *name, sc_precision precision)
{
    if (strcmp(name, "ref") == 0) {
        return sc_backend_ref(precision);
    }
    for (int i = 0; i < SETS; i++) {
        if (strcmp(name, sets[i].name) == 0 && sets[i].level <= sc_cpu_detect()) {
            return precision == SC_BF16 ? sets[i].bf16() : sets[i].fp32();
        }
    }
    return NULL;
}

int sc_backend_select(const sc_backend **out, sc_precision precision, simclr_error *err)
{
    const char *wish = getenv("SIMCLR_CPU");

    if (wish && *wish) {
        *out = sc_backend_by_name(wish, precision);
        return *out ? 0
                    : sc_fail(err, SIMCLR_E_USAGE,
                              "SIMCLR_CPU=%s: not an instruction set of this machine and build; "
                              "use ref, base, avx2, avx512, avx512bf16 or amx",
                              wish);
    }
    for (int i = 0; i < SETS; i++) {
        *out = sc_backend_by_name(sets[i].name, precision);
        if (*out) {
            return 0;
        }
    }
    return sc_fail(err, SIMCLR_E_INTERNAL, "no table of kernels");
}

int sc_tables_select(sc_tables *out, sc_precision precision, simclr_error *err)
{
    int rc = sc_backend_select(&out->reals, SC_FP32, err);

    return rc < 0 ? rc : sc_backend_select(&out->maps, precision, err);
}

bool sc_backend_bf16_native(void)
{
    const sc_backend *table;

    return sc_backend_select(&table, SC_BF16, NULL) == 0 &&
           (strcmp(table->name, "avx512bf16") == 0 || strcmp(table->name, "amx") == 0);
}
