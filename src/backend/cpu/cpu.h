/* SPDX-License-Identifier: MIT
 *
 * cpu.h - which instruction sets this processor has, and the tables built for them.
 */
#ifndef SC_CPU_CPU_H
#define SC_CPU_CPU_H

#include "backend/backend.h"

typedef enum { SC_CPU_BASE, SC_CPU_AVX2, SC_CPU_AVX512 } sc_cpu_level;

/* Highest level that the processor and the operating system support. */
sc_cpu_level sc_cpu_detect(void);

/* NULL when the build has no such table (other processors, SC_REAL_DOUBLE). */
const sc_backend *sc_cpu_table_base(void);
const sc_backend *sc_cpu_table_avx2(void);
const sc_backend *sc_cpu_table_avx512(void);

#endif
