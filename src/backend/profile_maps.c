/* SPDX-License-Identifier: MIT
 *
 * profile_maps.c - the counting table for the encoder's maps.
 */
#define PROFILE_MAPS
#include "backend/profile_table.h"

const sc_backend *sc_profile_table_maps(void)
{
    return &counting_table;
}
