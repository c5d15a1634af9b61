/* SPDX-License-Identifier: MIT
 *
 * fuzz_cifar.c - bytes as test_batch.bin (first half) and batches.meta.txt (second half).
 *
 * The first is filled with zeros to its exact size when byte 0 is odd, so that labels are reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fs.h"
#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(const char *dir, const char *name, const uint8_t *data, size_t size,
                       size_t full)
{
    char path[SC_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file) != 0) {
        abort();
    }
    if (full > 0 && truncate(path, (off_t)full) != 0) { /* the rest: zeros without disk space */
        abort();
    }
}

static char scratch[SC_PATH_MAX];

static void remove_scratch(void)
{
    sc_fs_remove_tree(scratch, NULL);
}

/* A directory for all inputs, which is removed at the end. */
static const char *scratch_dir(void)
{
    const char *base = getenv("TMPDIR");
    if (scratch[0] == '\0') {
        snprintf(scratch, sizeof scratch, "%s/sc_fuzz_cifar_XXXXXX", base != NULL ? base : "/tmp");
        if (mkdtemp(scratch) == NULL || atexit(remove_scratch) != 0) {
            abort();
        }
    }
    return scratch;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *dir = scratch_dir();
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = "test";
    options.memory_limit = 1;
    size_t half = size / 2;
    write_file(dir, "test_batch.bin", data, half, size > 0 && data[0] % 2 == 1 ? 30730000 : 0);
    write_file(dir, "batches.meta.txt", data + half, size - half, 0);
    char spec[SC_PATH_MAX + 16];
    snprintf(spec, sizeof spec, "cifar10:%s", dir);
    if (sc_dataset_open(&ds, spec, &options, &err) != 0) {
        return 0;
    }
    sc_image image;
    if (sc_dataset_count(ds) != 10000 || sc_dataset_classes(ds) != 10 ||
        sc_dataset_read(&image, ds, 9999, &err) != 0 || image.height != 32) {
        abort();
    }
    sc_image_free(&image);
    sc_dataset_close(ds);
    return 0;
}
