/* SPDX-License-Identifier: MIT
 *
 * test_dataset.c - options, residency, fingerprint, account of bad images, memory failures.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "data/dataset.h"
#include "support/data_fixture.h"

static char *ten_images(void)
{
    char *dir = fixture_directory();
    for (uint32_t i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "%u.png", i);
        fixture_png_file(dir, name, i);
    }
    return dir;
}

static void resident_equals_on_demand(void **state)
{
    (void)state;
    char *dir = ten_images();
    sc_dataset *kept, *read;
    sc_dataset_options options = sc_dataset_defaults();
    uint32_t h, w;
    bool equal;
    options.channels = 1;
    assert_int_equal(sc_dataset_open(&kept, dir, &options, NULL), 0);
    options.memory_limit = 100;
    assert_int_equal(sc_dataset_open(&read, dir, &options, NULL), 0);
    assert_true(sc_dataset_resident(kept));
    assert_false(sc_dataset_resident(read));
    for (size_t i = 0; i < 10; i++) {
        sc_image a, b;
        assert_int_equal(sc_dataset_read(&a, kept, i, NULL), 0);
        assert_int_equal(sc_dataset_read(&b, read, i, NULL), 0);
        assert_true(!a.owned && b.owned && a.channels == 1 && b.channels == 1);
        assert_int_equal(a.height, b.height);
        assert_memory_equal(a.pixels, b.pixels, (size_t)a.height * a.width);
        sc_image_free(&a);
        sc_image_free(&b);
    }
    sc_dataset_extent(read, &h, &w, &equal);
    assert_true(h == 8 && w == 7 && !equal);
    sc_dataset_close(kept);
    sc_dataset_close(read);
    fixture_remove(dir);
}

/* Images of a sheet: no one twice, spread over the set, unreadable ones replaced by the next. */
static void sample_is_spread_and_readable(void **state)
{
    (void)state;
    char *dir = ten_images();
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    simclr_error err;
    sc_image image[20];
    uint32_t index[20];
    options.memory_limit = 100;
    options.max_bad = 0.2;
    assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
    static const size_t wanted[] = {1, 3, 8, 10, 20};
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++) {
        size_t n = wanted[w];
        assert_int_equal(sc_dataset_sample(image, index, &n, ds, NULL), 0);
        assert_int_equal(n, wanted[w] < 10 ? wanted[w] : 10);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || index[i] > index[i - 1]);
            sc_image_free(&image[i]);
        }
    }
    fixture_write(dir, "4.png", "damaged", 7); /* after it was opened */
    size_t n = 2;
    assert_int_equal(sc_dataset_sample(image, index, &n, ds, NULL), 0);
    assert_true(n == 2 && index[0] == 0 && index[1] == 6);
    sc_image_free(&image[0]);
    sc_image_free(&image[1]);
    fixture_write(dir, "6.png", "damaged", 7);
    n = 10;
    assert_int_equal(sc_dataset_sample(image, index, &n, ds, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(index[i] != 4 && index[i] != 6);
        sc_image_free(&image[i]);
    }
    fixture_write(dir, "8.png", "damaged", 7);
    assert_int_equal(sc_dataset_sample(image, index, &n, ds, &err), SIMCLR_E_DATA);
    assert_int_equal(n, 0);
    assert_non_null(strstr(err.text, "3 of 10 images cannot be read"));
    sc_dataset_close(ds);
    fixture_remove(dir);
}

static void fingerprint_follows_content(void **state)
{
    (void)state;
    char first[SC_SHA256_HEX], second[SC_SHA256_HEX];
    char *dir = ten_images(), *twin = ten_images();
    sc_dataset *ds;
    assert_int_equal(sc_dataset_open(&ds, dir, NULL, NULL), 0);
    assert_int_equal(sc_dataset_fingerprint(first, ds, NULL), 0);
    sc_dataset_close(ds);
    assert_int_equal(sc_dataset_open(&ds, twin, NULL, NULL), 0);
    assert_int_equal(sc_dataset_fingerprint(second, ds, NULL), 0);
    sc_dataset_close(ds);
    assert_string_equal(first, second); /* where it lies does not matter */
    fixture_png_file(twin, "new.png", 99);
    assert_int_equal(sc_dataset_open(&ds, twin, NULL, NULL), 0);
    assert_int_equal(sc_dataset_fingerprint(second, ds, NULL), 0);
    sc_dataset_close(ds);
    assert_string_not_equal(first, second);
    fixture_remove(dir);
    fixture_remove(twin);
}

