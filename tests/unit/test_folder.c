/* SPDX-License-Identifier: MIT
 *
 * test_folder.c - directories of images: classes, splits, odd entries, lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sha256.h"
#include "data/dataset.h"
#include "support/data_fixture.h"

static sc_dataset *open_or_fail(const char *spec, const char *split, double max_bad)
{
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = split;
    options.max_bad = max_bad;
    if (sc_dataset_open(&ds, spec, &options, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return ds;
}

static void expect_error(const char *spec, const char *split, int code, const char *says)
{
    sc_dataset *ds;
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = split;
    int rc = sc_dataset_open(&ds, spec, &options, &err);
    if (rc != code || strstr(err.text, says) == NULL) {
        fail_msg("%s: %d %s", spec, rc, err.text);
    }
}

static void classes(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    fixture_mkdir(dir, "cat/deep");
    fixture_mkdir(dir, "ant");
    fixture_png_file(dir, "cat/b.png", 1);
    fixture_png_file(dir, "cat/a.jpg", 2); /* the suffix lies, the content counts */
    fixture_png_file(dir, "cat/deep/c.PNG", 3);
    fixture_png_file(dir, "ant/no_suffix", 4);
    fixture_png_file(dir, "cat/.hidden.png", 5);
    fixture_write(dir, "README.md", "text", 4);
    sc_dataset *ds = open_or_fail(dir, "train", 0);
    assert_int_equal(sc_dataset_count(ds), 4);
    assert_int_equal(sc_dataset_classes(ds), 2);
    assert_string_equal(sc_dataset_class_name(ds, 0), "ant");
    assert_string_equal(sc_dataset_name(ds, 0), fixture_path(dir, "ant/no_suffix"));
    assert_string_equal(sc_dataset_name(ds, 1), fixture_path(dir, "cat/a.jpg"));
    assert_string_equal(sc_dataset_name(ds, 3), fixture_path(dir, "cat/deep/c.PNG"));
    assert_int_equal(sc_dataset_label(ds, 0), 0);
    assert_int_equal(sc_dataset_label(ds, 3), 1);
    sc_dataset_close(ds);
    fixture_png_file(dir, "top.png", 6); /* an image beside them: no classes any more */
    ds = open_or_fail(dir, "train", 0);
    assert_int_equal(sc_dataset_count(ds), 5);
    assert_int_equal(sc_dataset_classes(ds), 0);
    assert_int_equal(sc_dataset_label(ds, 0), -1);
    sc_dataset_close(ds);
    expect_error(dir, "test", SIMCLR_E_NOT_FOUND,
                 "no \"test\" split; expected the sub-directories");
    fixture_remove(dir);
}

/* Photographs in a format that is not read are listed, not passed over like a text. */
static void foreign_formats(void **state)
{
    (void)state;
    static const char heif[] = "\0\0\0\x18"
                               "ftypheic\0\0\0\0mif1heic";
    char *dir = fixture_directory();
    const char *name, *reason;
    fixture_png_file(dir, "a.png", 1);
    fixture_write(dir, "IMG_0001", heif, sizeof heif - 1);
    fixture_write(dir, "notes", "P1 is the first plan", 20);
    sc_dataset *ds = open_or_fail(dir, "train", 1);
    assert_int_equal(sc_dataset_count(ds), 1);
    assert_int_equal(sc_dataset_skipped(ds), 1);
    sc_dataset_skip_reason(ds, 0, &name, &reason);
    assert_string_equal(name, fixture_path(dir, "IMG_0001"));
    assert_string_equal(reason, "HEIF is not read; convert it to PNG or JPEG");
    sc_dataset_close(ds);
    fixture_remove(dir);
}

