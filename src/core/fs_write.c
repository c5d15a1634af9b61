/* SPDX-License-Identifier: MIT
 *
 * fs_write.c - files that are written whole, and files that only grow.
 *
 *   temporary file in the same directory -> write all -> fsync -> close -> rename -> fsync directory
 *
 * A reader sees the old contents or the new, never a part, and so does a crash.  A name that stands
 * for something other than a regular file (/dev/stdout, a FIFO) is written straight to.
 */
#define _DEFAULT_SOURCE /* fchmod */
#include "core/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"

enum { TEMPORARY_TRIES = 1000 };

struct sc_fs_writer {
    int fd;
    bool direct; /* no temporary file: the path is a device or FIFO */
    char path[SC_PATH_MAX];
    char temporary[SC_PATH_MAX];
};

struct sc_fs_log {
    int fd;
    char path[SC_PATH_MAX];
};

/* Writes all; 0 or an errno. */
static int write_full(int fd, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        } else if (put == 0) {
            return ENOSPC;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* 0 or an errno; files without a disk behind them cannot be synced and need not be. */
static int sync_file(int fd)
{
    while (fsync(fd) < 0) {
        if (errno == EINVAL || errno == ENOTSUP || errno == ENOSYS)
            return 0;
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* Directory part of path: "." for a bare name, "/" for the root. */
static void parent_of(char out[SC_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);

    if (length == 0 || length >= SC_PATH_MAX) {
        strcpy(out, ".");
        return;
    }
    memcpy(out, path, length);
    out[length] = '\0';
}

/* A name beside path that nobody has: DIR/.tmp-PID-TRY. */
static int temporary_name(char out[SC_PATH_MAX], const char *path, int attempt, simclr_error *err)
{
    char dir[SC_PATH_MAX], name[64];

    parent_of(dir, path);
    snprintf(name, sizeof name, ".tmp-%ld-%d", (long)getpid(), attempt);
    return sc_path_join(out, dir, name, err);
}

/* Such a name, of a process that has ended; this one is asked before it writes there. */
static bool is_leftover(const char *name)
{
    long pid;
    int attempt, end = 0;

    if (sscanf(name, ".tmp-%ld-%d%n", &pid, &attempt, &end) != 2 || name[end] != '\0' || pid <= 0)
        return false;
    return pid == (long)getpid() || (kill((pid_t)pid, 0) < 0 && errno == ESRCH);
}

int sc_fs_remove_leftovers(const char *dir, simclr_error *err)
{
    char path[SC_PATH_MAX];
    sc_fs_list list;
    int result = sc_fs_list_dir(&list, dir, err);

    if (result < 0)
        return result == SIMCLR_E_NOT_FOUND ? 0 : result;
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        if (!is_leftover(list.name[i]))
            continue;
        result = sc_path_join(path, dir, list.name[i], err);
        if (result == 0)
            result = sc_fs_remove_tree(path, err);
    }
    sc_fs_list_free(&list);
    return result;
}

static int open_temporary(sc_fs_writer *w, simclr_error *err)
{
    for (int attempt = 0; attempt < TEMPORARY_TRIES; attempt++) {
        if (temporary_name(w->temporary, w->path, attempt, err) < 0)
            return SIMCLR_E_USAGE;
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0)
            return 0;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be created", w->path);
}

/* Follows a symbolic link, so that the file behind it is replaced and not the link. */
static int resolve(char out[SC_PATH_MAX], const char *path, simclr_error *err)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        char *real = realpath(path, NULL);
        if (real) {
            int result = sc_path_join(out, "", real, err);
            free(real);
            return result;
        }
    }
    return sc_path_join(out, "", path, err);
}

static int writer_start(sc_fs_writer *w, simclr_error *err)
{
    struct stat st;
    bool exists = stat(w->path, &st) == 0;

    if (exists && S_ISDIR(st.st_mode))
        return sc_fail(err, SIMCLR_E_IO, "%s: a directory, not a file", w->path);
    if (exists && !S_ISREG(st.st_mode)) {
        w->direct = true;
        w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
        if (w->fd < 0)
            return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be opened", w->path);
        return 0;
    }
    int result = open_temporary(w, err);
    if (result < 0)
        return result;
    if (exists && fchmod(w->fd, st.st_mode & 0777) < 0) {
        int why = errno;
        close(w->fd);
        unlink(w->temporary);
        return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: its mode cannot be kept", w->path);
    }
    return 0;
}

