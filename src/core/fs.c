/* SPDX-License-Identifier: MIT
 *
 * fs.c - paths, directories, reading whole files, and the clocks.  Writing is in fs_write.c,
 * the lock of a run in fs_lock.c.
 */
#define _DEFAULT_SOURCE /* O_NOFOLLOW and friends, dirfd */
#include "core/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"

enum { UNSIZED_FIRST = 4096 }; /* files of /proc and /sys say that they have 0 bytes */

int sc_path_join(char out[SC_PATH_MAX], const char *dir, const char *name, simclr_error *err)
{
    size_t length = strlen(dir);
    bool slash = length > 0 && dir[length - 1] != '/';
    int n = snprintf(out, SC_PATH_MAX, "%s%s%s", dir, slash ? "/" : "", name);

    if (n < 0 || n >= SC_PATH_MAX) {
        out[0] = '\0';
        return sc_fail(err, SIMCLR_E_USAGE, "%.100s...: the path is longer than %d bytes", dir,
                       SC_PATH_MAX - 1);
    }
    return 0;
}

bool sc_fs_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool sc_fs_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t sc_fs_modified(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : -1;
}

bool sc_fs_real_path(char out[SC_PATH_MAX], const char *path)
{
    char *real = realpath(path, NULL);
    bool fits = real && strlen(real) < SC_PATH_MAX;

    snprintf(out, SC_PATH_MAX, "%s", fits ? real : path);
    free(real);
    return fits;
}

int sc_fs_mkdirs(const char *path, simclr_error *err)
{
    char part[SC_PATH_MAX];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof part)
        return sc_fail(err, SIMCLR_E_USAGE, "%.100s: not a usable name for a directory", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) < 0) {
            int why = errno;
            if (sc_fs_is_dir(part))
                continue;
            return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: the directory cannot be made", part);
        }
    }
    return 0;
}

static int open_error(simclr_error *err, int why, const char *path)
{
    int code = why == ENOENT || why == ENOTDIR ? SIMCLR_E_NOT_FOUND : SIMCLR_E_IO;
    return sc_fail_errno(err, code, why, "%s: cannot be opened", path);
}

/* Reads until `room` bytes or the end; the number of bytes, or -1 with errno. */
static ssize_t read_full(int fd, unsigned char *data, size_t room)
{
    size_t used = 0;

    while (used < room) {
        ssize_t got = read(fd, data + used, room - used);
        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)used;
}

/* For files whose size is not known: doubles the room until the end is met. */
static int read_unsized(void **data, size_t *size, int fd, const char *path, size_t max_bytes,
                        simclr_error *err)
{
    unsigned char *text = NULL;
    size_t used = 0, room = UNSIZED_FIRST;

    for (;;) {
        unsigned char *larger = sc_alloc(room + 1, 1, err);
        if (larger && used)
            memcpy(larger, text, used);
        sc_free(text);
        text = larger;
        if (!text)
            return SIMCLR_E_MEMORY;
        ssize_t got = read_full(fd, text + used, room - used);
        if (got < 0) {
            int why = errno;
            sc_free(text);
            return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be read", path);
        }
        used += (size_t)got;
        if (used > max_bytes) {
            sc_free(text);
            return sc_fail(err, SIMCLR_E_FORMAT, "%s: more than %zu bytes", path, max_bytes);
        }
        if (used < room)
            break;
        room *= 2;
    }
    *data = text;
    *size = used;
    return 0;
}

static int read_sized(void **data, size_t *size, int fd, const char *path, size_t expected,
                      simclr_error *err)
{
    unsigned char *bytes = sc_alloc(expected + 1, 1, err);

    if (!bytes)
        return SIMCLR_E_MEMORY;
    ssize_t got = read_full(fd, bytes, expected);
    if (got < 0) {
        int why = errno;
        sc_free(bytes);
        return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be read", path);
    }
    *data = bytes;
    *size = (size_t)got; /* less if the file shrank meanwhile */
    return 0;
}

int sc_fs_read(void **data, size_t *size, const char *path, size_t max_bytes, simclr_error *err)
{
    struct stat st;
    int fd, result;

    *data = NULL;
    *size = 0;
    do
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return open_error(err, errno, path);
    if (fstat(fd, &st) < 0)
        result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be examined", path);
    else if (!S_ISREG(st.st_mode))
        result = sc_fail(err, SIMCLR_E_IO, "%s: %s", path,
                         S_ISDIR(st.st_mode) ? "a directory, not a file" : "not a regular file");
    else if (st.st_size < 0 || (uintmax_t)st.st_size > max_bytes)
        result = sc_fail(err, SIMCLR_E_FORMAT, "%s: %lld bytes are over the limit of %zu", path,
                         (long long)st.st_size, max_bytes);
    else if (st.st_size == 0)
        result = read_unsized(data, size, fd, path, max_bytes, err);
    else
        result = read_sized(data, size, fd, path, (size_t)st.st_size, err);
    close(fd);
    return result;
}

int sc_fs_fsync_dir(const char *path, simclr_error *err)
{
    int fd = open(path[0] ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return open_error(err, errno, path);
    int result = 0;
    /* EINVAL, ENOSYS: a file system without fsync for directories. */
    if (fsync(fd) < 0 && errno != EINVAL && errno != ENOSYS && errno != EROFS)
        result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be synced", path);
    close(fd);
    return result;
}

/* Removes `name` in the open directory, and all in it.  Returns 0 or an errno. */
static int remove_at(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM) /* EPERM: what POSIX says for a directory */
        return errno;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int why = dir ? 0 : errno;
    if (!dir && fd >= 0)
        close(fd);
    while (dir && why == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            why = errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            why = remove_at(dirfd(dir), entry->d_name);
    }
    if (dir)
        closedir(dir);
    if (why == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        why = errno;
    return why;
}

int sc_fs_remove_tree(const char *path, simclr_error *err)
{
    int why = remove_at(AT_FDCWD, path);

    return why ? sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be removed", path) : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds a copy of name; the array's room doubles at powers of two. */
static int list_add(sc_fs_list *list, const char *name, simclr_error *err)
{
    size_t n = list->count;

    if ((n & (n - 1)) == 0) {
        char **larger = sc_alloc(n ? 2 * n : 1, sizeof *larger, err);
        if (!larger)
            return SIMCLR_E_MEMORY;
        if (n)
            memcpy(larger, list->name, n * sizeof *larger);
        sc_free(list->name);
        list->name = larger;
    }
    list->name[n] = sc_strdup(name, err);
    if (!list->name[n])
        return SIMCLR_E_MEMORY;
    list->count++;
    return 0;
}

void sc_fs_list_sort(sc_fs_list *list, int (*compare)(const void *a, const void *b))
{
    if (list->count > 0) /* the names of an empty list are NULL, which qsort does not take */
        qsort(list->name, list->count, sizeof *list->name, compare);
}

int sc_fs_list_dir(sc_fs_list *out, const char *path, simclr_error *err)
{
    DIR *dir = opendir(path);
    int result = 0;

    *out = (sc_fs_list){0};
    if (!dir)
        return open_error(err, errno, path);
    while (result == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno)
                result = sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be listed", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = list_add(out, entry->d_name, err);
    }
    closedir(dir);
    if (result < 0)
        sc_fs_list_free(out);
    else
        sc_fs_list_sort(out, compare_names);
    return result;
}

void sc_fs_list_free(sc_fs_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sc_free(list->name[i]);
    sc_free(list->name);
    *list = (sc_fs_list){0};
}

static double clock_seconds(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double sc_clock(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

double sc_wall_clock(void)
{
    return clock_seconds(CLOCK_REALTIME);
}
