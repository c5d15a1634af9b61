/* SPDX-License-Identifier: MIT
 *
 * kernels_bf16_avx512bf16.c - the kernels for AVX-512 with AVX512_BF16: maps of bf16, and products of
 * pairs of bf16, twice as many an instruction as of floats.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && defined(__AVX512BF16__)

#define SC_MAP_BF16
#define KERNEL_DOT
#define KERNEL_NAME "avx512bf16"
#define KERNEL_GEMM sc_cpu_gemm_avx512
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_bf16_avx512bf16(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_bf16_avx512bf16(void)
{
    return NULL;
}

#endif
