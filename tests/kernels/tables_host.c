/* SPDX-License-Identifier: MIT
 *
 * tables_host.c - kernelcheck's memory for tables that compute on the host.
 */
#include <stdlib.h>
#include <string.h>

#include "kernelcheck.h"

const double table_norms[3][2] = {{0}};

#if defined(__SANITIZE_ADDRESS__)

void *table_alloc(size_t bytes)
{
    void *block = NULL;
    return posix_memalign(&block, 64, bytes) == 0 ? block : NULL;
}

void table_free(void *block)
{
    free(block);
}

#else

#include <sys/mman.h>
#include <unistd.h>

/* A page that holds where the last one is, the pages of the block, at whose end it lies, and one that nobody may touch: what
 * is read or written behind a block ends the test. */
void *table_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + 63) / 64 * 64;
    size_t pages = (used + page - 1) / page * page, size = pages + 2 * page;
    void *memory = NULL;

    if (posix_memalign(&memory, page, size) != 0) {
        return NULL;
    }
    char *base = memory, *behind = base + page + pages;
    if (mprotect(behind, page, PROT_NONE) != 0) {
        free(memory);
        return NULL;
    }
    memcpy(base, &behind, sizeof behind);
    return behind - used;
}

void table_free(void *block)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = (char *)block - (uintptr_t)block % page - page, *behind;

    memcpy(&behind, base, sizeof behind);
    if (mprotect(behind, page, PROT_READ | PROT_WRITE) != 0) {
        abort();
    }
    free(base);
}

#endif

void table_poison(void *block, size_t bytes)
{
    memset(block, POISON, bytes);
}

void table_run(const kernel_case *c, const sc_backend *table, float **out, void *scratch)
{
    c->run(table, out, scratch, c->context);
}

bool table_end(void)
{
    return true;
}
