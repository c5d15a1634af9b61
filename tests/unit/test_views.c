/* SPDX-License-Identifier: MIT
 *
 * Draws: ranges, frequencies, independence of the operations.  Transforms: identities that need no
 * reference.  Batches: a view depends on (seed, epoch, image, view) alone.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "views/ops.h"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, DRAWS = 40000 };

static sc_image make_image(uint32_t height, uint32_t width, uint32_t channels)
{
    size_t n = (size_t)height * width * channels;
    sc_image image = {
        .pixels = sc_alloc(n, 1, NULL), .height = height, .width = width, .channels = channels};
    assert_non_null(image.pixels);
    for (size_t i = 0; i < n; i++) {
        image.pixels[i] = (uint8_t)sct_random();
    }
    return image;
}

static sc_view_params draw(const sc_view_options *o, uint32_t image, uint32_t view)
{
    sc_view_params p;
    sc_view_key key = {.seed = 11, .epoch = 3, .image = image, .view = view};
    sc_view_draw(&p, o, SIDE, SIDE, key);
    return p;
}

static sc_view_params whole(uint32_t height, uint32_t width)
{
    return (sc_view_params){.crop = {.height = height, .width = width},
                            .order = {0, 1, 2, 3},
                            .factor = {1.0, 1.0, 1.0, 0.0}};
}

static void open_views(sc_views *views, const sc_views_options *options)
{
    simclr_error err;
    sct_assert_ok(sc_views_open(views, options, SIDE, SIDE, &err), &err);
}

static void apply(uint8_t *out, const sc_image *image, const sc_view_params *p,
                  const sc_views_options *options)
{
    sc_views views;
    simclr_error err;
    open_views(&views, options);
    sct_assert_ok(sc_view_apply(out, image, p, 0, &views, &err), &err);
    sc_views_close(&views);
}

/* Chi-squared of equally likely bins; its mean is bins - 1, its variance 2 (bins - 1). */
static void assert_uniform(const char *what, const size_t *count, size_t bins)
{
    double total = 0.0, chi = 0.0, df = (double)bins - 1.0;
    for (size_t i = 0; i < bins; i++) {
        total += (double)count[i];
    }
    for (size_t i = 0; i < bins; i++) {
        double want = total / (double)bins, d = (double)count[i] - want;
        chi += d * d / want;
    }
    if (chi > df + 5.0 * sqrt(2.0 * df)) {
        fail_msg("%s: chi-squared %g with %g degrees of freedom", what, chi, df);
    }
}

static size_t bin(double x, double lo, double hi)
{
    assert_true(x >= lo && x <= hi);
    double b = (x - lo) / (hi - lo) * 16.0;
    return b >= 16.0 ? 15 : (size_t)b;
}

static void assert_share(const char *what, size_t count, double probability)
{
    double sd = sqrt(probability * (1.0 - probability) / DRAWS);
    if (fabs((double)count / DRAWS - probability) > 5.0 * sd) {
        fail_msg("%s: share %g, should be %g", what, (double)count / DRAWS, probability);
    }
}

static void test_frequencies(void **state)
{
    (void)state;
    sc_view_options o = sc_view_options_default(64, 64);
    size_t flip = 0, jitter = 0, gray = 0, blur = 0, solar = 0, vflip = 0;
    size_t factor[4][16] = {{0}}, order[24] = {0}, sigma[16] = {0};
    o.solarize = 0.1;
    o.vflip = 0.3;
    for (uint32_t i = 0; i < DRAWS; i++) {
        sc_view_params p = draw(&o, i, 0);
        flip += p.hflip;
        vflip += p.vflip;
        jitter += p.jitter;
        gray += p.grayscale;
        blur += p.blur_sigma > 0.0;
        solar += p.solarize;
        for (int f = 0; f < 3; f++) {
            factor[f][bin(p.factor[f], 0.2, 1.8)]++;
        }
        factor[3][bin(p.factor[3], -0.2, 0.2)]++;
        if (p.blur_sigma > 0.0) {
            sigma[bin(p.blur_sigma, 0.1, 2.0)]++;
        }
        size_t a = p.order[0], b = p.order[1] - (p.order[1] > a), c = p.order[2] < p.order[3];
        order[a * 6 + b * 2 + c]++;
    }
    assert_share("hflip", flip, 0.5);
    assert_share("vflip", vflip, 0.3);
    assert_share("jitter", jitter, 0.8);
    assert_share("grayscale", gray, 0.2);
    assert_share("blur", blur, 0.5);
    assert_share("solarize", solar, 0.1);
    assert_uniform("order of the jitter", order, 24);
    assert_uniform("sigma", sigma, 16);
    for (int f = 0; f < 4; f++) {
        assert_uniform("jitter factor", factor[f], 16);
    }
}

