/* SPDX-License-Identifier: MIT
 *
 * profile_reals.c - the counting table for all but the encoder.
 */
#include "backend/profile_table.h"

const sc_backend *sc_profile_table_reals(void)
{
    return &counting_table;
}
