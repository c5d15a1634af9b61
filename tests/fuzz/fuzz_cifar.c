/* SPDX-License-Identifier: MIT
 *
 * fuzz_cifar.c - bytes as test_batch.bin (first half) and batches.meta.txt (second half).
 *
 * The first is filled with zeros to its exact size when byte 0 is odd, so that labels are reached.
 */
#include "fuzz_files.h"

#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = "test";
    options.memory_limit = 1;
    size_t half = size / 2;
    fuzz_write("test_batch.bin", data, half, size > 0 && data[0] % 2 == 1 ? 30730000 : 0);
    fuzz_write("batches.meta.txt", data + half, size - half, 0);
    char spec[SC_PATH_MAX + 16];
    snprintf(spec, sizeof spec, "cifar10:%s", fuzz_directory());
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
