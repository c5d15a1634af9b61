/* SPDX-License-Identifier: MIT
 *
 * test_stl10.c - STL-10: planes stored column by column, labels 1 .. 10, splits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "support/data_fixture.h"

enum { PLANE = 96 * 96, RECORD = 3 * PLANE };

static void labels_and_pixels(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    uint8_t labels[5000];
    sc_dataset *ds;
    sc_image image;
    sc_dataset_options options = sc_dataset_defaults();
    options.memory_limit = 1;
    memset(labels, 3, sizeof labels);
    labels[1] = 10;
    /* blue of pixel (row 2, column 50) of image 1 */
    fixture_sparse(dir, "train_X.bin", 5000ul * RECORD, RECORD + 2 * PLANE + 50 * 96 + 2, 200);
    fixture_write(dir, "train_y.bin", labels, sizeof labels);
    assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
    assert_string_equal(sc_dataset_kind(ds), "stl10");
    assert_int_equal(sc_dataset_count(ds), 5000);
    assert_int_equal(sc_dataset_label(ds, 0), 2);
    assert_int_equal(sc_dataset_label(ds, 1), 9);
    assert_string_equal(sc_dataset_class_name(ds, 9), "truck");
    assert_int_equal(sc_dataset_read(&image, ds, 1, NULL), 0);
    assert_int_equal(image.height, 96);
    for (size_t i = 0; i < RECORD; i++) {
        assert_int_equal(image.pixels[i], i == (2 * 96 + 50) * 3 + 2 ? 200 : 0);
    }
    sc_image_free(&image);
    sc_dataset_close(ds);

    simclr_error err;
    labels[44] = 0;
    fixture_write(dir, "train_y.bin", labels, sizeof labels);
    assert_int_equal(sc_dataset_open(&ds, dir, &options, &err), SIMCLR_E_FORMAT);
    assert_non_null(strstr(err.text, "train_y.bin: record 44 of 5000 has label 0"));
    fixture_remove(dir);
}

static void unlabeled_split(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.memory_limit = 1;
    options.split = "unlabeled";
    fixture_sparse(dir, "unlabeled_X.bin", 100000ul * RECORD, 0, 0);
    assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
    assert_int_equal(sc_dataset_count(ds), 100000);
    assert_int_equal(sc_dataset_classes(ds), 0);
    assert_int_equal(sc_dataset_label(ds, 5), -1);
    sc_dataset_close(ds);
    assert_true(sc_dataset_has_split(dir, "unlabeled"));
    assert_false(sc_dataset_has_split(dir, "train"));
    assert_false(sc_dataset_has_split(dir, "train+unlabeled"));
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_and_pixels),
        cmocka_unit_test(unlabeled_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
