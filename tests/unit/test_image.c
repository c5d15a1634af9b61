/* SPDX-License-Identifier: MIT
 *
 * test_image.c - recognising formats, PNM and BMP against values worked out by hand, PNG round
 * trip, gray conversion, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "support/data_fixture.h"

static void expect_pixels(const void *bytes, size_t size, uint32_t h, uint32_t w,
                          const uint8_t *rgb)
{
    sc_image image;
    assert_int_equal(fixture_decode(&image, bytes, size, 3), 0);
    assert_int_equal(image.height, h);
    assert_int_equal(image.width, w);
    assert_memory_equal(image.pixels, rgb, (size_t)h * w * 3);
    sc_image_free(&image);
}

static void pnm_kinds(void **state)
{
    (void)state;
    static const uint8_t rgb[] = {1, 2, 3, 250, 251, 252};
    static const uint8_t gray[] = {0, 0, 0, 85, 85, 85, 255, 255, 255};
    static const char p6[] = "P6 2 1 255\n\x01\x02\x03\xfa\xfb\xfc";
    static const char p3[] = "P3\n# a comment\n2 1 # another\n255\n1 2 3 250 251 252";
    static const char p2[] = "P2 3 1 3 0 1 3";
    static const char p5[] = "P5 3 1 3\n\x00\x01\x03";
    expect_pixels(p6, sizeof p6 - 1, 1, 2, rgb);
    expect_pixels(p3, sizeof p3 - 1, 1, 2, rgb);
    expect_pixels(p2, sizeof p2 - 1, 1, 3, gray);
    expect_pixels(p5, sizeof p5 - 1, 1, 3, gray);
}

static void pnm_sixteen_bits(void **state)
{
    (void)state;
    /* colour is scaled, gray is clipped as Pillow's mode I is */
    static const char p6[] = "P6 1 1 65535\n\x80\x00\xff\xff\x00\x01";
    static const uint8_t rgb[] = {128, 255, 0};
    static const char p5[] = "P5 3 1 65535\n\x00\x07\x01\x00\x00\xff";
    static const uint8_t gray[] = {7, 7, 7, 255, 255, 255, 255, 255, 255};
    expect_pixels(p6, sizeof p6 - 1, 1, 1, rgb);
    expect_pixels(p5, sizeof p5 - 1, 1, 3, gray);
}

/* 1 is black; rows of raw bits begin at a byte, plain ones need no spaces. */
static void pnm_bits(void **state)
{
    (void)state;
    static const uint8_t rgb[] = {0,   0,   0,   255, 255, 255, 0, 0, 0,
                                  255, 255, 255, 255, 255, 255, 0, 0, 0};
    static const char p4[] = "P4 3 2\n\xbf\x20";
    static const char p1[] = "P1\n3 2\n101 # a row\n0 0\n1\n";
    sc_image image;
    expect_pixels(p4, sizeof p4 - 1, 2, 3, rgb);
    expect_pixels(p1, sizeof p1 - 1, 2, 3, rgb);
    assert_int_equal(fixture_decode(&image, p4, sizeof p4 - 2, 3), SIMCLR_E_FORMAT);
    assert_int_equal(fixture_decode(&image, "P1 3 2 10100", 12, 3), SIMCLR_E_FORMAT);
    assert_int_equal(fixture_decode(&image, "P1 3 2 101002", 13, 3), SIMCLR_E_FORMAT);
}

