/* SPDX-License-Identifier: MIT
 *
 * test_fs.c - whole files or none, also when the disk is full; what is not a file never blocks.
 */
#define _DEFAULT_SOURCE /* mount, unshare by hand */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"

static void at(char path[SC_PATH_MAX], const char *name)
{
    assert_int_equal(sc_path_join(path, sct_scratch(), name, NULL), 0);
}

static void assert_contents(const char *path, const char *want)
{
    simclr_error err;
    void *data;
    size_t size;
    sct_assert_ok(sc_fs_read(&data, &size, path, 1 << 20, &err), &err);
    assert_string_equal(data, want);
    assert_int_equal(size, strlen(want));
    sc_free(data);
}

/* No DIR/.tmp-... may be left behind. */
static void assert_no_temporaries(const char *dir)
{
    simclr_error err;
    sc_fs_list list;
    sct_assert_ok(sc_fs_list_dir(&list, dir, &err), &err);
    for (size_t i = 0; i < list.count; i++)
        assert_int_not_equal(strncmp(list.name[i], ".tmp-", 5), 0);
    sc_fs_list_free(&list);
}

static void joins_paths(void **state)
{
    (void)state;
    simclr_error err;
    char out[SC_PATH_MAX], longest[SC_PATH_MAX + 10];
    sct_assert_ok(sc_path_join(out, "a", "b", &err), &err);
    assert_string_equal(out, "a/b");
    sct_assert_ok(sc_path_join(out, "/", "b", &err), &err);
    assert_string_equal(out, "/b");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    sct_assert_error(sc_path_join(out, "a", longest, &err), &err, SIMCLR_E_USAGE, "longer");
}

static void writes_whole_files(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX], link[SC_PATH_MAX];
    struct stat st;
    at(path, "file");
    sct_assert_ok(sc_fs_write_atomic(path, "one", 3, &err), &err);
    assert_contents(path, "one");
    assert_int_equal(chmod(path, 0640), 0);
    sct_assert_ok(sc_fs_write_atomic(path, "", 0, &err), &err);
    assert_contents(path, "");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    /* Through a link the file behind it is replaced. */
    at(link, "link");
    sct_assert_ok(sc_fs_symlink_replace("file", link, &err), &err);
    sct_assert_ok(sc_fs_write_atomic(link, "two", 3, &err), &err);
    assert_contents(path, "two");
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));

    sc_fs_writer *w;
    sct_assert_ok(sc_fs_writer_open(&w, path, &err), &err);
    sct_assert_ok(sc_fs_writer_write(w, "thr", 3, &err), &err);
    assert_contents(path, "two");
    sct_assert_ok(sc_fs_writer_write(w, "ee", 2, &err), &err);
    sct_assert_ok(sc_fs_writer_commit(w, &err), &err);
    assert_contents(path, "three");
    sct_assert_ok(sc_fs_writer_open(&w, path, &err), &err);
    sct_assert_ok(sc_fs_writer_write(w, "lost", 4, &err), &err);
    sc_fs_writer_abandon(w);
    sc_fs_writer_abandon(NULL);
    assert_contents(path, "three");
    assert_no_temporaries(sct_scratch());
}

static void refuses_to_write(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX];
    at(path, "no/such/dir");
    sct_assert_error(sc_fs_write_atomic(path, "x", 1, &err), &err, SIMCLR_E_IO, path);
    sct_assert_error(sc_fs_write_atomic(sct_scratch(), "x", 1, &err), &err, SIMCLR_E_IO,
                     "directory");
    /* A device is written to, not replaced by a file. */
    struct stat st;
    sct_assert_ok(sc_fs_write_atomic("/dev/null", "x", 1, &err), &err);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    sct_assert_error(sc_fs_write_atomic("/dev/full", "x", 1, &err), &err, SIMCLR_E_IO, "disk full");
}

