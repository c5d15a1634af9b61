/* SPDX-License-Identifier: MIT
 *
 * checkpoint.c - saving: the directory is complete before it gets its name.
 *
 *   .tmp-<step>-<pid>/ files, MANIFEST -> fsync -> rename to step-N -> fsync -> last -> prune
 *
 * A step saved before with the same bytes is left alone; with other bytes the old one is moved to
 * step-N.old for the moment between two renames, and sc_checkpoint_find puts it back after a crash.
 */
#define _DEFAULT_SOURCE
#include "checkpoint/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checkpoint/manifest.h"
#include "checkpoint/store.h"
#include "core/alloc.h"

enum { PER_FILE_OVERHEAD = 8192 };

static uint64_t space_needed(const sc_checkpoint_file *files, size_t count)
{
    uint64_t total = PER_FILE_OVERHEAD;
    for (size_t i = 0; i < count; i++)
        total += files[i].size + PER_FILE_OVERHEAD;
    return total;
}

/* Bytes an unprivileged writer may still use; UINT64_MAX when the system does not tell. */
static uint64_t space_free(const char *dir)
{
    struct statvfs st;
    if (statvfs(dir, &st) < 0 || st.f_blocks == 0)
        return UINT64_MAX;
    return (uint64_t)st.f_bavail * st.f_frsize;
}

static int no_space(const char *dir, uint64_t needed, uint64_t available, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_IO,
                   "%s: disk full: the checkpoint needs %" PRIu64 " bytes and %" PRIu64
                   " are free; make room and start again, older checkpoints are intact",
                   dir, needed, available);
}

static int write_file(const char *dir, const sc_checkpoint_file *file, simclr_error *err)
{
    char path[SC_PATH_MAX];
    if (strchr(file->name, '/') || file->name[0] == '.' || strcmp(file->name, "MANIFEST") == 0)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: no name for a file of a checkpoint",
                       file->name);
    int rc = sc_path_join(path, dir, file->name, err);
    if (rc < 0)
        return rc;
    if (file->bytes == NULL && file->write != NULL)
        return file->write(path, file->context, err);
    return sc_fs_write_atomic(path, file->bytes, (size_t)file->size, err);
}

/* Fills the temporary directory, MANIFEST last. */
static int fill(const char *dir, uint64_t step, const sc_checkpoint_file *files, size_t count,
                simclr_error *err)
{
    char path[SC_PATH_MAX];
    char *text = NULL;
    const char **names = sc_alloc(count, sizeof *names, err);
    if (names == NULL)
        return SIMCLR_E_MEMORY;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        names[i] = files[i].name;
        rc = write_file(dir, &files[i], err);
    }
    if (rc == 0)
        rc = sc_manifest_make(&text, dir, step, names, count, err);
    if (rc == 0)
        rc = sc_path_join(path, dir, "MANIFEST", err);
    if (rc == 0)
        rc = sc_fs_write_atomic(path, text, strlen(text), err);
    if (rc == 0)
        rc = sc_fs_fsync_dir(dir, err);
    sc_free(text);
    sc_free(names);
    return rc;
}

static int same_manifest(const char *a, const char *b)
{
    char path[SC_PATH_MAX];
    void *text[2] = {NULL, NULL};
    size_t size[2] = {0, 0};
    const char *dir[2] = {a, b};
    uint64_t step;
    int read = 0;
    for (int i = 0; i < 2; i++) {
        read += sc_path_join(path, dir[i], "MANIFEST", NULL) == 0 &&
                sc_fs_read(&text[i], &size[i], path, 1 << 20, NULL) == 0;
    }
    int same = read == 2 && size[0] == size[1] && memcmp(text[0], text[1], size[0]) == 0 &&
               sc_manifest_verify(a, &step, NULL) == 0;
    sc_free(text[0]);
    sc_free(text[1]);
    return same;
}

/* Gives the complete directory `temporary` its name. */
static int put_in_place(const char *temporary, const char *final, simclr_error *err)
{
    char old[SC_PATH_MAX + 8];
    if (!sc_fs_exists(final))
        return sc_fs_rename(temporary, final, err);
    if (same_manifest(final, temporary))
        return sc_fs_remove_tree(temporary, err);
    snprintf(old, sizeof old, "%s.old", final);
    int rc = sc_fs_remove_tree(old, err);
    if (rc == 0)
        rc = sc_fs_rename(final, old, err);
    if (rc == 0)
        rc = sc_fs_rename(temporary, final, err);
    return rc < 0 ? rc : sc_fs_remove_tree(old, err);
}

static int prune(const char *store, size_t keep, simclr_error *err)
{
    char path[SC_PATH_MAX];
    sc_fs_list list;
    uint64_t step;
    size_t found = 0;
    if (keep == 0)
        return 0;
    int rc = sc_fs_list_dir(&list, store, err);
    if (rc < 0)
        return rc;
    sc_store_sort(&list);
    for (size_t i = 0; rc == 0 && i < list.count; i++) {
        if (!sc_store_step(&step, list.name[i]) || found++ < keep)
            continue;
        rc = sc_path_join(path, store, list.name[i], err);
        if (rc == 0)
            rc = sc_fs_remove_tree(path, err);
    }
    sc_fs_list_free(&list);
    return rc;
}

/* A full disk shows as the text that sc_fail_errno gives it. */
static int explain(const char *store, uint64_t needed, int rc, simclr_error *err)
{
    if (rc == SIMCLR_E_IO && err != NULL && strstr(err->text, "disk full") != NULL &&
        strstr(err->text, "bytes and") == NULL)
        return no_space(store, needed, space_free(store), err);
    return rc;
}

int sc_checkpoint_save(const char *run, uint64_t step, const sc_checkpoint_file *files,
                       size_t count, size_t keep, simclr_error *err)
{
    char store[SC_PATH_MAX], temporary[SC_PATH_MAX], final[SC_PATH_MAX], last[SC_PATH_MAX];
    char name[64], hidden[96];
    simclr_error local = {0};
    if (err == NULL)
        err = &local;
    sc_store_name(name, step);
    snprintf(hidden, sizeof hidden, ".tmp-%" PRIu64 "-%ld", step, (long)getpid());
    int rc = sc_path_join(store, run, "checkpoints", err);
    if (rc == 0)
        rc = sc_path_join(temporary, store, hidden, err);
    if (rc == 0)
        rc = sc_path_join(final, store, name, err);
    if (rc == 0)
        rc = sc_path_join(last, store, "last", err);
    if (rc == 0)
        rc = sc_fs_mkdirs(store, err);
    if (rc == 0)
        rc = sc_fs_remove_tree(temporary, err);
    if (rc < 0)
        return rc;

    uint64_t needed = space_needed(files, count), available = space_free(store);
    if (available < needed)
        return no_space(store, needed, available, err);
    rc = sc_fs_mkdirs(temporary, err);
    if (rc == 0)
        rc = fill(temporary, step, files, count, err);
    if (rc == 0)
        rc = put_in_place(temporary, final, err);
    int linked = rc == 0 ? sc_fs_symlink_replace(name, last, err) : rc;
    if (linked < 0) {
        rc = explain(store, needed, linked, err);
        sc_fs_remove_tree(temporary, NULL);
        return rc;
    }
    rc = prune(store, keep, err);
    return rc < 0 ? rc : linked;
}
