/* SPDX-License-Identifier: MIT
 *
 * data_fixture.h - temporary directories, files and small images for the tests of src/data.
 */
#ifndef SC_TESTS_SUPPORT_DATA_FIXTURE_H
#define SC_TESTS_SUPPORT_DATA_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/image.h"

/* A new directory below TMPDIR or /tmp; released (tree and string) by fixture_remove. */
char *fixture_directory(void);
void fixture_remove(char *dir);

/* "dir/name" in one of eight rotating buffers. */
const char *fixture_path(const char *dir, const char *name);
void fixture_write(const char *dir, const char *name, const void *data, size_t size);
void fixture_mkdir(const char *dir, const char *name);

/* A file of `size` zeros that takes no disk space, with one byte set. */
void fixture_sparse(const char *dir, const char *name, size_t size, size_t at, uint8_t byte);

/* RGB noise as PNG, PPM, or JPEG by libjpeg; a function of the seed.  *bytes: sc_free. */
void fixture_png(void **bytes, size_t *size, uint32_t h, uint32_t w, uint32_t seed);
void fixture_jpeg(void **bytes, size_t *size, uint32_t h, uint32_t w, uint32_t seed,
                  bool progressive);
void fixture_png_file(const char *dir, const char *name, uint32_t seed);

/* Directory of shared data sets, or NULL: then sct_skip(FIXTURE_NO_SHARED). */
const char *fixture_shared(void);
#define FIXTURE_NO_SHARED "no shared data; set SHARED to the directory of photos/ and odd-images/"

/* sc_image_decode without name and error. */
int fixture_decode(sc_image *out, const void *bytes, size_t size, int channels);

#endif