static void bmp_kinds(void **state)
{
    (void)state;
    /* 2 x 2, 24 bits, bottom up: rows of 6 bytes padded to 8 */
    uint8_t bmp[14 + 40 + 16] = {'B', 'M'};
    static const uint8_t rows[16] = {7, 8, 9, 10, 11, 12, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0};
    static const uint8_t up[] = {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
    static const uint8_t down[] = {9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4};
    bmp[10] = 54;
    bmp[14] = 40;
    bmp[18] = 2;
    bmp[22] = 2;
    bmp[26] = 1;
    bmp[28] = 24;
    memcpy(bmp + 54, rows, 16);
    expect_pixels(bmp, sizeof bmp, 2, 2, up);
    expect_pixels(bmp, sizeof bmp - 2, 2, 2, up); /* padding of the last row may lack */
    bmp[22] = 0xfe;
    bmp[23] = bmp[24] = bmp[25] = 0xff;
    expect_pixels(bmp, sizeof bmp, 2, 2, down);
    sc_image image;
    assert_int_equal(fixture_decode(&image, bmp, sizeof bmp - 3, 3), SIMCLR_E_FORMAT);
    bmp[30] = 1; /* RLE */
    assert_int_equal(fixture_decode(&image, bmp, sizeof bmp, 3), SIMCLR_E_FORMAT);
}

/* 1 and 4 bits a pixel, the first pixel in the high bits, through a palette of BGRX. */
static void bmp_small_palettes(void **state)
{
    (void)state;
    uint8_t bmp[14 + 40 + 12 + 4] = {'B', 'M'};
    static const uint8_t palette[12] = {1, 2, 3, 0, 11, 12, 13, 0, 21, 22, 23, 0};
    static const uint8_t one[] = {13, 12, 11, 3, 2, 1, 13, 12, 11}, four[] = {23, 22, 21, 3, 2, 1};
    sc_image image;
    bmp[10] = 14 + 40 + 12;
    bmp[14] = 40;
    bmp[18] = 3;
    bmp[22] = 1;
    bmp[26] = 1;
    bmp[28] = 1;
    bmp[46] = 3;
    memcpy(bmp + 54, palette, 12);
    bmp[66] = 0xa0; /* 1 0 1 */
    expect_pixels(bmp, sizeof bmp, 1, 3, one);
    expect_pixels(bmp, sizeof bmp - 3, 1, 3, one);
    bmp[18] = 2;
    bmp[28] = 4;
    bmp[66] = 0x20; /* 2 0 */
    expect_pixels(bmp, sizeof bmp, 1, 2, four);
    bmp[66] = 0x30;
    assert_int_equal(fixture_decode(&image, bmp, sizeof bmp, 3), SIMCLR_E_FORMAT); /* no colour 3 */
    bmp[28] = 16;
    assert_int_equal(fixture_decode(&image, bmp, sizeof bmp, 3), SIMCLR_E_FORMAT);
}

static void png_round_trip(void **state)
{
    (void)state;
    uint8_t pixels[5 * 4 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(i * 37);
    }
    void *png;
    size_t size;
    assert_int_equal(sc_png_encode(&png, &size, pixels, 5, 4, 3, NULL), 0);
    expect_pixels(png, size, 5, 4, pixels);
    uint32_t h, w;
    assert_int_equal(sc_image_probe(&h, &w, png, 64, "head", NULL), 0);
    assert_int_equal(h, 5);
    assert_int_equal(w, 4);
    sc_free(png);

    sc_image gray;
    assert_int_equal(sc_png_encode(&png, &size, pixels, 15, 4, 1, NULL), 0);
    assert_int_equal(fixture_decode(&gray, png, size, 1), 0);
    assert_memory_equal(gray.pixels, pixels, sizeof pixels);
    sc_image_free(&gray);
    sc_free(png);
}

/* A picture of one colour and a few others is written without filters, which must still be read. */
static void flat_png_round_trip(void **state)
{
    (void)state;
    enum { SIDE = 120 };
    static uint8_t pixels[SIDE * SIDE * 3];
    memset(pixels, 250, sizeof pixels);
    for (size_t i = 0; i < SIDE; i++) {
        memcpy(pixels + 3 * (i * SIDE + i), "\x0a\x14\x1e", 3);
        memset(pixels + 3 * (40 * SIDE + i), (int)i / 8, 3);
    }
    void *png;
    size_t size;
    assert_int_equal(sc_png_encode(&png, &size, pixels, SIDE, SIDE, 3, NULL), 0);
    assert_true(size < 1000);
    expect_pixels(png, size, SIDE, SIDE, pixels);
    sc_free(png);
}

static void gray_as_pillow(void **state)
{
    (void)state;
    static const char p6[] = "P6 3 1 255\n\xff\x00\x00\x00\xff\x00\x0a\x14\x1e";
    sc_image image;
    assert_int_equal(fixture_decode(&image, p6, sizeof p6 - 1, 1), 0);
    assert_int_equal(image.channels, 1);
    assert_int_equal(image.pixels[0], 76);
    assert_int_equal(image.pixels[1], 150);
    assert_int_equal(image.pixels[2], 18);
    sc_image_free(&image);
}

static void refusals_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {{"", 0, "the file is empty"},
                 {"hello", 5, "not an image"},
                 {"GIF89a..", 8, "GIF is not read; convert it"},
                 {"II*\0\0\0\0\0", 8, "TIFF is not read"},
                 {"P6 70000 1 255\n", 15, "header is damaged"},
                 {"P6 16385 1 255\n", 15, "over the limit of 16384 a side"},
                 {"P6 16000 16000 255\n", 19, "over the limit"},
                 {"P6 0 1 255\n", 11, "it is empty"},
                 {"P6 2 2 255\nabc", 14, "cut short"},
                 {"P3 9000 9000 255\n1 2 3", 22, "cut short"},
                 {"P2 1 1 3 4", 10, "maxval"},
                 {"P7 1 1\n.", 8, "not an image"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_image image;
        simclr_error err;
        int rc = sc_image_decode(&image, cases[i].bytes, cases[i].size, "x.img", 3, &err);
        assert_int_equal(rc, SIMCLR_E_FORMAT);
        assert_non_null(strstr(err.text, "x.img: "));
        if (strstr(err.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        assert_null(image.pixels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pnm_kinds),           cmocka_unit_test(pnm_bits),
        cmocka_unit_test(pnm_sixteen_bits),    cmocka_unit_test(bmp_kinds),
        cmocka_unit_test(bmp_small_palettes),  cmocka_unit_test(png_round_trip),
        cmocka_unit_test(flat_png_round_trip), cmocka_unit_test(gray_as_pillow),
        cmocka_unit_test(refusals_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
