/* SPDX-License-Identifier: MIT
 *
 * kernels_bf16_amx.c - the kernels for processors with a matrix unit (AMX-BF16): as those for
 * AVX512_BF16, but products are made of tiles, thirty times as many an instruction.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE) && (defined(__AMX_BF16__) || defined(__AMXBF16__)) /* GCC, Clang */

#define SC_MAP_BF16
#define KERNEL_DOT
#define KERNEL_AMX
#define KERNEL_NAME "amx"
#define KERNEL_GEMM sc_cpu_gemm_avx512
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_bf16_amx(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_bf16_amx(void)
{
    return NULL;
}

#endif