int sc_fs_writer_open(sc_fs_writer **out, const char *path, simclr_error *err)
{
    sc_fs_writer *w = sc_alloc(1, sizeof *w, err);
    int result = w ? resolve(w->path, path, err) : SIMCLR_E_MEMORY;

    *out = NULL;
    if (result == 0)
        result = writer_start(w, err);
    if (result < 0)
        sc_free(w);
    else
        *out = w;
    return result;
}

int sc_fs_writer_write(sc_fs_writer *w, const void *data, size_t size, simclr_error *err)
{
    int why = write_full(w->fd, data, size);

    return why ? sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be written", w->path) : 0;
}

int sc_fs_writer_commit(sc_fs_writer *w, simclr_error *err)
{
    int why = sync_file(w->fd);
    int result = 0;

    if (close(w->fd) < 0 && why == 0 && errno != EINTR)
        why = errno;
    if (why) {
        result = sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be written", w->path);
        if (!w->direct)
            unlink(w->temporary);
    } else if (!w->direct) {
        result = sc_fs_rename(w->temporary, w->path, err);
        if (result < 0)
            unlink(w->temporary);
    }
    sc_free(w);
    return result;
}

void sc_fs_writer_abandon(sc_fs_writer *w)
{
    if (!w)
        return;
    close(w->fd);
    if (!w->direct)
        unlink(w->temporary);
    sc_free(w);
}

int sc_fs_write_atomic(const char *path, const void *data, size_t size, simclr_error *err)
{
    sc_fs_writer *w;
    int result = sc_fs_writer_open(&w, path, err);

    if (result < 0)
        return result;
    result = sc_fs_writer_write(w, data, size, err);
    if (result < 0) {
        sc_fs_writer_abandon(w);
        return result;
    }
    return sc_fs_writer_commit(w, err);
}

int sc_fs_rename(const char *from, const char *to, simclr_error *err)
{
    char dir[SC_PATH_MAX];

    if (rename(from, to) < 0)
        return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be put in place", to);
    parent_of(dir, to);
    return sc_fs_fsync_dir(dir, err);
}

int sc_fs_symlink_replace(const char *target, const char *link_path, simclr_error *err)
{
    char temporary[SC_PATH_MAX];

    for (int attempt = 0; attempt < TEMPORARY_TRIES; attempt++) {
        int result = temporary_name(temporary, link_path, attempt, err);
        if (result < 0)
            return result;
        if (symlink(target, temporary) == 0) {
            result = sc_fs_rename(temporary, link_path, err);
            if (result < 0)
                unlink(temporary);
            return result;
        }
        if (errno == EPERM || errno == ENOTSUP || errno == EOPNOTSUPP || errno == ENOSYS)
            return 1;
        if (errno != EEXIST)
            break;
    }
    return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: the link cannot be made", link_path);
}

int sc_fs_log_open(sc_fs_log **out, const char *path, simclr_error *err)
{
    sc_fs_log *log = sc_alloc(1, sizeof *log, err);

    *out = NULL;
    if (!log)
        return SIMCLR_E_MEMORY;
    int result = sc_path_join(log->path, "", path, err);
    if (result == 0) {
        log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (log->fd < 0)
            result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be opened", path);
    }
    if (result < 0)
        sc_free(log);
    else
        *out = log;
    return result;
}

int sc_fs_log_append(sc_fs_log *log, const void *data, size_t size, simclr_error *err)
{
    struct stat st;
    bool sized = fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode);
    int why = write_full(log->fd, data, size);

    if (why == 0)
        return 0;
    /* A torn record would spoil the file for its readers: take the part back. */
    if (sized && ftruncate(log->fd, st.st_size) < 0)
        return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: its last record is cut short", log->path);
    return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be written", log->path);
}

int sc_fs_log_close(sc_fs_log *log, simclr_error *err)
{
    if (!log)
        return 0;
    int why = sync_file(log->fd);
    int result = 0;

    if (close(log->fd) < 0 && why == 0 && errno != EINTR)
        why = errno;
    if (why)
        result = sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be written", log->path);
    sc_free(log);
    return result;
}
