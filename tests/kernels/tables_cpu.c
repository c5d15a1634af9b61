/* SPDX-License-Identifier: MIT
 *
 * tables_cpu.c - kernelcheck of the tables that this processor has.
 */
#include <math.h>

#include "kernelcheck.h"

const char *const table_names[] = {"base", "avx2", "avx512", "avx512bf16", "amx", NULL};
const int table_threads[] = {1, 3, 0};
const bool table_transforms = true;
const double table_most_work = HUGE_VAL;

const sc_backend *table_by_name(const char *name, sc_precision precision)
{
    return sc_backend_by_name(name, precision);
}

bool table_adds_rounded(const sc_backend *table)
{
    (void)table;
    return false;
}
