/* SPDX-License-Identifier: MIT
 *
 * kernels_bf16_base.c - the kernels for any processor: vectors of four floats, 6 x 8 micro-tile;
 * maps of bf16, products of floats.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE)

#define SC_MAP_BF16
#define KERNEL_NAME "base"
#define KERNEL_GEMM sc_cpu_gemm_base
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_bf16_base(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_bf16_base(void)
{
    return NULL;
}

#endif
