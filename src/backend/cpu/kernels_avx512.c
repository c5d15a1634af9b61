/* SPDX-License-Identifier: MIT
 *
 * kernels_avx512.c - the kernels for AVX-512: sixteen floats, 12 x 32 micro-tile.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && defined(__AVX512F__)

#define KERNEL_NAME "avx512"
#define KERNEL_GEMM gemm
#include "backend/cpu/kernel_gemm.h"
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_avx512(void)
{
    return &kernel_table;
}

void sc_cpu_gemm_avx512(SC_GEMM_PARAMETERS)
{
    gemm(c, ldc, a, lda, trans_a, b, ldb, trans_b, m, n, k, accumulate);
}

#else

const sc_backend *sc_cpu_table_avx512(void)
{
    return NULL;
}

#endif
