/* SPDX-License-Identifier: MIT
 *
 * fuzz_files.h - what the targets share whose reader wants files: a directory, and files in it.
 */
#ifndef SC_FUZZ_FUZZ_FILES_H
#define SC_FUZZ_FUZZ_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fs.h"

static char fuzz_scratch[SC_PATH_MAX];

static inline void fuzz_remove_scratch(void)
{
    sc_fs_remove_tree(fuzz_scratch, NULL);
}

/* A directory for all inputs, which is removed at the end. */
static inline const char *fuzz_directory(void)
{
    const char *base = getenv("TMPDIR");
    if (fuzz_scratch[0] == '\0') {
        snprintf(fuzz_scratch, sizeof fuzz_scratch, "%s/sc_fuzz_XXXXXX",
                 base != NULL ? base : "/tmp");
        if (mkdtemp(fuzz_scratch) == NULL || atexit(fuzz_remove_scratch) != 0) {
            abort();
        }
    }
    return fuzz_scratch;
}

/* full > 0: zeros are added up to this size, without disk space. */
static inline void fuzz_write(const char *name, const uint8_t *data, size_t size, size_t full)
{
    char path[SC_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", fuzz_directory(), name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file) != 0) {
        abort();
    }
    if (full > 0 && truncate(path, (off_t)full) != 0) {
        abort();
    }
}

#endif
