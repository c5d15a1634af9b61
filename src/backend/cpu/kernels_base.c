/* SPDX-License-Identifier: MIT
 *
 * kernels_base.c - the kernels for any processor: vectors of four floats, 6 x 8 micro-tile.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE)

#define KERNEL_NAME "base"
#define KERNEL_GEMM gemm
#include "backend/cpu/kernel_gemm.h"
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_base(void)
{
    return &kernel_table;
}

void sc_cpu_gemm_base(SC_GEMM_PARAMETERS)
{
    gemm(c, ldc, a, lda, trans_a, b, ldb, trans_b, m, n, k, accumulate);
}

#else

const sc_backend *sc_cpu_table_base(void)
{
    return NULL;
}

#endif
