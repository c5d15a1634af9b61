/* SPDX-License-Identifier: MIT
 *
 * fs.h - every file the library writes or reads goes through here.
 *
 * Writes are all-or-nothing: temporary file in the same directory, checked writes, fsync, checked
 * close, rename, fsync of the directory.  EINTR and short writes are retried; a failed fsync is
 * final for that file.  Texts of errors name the path, the fact and the remedy.
 */
#ifndef SC_CORE_FS_H
#define SC_CORE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

enum { SC_PATH_MAX = 4096 };

/* out = dir "/" name; fails with SIMCLR_E_USAGE when it would not fit in SC_PATH_MAX. */
int sc_path_join(char out[SC_PATH_MAX], const char *dir, const char *name, simclr_error *err);

bool sc_fs_exists(const char *path);
bool sc_fs_is_dir(const char *path);
/* When its contents were last changed, nanoseconds since 1970; -1 when that is not known. */
int64_t sc_fs_modified(const char *path);
/* The path from the root, without links; false, and `path` itself, where there is none so short. */
bool sc_fs_real_path(char out[SC_PATH_MAX], const char *path);
int sc_fs_mkdirs(const char *path, simclr_error *err); /* as mkdir -p */

/* Whole regular file of at most max_bytes; *data is the caller's (sc_free), and one zero byte
 * follows the contents.  A missing file is SIMCLR_E_NOT_FOUND.  Never blocks on a FIFO. */
int sc_fs_read(void **data, size_t *size, const char *path, size_t max_bytes, simclr_error *err);
int sc_fs_write_atomic(const char *path, const void *data, size_t size, simclr_error *err);

/* A file being written whole: open, write parts, then commit (fsync + rename) or abandon. */
typedef struct sc_fs_writer sc_fs_writer;
int sc_fs_writer_open(sc_fs_writer **out, const char *path, simclr_error *err);
int sc_fs_writer_write(sc_fs_writer *w, const void *data, size_t size, simclr_error *err);
int sc_fs_writer_commit(sc_fs_writer *w, simclr_error *err); /* frees w, also on failure */
void sc_fs_writer_abandon(sc_fs_writer *w);                  /* NULL is fine */

/* Removes the temporary files of writers that were killed; a missing directory is fine. */
int sc_fs_remove_leftovers(const char *dir, simclr_error *err);

/* A file that only grows (metrics.jsonl, event files): each append is one write(2) call. */
typedef struct sc_fs_log sc_fs_log;
int sc_fs_log_open(sc_fs_log **out, const char *path, simclr_error *err);
int sc_fs_log_append(sc_fs_log *log, const void *data, size_t size, simclr_error *err);
int sc_fs_log_close(sc_fs_log *log, simclr_error *err); /* fsync + close; NULL is fine */

int sc_fs_rename(const char *from, const char *to, simclr_error *err); /* + fsync of the parent */
int sc_fs_fsync_dir(const char *path, simclr_error *err);
/* 1, and nothing done, on a file system without symbolic links. */
int sc_fs_symlink_replace(const char *target, const char *link_path, simclr_error *err);
int sc_fs_remove_tree(const char *path, simclr_error *err); /* missing is fine; no links followed */

/* Names in a directory, bytewise sorted, without "." and ".."; release with sc_fs_list_free. */
typedef struct {
    char **name;
    size_t count;
} sc_fs_list;
int sc_fs_list_dir(sc_fs_list *out, const char *path, simclr_error *err);
/* Another order: compare gets two char *const *, as qsort's.  An empty list is fine. */
void sc_fs_list_sort(sc_fs_list *list, int (*compare)(const void *a, const void *b));
void sc_fs_list_free(sc_fs_list *list);

/* Exclusive lock on `path` for the life of the process or until unlock; SIMCLR_E_BUSY when another
 * process holds it (the text names its pid). */
typedef struct sc_fs_lock sc_fs_lock;
int sc_fs_lock_take(sc_fs_lock **out, const char *path, simclr_error *err);
void sc_fs_lock_release(sc_fs_lock *lock);

/* CLOCK_MONOTONIC, seconds; wall clock, seconds since 1970 (for logs only). */
double sc_clock(void);
double sc_wall_clock(void);

#endif
