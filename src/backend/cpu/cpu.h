/* SPDX-License-Identifier: MIT
 *
 * cpu.h - which instruction sets this processor has, and the tables built for them.
 */
#ifndef SC_CPU_CPU_H
#define SC_CPU_CPU_H

#include "backend/backend.h"

typedef enum {
    SC_CPU_BASE,
    SC_CPU_AVX2,
    SC_CPU_AVX512,
    SC_CPU_AVX512BF16,
    SC_CPU_AMX
} sc_cpu_level;

/* Highest level that the processor and the operating system support. */
sc_cpu_level sc_cpu_detect(void);

/* NULL when the build has no such table (other processors, SC_REAL_DOUBLE). */
const sc_backend *sc_cpu_table_base(void);
const sc_backend *sc_cpu_table_avx2(void);
const sc_backend *sc_cpu_table_avx512(void);
const sc_backend *sc_cpu_table_bf16_base(void);
const sc_backend *sc_cpu_table_bf16_avx2(void);
const sc_backend *sc_cpu_table_bf16_avx512(void);
const sc_backend *sc_cpu_table_bf16_avx512bf16(void);
const sc_backend *sc_cpu_table_bf16_amx(void);

/* The matrix product knows only floats: that of the fp32 table, also in the bf16 table. */
#define SC_GEMM_PARAMETERS                                                                         \
    float *c, size_t ldc, const float *a, size_t lda, bool trans_a, const float *b, size_t ldb,    \
        bool trans_b, size_t m, size_t n, size_t k, bool accumulate
void sc_cpu_gemm_base(SC_GEMM_PARAMETERS);
void sc_cpu_gemm_avx2(SC_GEMM_PARAMETERS);
void sc_cpu_gemm_avx512(SC_GEMM_PARAMETERS);

#endif
