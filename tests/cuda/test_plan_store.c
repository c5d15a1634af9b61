/* SPDX-License-Identifier: MIT
 *
 * test_plan_store.c - choices of plans survive the process; a file that is not whole or not ours does no
 * harm.
 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cuda/plan_store.h"
#include "core/alloc.h"
#include "core/fs.h"

static const char DEVICE[] = "NVIDIA H200 NVL/2";
static sc_plan_store store, again;

static sc_plan_choice choice_of(size_t n, size_t index)
{
    sc_conv_shape shape = {.n = n,
                           .h = 9,
                           .w = 8,
                           .c = 7,
                           .k = 6,
                           .r = 5,
                           .s = 4,
                           .p = 3,
                           .q = 2,
                           .stride = 2,
                           .pad = 1,
                           .dilation = 1,
                           .algorithm = SC_CONV_DIRECT};
    return (sc_plan_choice){.key = sc_plan_key_of(SC_CONV_DW, SC_BF16, &shape),
                            .index = index,
                            .engine = -3,
                            .settings = "2=-1,13=4",
                            .us = 12.5};
}

static void use_cache(const char *name)
{
    char path[SC_PATH_MAX];
    assert_int_equal(sc_path_join(path, sct_scratch(), name, NULL), 0);
    setenv("XDG_CACHE_HOME", path, 1);
}

/* Puts `count` choices into a new store. */
static void fill(const char *cache, size_t count)
{
    use_cache(cache);
    sc_plan_store_open(&store, DEVICE, 91900);
    assert_int_equal(store.count, 0);
    for (size_t i = 0; i < count; i++) {
        sc_plan_choice choice = choice_of(i, i + 10);
        sc_plan_store_put(&store, &choice);
    }
}

static void remembers(void **state)
{
    (void)state;
    fill("remembers", 5);
    assert_non_null(strstr(store.path, "/remembers/simclr/plans-NVIDIA-H200-NVL-2-cudnn91900.txt"));
    sc_plan_choice changed = choice_of(3, 77);
    memset(changed.settings, '7', sizeof(changed.settings) - 1); /* as many as there may be */
    sc_plan_store_put(&store, &changed);
    sc_plan_store_open(&again, DEVICE, 91900);
    assert_int_equal(again.count, 5);
    for (size_t i = 0; i < 5; i++) {
        sc_plan_choice want = choice_of(i, i == 3 ? 77 : i + 10);
        const sc_plan_choice *got = sc_plan_store_find(&again, &want.key);
        assert_non_null(got);
        assert_int_equal(got->index, want.index);
        assert_int_equal(got->engine, -3);
        assert_string_equal(got->settings, i == 3 ? changed.settings : want.settings);
    }
    sc_plan_choice other = choice_of(5, 0);
    assert_null(sc_plan_store_find(&again, &other.key));
    other = choice_of(0, 0);
    other.key.pass = SC_CONV_DX;
    assert_null(sc_plan_store_find(&again, &other.key));
    sc_plan_store_open(&again, DEVICE, 91901);
    assert_int_equal(again.count, 0);
    sc_plan_store_open(&again, "NVIDIA A100", 91900);
    assert_int_equal(again.count, 0);
}

/* Every beginning of a good file, and the file with any one byte changed: only choices that were there
 * before, or that say so of themselves, and never more. */
static void survives_damage(void **state)
{
    (void)state;
    simclr_error err;
    void *data;
    size_t size;
    fill("damage", 3);
    sct_assert_ok(sc_fs_read(&data, &size, store.path, 1 << 20, &err), &err);
    for (size_t cut = 0; cut <= size; cut++) {
        sct_assert_ok(sc_fs_write_atomic(store.path, data, cut, &err), &err);
        sc_plan_store_open(&again, DEVICE, 91900);
        assert_true(again.count == 3 ? cut == size : again.count < 3);
        for (size_t i = 0; i < again.count; i++) {
            assert_memory_equal(&again.choice[i], &store.choice[i], sizeof(store.choice[i]));
        }
    }
    unsigned char *bytes = data;
    char longer[2000];
    snprintf(longer, sizeof(longer), "%.*s 5\n", (int)size - 1, (char *)data);
    sct_assert_ok(sc_fs_write_atomic(store.path, longer, strlen(longer), &err), &err);
    sc_plan_store_open(&again, DEVICE, 91900);
    assert_int_equal(again.count, 2); /* the last line has more than belongs there */
    snprintf(longer, sizeof(longer), "%.*s%0400d 1.5 .\n",
             (int)(size - strlen("2=-1,13=4 12.500 .\n")), (char *)data, 7);
    sct_assert_ok(sc_fs_write_atomic(store.path, longer, strlen(longer), &err), &err);
    sc_plan_store_open(&again, DEVICE, 91900);
    assert_int_equal(again.count, 2); /* or settings that are too long */
    for (size_t i = 0; i < size; i++) {
        unsigned char old = bytes[i];
        bytes[i] = (unsigned char)sct_below(256);
        sct_assert_ok(sc_fs_write_atomic(store.path, data, size, &err), &err);
        sc_plan_store_open(&again, DEVICE, 91900);
        assert_true(again.count <= 4);
        bytes[i] = old;
    }
    sc_free(data);
}

static void lives_without_a_place(void **state)
{
    (void)state;
    sc_plan_choice choice = choice_of(1, 2);
    setenv("XDG_CACHE_HOME", "relative/is/to/be/ignored", 1);
    setenv("HOME", sct_scratch(), 1);
    sc_plan_store_open(&store, DEVICE, 1);
    assert_non_null(strstr(store.path, "/.cache/simclr/plans-"));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    sc_plan_store_open(&store, DEVICE, 1);
    assert_string_equal(store.path, "");
    sc_plan_store_put(&store, &choice);
    assert_non_null(sc_plan_store_find(&store, &choice.key));
    setenv("XDG_CACHE_HOME", "/proc/no/place", 1);
    sc_plan_store_open(&store, DEVICE, 1);
    sc_plan_store_put(&store, &choice);
    assert_non_null(sc_plan_store_find(&store, &choice.key));
}

static void takes_no_more_than_it_holds(void **state)
{
    (void)state;
    fill("full", 0);
    store.path[0] = '\0'; /* writing is not the point */
    for (size_t i = 0; i < SC_PLAN_STORE_ENTRIES + 3; i++) {
        sc_plan_choice choice = choice_of(i, i);
        sc_plan_store_put(&store, &choice);
    }
    assert_int_equal(store.count, SC_PLAN_STORE_ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(lives_without_a_place),
        cmocka_unit_test(takes_no_more_than_it_holds),
    };
    return sct_run(tests);
}
