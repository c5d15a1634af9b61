/* SPDX-License-Identifier: MIT
 *
 * fs_lock.c - one process at a time: flock on a file that also holds the owner's pid.  The kernel
 * drops the lock with the process, so a crash leaves no stale lock, only a file with an old pid.
 */
#define _DEFAULT_SOURCE /* flock */
#include "core/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/alloc.h"

struct sc_fs_lock {
    int fd;
};

/* 0 when the lock is ours, else an errno (EWOULDBLOCK: somebody else's). */
static int try_lock(int fd)
{
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != ENOLCK && errno != ENOTSUP && errno != ENOSYS)
            return errno;
        /* a network file system without flock: try POSIX record locks */
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_SETLK, &whole) == 0)
            return 0;
        return errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
    }
    return 0;
}

static long read_pid(int fd)
{
    char text[32];
    ssize_t got = pread(fd, text, sizeof text - 1, 0);

    text[got > 0 ? got : 0] = '\0';
    return strtol(text, NULL, 10);
}

int sc_fs_lock_take(sc_fs_lock **out, const char *path, simclr_error *err)
{
    *out = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return sc_fail_errno(err, errno == ENOENT ? SIMCLR_E_NOT_FOUND : SIMCLR_E_IO, errno,
                             "%s: cannot be opened", path);
    int why = try_lock(fd);
    if (why) {
        long pid = why == EWOULDBLOCK ? read_pid(fd) : 0;
        close(fd);
        if (why != EWOULDBLOCK)
            return sc_fail_errno(err, SIMCLR_E_IO, why, "%s: cannot be locked", path);
        if (pid > 0)
            return sc_fail(err, SIMCLR_E_BUSY, "%s: in use by process %ld", path, pid);
        return sc_fail(err, SIMCLR_E_BUSY, "%s: in use by another process", path);
    }
    sc_fs_lock *lock = sc_alloc(1, sizeof *lock, err);
    if (!lock) {
        close(fd);
        return SIMCLR_E_MEMORY;
    }
    /* The pid is for people; a full disk must not keep us from having the lock. */
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    bool noted = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) == length;
    (void)noted;
    lock->fd = fd;
    *out = lock;
    return 0;
}

void sc_fs_lock_release(sc_fs_lock *lock)
{
    if (!lock)
        return;
    bool cleared = ftruncate(lock->fd, 0) == 0;
    (void)cleared;
    close(lock->fd);
    sc_free(lock);
}