/* The reason is the same whatever the name, which it does not repeat, and takes one line. */
static void reasons_without_names(void **state)
{
    (void)state;
    char *dir = ten_images();
    char deep[700], name[3][800];
    int at = 0;
    for (int depth = 0; depth < 3; depth++) { /* a path that no error has room for */
        at += snprintf(deep + at, sizeof deep - (size_t)at, "%s%0*d", depth > 0 ? "/" : "",
                       200 + depth, depth);
        fixture_mkdir(dir, deep);
    }
    snprintf(name[0], sizeof name[0], "short.png");
    snprintf(name[1], sizeof name[1], "two\nlines\tand\x1b[31m\xff.png");
    snprintf(name[2], sizeof name[2], "%s/x.png", deep);
    for (int limit = 0; limit < 2; limit++) { /* 1: read when asked for */
        sc_dataset *ds;
        sc_dataset_options options = sc_dataset_defaults();
        options.memory_limit = (size_t)limit;
        options.max_bad = 0.5;
        for (int i = 0; i < 3; i++)
            fixture_png_file(dir, name[i], 1);
        for (int i = 0; limit == 0 && i < 3; i++)
            fixture_write(dir, name[i], "damaged", 7);
        assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
        for (int i = 0; limit == 1 && i < 3; i++)
            assert_int_equal(unlink(fixture_path(dir, name[i])), 0);
        size_t readable;
        assert_int_equal(sc_dataset_verify(&readable, ds, NULL), 0);
        assert_int_equal(readable, 10);
        assert_int_equal(sc_dataset_skipped(ds), 3);
        for (size_t j = 0; j < 3; j++) {
            const char *file, *reason;
            sc_dataset_skip_reason(ds, j, &file, &reason);
            assert_string_equal(reason, limit == 0
                                            ? "not an image (JPEG, PNG, WebP, PPM or BMP expected)"
                                            : "cannot be opened: No such file or directory");
        }
        sc_dataset_close(ds);
    }
    fixture_remove(dir);
}

static void bad_images_are_counted_once(void **state)
{
    (void)state;
    char *dir = ten_images();
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.max_bad = 0.1;
    assert_int_equal(sc_dataset_open(&ds, dir, &options, &err), 0);
    assert_int_equal(sc_dataset_note_bad(ds, 3, "gone", &err), 0);
    assert_int_equal(sc_dataset_note_bad(ds, 3, "gone", &err), 0);
    assert_int_equal(sc_dataset_skipped(ds), 1);
    assert_int_equal(sc_dataset_note_bad(ds, 4, "gone", &err), SIMCLR_E_DATA);
    assert_non_null(strstr(err.text, "2 of 10 images cannot be read (20 %, allowed 10 %)"));
    sc_dataset_close(ds);
    fixture_remove(dir);
}

static void wrong_options(void **state)
{
    (void)state;
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.channels = 2;
    assert_int_equal(sc_dataset_open(&ds, "shapes", &options, NULL), SIMCLR_E_USAGE);
    options.channels = 3;
    options.max_bad = 1.5;
    assert_int_equal(sc_dataset_open(&ds, "shapes", &options, NULL), SIMCLR_E_USAGE);
}

/* Every single failing allocation of an open gives SIMCLR_E_MEMORY and leaks nothing. */
static void memory_failures(void **state)
{
    (void)state;
    char *dir = ten_images();
    sc_dataset *ds;
    sc_parallel_set_threads(1);
    size_t before = sc_alloc_count();
    assert_int_equal(sc_dataset_open(&ds, dir, NULL, NULL), 0);
    size_t n = sc_alloc_count() - before;
    sc_dataset_close(ds);
    for (size_t k = 1; k <= n; k++) {
        sc_alloc_fail_at(k);
        int rc = sc_dataset_open(&ds, dir, NULL, NULL);
        sc_alloc_fail_at(0);
        if (rc == 0) { /* a missing block was not needed: hints only */
            sc_dataset_close(ds);
        } else if (rc != SIMCLR_E_MEMORY) {
            fail_msg("allocation %zu of %zu: %d", k, n, rc);
        }
    }
    fixture_remove(dir);
}

static void photos(void **state)
{
    (void)state;
    const char *shared = fixture_shared();
    if (shared == NULL) {
        sct_skip(FIXTURE_NO_SHARED);
    }
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = "test";
    assert_int_equal(sc_dataset_open(&ds, fixture_path(shared, "photos"), &options, NULL), 0);
    assert_int_equal(sc_dataset_count(ds), 400);
    assert_int_equal(sc_dataset_classes(ds), 20);
    assert_int_equal(sc_dataset_skipped(ds), 0);
    assert_string_equal(sc_dataset_class_name(ds, 19), "watch");
    assert_int_equal(sc_dataset_label(ds, 399), 19);
    sc_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_equals_on_demand),
        cmocka_unit_test(sample_is_spread_and_readable),
        cmocka_unit_test(fingerprint_follows_content),
        cmocka_unit_test(reasons_without_names),
        cmocka_unit_test(bad_images_are_counted_once),
        cmocka_unit_test(wrong_options),
        cmocka_unit_test(memory_failures),
        cmocka_unit_test(photos),
    };
    return sct_run(tests);
}
