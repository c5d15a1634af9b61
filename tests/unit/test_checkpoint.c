/* SPDX-License-Identifier: MIT
 *
 * test_checkpoint.c - the directory store: complete or not at all, oldest pruned, any flipped bit
 * found and the checkpoint before it used, leftovers of a killed save cleaned, nothing changed by
 * those who only read, no space reported.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "core/alloc.h"

/* In place of the C library's: a file system without symbolic links, where why_no_links is no 0. */
static int why_no_links;

int symlink(const char *target, const char *path)
{
    errno = why_no_links;
    return why_no_links != 0 ? -1 : symlinkat(target, AT_FDCWD, path);
}

static int reports;
static char report_text[1024];

static void note(void *context, const char *text)
{
    (void)context;
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}

static int write_model(const char *path, void *context, simclr_error *err)
{
    return sc_fs_write_atomic(path, context, strlen(context), err);
}

static int save(const char *run, uint64_t step, const char *text, simclr_error *err)
{
    char model[64];
    snprintf(model, sizeof model, "weights of %s", text);
    sc_checkpoint_file files[] = {
        {.name = "model.safetensors", .size = 64, .write = write_model, .context = model},
        {.name = "state.json", .size = strlen(text), .bytes = text}};
    return sc_checkpoint_save(run, step, files, 2, 2, err);
}

static bool has(const char *run, const char *name)
{
    char directory[SC_PATH_MAX], path[SC_PATH_MAX];
    return sc_path_join(directory, run, "checkpoints", NULL) == 0 &&
           sc_path_join(path, directory, name, NULL) == 0 && sc_fs_exists(path);
}

static void test_save_find_prune(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX], path[SC_PATH_MAX + 64], target[64] = "";
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_error(sc_checkpoint_find(&found, run, NULL, NULL, &err), &err, SIMCLR_E_NOT_FOUND,
                     "no checkpoint");
    sct_assert_ok(save(run, 1, "one", &err), &err);
    for (uint64_t step = 2; step <= 5; step++)
        sct_assert_ok(save(run, step, "more", &err), &err);
    sct_assert_ok(save(run, 5, "more", &err), &err);  /* the same bytes again */
    sct_assert_ok(save(run, 5, "other", &err), &err); /* other bytes */
    assert_false(has(run, "step-00000001") || has(run, "step-00000003"));
    assert_true(has(run, "step-00000004") && has(run, "step-00000005"));
    assert_false(has(run, "step-00000005.old"));
    sct_assert_ok(sc_checkpoint_find(&found, run, NULL, NULL, &err), &err);
    assert_int_equal(found.step, 5);
    snprintf(path, sizeof path, "%s/checkpoints/last", run);
    assert_true(readlink(path, target, sizeof target - 1) > 0);
    assert_string_equal(target, "step-00000005");
    sct_scratch_remove();
}

/* Killed while the first checkpoint began: its directory is there, and nothing in it. */
static void test_empty_store(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char store[SC_PATH_MAX];
    const char *run = sct_scratch();
    sct_assert_ok(sc_path_join(store, run, "checkpoints", &err), &err);
    sct_assert_ok(sc_fs_mkdirs(store, &err), &err);
    sct_assert_error(sc_checkpoint_find(&found, run, NULL, NULL, &err), &err, SIMCLR_E_NOT_FOUND,
                     "no checkpoint");
    sct_assert_error(sc_checkpoint_look(&found, run, NULL, NULL, &err), &err, SIMCLR_E_NOT_FOUND,
                     "no checkpoint");
    sct_assert_ok(save(run, 1, "one", &err), &err);
    sct_assert_ok(sc_checkpoint_find(&found, run, NULL, NULL, &err), &err);
    sct_scratch_remove();
}

/* From 10^8 steps on a name is longer than those of the steps before. */
static void test_prune_by_number(void **state)
{
    (void)state;
    simclr_error err;
    char run[SC_PATH_MAX];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    for (uint64_t step = 99999998; step <= 100000001; step++)
        sct_assert_ok(save(run, step, "more", &err), &err);
    assert_true(has(run, "step-100000001") && has(run, "step-100000000"));
    assert_false(has(run, "step-99999999") || has(run, "step-99999998"));
    sct_scratch_remove();
}