static void reads_only_files(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    at(path, "absent");
    sct_assert_error(sc_fs_read(&data, &size, path, 10, &err), &err, SIMCLR_E_NOT_FOUND, "absent");
    assert_null(data);
    sct_assert_error(sc_fs_read(&data, &size, sct_scratch(), 10, &err), &err, SIMCLR_E_IO,
                     "a directory");
    at(path, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    sct_assert_error(sc_fs_read(&data, &size, path, 10, &err), &err, SIMCLR_E_IO, "regular");
    sct_assert_error(sc_fs_read(&data, &size, "/dev/zero", 10, &err), &err, SIMCLR_E_IO, "regular");
    at(path, "eleven");
    sct_assert_ok(sc_fs_write_atomic(path, "hello world", 11, &err), &err);
    sct_assert_error(sc_fs_read(&data, &size, path, 10, &err), &err, SIMCLR_E_FORMAT, "limit");
    sct_assert_ok(sc_fs_read(&data, &size, path, 11, &err), &err);
    sc_free(data);
    sct_assert_ok(sc_fs_read(&data, &size, "/proc/self/maps", 1 << 24, &err), &err);
    assert_true(size > 0 && strlen(data) == size);
    sc_free(data);
    sct_assert_error(sc_fs_read(&data, &size, "/proc/self/maps", 100, &err), &err, SIMCLR_E_FORMAT,
                     "more than");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    at(path, "eleven");
    sct_assert_ok(sc_fs_write_atomic(path, "old", 3, &err), &err);
    sc_alloc_fail_at(1);
    sct_assert_error(sc_fs_write_atomic(path, "new", 3, &err), &err, SIMCLR_E_MEMORY, NULL);
    sc_alloc_fail_at(1);
    sct_assert_error(sc_fs_read(&data, &size, path, 10, &err), &err, SIMCLR_E_MEMORY, NULL);
    for (size_t n = 1; n < 5; n++) {
        sc_fs_list list;
        sc_alloc_fail_at(n);
        sct_assert_error(sc_fs_list_dir(&list, sct_scratch(), &err), &err, SIMCLR_E_MEMORY, NULL);
        assert_int_equal(list.count, 0);
    }
    sc_alloc_fail_at(0);
    assert_contents(path, "old");
}

static void makes_lists_and_removes_directories(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX], outside[SC_PATH_MAX];
    sc_fs_list list;
    at(outside, "outside");
    sct_assert_ok(sc_fs_write_atomic(outside, "keep", 4, &err), &err);
    at(path, "tree/b/c//d/");
    sct_assert_ok(sc_fs_mkdirs(path, &err), &err);
    sct_assert_ok(sc_fs_mkdirs(path, &err), &err);
    assert_true(sc_fs_is_dir(path));
    at(path, "outside/x");
    sct_assert_error(sc_fs_mkdirs(path, &err), &err, SIMCLR_E_IO, "cannot be made");
    sct_assert_error(sc_fs_mkdirs("", &err), &err, SIMCLR_E_USAGE, NULL);
    at(path, "tree/B");
    sct_assert_ok(sc_fs_write_atomic(path, "x", 1, &err), &err);
    at(path, "tree/a");
    sct_assert_ok(sc_fs_symlink_replace("../outside", path, &err), &err);
    sct_assert_ok(sc_fs_symlink_replace("..", path, &err), &err);
    at(path, "tree");
    sct_assert_ok(sc_fs_list_dir(&list, path, &err), &err);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.name[0], "B");
    assert_string_equal(list.name[1], "a");
    assert_string_equal(list.name[2], "b");
    sc_fs_list_free(&list);
    sct_assert_ok(sc_fs_remove_tree(path, &err), &err);
    sct_assert_ok(sc_fs_remove_tree(path, &err), &err);
    assert_false(sc_fs_exists(path));
    assert_contents(outside, "keep");
    sct_assert_error(sc_fs_list_dir(&list, path, &err), &err, SIMCLR_E_NOT_FOUND, NULL);
}

static void logs_grow(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX];
    sc_fs_log *log;
    at(path, "log");
    for (int i = 0; i < 2; i++) {
        sct_assert_ok(sc_fs_log_open(&log, path, &err), &err);
        sct_assert_ok(sc_fs_log_append(log, "a\n", 2, &err), &err);
        sct_assert_ok(sc_fs_log_append(log, "b\n", 2, &err), &err);
        sct_assert_ok(sc_fs_log_close(log, &err), &err);
    }
    assert_contents(path, "a\nb\na\nb\n");
    sct_assert_ok(sc_fs_log_close(NULL, &err), &err);
    sct_assert_ok(sc_fs_log_open(&log, "/dev/full", &err), &err);
    sct_assert_error(sc_fs_log_append(log, "a", 1, &err), &err, SIMCLR_E_IO, "disk full");
    sct_assert_ok(sc_fs_log_close(log, &err), &err);
}