static void splits(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    static const char *const sub[] = {"train/a", "train/b", "val/b", "val/c"};
    for (uint32_t i = 0; i < 4; i++) {
        char name[64];
        fixture_mkdir(dir, sub[i]);
        snprintf(name, sizeof name, "%s/x.png", sub[i]);
        fixture_png_file(dir, name, i);
    }
    assert_true(sc_dataset_has_split(dir, "test"));
    assert_false(sc_dataset_has_split(dir, "unlabeled"));
    sc_dataset *ds = open_or_fail(dir, "test", 0);
    assert_int_equal(sc_dataset_count(ds), 2);
    assert_int_equal(sc_dataset_classes(ds), 3); /* numbers agree between the splits */
    assert_int_equal(sc_dataset_label(ds, 0), 1);
    assert_int_equal(sc_dataset_label(ds, 1), 2);
    sc_dataset_close(ds);
    ds = open_or_fail(dir, "all", 0);
    assert_int_equal(sc_dataset_count(ds), 4);
    sc_dataset_close(ds);
    fixture_remove(dir);
}

/* Images beside train/ that have no labels: to learn from, together with it. */
static void unlabeled_beside_train(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    fixture_mkdir(dir, "train/a");
    fixture_mkdir(dir, "train/b");
    fixture_png_file(dir, "train/a/x.png", 1);
    fixture_png_file(dir, "train/b/x.png", 2);
    assert_false(sc_dataset_has_split(dir, "train+unlabeled"));
    expect_error(dir, "train+unlabeled", SIMCLR_E_NOT_FOUND, "train and unlabeled");
    fixture_mkdir(dir, "unlabeled");
    fixture_png_file(dir, "unlabeled/y.png", 3);
    fixture_mkdir(dir, "test");
    fixture_png_file(dir, "test/z.png", 4);
    assert_true(sc_dataset_has_split(dir, "train+unlabeled"));
    sc_dataset *ds = open_or_fail(dir, "train+unlabeled", 0);
    assert_int_equal(sc_dataset_count(ds), 3);
    assert_string_equal(sc_dataset_name(ds, 2), fixture_path(dir, "unlabeled/y.png"));
    sc_dataset_close(ds);
    ds = open_or_fail(dir, "train", 0);
    assert_int_equal(sc_dataset_count(ds), 2);
    assert_int_equal(sc_dataset_classes(ds), 2);
    sc_dataset_close(ds);
    fixture_remove(dir);
}

/* The fingerprint of `lines`, opened as spec; older: in the form of earlier versions, or "". */
static void expect_fingerprint(const char *spec, const char *lines, const char *older)
{
    char expected[SC_SHA256_HEX] = "", hex[SC_SHA256_HEX];
    simclr_error err;
    sc_dataset *ds = open_or_fail(spec, "train", 0);
    assert_int_equal(sc_sha256(expected, lines, strlen(lines), &err), 0);
    assert_int_equal(sc_dataset_fingerprint(hex, ds, &err), 0);
    assert_string_equal(hex, expected);
    expected[0] = '\0';
    if (older[0] != '\0')
        assert_int_equal(sc_sha256(expected, older, strlen(older), &err), 0);
    assert_int_equal(sc_dataset_older_fingerprint(hex, ds, &err), 0);
    assert_string_equal(hex, expected);
    sc_dataset_close(ds);
}

/* However the path is typed, the images are the same. */
static void fingerprint_without_the_place(void **state)
{
    (void)state;
    char *dir = fixture_directory(), spec[600], now[200], older[900];
    static const char *const ends[] = {"", "/", "//"};
    fixture_mkdir(dir, "sub");
    fixture_png_file(dir, "sub/a.png", 1);
    sc_dataset *ds = open_or_fail(dir, "train", 0);
    struct stat st;
    assert_int_equal(stat(sc_dataset_name(ds, 0), &st), 0);
    sc_dataset_close(ds);
    for (int i = 0; i < 3; i++) {
        snprintf(spec, sizeof spec, "%s%s", dir, ends[i]);
        snprintf(now, sizeof now, "folder\ttrain\t1\n/sub/a.png\t%lld\t-1\n",
                 (long long)st.st_size);
        snprintf(older, sizeof older, "folder\ttrain\t1\nsub/a.png\t%lld\t-1\n",
                 (long long)st.st_size);
        expect_fingerprint(spec, now, older);
    }
    fixture_write(dir, "list.txt", "sub/a.png\n", 10);
    snprintf(spec, sizeof spec, "list:%s/list.txt", dir);
    snprintf(now, sizeof now, "list\ttrain\t1\nsub/a.png\t%lld\t-1\n", (long long)st.st_size);
    snprintf(older, sizeof older, "list\ttrain\t1\n%s/sub/a.png\t%lld\t-1\n", dir,
             (long long)st.st_size);
    expect_fingerprint(spec, now, older);
    assert_int_equal(chdir(dir), 0);
    expect_fingerprint("list:list.txt", now, "");
    fixture_remove(dir);
}