static void test_every_bit(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "state.json", "MANIFEST"};
    simclr_error err;
    char run[SC_PATH_MAX], dir[SC_PATH_MAX + 64], path[SC_PATH_MAX + 128];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_ok(save(run, 7, "seven", &err), &err);
    snprintf(dir, sizeof dir, "%s/checkpoints/step-00000007", run);
    sct_assert_ok(sc_checkpoint_verify(dir, NULL, &err), &err);
    for (size_t f = 0; f < 3; f++) {
        unsigned char *bytes;
        void *data;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", dir, names[f]);
        sct_assert_ok(sc_fs_read(&data, &size, path, 10000, &err), &err);
        bytes = data;
        for (size_t bit = 0; bit < 8 * size; bit++) {
            FILE *file = fopen(path, "r+b");
            fseek(file, (long)(bit / 8), SEEK_SET);
            fputc(bytes[bit / 8] ^ 1 << bit % 8, file);
            fclose(file);
            int rc = sc_checkpoint_verify(dir, NULL, &err);
            if (rc != SIMCLR_E_CHECKPOINT)
                print_error("%s: flipped bit %zu gives %d\n", names[f], bit, rc);
            assert_int_equal(rc, SIMCLR_E_CHECKPOINT);
            file = fopen(path, "r+b");
            fseek(file, (long)(bit / 8), SEEK_SET);
            fputc(bytes[bit / 8], file);
            fclose(file);
        }
        sc_free(data);
    }
    sct_assert_ok(sc_checkpoint_verify(dir, NULL, &err), &err);
    sct_scratch_remove();
}

