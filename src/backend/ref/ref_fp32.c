/* SPDX-License-Identifier: MIT
 *
 * ref_fp32.c - the reference with maps of sc_real: float, or double in the test build.
 */
#include "backend/ref/ref_table.h"

const sc_backend *sc_ref_table_fp32(void)
{
    return &ref_table;
}
