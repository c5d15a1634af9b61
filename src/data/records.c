/* SPDX-License-Identifier: MIT
 *
 * records.c - files of records of equal size (CIFAR, STL-10): size check, pread, planes to pixels.
 *
 * A record file stays open and is read in place, so nothing but the wanted image is in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/decode.h"
#include "data/provider.h"

/* The file is missing: say so, and what might be there instead. */
static int missing(const char *dir, const char *path, const char *name, const char *what,
                   simclr_error *err)
{
    char packed[SC_PATH_MAX];
    if (!sc_fs_is_dir(dir)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: no such directory; expected the one with %s of %s", dir, name, what);
    }
    static const char *const suffix[] = {".xz", ".gz"};
    static const char *const tool[] = {"xz", "gzip"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(path);
        if (n + 4 > sizeof packed) {
            continue;
        }
        memcpy(packed, path, n);
        memcpy(packed + n, suffix[i], 4);
        if (sc_fs_exists(packed)) {
            return sc_fail(err, SIMCLR_E_NOT_FOUND,
                           "%s: not there, but %s%s is; unpack it: %s -dk '%s'", path, name,
                           suffix[i], tool[i], packed);
        }
    }
    return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: no such file; download and unpack %s", path, what);
}

static int check_size(sc_record_file *file, size_t size, size_t expected, simclr_error *err)
{
    size_t want = expected * file->record;
    if (expected != 0 && size != want) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: %zu bytes, expected %zu (%zu records of %zu); the file is %s, download"
                       " it again",
                       file->path, size, want, expected, file->record,
                       size < want ? "cut short" : "too long");
    }
    if (size == 0 || size % file->record != 0) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: %zu bytes, expected a multiple of %zu; record %zu is cut short,"
                       " download it again",
                       file->path, size, file->record, size / file->record);
    }
    file->count = size / file->record;
    return 0;
}

int sc_records_open(sc_dataset *ds, const char *dir, const char *name, size_t record,
                    size_t expected, const char *what, simclr_error *err)
{
    char path[SC_PATH_MAX];
    struct stat st;
    int rc = sc_path_join(path, dir, name, err);
    if (rc != 0) {
        return rc;
    }
    if (!sc_fs_exists(path)) {
        return missing(dir, path, name, what, err);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be opened", path);
    }
    sc_record_file *file = &ds->file[ds->files++]; /* sc_dataset_close closes it */
    *file = (sc_record_file){.fd = fd, .record = record};
    file->path = sc_strdup(path, err);
    if (file->path == NULL) {
        return SIMCLR_E_MEMORY;
    }
    if (fstat(fd, &st) != 0) {
        return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be examined", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: not a regular file", path);
    }
    return check_size(file, (size_t)st.st_size, expected, err);
}

int sc_records_read(void *out, const sc_record_file *file, size_t first, size_t bytes,
                    size_t offset, simclr_error *err)
{
    uint8_t *to = out;
    off_t at = (off_t)(first * file->record + offset);
    while (bytes > 0) {
        ssize_t got = pread(file->fd, to, bytes, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: record %zu cannot be read",
                                 file->path, first);
        }
        if (got == 0) {
            return sc_fail(err, SIMCLR_E_FORMAT, "%s: record %zu is gone; the file was changed",
                           file->path, first);
        }
        to += got;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

void sc_records_close(sc_dataset *ds)
{
    for (int f = 0; f < ds->files; f++) {
        close(ds->file[f].fd);
        sc_free(ds->file[f].path);
    }
    ds->files = 0;
}

bool sc_class_names_read(sc_dataset *ds, const char *dir, const char *name, int n, int *rc,
                         simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    const char *names[128];
    int found = 0;
    *rc = 0;
    if (sc_path_join(path, dir, name, NULL) != 0 || !sc_fs_exists(path) ||
        sc_fs_read(&data, &size, path, 1 << 16, NULL) != 0) {
        return false;
    }
    char *text = data, *end = text + size;
    while (text < end && found <= n && found < 128) {
        char *stop = text;
        while (stop < end && *stop != '\n' && *stop != '\r' && *stop != '\0') {
            stop++;
        }
        *stop = '\0'; /* sc_fs_read leaves one byte after the contents */
        if (stop > text) {
            names[found++] = text;
        }
        text = stop + 1;
    }
    if (found == n) {
        *rc = sc_dataset_set_classes(ds, names, n, err);
    }
    sc_free(data);
    return found == n;
}

int sc_planes_to_image(sc_image *out, const uint8_t *planes, uint32_t side, bool transposed,
                       const sc_dataset *ds, simclr_error *err)
{
    size_t n = (size_t)side * side;
    *out = (sc_image){.height = side, .width = side};
    int rc = sc_image_alloc(out, 3, NULL, err);
    if (rc != 0) {
        return rc;
    }
    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            size_t from = transposed ? x * side + y : y * side + x;
            for (size_t c = 0; c < 3; c++) {
                out->pixels[(y * side + x) * 3 + c] = planes[c * n + from];
            }
        }
    }
    return sc_image_set_channels(out, ds->options.channels, err); /* to L: in place */
}
