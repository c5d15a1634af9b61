/* SPDX-License-Identifier: MIT
 *
 * test_index_keep.c - features that a run keeps for the next search: when they are believed.
 */
#include "index_rig.h"

#include <time.h>

#include "core/alloc.h"

static void kept_and_fresh_are_equal(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match a[IMAGES * IMAGES], b[IMAGES * IMAGES], c[IMAGES * IMAGES];
    assert_false(search_all(a, r, false, IMAGES));
    assert_true(search_all(b, r, false, IMAGES));
    assert_false(search_all(c, r, true, IMAGES));
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(a, c, sizeof a);
    tear_down(r);
}

static void changes_are_noticed(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match a[IMAGES * IMAGES], b[IMAGES * IMAGES], c[IMAGES * (IMAGES + 1)];
    char path[600];
    assert_false(search_all(a, r, false, IMAGES));
    train(r, "2"); /* other weights */
    assert_false(search_all(b, r, false, IMAGES));
    assert_true(memcmp(a, b, sizeof a) != 0);
    assert_true(r->notes == 1 && r->warnings == 0);
    assert_true(search_all(b, r, false, IMAGES));

    /* Another picture in as many bytes; times of files may be as coarse as the kernel's clock. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    write_image(r->name[3], 1000);
    assert_false(search_all(a, r, false, IMAGES));
    assert_true(memcmp(a, b, sizeof a) != 0);
    assert_true(search_all(a, r, false, IMAGES));

    snprintf(path, sizeof path, "%s/b/99.ppm", r->data); /* one more */
    write_image(path, 5);
    assert_false(search_all(c, r, false, IMAGES + 1));
    assert_true(search_all(c, r, false, IMAGES + 1));

    /* Another precision, asked for here. */
    simclr_config *settings;
    simclr_error err = {0};
    simclr_index *index;
    simclr_index_info info;
    sct_assert_ok(simclr_config_new(&settings, &err), &err);
    sct_assert_ok(simclr_config_set(settings, "precision", "bf16", SIMCLR_FROM_CLI, NULL, &err),
                  &err);
    const simclr_index_options options = {.spec = r->data, .settings = settings};
    for (int kept = 0; kept < 2; kept++) {
        sct_assert_ok(simclr_index_open(&index, r->run, &options, NULL, &err), &err);
        sct_assert_ok(simclr_index_load(&info, index, &err), &err);
        assert_true(info.kept == (kept == 1));
        simclr_index_close(index);
    }
    simclr_config_free(settings);
    tear_down(r);
}

/* The one file of RUN/index. */
static void kept_file(char out[SC_PATH_MAX], const rig *r)
{
    sc_fs_list list;
    char dir[600];
    simclr_error err = {0};
    snprintf(dir, sizeof dir, "%s/index", r->run);
    sct_assert_ok(sc_fs_list_dir(&list, dir, &err), &err);
    assert_int_equal(list.count, 1);
    sct_assert_ok(sc_path_join(out, dir, list.name[0], &err), &err);
    sc_fs_list_free(&list);
}

/* Damage at every place: header, each tensor, the end cut off, nothing left. */
static void damage_is_noticed(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match a[IMAGES * IMAGES], b[IMAGES * IMAGES];
    char path[SC_PATH_MAX];
    simclr_error err = {0};
    void *bytes;
    size_t size;
    assert_false(search_all(a, r, false, IMAGES));
    kept_file(path, r);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 1 << 24, &err), &err);
    const size_t at[] = {3, 9, size - 3, size - IMAGES * sizeof(uint32_t) - 90};
    for (size_t i = 0; i < 7; i++) {
        unsigned char *copy = malloc(size);
        memcpy(copy, bytes, size);
        if (i < 4)
            copy[at[i]] ^= 0x10;
        size_t left = i < 4 ? size : i == 4 ? size - 1 : i == 5 ? 20 : 0;
        sct_assert_ok(sc_fs_write_atomic(path, copy, left, &err), &err);
        free(copy);
        assert_false(search_all(b, r, false, IMAGES));
        assert_int_equal(r->warnings, 1);
        assert_non_null(strstr(r->warning, "made anew"));
        assert_memory_equal(a, b, sizeof a);
        assert_true(search_all(b, r, false, IMAGES));
        assert_int_equal(r->warnings, 0);
    }
    sc_free(bytes);
    tear_down(r);
}

/* A run that cannot be written to: a warning, and the results are the same. */
static void not_kept(void **state)
{
    (void)state;
    rig *r = set_up();
    simclr_match a[IMAGES * IMAGES], b[IMAGES * IMAGES];
    char path[600];
    simclr_error err = {0};
    assert_false(search_all(a, r, false, IMAGES));
    snprintf(path, sizeof path, "%s/index", r->run);
    sct_assert_ok(sc_fs_remove_tree(path, &err), &err);
    sct_assert_ok(sc_fs_write_atomic(path, "", 0, &err), &err); /* in the directory's place */
    for (int again = 0; again < 2; again++) {
        assert_false(search_all(b, r, false, IMAGES));
        assert_int_equal(r->warnings, 1);
        assert_non_null(strstr(r->warning, "not kept"));
        assert_memory_equal(a, b, sizeof a);
    }
    tear_down(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_and_fresh_are_equal),
        cmocka_unit_test(changes_are_noticed),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(not_kept),
    };
    return sct_run(tests);
}