static void test_crops(void **state)
{
    (void)state;
    sc_view_options o = sc_view_options_default(SIDE, SIDE);
    size_t area[16] = {0};
    double log_ratio = 0.0;
    o.crop_scale[0] = 0.1;
    o.crop_scale[1] = 0.5; /* never refused in a large square image */
    for (uint32_t i = 0; i < DRAWS; i++) {
        sc_rng rng = sc_rng_at(5, 1, i, 0, SC_RNG_CROP);
        sc_box b = sc_crop_draw(&rng, &o, 4000, 4000);
        double ratio = (double)b.width / b.height;
        assert_true(b.top + b.height <= 4000 && b.left + b.width <= 4000);
        assert_true(ratio > 0.749 && ratio < 1.335);
        double part = (double)b.width * b.height / 16e6;
        area[bin(part < 0.1 ? 0.1 : part > 0.5 ? 0.5 : part, 0.1, 0.5)]++;
        log_ratio += log(ratio);
    }
    assert_uniform("area", area, 16);
    assert_true(fabs(log_ratio / DRAWS) < 5.0 * 0.166 / sqrt(DRAWS));
    sc_rng rng = sc_rng_at(5, 1, 0, 0, SC_RNG_CROP);
    sc_box thin = sc_crop_draw(&rng, &o, 10, 4000); /* ratio 400: the centred box */
    if (thin.height == 10) {
        assert_int_equal(thin.width, 13);
        assert_int_equal(thin.left, (4000 - 13) / 2);
    }
    sc_box dot = sc_crop_draw(&rng, &o, 1, 1);
    assert_true(dot.height == 1 && dot.width == 1 && dot.top == 0 && dot.left == 0);
}

/* Switching an operation off or on leaves every other draw as it is. */
static void test_independence(void **state)
{
    (void)state;
    sc_view_options o = sc_view_options_default(64, 64), other = o;
    other.hflip = 0.0;
    other.blur = 0.0;
    other.grayscale = 0.0;
    other.solarize = 1.0;
    other.crop_scale[0] = 0.5;
    for (uint32_t i = 0; i < 500; i++) {
        sc_view_params a = draw(&o, i, 1), b = draw(&other, i, 1);
        assert_memory_equal(a.order, b.order, sizeof a.order);
        assert_memory_equal(a.factor, b.factor, sizeof a.factor);
        assert_int_equal(a.jitter, b.jitter);
        other.jitter = 0.0;
        b = draw(&other, i, 1);
        assert_memory_equal(a.factor, b.factor, sizeof a.factor);
        other.jitter = o.jitter;
    }
    sc_view_params a = draw(&o, 7, 0), b = draw(&o, 7, 1), c = draw(&o, 8, 0);
    assert_true(a.factor[0] != b.factor[0] && a.factor[0] != c.factor[0]);
}

static void test_identities(void **state)
{
    (void)state;
    static uint8_t got[BYTES], once[BYTES];
    sc_image image = make_image(SIDE, SIDE, 3);
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 1);
    sc_view_params p = whole(SIDE, SIDE);
    for (int kind = 0; kind < 2; kind++) { /* same size: nothing changes */
        options.view[0].resize = options.view[1].resize = (sc_resize_kind)kind;
        apply(got, &image, &p, &options);
        assert_memory_equal(got, image.pixels, BYTES);
    }
    p.hflip = p.vflip = true; /* twice is nothing */
    apply(once, &image, &p, &options);
    assert_memory_not_equal(once, image.pixels, BYTES);
    sc_image flipped = {.pixels = once, .height = SIDE, .width = SIDE, .channels = 3};
    apply(got, &flipped, &p, &options);
    assert_memory_equal(got, image.pixels, BYTES);
    p = whole(SIDE, SIDE);
    p.jitter = true;
    p.order[3] = SC_JITTER_BRIGHTNESS; /* in place of hue, which rounds through HSV even at 0 */
    apply(got, &image, &p, &options);
    assert_memory_equal(got, image.pixels, BYTES);
    sc_free(image.pixels);
}

/* scale = ratio = 1 draws the whole of a square image, which then is a plain resize. */
static void test_whole_crop(void **state)
{
    (void)state;
    static uint8_t a[24 * 24 * 3], b[24 * 24 * 3];
    sc_image image = make_image(SIDE, SIDE, 3);
    sc_views_options options = sc_views_options_default(24, 24, 1);
    sc_view_options *o = &options.view[0];
    sc_views views;
    simclr_error err;
    o->crop_scale[0] = o->crop_ratio[0] = o->crop_ratio[1] = 1.0;
    o->hflip = o->jitter = o->grayscale = 0.0;
    options.eval_resize = 1.0;
    sc_view_params p = draw(o, 3, 0);
    assert_true(p.crop.height == SIDE && p.crop.width == SIDE);
    apply(a, &image, &p, &options);
    open_views(&views, &options);
    sct_assert_ok(sc_view_apply_eval(b, &image, &views, &err), &err);
    assert_memory_equal(a, b, sizeof a);
    sc_views_close(&views);
    sc_free(image.pixels);
}

