/* SPDX-License-Identifier: MIT
 *
 * tables_host.c - kernelcheck's memory for tables that compute on the host.
 */
#include <stdlib.h>
#include <string.h>

#include "kernelcheck.h"

const double table_norms[3][2] = {{0}};

void *table_alloc(size_t bytes)
{
    void *block = NULL;
    return posix_memalign(&block, 64, bytes) == 0 ? block : NULL;
}

void table_free(void *block)
{
    free(block);
}

void table_poison(void *block, size_t bytes)
{
    memset(block, POISON, bytes);
}
