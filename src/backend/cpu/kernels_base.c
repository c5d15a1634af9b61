/* SPDX-License-Identifier: MIT
 *
 * kernels_base.c - the kernels for portable C and compiler vectors of four floats.
 */
#include "backend/cpu/cpu.h"

#if !defined(SC_REAL_DOUBLE)

#define KERNEL_NAME "base"
#include "backend/cpu/kernel_table.h"

const sc_backend *sc_cpu_table_base(void)
{
    return &kernel_table;
}

#else

const sc_backend *sc_cpu_table_base(void)
{
    return NULL;
}

#endif
