/* SPDX-License-Identifier: MIT
 *
 * Views with explicit parameters against torchvision on PIL images (views.bin, make_views.py):
 * no byte may differ, blur at most a level.  Hue and saturation over all 2^24 colours by SHA-256.
 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"
#include "views/ops.h"

enum { PICTURES_MAX = 32 };

typedef struct {
    uint32_t picture, height, width, bicubic, eval, box[4], hflip, vflip, jitter;
    uint8_t order[4];
    uint32_t grayscale, kernel, solarize, threshold, tolerance;
    double factor[4], sigma;
} golden_case;

typedef struct {
    uint8_t *data;
    size_t size, at;
} reader;

static void take(reader *from, void *out, size_t size)
{
    assert_true(size <= from->size - from->at);
    memcpy(out, from->data + from->at, size);
    from->at += size;
}

static uint32_t take_u32(reader *from)
{
    uint8_t b[4];
    take(from, b, 4);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static double take_f64(reader *from)
{
    uint64_t lo = take_u32(from), hi = take_u32(from), bits = lo | hi << 32;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static golden_case take_case(reader *from)
{
    golden_case c;
    uint32_t *head[] = {&c.picture, &c.height, &c.width,  &c.bicubic, &c.eval,  &c.box[0],
                        &c.box[1],  &c.box[2], &c.box[3], &c.hflip,   &c.vflip, &c.jitter};
    uint32_t *tail[] = {&c.grayscale, &c.kernel, &c.solarize, &c.threshold, &c.tolerance};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        *head[i] = take_u32(from);
    }
    take(from, c.order, 4);
    for (size_t i = 0; i < sizeof tail / sizeof *tail; i++) {
        *tail[i] = take_u32(from);
    }
    for (int i = 0; i < 4; i++) {
        c.factor[i] = take_f64(from);
    }
    c.sigma = take_f64(from);
    return c;
}

static reader open_golden(void)
{
    char path[SC_PATH_MAX];
    const char *root = getenv("SIMCLR_SOURCE");
    simclr_error err;
    void *data;
    reader in = {0};
    snprintf(path, sizeof path, "%s/tests/golden/views.bin", root != NULL ? root : ".");
    sct_assert_ok(sc_fs_read(&data, &in.size, path, 4 << 20, &err), &err);
    in.data = data;
    assert_memory_equal(in.data, "SCVIEW01", 8);
    in.at = 8;
    return in;
}

static void run_case(uint8_t *got, const sc_image *image, const golden_case *c)
{
    sc_views_options options = sc_views_options_default(c->height, c->width, 1);
    sc_views views;
    simclr_error err;
    options.channels = image->channels;
    options.eval_resize = c->eval != 0 ? c->eval / 1000.0 : 1.0;
    options.view[0].resize = options.view[1].resize =
        c->bicubic ? SC_RESIZE_BICUBIC : SC_RESIZE_BILINEAR;
    options.view[1].blur_kernel = (int)c->kernel;
    options.view[1].solarize_threshold = (int)c->threshold;
    sct_assert_ok(sc_views_open(&views, &options, image->height, image->width, &err), &err);
    sc_view_params p = {.crop = {c->box[0], c->box[1], c->box[2], c->box[3]},
                        .hflip = c->hflip,
                        .vflip = c->vflip,
                        .jitter = c->jitter,
                        .grayscale = c->grayscale,
                        .solarize = c->solarize,
                        .blur_sigma = c->sigma};
    memcpy(p.order, c->order, sizeof p.order);
    memcpy(p.factor, c->factor, sizeof p.factor);
    int rc = c->eval ? sc_view_apply_eval(got, image, &views, &err)
                     : sc_view_apply(got, image, &p, 1, &views, &err);
    sct_assert_ok(rc, &err);
    sc_views_close(&views);
}

static size_t compare(const uint8_t *got, const uint8_t *want, size_t n, const golden_case *c,
                      uint32_t number)
{
    size_t differ = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t d = (uint32_t)abs(got[i] - want[i]);
        differ += d != 0;
        if (d > c->tolerance) {
            fail_msg("case %u (picture %u to %u x %u), byte %zu: %d, should be %d", number,
                     c->picture, c->height, c->width, i, got[i], want[i]);
        }
    }
    return differ;
}

static void test_golden(void **state)
{
    (void)state;
    reader in = open_golden();
    uint32_t pictures = take_u32(&in), cases = take_u32(&in);
    sc_image image[PICTURES_MAX];
    size_t blurred = 0, bytes = 0;
    assert_true(pictures <= PICTURES_MAX && cases > 300);
    for (uint32_t i = 0; i < pictures; i++) {
        uint32_t h = take_u32(&in), w = take_u32(&in), c = take_u32(&in);
        image[i] = (sc_image){.pixels = in.data + in.at, .height = h, .width = w, .channels = c};
        in.at += (size_t)h * w * c;
    }
    for (uint32_t i = 0; i < cases; i++) {
        golden_case c = take_case(&in);
        assert_true(c.picture < pictures);
        size_t n = (size_t)c.height * c.width * image[c.picture].channels;
        uint8_t *got = sc_alloc(n, 1, NULL);
        assert_true(got != NULL && n <= in.size - in.at);
        run_case(got, &image[c.picture], &c);
        blurred += compare(got, in.data + in.at, n, &c, i);
        bytes += n;
        in.at += n;
        sc_free(got);
    }
    assert_int_equal(in.at, in.size);
    print_message("%u cases, %zu bytes: %zu differ by a level, all blurred\n", cases, bytes,
                  blurred);
    sc_free(in.data);
}

/* Every colour once, as three planes. */
static uint8_t *all_colours(void)
{
    size_t n = (size_t)1 << 24;
    uint8_t *p = sc_alloc(3, n, NULL);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i >> 16);
        p[n + i] = (uint8_t)(i >> 8);
        p[2 * n + i] = (uint8_t)i;
    }
    return p;
}

static void test_every_colour(void **state)
{
    static const struct {
        bool hue;
        double value;
        const char *sha256;
    } want[] = {
        {true, 0.1, "d6c0477a1917dfec900ed8484858cd564ec38a7fc2ec9340c3a5fb8e62776fa3"},
        {true, -0.2, "c5e4714b9bbd6a7e04549bb33fc6ea73f35b29a095181d5a94a893f8a1db0d6f"},
        {false, 0.7, "87d4bd403e9ae1dea9cec31377b29bbeb4f9e3d4afe881499a57870fe782b810"},
        {false, 1.6, "362f44743ac85e8e9e88566be971e83e87ba9ca6903e8482e958b3c782d44d36"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char hex[SC_SHA256_HEX];
        simclr_error err;
        size_t n = (size_t)1 << 24;
        uint8_t *p = all_colours();
        if (want[i].hue) {
            sc_hue(p, n, want[i].value);
        } else {
            sc_saturation(p, n, want[i].value);
        }
        sct_assert_ok(sc_sha256(hex, p, 3 * n, &err), &err);
        assert_string_equal(hex, want[i].sha256);
        sc_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_every_colour),
    };
    return sct_run(tests);
}
