/* SPDX-License-Identifier: MIT
 *
 * cpu_init.c - the choice of a table: the highest that processor and build have, unless the
 * environment variable SIMCLR_CPU names a lower one.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"

static const char *const names[] = {"avx512", "avx2", "base", "ref"}; /* best first */
enum { NAMES = sizeof names / sizeof *names };

const sc_backend *sc_backend_by_name(const char *name, sc_precision precision)
{
    sc_cpu_level level = sc_cpu_detect();

    if (strcmp(name, "ref") == 0) {
        return sc_backend_ref(precision);
    }
    if (precision != SC_FP32) {
        return NULL;
    }
    if (strcmp(name, "base") == 0) {
        return sc_cpu_table_base();
    }
    if (strcmp(name, "avx2") == 0 && level >= SC_CPU_AVX2) {
        return sc_cpu_table_avx2();
    }
    if (strcmp(name, "avx512") == 0 && level >= SC_CPU_AVX512) {
        return sc_cpu_table_avx512();
    }
    return NULL;
}

bool sc_backend_bf16_native(void)
{
    return false;
}

int sc_backend_select(const sc_backend **out, sc_precision precision, simclr_error *err)
{
    const char *wish = getenv("SIMCLR_CPU");

    if (wish && *wish) {
        *out = sc_backend_by_name(wish, precision);
        if (*out == NULL && precision == SC_BF16 && sc_backend_by_name(wish, SC_FP32)) {
            *out = sc_backend_ref(SC_BF16);
        }
        return *out ? 0
                    : sc_fail(err, SIMCLR_E_USAGE,
                              "SIMCLR_CPU=%s: not an instruction set of this machine and build; "
                              "use ref, base, avx2 or avx512",
                              wish);
    }
    for (int i = 0; i < NAMES; i++) {
        *out = sc_backend_by_name(names[i], precision);
        if (*out) {
            return 0;
        }
    }
    return sc_fail(err, SIMCLR_E_INTERNAL, "no table of kernels");
}
