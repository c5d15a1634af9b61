/* SPDX-License-Identifier: MIT
 *
 * fuzz_stl10.c - bytes as train_y.bin (first half) and class_names.txt (second half).
 *
 * When byte 0 is odd the first half is repeated to 5000 labels, beside train_X.bin of its exact size; else
 * it is both of them as it is.
 */
#include "fuzz_files.h"

#include "data/dataset.h"

enum { IMAGES = 5000, RECORD = 3 * 96 * 96 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t labels[IMAGES];
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.memory_limit = 1;
    size_t half = size / 2;
    if (half > 0 && data[0] % 2 == 1) {
        for (size_t i = 0; i < IMAGES; i++) {
            labels[i] = data[i % half];
        }
        fuzz_write("train_y.bin", labels, IMAGES, 0);
        fuzz_write("train_X.bin", NULL, 0, (size_t)IMAGES * RECORD);
    } else {
        fuzz_write("train_y.bin", data, half, 0);
        fuzz_write("train_X.bin", data, half, 0);
    }
    fuzz_write("class_names.txt", data + half, size - half, 0);
    char spec[SC_PATH_MAX + 16];
    snprintf(spec, sizeof spec, "stl10:%s", fuzz_directory());
    if (sc_dataset_open(&ds, spec, &options, &err) != 0) {
        return 0;
    }
    sc_image image;
    if (sc_dataset_count(ds) != IMAGES || sc_dataset_classes(ds) != 10 ||
        sc_dataset_read(&image, ds, IMAGES - 1, &err) != 0 || image.height != 96) {
        abort();
    }
    for (size_t i = 0; i < IMAGES; i++) {
        if (sc_dataset_label(ds, i) != data[i % half] - 1) {
            abort();
        }
    }
    sc_image_free(&image);
    sc_dataset_close(ds);
    return 0;
}
