/* SPDX-License-Identifier: MIT
 *
 * kernels_bf16_avx512.c - the kernels for AVX-512: sixteen floats, 12 x 32 micro-tile;
 * maps of bf16, products of floats.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && defined(__AVX512F__)

#define SC_MAP_BF16
#define KERNEL_NAME "avx512"
#define KERNEL_GEMM sc_cpu_gemm_avx512
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_bf16_avx512(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_bf16_avx512(void)
{
    return NULL;
}

#endif