static void test_batch(void **state)
{
    (void)state;
    enum { N = 7 };
    sc_image image[N], reversed[N];
    uint32_t index[N], back[N];
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 99);
    sc_views views;
    simclr_error err;
    sc_real *x = sc_alloc((size_t)6 * N * BYTES, sizeof *x, NULL);
    sc_real *y = x + (size_t)2 * N * BYTES, *z = y + (size_t)2 * N * BYTES;
    for (uint32_t i = 0; i < N; i++) {
        image[i] = make_image(20 + 9 * i, 50 - 5 * i, 3); /* some exceed the plan */
        index[i] = 1000 + i;
        reversed[N - 1 - i] = image[i];
        back[N - 1 - i] = index[i];
    }
    sc_parallel_set_threads(1);
    open_views(&views, &options);
    sct_assert_ok(sc_views_make(x, image, index, N, 4, &views, &err), &err);
    sc_parallel_set_threads(4);
    sct_assert_ok(sc_views_make(y, image, index, N, 4, &views, &err), &err);
    sct_assert_equal_bits("threads", y, x, (size_t)2 * N * BYTES);
    sct_assert_ok(sc_views_make(z, reversed, back, N, 4, &views, &err), &err);
    for (size_t i = 0; i < 2 * N; i++) {
        size_t j = i / N * N + N - 1 - i % N;
        sct_assert_equal_bits("place in the batch", z + j * BYTES, x + i * BYTES, BYTES);
    }
    assert_memory_not_equal(x, x + (size_t)N * BYTES, BYTES * sizeof *x); /* the other view */
    sct_assert_ok(sc_views_make(z, image, index, N, 5, &views, &err), &err);
    assert_memory_not_equal(x, z, BYTES * sizeof *x); /* the next epoch */
    sc_parallel_set_threads(1);
    sc_views_close(&views);
    sc_free(x);
    for (int i = 0; i < N; i++) {
        sc_free(image[i].pixels);
    }
}

static void test_asymmetric(void **state)
{
    (void)state;
    sc_image image = make_image(SIDE, SIDE, 3);
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 2);
    static sc_real x[2 * BYTES];
    sc_views views;
    simclr_error err;
    uint32_t index = 5;
    sc_view_options *plain = &options.view[1];
    plain->crop_scale[0] = plain->crop_ratio[0] = plain->crop_ratio[1] = 1.0;
    plain->hflip = plain->jitter = plain->grayscale = 0.0;
    plain->mean[0] = 0.5F;
    plain->std[0] = 0.25F;
    open_views(&views, &options);
    sct_assert_ok(sc_views_make(x, &image, &index, 1, 0, &views, &err), &err);
    size_t changed = 0;
    for (size_t i = 0; i < BYTES; i++) {
        const sc_view_options *o = &options.view[1];
        float u = (float)image.pixels[i] / 255.0F;
        float want = (u - o->mean[i % 3]) / o->std[i % 3];
        assert_true(x[BYTES + i] == (sc_real)want);
        changed += x[i] != x[BYTES + i];
    }
    assert_true(changed > BYTES / 2);
    sc_views_close(&views);
    sc_free(image.pixels);
}

static void test_eval(void **state)
{
    (void)state;
    static sc_real x[BYTES];
    sc_image image = make_image(SIDE, SIDE, 3), wide = make_image(41, 97, 3);
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 2);
    sc_views views;
    simclr_error err;
    open_views(&views, &options);
    sct_assert_ok(sc_views_eval(x, &image, 1, &views, &err), &err);
    for (size_t i = 0; i < BYTES; i++) { /* the size is right: only normalised */
        assert_true(x[i] == views.normal[0].table[i % 3][image.pixels[i]]);
    }
    sct_assert_ok(sc_views_eval(x, &wide, 1, &views, &err), &err);
    sc_resize_job job = sc_eval_job(&options, 41, 97);
    assert_int_equal(job.full_height, 37); /* 32 * 256 / 224 */
    assert_int_equal(job.full_width, 87);
    assert_true(job.top == 2 && job.left == 28); /* 2.5 and 27.5, to even */
    sc_views_close(&views);
    sc_free(image.pixels);
    sc_free(wide.pixels);
}

