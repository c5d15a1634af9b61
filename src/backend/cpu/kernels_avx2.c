/* SPDX-License-Identifier: MIT
 *
 * kernels_avx2.c - the kernels for AVX2 and FMA: eight floats, 6 x 16 micro-tile.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && defined(__AVX2__) && defined(__FMA__)

#define KERNEL_NAME "avx2"
#define KERNEL_GEMM gemm
#include "backend/cpu/kernel_gemm.h"
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_avx2(void)
{
    return &kernel_table;
}

void sc_cpu_gemm_avx2(SC_GEMM_PARAMETERS)
{
    gemm(c, ldc, a, lda, trans_a, b, ldb, trans_b, m, n, k, accumulate);
}

#else

const sc_backend *sc_cpu_table_avx2(void)
{
    return NULL;
}

#endif
