/* SPDX-License-Identifier: MIT
 *
 * fuzz_list.c - bytes as a list of images, beside which there is one, a.ppm.
 *
 * Slashes become letters: what is read lies in the directory of the list.
 */
#include "fuzz_files.h"

#include <string.h>

#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every image has one of the classes or none, and no two classes have one name. */
static void check(const sc_dataset *ds)
{
    int classes = sc_dataset_classes(ds);
    for (size_t i = 0; i < sc_dataset_count(ds); i++) {
        int label = sc_dataset_label(ds, i);
        if (label < -1 || label >= classes || sc_dataset_name(ds, i)[0] == '\0') {
            abort();
        }
    }
    for (int c = 1; c < classes; c++) {
        if (strcmp(sc_dataset_class_name(ds, c - 1), sc_dataset_class_name(ds, c)) == 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char pixel[] = "P6 1 1 255 rgb";
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    uint8_t *list = malloc(size + 1);
    if (list == NULL) {
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        list[i] = data[i] == '/' ? 'x' : data[i];
    }
    fuzz_write("a.ppm", (const uint8_t *)pixel, sizeof pixel - 1, 0);
    fuzz_write("list.txt", list, size, 0);
    free(list);
    options.max_bad = 1;
    char spec[SC_PATH_MAX + 16];
    snprintf(spec, sizeof spec, "list:%s/list.txt", fuzz_directory());
    if (sc_dataset_open(&ds, spec, &options, &err) == 0) {
        check(ds);
        sc_dataset_close(ds);
    }
    return 0;
}