static void test_one_channel(void **state)
{
    (void)state;
    enum { N = 40 };
    sc_image image[N];
    uint32_t index[N];
    static sc_real x[2 * N * SIDE * SIDE];
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 2);
    sc_views views;
    simclr_error err;
    options.channels = 1;
    options.view[0].blur = options.view[1].solarize = 0.5;
    open_views(&views, &options);
    for (uint32_t i = 0; i < N; i++) {
        image[i] = make_image(28, 28, 1);
        index[i] = i;
    }
    sct_assert_ok(sc_views_make(x, image, index, N, 0, &views, &err), &err);
    sc_view_params p = whole(28, 28), q = p; /* saturation, hue, grayscale do nothing */
    static uint8_t a[SIDE * SIDE], b[SIDE * SIDE];
    q.jitter = q.grayscale = true;
    q.factor[SC_JITTER_SATURATION] = 0.3;
    q.factor[SC_JITTER_HUE] = 0.2;
    apply(a, &image[0], &p, &options);
    apply(b, &image[0], &q, &options);
    assert_memory_equal(a, b, sizeof a);
    image[1].channels = 3;
    sct_assert_error(sc_views_make(x, image, index, 2, 0, &views, &err), &err, SIMCLR_E_DATA,
                     "channels");
    sc_views_close(&views);
    for (uint32_t i = 0; i < N; i++) {
        sc_free(image[i].pixels);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    sc_views_options good = sc_views_options_default(SIDE, SIDE, 1), o = good;
    sc_views views;
    simclr_error err;
    sct_assert_ok(sc_views_options_check(&good, &err), &err);
    o.view[1].crop_scale[0] = 0.0;
    sct_assert_error(sc_views_options_check(&o, &err), &err, SIMCLR_E_USAGE, "crop scale");
    o = good;
    o.view[0].std[2] = 0.0F;
    sct_assert_error(sc_views_options_check(&o, &err), &err, SIMCLR_E_USAGE, "std");
    o = good;
    o.view[0].hue = 0.6;
    sct_assert_error(sc_views_options_check(&o, &err), &err, SIMCLR_E_USAGE, "hue");
    o = good;
    o.view[0].jitter = NAN;
    sct_assert_error(sc_views_options_check(&o, &err), &err, SIMCLR_E_USAGE, "jitter");
    o = good;
    o.view[1].height = 64;
    sct_assert_error(sc_views_open(&views, &o, 8, 8, &err), &err, SIMCLR_E_USAGE, "sizes");
    o = good;
    o.channels = 2;
    sct_assert_error(sc_views_open(&views, &o, 8, 8, &err), &err, SIMCLR_E_USAGE, "channels");
    sc_alloc_fail_at(1);
    sct_assert_error(sc_views_open(&views, &good, 8, 8, &err), &err, SIMCLR_E_MEMORY, NULL);
    sc_alloc_fail_at(0);
}

static void test_sheet(void **state)
{
    (void)state;
    sc_image image[3] = {make_image(SIDE, SIDE, 3), make_image(200, 90, 3), make_image(3, 5, 3)};
    uint32_t index[3] = {0, 1, 2}, h, w;
    sc_views_options options = sc_views_options_default(SIDE, SIDE, 1);
    sc_views views;
    simclr_error err;
    uint8_t *pixels;
    open_views(&views, &options);
    sct_assert_ok(sc_views_sheet(&pixels, &h, &w, image, index, 3, 0, &views, &err), &err);
    assert_int_equal(h, 4 + 3 * 68);
    assert_int_equal(w, 4 + 3 * 68);
    for (size_t y = 0; y < 64; y++) { /* the original, twice as large */
        for (size_t x = 0; x < 64; x++) {
            assert_memory_equal(pixels + ((4 + y) * w + 4 + x) * 3,
                                image[0].pixels + (y / 2 * SIDE + x / 2) * 3, 3);
        }
    }
    sc_free(pixels);
    for (size_t fail = 1; fail <= 2; fail++) {
        sc_alloc_fail_at(fail);
        sct_assert_error(sc_views_sheet(&pixels, &h, &w, image, index, 3, 0, &views, &err), &err,
                         SIMCLR_E_MEMORY, NULL);
    }
    sc_alloc_fail_at(0);
    sc_views_close(&views);
    for (int i = 0; i < 3; i++) {
        sc_free(image[i].pixels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frequencies),  cmocka_unit_test(test_crops),
        cmocka_unit_test(test_independence), cmocka_unit_test(test_identities),
        cmocka_unit_test(test_whole_crop),   cmocka_unit_test(test_batch),
        cmocka_unit_test(test_asymmetric),   cmocka_unit_test(test_eval),
        cmocka_unit_test(test_one_channel),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_sheet),
    };
    return sct_run(tests);
}