static void odd_entries(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    const char *name, *reason;
    fixture_png_file(dir, "good.png", 1);
    fixture_png_file(dir, "%n%s\x1b[31m.png", 2);
    assert_int_equal(mkfifo(fixture_path(dir, "a_fifo.jpg"), 0600), 0);
    assert_int_equal(mkfifo(fixture_path(dir, "b_fifo"), 0600), 0);
    assert_int_equal(symlink("/nonexistent", fixture_path(dir, "c_dangling.png")), 0);
    fixture_write(dir, "d_empty.png", "", 0);
    fixture_write(dir, "e_text.jpg", "hello", 5);
    fixture_mkdir(dir, "sub");
    assert_int_equal(symlink("..", fixture_path(dir, "sub/up")), 0);
    fixture_png_file(dir, "sub/linked.png", 3);
    sc_dataset *ds = open_or_fail(dir, "train", 1);
    assert_int_equal(sc_dataset_count(ds), 3);
    assert_int_equal(sc_dataset_skipped(ds), 5); /* four files and the loop */
    bool loop = false, empty = false;
    for (size_t j = 0; j < 5; j++) {
        sc_dataset_skip_reason(ds, j, &name, &reason);
        loop = loop || strcmp(reason, "a link to a directory above it") == 0;
        empty = empty || strcmp(reason, "the file is empty") == 0;
    }
    assert_true(loop && empty);
    sc_dataset_close(ds);
    expect_error(dir, "train", SIMCLR_E_DATA, "4 of 7 images cannot be read");
    fixture_remove(dir);
}

static void nothing_there(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    expect_error(dir, "train", SIMCLR_E_DATA, "no images found");
    fixture_write(dir, "a.png", "x", 1);
    expect_error(dir, "train", SIMCLR_E_DATA, "none of 1 images can be read");
    expect_error("/nonexistent/x", "train", SIMCLR_E_NOT_FOUND, "no such file or directory");
    expect_error("folder:/nonexistent", "train", SIMCLR_E_NOT_FOUND, "expected a directory");
    fixture_png_file(dir, "b.png", 1);
    expect_error(fixture_path(dir, "b.png"), "train", SIMCLR_E_DATA, "a single image");
    fixture_remove(dir);
}

static void lists(void **state)
{
    (void)state;
    char *dir = fixture_directory();
    static const char text[] = "b.png\t10\r\n\nsub/c.png\t9\na.png\n";
    fixture_mkdir(dir, "sub");
    fixture_png_file(dir, "a.png", 1);
    fixture_png_file(dir, "b.png", 2);
    fixture_png_file(dir, "sub/c.png", 3);
    fixture_write(dir, "list.txt", text, sizeof text - 1);
    sc_dataset *ds = open_or_fail(fixture_path(dir, "list.txt"), "train", 0);
    assert_string_equal(sc_dataset_kind(ds), "list");
    assert_int_equal(sc_dataset_count(ds), 3);
    assert_int_equal(sc_dataset_classes(ds), 2);
    assert_string_equal(sc_dataset_class_name(ds, 0), "9");
    assert_int_equal(sc_dataset_label(ds, 0), 1);
    assert_int_equal(sc_dataset_label(ds, 1), 0);
    assert_int_equal(sc_dataset_label(ds, 2), -1);
    assert_string_equal(sc_dataset_name(ds, 0), fixture_path(dir, "b.png"));
    sc_dataset_close(ds);
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(foreign_formats),
        cmocka_unit_test(splits),
        cmocka_unit_test(unlabeled_beside_train),
        cmocka_unit_test(fingerprint_without_the_place),
        cmocka_unit_test(odd_entries),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
