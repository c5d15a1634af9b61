/* SPDX-License-Identifier: MIT
 *
 * files.c - an image of a data set from its own file (folder and list).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

int sc_file_head(uint8_t *head, size_t *got, uint64_t *size, size_t capacity, const char *path,
                 simclr_error *err)
{
    struct stat st;
    *got = 0;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return sc_fail_errno(err, SIMCLR_E_IO, errno, "%s: cannot be opened", path);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return sc_fail(err, SIMCLR_E_IO, "%s: not a regular file", path);
    }
    *size = (uint64_t)st.st_size;
    while (*got < capacity) {
        ssize_t n = read(fd, head + *got, capacity - *got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int number = errno;
            close(fd);
            return sc_fail_errno(err, SIMCLR_E_IO, number, "%s: cannot be read", path);
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    close(fd);
    return 0;
}

int sc_dataset_read_file(sc_image *out, const sc_dataset *ds, const char *path, simclr_error *err)
{
    void *data;
    size_t size;
    *out = (sc_image){0};
    int rc = sc_fs_read(&data, &size, path, SC_IMAGE_MAX_FILE, err);
    if (rc != 0) {
        return rc;
    }
    sc_image_options options = {ds->options.channels, ds->options.exif_rotate};
    rc = sc_image_decode_with(out, data, size, path, &options, err);
    sc_free(data);
    return rc;
}

int sc_file_make(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err)
{
    return sc_dataset_read_file(out, ds, ds->item[i].name, err);
}