static void test_fallback(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX], path[SC_PATH_MAX + 128];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_ok(save(run, 1, "one", &err), &err);
    sct_assert_ok(save(run, 2, "two", &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/step-00000002/state.json", run);
    sct_assert_ok(sc_fs_write_atomic(path, "tvo", 3, &err), &err);
    reports = 0;
    sct_assert_ok(sc_checkpoint_find(&found, run, note, NULL, &err), &err);
    assert_int_equal(found.step, 1);
    assert_int_equal(reports, 1);
    assert_non_null(strstr(report_text, "state.json"));
    assert_non_null(strstr(report_text, "step-00000002.corrupt"));
    assert_true(has(run, "step-00000002.corrupt/state.json"));
    assert_true(has(run, "last/MANIFEST")); /* points to step 1 again */
    sct_scratch_remove();
}

static void test_leftovers(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX], path[SC_PATH_MAX + 64], old[SC_PATH_MAX + 80];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_ok(save(run, 3, "three", &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/.tmp-4-99", run);
    sct_assert_ok(sc_fs_mkdirs(path, &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/.tmp-4-99/model.safetensors", run);
    sct_assert_ok(sc_fs_write_atomic(path, "half", 4, &err), &err);
    /* Killed between the two renames that replace a step. */
    snprintf(path, sizeof path, "%s/checkpoints/step-00000003", run);
    snprintf(old, sizeof old, "%s.old", path);
    sct_assert_ok(sc_fs_rename(path, old, &err), &err);
    sct_assert_ok(sc_checkpoint_find(&found, run, note, NULL, &err), &err);
    assert_int_equal(found.step, 3);
    assert_false(has(run, ".tmp-4-99"));
    assert_false(has(run, "step-00000003.old"));
    sct_scratch_remove();
}

/* The names in checkpoints/, and what `last` points to. */
static void describe(char *out, size_t size, const char *run)
{
    char store[SC_PATH_MAX], last[SC_PATH_MAX], target[64] = "";
    simclr_error err;
    sc_fs_list list;
    sct_assert_ok(sc_path_join(store, run, "checkpoints", &err), &err);
    sct_assert_ok(sc_path_join(last, store, "last", &err), &err);
    assert_true(readlink(last, target, sizeof target - 1) > 0);
    sct_assert_ok(sc_fs_list_dir(&list, store, &err), &err);
    int used = snprintf(out, size, "%s:", target);
    for (size_t i = 0; i < list.count; i++)
        used += snprintf(out + used, size - (size_t)used, " %s", list.name[i]);
    sc_fs_list_free(&list);
}

/* Another process may be saving: whoever only reads finds the newest whole one and changes nothing. */
static void test_look(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX], path[SC_PATH_MAX + 128], old[SC_PATH_MAX + 144], then[512], now[512];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_error(sc_checkpoint_look(&found, run, note, NULL, &err), &err, SIMCLR_E_NOT_FOUND,
                     "no checkpoint");
    sct_assert_ok(save(run, 2, "two", &err), &err);
    sct_assert_ok(save(run, 3, "three", &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/step-00000003", run);
    snprintf(old, sizeof old, "%s.old", path);
    sct_assert_ok(sc_fs_rename(path, old, &err), &err);
    sct_assert_ok(save(run, 4, "four", &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/step-00000004/state.json", run);
    sct_assert_ok(sc_fs_write_atomic(path, "foul", 4, &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/.tmp-5-99", run);
    sct_assert_ok(sc_fs_mkdirs(path, &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/.tmp-5-99/model.safetensors", run);
    sct_assert_ok(sc_fs_write_atomic(path, "half", 4, &err), &err);
    describe(then, sizeof then, run);
    assert_string_equal(then, "step-00000004: .tmp-5-99 last step-00000002 step-00000003.old "
                              "step-00000004");
    reports = 0;
    sct_assert_ok(sc_checkpoint_look(&found, run, note, NULL, &err), &err);
    assert_int_equal(found.step, 3);
    assert_string_equal(strrchr(found.path, '/'), "/step-00000003.old");
    assert_int_equal(reports, 1);
    assert_non_null(strstr(report_text, "step-00000004/state.json"));
    assert_non_null(strstr(report_text, "passed over, using that of step 3"));
    describe(now, sizeof now, run);
    assert_string_equal(now, then);
    assert_true(has(run, ".tmp-5-99/model.safetensors") && has(run, "step-00000004/state.json"));
    sct_scratch_remove();
}

/* None is whole: the reader learns why, and has changed nothing. */
static void test_look_at_damage(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX], path[SC_PATH_MAX + 128];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_ok(save(run, 1, "one", &err), &err);
    snprintf(path, sizeof path, "%s/checkpoints/step-00000001/state.json", run);
    sct_assert_ok(sc_fs_write_atomic(path, "wan", 3, &err), &err);
    sct_assert_error(sc_checkpoint_look(&found, run, NULL, NULL, &err), &err, SIMCLR_E_CHECKPOINT,
                     "step-00000001/state.json");
    assert_true(has(run, "step-00000001/state.json"));
    sct_scratch_remove();
}

/* `last` is for people: saving and finding do without. */
static void test_no_links(void **state)
{
    (void)state;
    static const int whys[] = {EPERM, ENOTSUP, EOPNOTSUPP, ENOSYS};
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX];
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    for (uint64_t i = 0; i < 4; i++) {
        why_no_links = whys[i];
        assert_int_equal(save(run, i, "no last", &err), 1);
        sct_assert_ok(sc_checkpoint_find(&found, run, note, NULL, &err), &err);
        assert_int_equal(found.step, i);
        assert_false(has(run, "last"));
        assert_int_equal(has(run, "step-00000000"), i < 2); /* pruned all the same */
    }
    why_no_links = EACCES;
    sct_assert_error(save(run, 4, "closed", &err), &err, SIMCLR_E_IO, "last: the link");
    why_no_links = 0;
    sct_assert_ok(sc_checkpoint_find(&found, run, note, NULL, &err), &err);
    assert_true(has(run, "last"));
    sct_scratch_remove();
}

static void test_no_space(void **state)
{
    (void)state;
    simclr_error err;
    sc_checkpoint_found found;
    char run[SC_PATH_MAX];
    struct rlimit limit, small;
    char *big = calloc(1, 1 << 20);
    sct_assert_ok(sc_path_join(run, sct_scratch(), "run", &err), &err);
    sct_assert_ok(save(run, 1, "one", &err), &err);
    sc_checkpoint_file file = {.name = "model.safetensors", .size = UINT64_MAX / 4, .bytes = big};
    sct_assert_error(sc_checkpoint_save(run, 2, &file, 1, 2, &err), &err, SIMCLR_E_IO, "bytes and");
    /* A limit met while writing: EFBIG takes the way of ENOSPC. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    file.size = 1 << 20;
    int rc = sc_checkpoint_save(run, 2, &file, 1, 2, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sct_assert_error(rc, &err, SIMCLR_E_IO, "disk full: the checkpoint needs");
    assert_false(has(run, "step-00000002"));
    sct_assert_ok(sc_checkpoint_find(&found, run, note, NULL, &err), &err);
    assert_int_equal(found.step, 1);
    free(big);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save_find_prune),
        cmocka_unit_test(test_empty_store),
        cmocka_unit_test(test_prune_by_number),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_fallback),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_look_at_damage),
        cmocka_unit_test(test_no_links),
        cmocka_unit_test(test_no_space),
    };
    return sct_run(tests);
}
