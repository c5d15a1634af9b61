/* SPDX-License-Identifier: MIT
 *
 * test_index.c - searching a folder by the public functions: what is found, and what is refused.
 */
#include "index_rig.h"

#include <unistd.h>

#include "core/alloc.h"
#include "data/image.h"

static void files_find_themselves(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match found[IMAGES * IMAGES];
    assert_false(search_all(found, r, false, IMAGES));
    assert_int_equal(r->warnings, 0);
    simclr_index *index = open_index(r, false);
    simclr_error err = {0};
    sct_assert_ok(simclr_index_load(NULL, index, &err), &err);
    for (size_t i = 0; i < IMAGES; i++) {
        const simclr_match *row = found + i * IMAGES;
        uint32_t seen = 0;
        assert_string_equal(simclr_index_name(index, row[0].image), r->name[i]);
        assert_string_equal(simclr_index_class(index, row[0].image), i < IMAGES / 2 ? "a" : "b");
        assert_true(row[0].similarity > 1 - 2e-6f && row[0].similarity <= 1);
        for (size_t j = 0; j < IMAGES; j++) {
            assert_true(j == 0 || row[j].similarity <= row[j - 1].similarity);
            seen |= 1u << row[j].image;
            for (size_t m = 0; m < IMAGES; m++) /* the same the other way round */
                if (found[row[j].image * IMAGES + m].image == i)
                    assert_true(found[row[j].image * IMAGES + m].similarity - row[j].similarity <
                                2e-6f);
        }
        assert_int_equal(seen, (1u << IMAGES) - 1);
    }
    simclr_index_close(index);
    tear_down(r);
}

static void names_of_the_set(void **state)
{
    (void)state;
    rig *r = set_up();
    const char *const query[] = {"shape-test-3", "shape-7"};
    simclr_index *index;
    simclr_error err = {0};
    simclr_match found[4];
    size_t k = 2;
    sct_assert_ok(simclr_index_open(&index, r->run, NULL, NULL, &err), &err);
    sct_assert_ok(simclr_index_search(found, &k, index, query, 2, &err), &err);
    assert_string_equal(simclr_index_name(index, found[0].image), "shape-test-3");
    assert_string_equal(simclr_index_name(index, found[2].image), "shape-7");
    assert_true(found[0].similarity > 1 - 2e-6f && found[2].similarity > 1 - 2e-6f);
    simclr_index_close(index);
    const simclr_index_options train_only = {.split = "train"};
    sct_assert_ok(simclr_index_open(&index, r->run, &train_only, NULL, &err), &err);
    sct_assert_error(simclr_index_search(found, &k, index, query, 2, &err), &err,
                     SIMCLR_E_NOT_FOUND, "shape-test-3");
    simclr_index_close(index);
    tear_down(r);
}

static void duplicates_outliers_sheet(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match out[IMAGES], unusual[IMAGES + 5];
    simclr_error err = {0};
    size_t size[IMAGES / 2 + 1], groups, count = IMAGES + 5, k = 1000;
    char command[2400], png[560];
    snprintf(command, sizeof command, "%s/b/13.ppm", r->data);
    void *bytes;
    sct_assert_ok(sc_fs_read(&bytes, &count, r->name[4], 1 << 20, &err), &err);
    sct_assert_ok(sc_fs_write_atomic(command, bytes, count, &err), &err);
    sc_free(bytes);
    simclr_index *index = open_index(r, false);
    sct_assert_ok(simclr_index_duplicates(out, size, &groups, index, 1, &err), &err);
    assert_true(groups == 1 && size[0] == 2);
    assert_string_equal(simclr_index_name(index, out[0].image), r->name[4]);
    assert_string_equal(simclr_index_name(index, out[1].image), command);
    count = IMAGES + 5;
    sct_assert_ok(simclr_index_outliers(unusual, &count, &k, index, &err), &err);
    assert_true(count == IMAGES && k == IMAGES - 1);
    for (size_t i = 1; i < count; i++)
        assert_true(unusual[i].similarity >= unusual[i - 1].similarity);
    sct_assert_error(simclr_index_duplicates(out, size, &groups, index, 0, &err), &err,
                     SIMCLR_E_USAGE, "threshold");

    /* Query and two images, in the place of a vanished one a grey field. */
    const simclr_sheet_row rows[] = {{r->name[4], out, 2}, {NULL, unusual, 2}};
    sc_image sheet;
    snprintf(png, sizeof png, "%s/sheet.png", r->data);
    assert_int_equal(unlink(r->name[4]), 0);
    sct_assert_ok(simclr_index_sheet(png, index, rows, 2, &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &count, png, 1 << 24, &err), &err);
    sct_assert_ok(sc_image_decode(&sheet, bytes, count, png, 3, &err), &err);
    assert_true(sheet.width > 3 * 128 && sheet.width < 4 * 128 && sheet.height > 2 * 128);
    sc_image_free(&sheet);
    sc_free(bytes);
    sct_assert_error(simclr_index_sheet(png, index, rows, 0, &err), &err, SIMCLR_E_USAGE,
                     "at least one");
    simclr_index_close(index);
    tear_down(r);
}

