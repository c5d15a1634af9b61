/* SPDX-License-Identifier: MIT
 *
 * ref_bf16.c - the reference with maps of bfloat16: operands bf16, arithmetic double.
 */
#include "backend/ref/ref.h"

#if !defined(SC_REAL_DOUBLE)

#define SC_MAP_BF16
#include "backend/ref/ref_table.h"

const sc_backend *sc_ref_table_bf16(void)
{
    return &ref_table;
}

#else

const sc_backend *sc_ref_table_bf16(void)
{
    return NULL;
}

#endif
