/* SPDX-License-Identifier: MIT
 *
 * test_decode.c - equality with Pillow 9.4 on the odd images, and files cut or damaged anywhere.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"
#include "support/data_fixture.h"

#ifndef SC_TEST_GOLDEN
#define SC_TEST_GOLDEN "tests/golden"
#endif

/* Where we refuse what Pillow reads, and why that is wanted. */
static const char *const refused[][2] = {
    {"damaged/jpegdec_dc_overflow.jpg", "coded data ends early; Pillow fills with gray"},
    {"damaged/pngsuite_xcsn0g01.png", "checksum of the pixel data is wrong"},
};

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (strcmp(refused[i][0], name) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_file(const char *root, const char *name, unsigned w, unsigned h,
                         const char *expected)
{
    char path[SC_PATH_MAX], hex[SC_SHA256_HEX] = "error";
    void *bytes;
    size_t size;
    sc_image image;
    simclr_error err;
    assert_int_equal(sc_path_join(path, root, name, &err), 0);
    assert_int_equal(sc_fs_read(&bytes, &size, path, SC_IMAGE_MAX_FILE, &err), 0);
    int rc = sc_image_decode(&image, bytes, size, name, 3, &err);
    if (is_refused(name) || strcmp(expected, "error") == 0) {
        if (rc != SIMCLR_E_FORMAT) {
            fail_msg("%s: must be refused", name);
        }
    } else {
        if (rc != 0 || image.width != w || image.height != h) {
            fail_msg("%s: %d %s", name, rc, rc != 0 ? err.text : "has another size");
        }
        sc_sha256(hex, image.pixels, (size_t)w * h * 3, NULL);
        if (strcmp(hex, expected) != 0) {
            fail_msg("%s: pixels are not Pillow's", name);
        }
    }
    sc_image_free(&image);
    sc_free(bytes);
}

static void odd_images_as_pillow(void **state)
{
    (void)state;
    char line[512], root[SC_PATH_MAX];
    const char *shared = fixture_shared();
    if (shared == NULL) {
        sct_skip(FIXTURE_NO_SHARED);
    }
    assert_int_equal(sc_path_join(root, shared, "odd-images", NULL), 0);
    FILE *table = fopen(SC_TEST_GOLDEN "/pil_decode.tsv", "r");
    assert_non_null(table);
    int files = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        char name[256], expected[80];
        unsigned w, h;
        if (line[0] != '#') {
            assert_int_equal(sscanf(line, "%255s %u %u %79s", name, &w, &h, expected), 4);
            compare_file(root, name, w, h, expected);
            files++;
        }
    }
    fclose(table);
    assert_int_equal(files, 170);
}

/* Decodes a copy of its own size, so that a read beyond the end is caught by the sanitizer. */
static int decode_prefix(const void *bytes, size_t size)
{
    sc_image image;
    void *copy = sc_alloc(size, 1, NULL);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int rc = fixture_decode(&image, copy, size, 3);
    assert_true((rc == 0) == (image.pixels != NULL));
    sc_image_free(&image);
    sc_free(copy);
    return rc;
}

static void every_cut(void *bytes, size_t size)
{
    assert_int_equal(decode_prefix(bytes, size), 0);
    for (size_t n = 0; n < size; n++) {
        if (decode_prefix(bytes, n) != SIMCLR_E_FORMAT) {
            fail_msg("cut at byte %zu of %zu is not noticed", n, size);
        }
    }
    sc_free(bytes);
}

static void cut_anywhere(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    fixture_jpeg(&bytes, &size, 17, 19, 1, false);
    every_cut(bytes, size);
    fixture_jpeg(&bytes, &size, 17, 19, 2, true);
    every_cut(bytes, size);
    fixture_png(&bytes, &size, 9, 11, 3);
    every_cut(bytes, size);
}

static void flip_bits(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            (void)decode_prefix(bytes, size); /* any answer, no crash */
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static void flipped_bits(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    fixture_jpeg(&bytes, &size, 8, 9, 4, false);
    flip_bits(bytes, size);
    sc_free(bytes);
    fixture_jpeg(&bytes, &size, 8, 9, 4, true);
    flip_bits(bytes, size);
    sc_free(bytes);
    fixture_png(&bytes, &size, 8, 9, 5);
    flip_bits(bytes, size);
    sc_free(bytes);
}

/* Pillow's ImageOps.exif_transpose on the test picture gives a picture of swapped sides. */
static void exif_rotation(void **state)
{
    (void)state;
    const char *shared = fixture_shared();
    char path[SC_PATH_MAX];
    if (shared == NULL) {
        sct_skip(FIXTURE_NO_SHARED);
    }
    void *bytes;
    size_t size;
    sc_image plain, turned;
    sc_image_options options = {3, true};
    assert_int_equal(
        sc_path_join(path, shared, "odd-images/jpeg/pillow_orientation_rectangle.jpg", NULL), 0);
    assert_int_equal(sc_fs_read(&bytes, &size, path, 1 << 20, NULL), 0);
    assert_int_equal(fixture_decode(&plain, bytes, size, 3), 0);
    assert_int_equal(sc_image_decode_with(&turned, bytes, size, "x", &options, NULL), 0);
    assert_int_equal(plain.width, 2);
    assert_int_equal(turned.width, 1);
    assert_int_equal(turned.height, 2);
    /* orientation 8: turn a quarter to the left, the right pixel comes to the top */
    assert_memory_equal(turned.pixels, plain.pixels + 3, 3);
    assert_memory_equal(turned.pixels + 3, plain.pixels, 3);
    sc_image_free(&plain);
    sc_image_free(&turned);
    sc_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_images_as_pillow),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(exif_rotation),
    };
    return sct_run(tests);
}
