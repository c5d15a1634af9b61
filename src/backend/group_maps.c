/* SPDX-License-Identifier: MIT
 *
 * group_maps.c - batch statistics of all ranks, for the encoder's table.
 */
#define GROUP_MAPS
#include "backend/group_table_kernels.h"

void sc_group_override_maps(sc_backend *table)
{
    override(table);
}
