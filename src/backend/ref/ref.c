/* SPDX-License-Identifier: MIT
 *
 * ref.c - the reference table of a precision.
 */
#include "backend/ref/ref.h"

const sc_backend *sc_backend_ref(sc_precision precision)
{
    return precision == SC_BF16 ? sc_ref_table_bf16() : sc_ref_table_fp32();
}
