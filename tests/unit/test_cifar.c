/* SPDX-License-Identifier: MIT
 *
 * test_cifar.c - the binary files of CIFAR: planes to pixels, names, and what is said of bad files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "support/data_fixture.h"

static sc_dataset_options split(const char *name)
{
    sc_dataset_options options = sc_dataset_defaults();
    options.split = name;
    options.memory_limit = 1; /* on demand: the files are large */
    return options;
}

static int open_split(sc_dataset **ds, const char *kind, const char *dir, const char *name,
                      simclr_error *err)
{
    char spec[4200];
    sc_dataset_options options = split(name);
    snprintf(spec, sizeof spec, "%s%s", kind, dir);
    return sc_dataset_open(ds, spec, &options, err);
}

static void test_files(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    sc_dataset *ds;
    sc_image image;
    /* record 2 of the test file: green of pixel (1, 5) is 77 */
    fixture_sparse(dir, "test_batch.bin", 30730000, 2 * 3073 + 1 + 1024 + 32 + 5, 77);
    fixture_write(dir, "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", 21);
    assert_int_equal(open_split(&ds, "", dir, "test", NULL), 0); /* plain path: recognised */
    assert_string_equal(sc_dataset_kind(ds), "cifar10");
    assert_int_equal(sc_dataset_count(ds), 10000);
    assert_int_equal(sc_dataset_classes(ds), 10);
    assert_string_equal(sc_dataset_class_name(ds, 9), "j");
    assert_string_equal(sc_dataset_name(ds, 2), "test_batch.bin#2");
    assert_int_equal(sc_dataset_read(&image, ds, 2, NULL), 0);
    for (size_t i = 0; i < 32 * 32 * 3; i++) {
        assert_int_equal(image.pixels[i], i == (32 + 5) * 3 + 1 ? 77 : 0);
    }
    sc_image_free(&image);
    sc_dataset_close(ds);
    assert_true(sc_dataset_has_split(dir, "test"));
    assert_false(sc_dataset_has_split(dir, "train"));
    assert_false(sc_dataset_has_split(dir, "unlabeled"));
    fixture_remove(dir);
}

static void hundred_classes(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    sc_dataset *ds;
    fixture_sparse(dir, "test.bin", 30740000, 3074 * 7 + 1, 99);
    assert_int_equal(open_split(&ds, "cifar100:", dir, "test", NULL), 0);
    assert_int_equal(sc_dataset_label(ds, 7), 99);
    assert_int_equal(sc_dataset_classes(ds), 100);
    assert_string_equal(sc_dataset_class_name(ds, 0), "apple");
    assert_string_equal(sc_dataset_class_name(ds, 99), "worm");
    sc_dataset_close(ds);
    fixture_remove(dir);
}

static void expect_error(const char *dir, const char *name, int code, const char *says)
{
    sc_dataset *ds;
    simclr_error err;
    int rc = open_split(&ds, "cifar10:", dir, name, &err);
    if (rc != code || strstr(err.text, says) == NULL) {
        fail_msg("%d %s", rc, err.text);
    }
    assert_null(ds);
}

static void bad_files(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    expect_error("/nonexistent", "train", SIMCLR_E_NOT_FOUND, "/nonexistent: no such directory");
    fixture_write(dir, "data_batch_1.bin.xz", "x", 1);
    expect_error(dir, "train", SIMCLR_E_NOT_FOUND, "unpack it: xz -dk");
    fixture_sparse(dir, "data_batch_1.bin", 30730000, 0, 0);
    fixture_sparse(dir, "data_batch_2.bin", 30730000, 0, 0);
    expect_error(dir, "train", SIMCLR_E_NOT_FOUND, "data_batch_3.bin: no such file; download");
    fixture_sparse(dir, "data_batch_3.bin", 1234, 0, 0);
    expect_error(dir, "train", SIMCLR_E_FORMAT,
                 "data_batch_3.bin: 1234 bytes, expected 30730000 (10000 records of 3073); the file"
                 " is cut short, download it again");
    fixture_sparse(dir, "test_batch.bin", 30730000, 812 * 3073, 37);
    expect_error(dir, "test", SIMCLR_E_FORMAT,
                 "test_batch.bin: record 812 of 10000 has label 37, expected 0 to 9");
    expect_error(dir, "unlabeled", SIMCLR_E_NOT_FOUND, "no split \"unlabeled\"");
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(hundred_classes),
        cmocka_unit_test(bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
