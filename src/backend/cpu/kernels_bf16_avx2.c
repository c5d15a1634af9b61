/* SPDX-License-Identifier: MIT
 *
 * kernels_bf16_avx2.c - the kernels for AVX2 and FMA: eight floats, 6 x 16 micro-tile;
 * maps of bf16, products of floats.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && defined(__AVX2__) && defined(__FMA__)

#define SC_MAP_BF16
#define KERNEL_NAME "avx2"
#define KERNEL_GEMM sc_cpu_gemm_avx2
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_bf16_avx2(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_bf16_avx2(void)
{
    return NULL;
}

#endif