/* ---- what is refused ---- */

static void refusals(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match found[4];
    simclr_error err = {0};
    char path[600], kept[600];
    size_t k = 1;
    snprintf(path, sizeof path, "%s/run/config.yaml", sct_scratch());
    snprintf(kept, sizeof kept, "%s/index", r->run);
    const char *query[] = {r->name[0], "nowhere.jpg"};
    simclr_index *index = open_index(r, false);
    sct_assert_error(simclr_index_search(found, &k, index, query, 2, &err), &err,
                     SIMCLR_E_NOT_FOUND, "nowhere.jpg: no such file");
    query[1] = path;
    sct_assert_error(simclr_index_search(found, &k, index, query, 2, &err), &err, SIMCLR_E_FORMAT,
                     "config.yaml: not an image");
    assert_false(sc_fs_exists(kept)); /* nothing was embedded for them */
    k = 0;
    sct_assert_error(simclr_index_search(found, &k, index, query, 1, &err), &err, SIMCLR_E_USAGE,
                     "k = 0");
    simclr_index_close(index);
    const simclr_index_options nowhere = {.spec = "/nonexistent"}, split = {.split = "nothing"};
    sct_assert_error(simclr_index_open(&index, r->run, &nowhere, NULL, &err), &err,
                     SIMCLR_E_NOT_FOUND, "/nonexistent");
    sct_assert_error(simclr_index_open(&index, r->run, &split, NULL, &err), &err,
                     SIMCLR_E_NOT_FOUND, "nothing");
    assert_null(index);
    tear_down(r);
}

static void unreadable_images(void **state)
{
    (void)state;
    rig *r = set_up();
    /* Too large to be decoded at the start, so that its damage is met later. */
    char path[600], cut[200] = "P6 800 800 255\n";
    simclr_error err = {0};
    simclr_index_info info;
    simclr_match found[IMAGES * IMAGES];
    snprintf(path, sizeof path, "%s/a/00-bad.ppm", r->data);
    sct_assert_ok(sc_fs_write_atomic(path, cut, sizeof cut, &err), &err);
    for (int kept = 0; kept < 2; kept++) {
        simclr_index *index = open_index(r, false);
        sct_assert_ok(simclr_index_load(&info, index, &err), &err);
        assert_true(info.images == IMAGES && info.skipped == 1 && info.kept == (kept == 1));
        assert_string_equal(simclr_index_name(index, 0), r->name[0]); /* not that of the bad one */
        assert_int_equal(r->warnings, 1);
        assert_non_null(strstr(r->warning, "1 of 15 images cannot be read"));
        simclr_index_close(index);
    }
    assert_true(search_all(found, r, false, IMAGES));
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(found[i * IMAGES].image, i); /* rows go on past it */
    tear_down(r);
}

/* Images that are decoded when they are needed, by several threads at once. */
static void threads_are_equal(void **state)
{
    (void)state;
    rig *r = set_up();
    char path[600], cut[200] = "P6 800 800 255\n";
    simclr_match found[2][IMAGES * IMAGES];
    simclr_config *settings;
    simclr_error err = {0};
    const char *query[IMAGES];
    for (size_t i = 0; i < IMAGES; i++)
        query[i] = r->name[i];
    for (int bad = 0; bad < 3; bad++) {
        snprintf(path, sizeof path, "%s/a/0%d-bad.ppm", r->data, 2 * bad);
        sct_assert_ok(sc_fs_write_atomic(path, cut, sizeof cut, &err), &err);
    }
    sct_assert_ok(simclr_config_new(&settings, &err), &err);
    for (int t = 0; t < 2; t++) {
        const char *threads = t == 0 ? "1" : "5";
        sct_assert_ok(simclr_config_set(settings, "threads", threads, SIMCLR_FROM_CLI, NULL, &err),
                      &err);
        const simclr_index_options options = {.spec = r->data, .fresh = true, .settings = settings};
        simclr_index *index;
        size_t k = IMAGES;
        sct_assert_ok(simclr_index_open(&index, r->run, &options, NULL, &err), &err);
        sct_assert_ok(simclr_index_search(found[t], &k, index, query, IMAGES, &err), &err);
        for (size_t i = 0; i < IMAGES; i++)
            assert_string_equal(simclr_index_name(index, i), r->name[i]);
        simclr_index_close(index);
    }
    assert_memory_equal(found[0], found[1], sizeof found[0]);
    simclr_config_free(settings);
    tear_down(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_find_themselves),     cmocka_unit_test(names_of_the_set),
        cmocka_unit_test(duplicates_outliers_sheet), cmocka_unit_test(refusals),
        cmocka_unit_test(unreadable_images),         cmocka_unit_test(threads_are_equal),
    };
    return sct_run(tests);
}
