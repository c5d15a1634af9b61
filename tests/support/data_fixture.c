/* SPDX-License-Identifier: MIT
 *
 * data_fixture.c - see data_fixture.h.
 */
#include "support/data_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>

#include "core/alloc.h"
#include "core/fs.h"

static void must(bool fine, const char *what)
{
    if (!fine) {
        perror(what);
        abort();
    }
}

char *fixture_directory(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = malloc(SC_PATH_MAX);
    must(dir != NULL, "malloc");
    snprintf(dir, SC_PATH_MAX, "%s/sc_data_XXXXXX", base != NULL ? base : "/tmp");
    must(mkdtemp(dir) != NULL, dir);
    return dir;
}

void fixture_remove(char *dir)
{
    must(sc_fs_remove_tree(dir, NULL) == 0, dir);
    free(dir);
}

const char *fixture_path(const char *dir, const char *name)
{
    static char path[8][SC_PATH_MAX];
    static unsigned turn;
    char *out = path[turn++ % 8];
    must(sc_path_join(out, dir, name, NULL) == 0, name);
    return out;
}

void fixture_write(const char *dir, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(fixture_path(dir, name), "wb");
    must(file != NULL, name);
    must(size == 0 || fwrite(data, 1, size, file) == size, name);
    must(fclose(file) == 0, name);
}

void fixture_mkdir(const char *dir, const char *name)
{
    must(sc_fs_mkdirs(fixture_path(dir, name), NULL) == 0, name);
}

void fixture_sparse(const char *dir, const char *name, size_t size, size_t at, uint8_t byte)
{
    int fd = open(fixture_path(dir, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0, name);
    must(ftruncate(fd, (off_t)size) == 0, name);
    must(at >= size || pwrite(fd, &byte, 1, (off_t)at) == 1, name);
    close(fd);
}

static uint8_t *noise(uint32_t h, uint32_t w, uint32_t seed)
{
    size_t n = (size_t)h * w * 3;
    uint8_t *pixels = malloc(n);
    must(pixels != NULL, "malloc");
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(state >> 24);
    }
    return pixels;
}

void fixture_png(void **bytes, size_t *size, uint32_t h, uint32_t w, uint32_t seed)
{
    uint8_t *pixels = noise(h, w, seed);
    must(sc_png_encode(bytes, size, pixels, h, w, 3, NULL) == 0, "png");
    free(pixels);
}

void fixture_jpeg(void **bytes, size_t *size, uint32_t h, uint32_t w, uint32_t seed,
                  bool progressive)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *buffer = NULL;
    unsigned long length = 0;
    uint8_t *pixels = noise(h, w, seed);
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &buffer, &length);
    jpeg.image_width = w;
    jpeg.image_height = h;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 60, TRUE);
    if (progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < h; y++) {
        JSAMPROW row = pixels + (size_t)y * w * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    *bytes = sc_alloc(length, 1, NULL);
    must(*bytes != NULL, "alloc");
    memcpy(*bytes, buffer, length);
    *size = length;
    free(buffer);
    free(pixels);
}

void fixture_png_file(const char *dir, const char *name, uint32_t seed)
{
    void *bytes;
    size_t size;
    fixture_png(&bytes, &size, 6 + seed % 3, 7, seed);
    fixture_write(dir, name, bytes, size);
    sc_free(bytes);
}

const char *fixture_shared(void)
{
    const char *dir = getenv("SHARED");
    const char *source = getenv("SIMCLR_SOURCE");
    static char path[SC_PATH_MAX];
    if (dir == NULL) {
        snprintf(path, sizeof path, "%s/../shared/data", source != NULL ? source : ".");
        dir = path;
    }
    return sc_fs_is_dir(dir) ? dir : NULL;
}

int fixture_decode(sc_image *out, const void *bytes, size_t size, int channels)
{
    return sc_image_decode(out, bytes, size, "test", channels, NULL);
}
