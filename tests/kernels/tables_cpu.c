/* SPDX-License-Identifier: MIT
 *
 * tables_cpu.c - kernelcheck of the tables that this processor has.
 */
#include <math.h>

#include "kernelcheck.h"

const char *const table_names[] = {"base", "avx2", "avx512", "avx512bf16", "amx", NULL};
#ifdef __SANITIZE_ADDRESS__ /* which makes runs slow, and sees a stray access in one of them */
const int table_threads[] = {3, 0};
#else
const int table_threads[] = {1, 3, 0};
#endif
const bool table_transforms = true;
const double table_most_work = HUGE_VAL;

const sc_backend *table_by_name(const char *name, sc_precision precision)
{
    return sc_backend_by_name(name, precision);
}

bool table_adds_rounded(const sc_backend *table, const kernel_case *c, int which)
{
    (void)c;
    (void)which;
    (void)table;
    return false;
}
