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

/* ---- EXIF in PNG and WebP ---- */

/* Of 3 x 2 pixels, R = 10, 50, 90 above 130, 170, 210, written by Pillow, which also gave what
 * ImageOps.exif_transpose makes of them. */
static const uint8_t exif_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0x12,
    0x16, 0xf1, 0x4d, 0x00, 0x00, 0x00, 0x1a, 0x65, 0x58, 0x49, 0x66, 0x4d, 0x4d, 0x00, 0x2a,
    0x00, 0x00, 0x00, 0x08, 0x00, 0x01, 0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00,
    0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xd6, 0x67, 0x4b, 0x69, 0x00, 0x00, 0x00, 0x18,
    0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xe4, 0x62, 0xfd, 0xaa, 0x21, 0x72, 0x43, 0x43,
    0xe4, 0x06, 0x4b, 0x85, 0x4d, 0x07, 0x84, 0x05, 0x00, 0x3d, 0x65, 0x06, 0x96, 0xe6, 0xa6,
    0x10, 0xe5, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
static const uint8_t exif_webp[] = {
    0x52, 0x49, 0x46, 0x46, 0x66, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x58,
    0x0a, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x01, 0x00, 0x00, 0x56, 0x50,
    0x38, 0x4c, 0x25, 0x00, 0x00, 0x00, 0x2f, 0x02, 0x40, 0x00, 0x00, 0x2f, 0x20, 0x16, 0x4c, 0xae,
    0x19, 0xe4, 0x2f, 0x9b, 0xc4, 0x15, 0x50, 0x8e, 0x5d, 0x3f, 0xff, 0xc9, 0x65, 0xa8, 0x69, 0xdb,
    0x80, 0x0d, 0x75, 0xfe, 0xe5, 0xd4, 0x88, 0xfe, 0xc7, 0xf4, 0x02, 0x00, 0x45, 0x58, 0x49, 0x46,
    0x1a, 0x00, 0x00, 0x00, 0x4d, 0x4d, 0x00, 0x2a, 0x00, 0x00, 0x00, 0x08, 0x00, 0x01, 0x01, 0x12,
    0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
enum { PNG_CHUNK = 37, PNG_IDAT = 75, WEBP_CHUNK = 76, EXIF_BYTES = 26, EXIF_VALUE = 19 };

static const uint8_t transposed[8][6] = {
    {10, 50, 90, 130, 170, 210}, {90, 50, 10, 210, 170, 130}, {210, 170, 130, 90, 50, 10},
    {130, 170, 210, 10, 50, 90}, {10, 130, 50, 170, 90, 210}, {130, 10, 170, 50, 210, 90},
    {210, 90, 170, 50, 130, 10}, {90, 210, 50, 170, 10, 130},
};

static void assert_turned(const uint8_t *file, size_t size, int orientation, bool rotate)
{
    sc_image image;
    simclr_error err;
    sc_image_options options = {3, rotate};
    bool valid = rotate && orientation >= 1 && orientation <= 8;
    const uint8_t *want = transposed[valid ? orientation - 1 : 0];
    sct_assert_ok(sc_image_decode_with(&image, file, size, "x", &options, &err), &err);
    assert_int_equal(image.width, valid && orientation >= 5 ? 2 : 3);
    assert_int_equal(image.height * image.width, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(image.pixels[3 * i], want[i]);
    sc_image_free(&image);
}

/* CRC-32 of a PNG chunk: its name and bytes. */
static void sign(uint8_t *chunk, size_t bytes)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < 4 + bytes; i++) {
        crc ^= chunk[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    for (int i = 0; i < 4; i++)
        chunk[4 + bytes + (size_t)i] = (uint8_t)(~crc >> (24 - 8 * i));
}

static void exif_of_png_and_webp(void **state)
{
    (void)state;
    uint8_t png[sizeof exif_png], behind[sizeof png], webp[sizeof exif_webp];
    for (int orientation = 0; orientation < 10; orientation++) {
        memcpy(png, exif_png, sizeof png);
        memcpy(webp, exif_webp, sizeof webp);
        png[PNG_CHUNK + 4 + EXIF_VALUE] = webp[WEBP_CHUNK + 8 + EXIF_VALUE] = (uint8_t)orientation;
        sign(png + PNG_CHUNK, EXIF_BYTES);
        /* the same with eXIf behind the picture, in front of IEND */
        size_t chunk = EXIF_BYTES + 12, end = sizeof png - 12;
        memcpy(behind, png, sizeof png);
        memcpy(behind + PNG_CHUNK - 4, png + PNG_IDAT - 4, end - (PNG_IDAT - 4));
        memcpy(behind + end - chunk, png + PNG_CHUNK - 4, chunk);
        for (int rotate = 0; rotate < 2; rotate++) {
            assert_turned(png, sizeof png, orientation, rotate);
            assert_turned(behind, sizeof behind, orientation, rotate);
            assert_turned(webp, sizeof webp, orientation, rotate);
        }
    }
    memcpy(webp, exif_webp, sizeof webp); /* sizes that pass the end, a directory that does */
    webp[WEBP_CHUNK + 4] = 0xff;
    assert_turned(webp, sizeof webp, 1, true);
    webp[WEBP_CHUNK + 4] = 7;
    assert_turned(webp, sizeof webp, 1, true);
    webp[WEBP_CHUNK + 4] = EXIF_BYTES;
    webp[WEBP_CHUNK + 8 + 7] = EXIF_BYTES - 1;
    assert_turned(webp, sizeof webp, 1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_images_as_pillow), cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(flipped_bits),         cmocka_unit_test(exif_rotation),
        cmocka_unit_test(exif_of_png_and_webp),
    };
    return sct_run(tests);
}