/* In a child with files limited to 64 bytes: 0 when all is as it must be. */
static int limited_child(const char *path, const char *log_path)
{
    char data[100] = {0};
    simclr_error err;
    sc_fs_log *log;
    struct rlimit limit = {64, 64};

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 1;
    if (sc_fs_write_atomic(path, data, sizeof data, &err) != SIMCLR_E_IO)
        return 2;
    if (!strstr(err.text, "disk full"))
        return 3;
    if (sc_fs_log_open(&log, log_path, &err) < 0 || sc_fs_log_append(log, "first\n", 6, &err) < 0)
        return 4;
    if (sc_fs_log_append(log, data, sizeof data, &err) != SIMCLR_E_IO)
        return 5;
    return sc_fs_log_append(log, "last\n", 5, &err) < 0 || sc_fs_log_close(log, &err) < 0 ? 6 : 0;
}

static void limit_on_file_size_keeps_the_old(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX], log_path[SC_PATH_MAX];
    at(path, "limited");
    at(log_path, "limited.log");
    sct_assert_ok(sc_fs_write_atomic(path, "old", 3, &err), &err);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(limited_child(path, log_path));
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_contents(path, "old");
    assert_contents(log_path, "first\nlast\n"); /* the torn record was taken back */
    assert_no_temporaries(sct_scratch());
}

static void full_disk_keeps_the_old(void **state)
{
    (void)state;
    enum { DISK = 1 << 20 };
    simclr_error err;
    char dir[SC_PATH_MAX], path[SC_PATH_MAX];
    at(dir, "disk");
    sct_assert_ok(sc_fs_mkdirs(dir, &err), &err);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") < 0)
        sct_skip("a full disk: mounting a tmpfs needs root");
    sct_assert_ok(sc_path_join(path, dir, "file", &err), &err);
    char *data = sc_alloc(2 * DISK, 1, &err);
    int first = sc_fs_write_atomic(path, "old", 3, &err);
    int second = sc_fs_write_atomic(path, data, 2 * DISK, &err);
    int third = sc_fs_write_atomic(path, "new", 3, NULL); /* there is room again */
    void *back = NULL;
    size_t size = 0;
    sc_fs_read(&back, &size, path, 100, NULL);
    umount(dir);
    assert_int_equal(first, 0);
    sct_assert_error(second, &err, SIMCLR_E_IO, "disk full");
    assert_int_equal(third, 0);
    assert_true(size == 3 && memcmp(back, "new", 3) == 0);
    sc_free(back);
    sc_free(data);
}

static void one_owner_of_a_lock(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX], mine[32];
    sc_fs_lock *lock, *second;
    at(path, "lock");
    sct_assert_ok(sc_fs_lock_take(&lock, path, &err), &err);
    snprintf(mine, sizeof mine, "process %ld", (long)getpid());
    sct_assert_error(sc_fs_lock_take(&second, path, &err), &err, SIMCLR_E_BUSY, mine);
    assert_null(second);
    sc_fs_lock_release(lock);
    sc_fs_lock_release(NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) /* dies with the lock held */
        _exit(sc_fs_lock_take(&lock, path, NULL) < 0);
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    sct_assert_ok(sc_fs_lock_take(&lock, path, &err), &err);
    sc_fs_lock_release(lock);
}

static void clocks_go(void **state)
{
    (void)state;
    double a = sc_clock(), b = sc_clock();
    assert_true(b >= a);
    assert_true(sc_wall_clock() > 1.6e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_paths),
        cmocka_unit_test(writes_whole_files),
        cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(reads_only_files),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(makes_lists_and_removes_directories),
        cmocka_unit_test(logs_grow),
        cmocka_unit_test(limit_on_file_size_keeps_the_old),
        cmocka_unit_test(full_disk_keeps_the_old),
        cmocka_unit_test(one_owner_of_a_lock),
        cmocka_unit_test(clocks_go),
    };
    return sct_run(tests);
}
