/* SPDX-License-Identifier: MIT
 *
 * stage_views.c - views by the device's kernels against sc_view_apply and sc_views_make: equal,
 * and within one level where they are blurred.
 */
#include "device_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/device_views.h"

enum { BATCH = 6, CANARY = 64 };

/* One batch of views with values of their own, of images in one store. */
typedef struct {
    sc_views views;
    sc_device_views description;
    sc_image image[BATCH];
    sc_view_params params[BATCH];
    sc_device_view drawn[BATCH];
    uint8_t *store;
    size_t store_bytes;
    uint32_t max_height, max_width;
} batch;

/* ---- images ---- */

/* Noise; few levels, with many greys and saturated colours; a gradient. */
static void paint(uint8_t *pixels, uint32_t height, uint32_t width, uint32_t channels)
{
    static const uint8_t levels[] = {0, 1, 127, 128, 254, 255};
    size_t kind = sct_below(3), row = (size_t)width * channels;

    for (size_t i = 0; i < height * row; i++) {
        uint8_t few = levels[sct_below(6)];
        size_t slope = 3 * (i / row) + 5 * (i % row / channels) + 90 * (i % channels);
        pixels[i] = kind == 0 ? (uint8_t)sct_random() : kind == 1 ? few : (uint8_t)slope;
    }
}

static uint32_t side(uint32_t most)
{
    return sct_below(5) == 0 ? 1 : 1 + (uint32_t)sct_below(most);
}

/* BATCH images of up to 48 x 64 or of one size, at odd places of the store. */
static void open_store(batch *b, uint32_t channels, uint32_t height, uint32_t width)
{
    size_t at[BATCH], end = 0;

    for (size_t i = 0; i < BATCH; i++) {
        sc_image *image = &b->image[i];
        *image = (sc_image){.height = height ? height : side(48),
                            .width = width ? width : side(64),
                            .channels = channels};
        at[i] = end + sct_below(7);
        end = at[i] + (size_t)image->height * image->width * channels;
        b->max_height = image->height > b->max_height ? image->height : b->max_height;
        b->max_width = image->width > b->max_width ? image->width : b->max_width;
    }
    b->store = sc_alloc(end, 1, NULL);
    b->store_bytes = end;
    assert_non_null(b->store);
    for (size_t i = 0; i < BATCH; i++) {
        b->drawn[i].pixels = at[i];
        b->image[i].pixels = b->store + at[i];
        paint(b->image[i].pixels, b->image[i].height, b->image[i].width, channels);
    }
}

static void open_batch(batch *b, const sc_views_options *options, uint32_t height, uint32_t width)
{
    simclr_error err;

    memset(b, 0, sizeof *b);
    open_store(b, options->channels, height, width);
    sct_assert_ok(sc_views_open(&b->views, options, b->max_height, b->max_width, &err), &err);
    sc_views_describe(&b->description, &b->views);
    for (size_t i = 0; i < BATCH; i++) {
        sc_view_key key = {.seed = options->seed, .image = (uint32_t)i, .view = i % 2};
        sc_view_draw(&b->params[i], &options->view[i % 2], b->image[i].height, b->image[i].width,
                     key);
    }
}

static void close_batch(batch *b)
{
    sc_views_close(&b->views);
    sc_free(b->store);
}

/* ---- the device ---- */

/* x of `count` views, the caller's; nothing is written behind it. */
static sc_real *make_on_device(const batch *b, const sc_device_view *view, size_t count)
{
    const sc_device_views *o = &b->description;
    size_t size = count * o->height * o->width * o->channels;
    size_t scratch_bytes = sc_cuda_views_scratch(o, count, b->max_height, b->max_width);
    sc_real *x = rig_send(NULL, (size + CANARY) * sizeof *x);
    void *pixels = rig_send(b->store, b->store_bytes), *options = rig_send(o, sizeof *o);
    void *views = rig_send(view, count * sizeof *view), *scratch = rig_send(NULL, scratch_bytes);

    sc_cuda_views(x, pixels, views, count, options, o, b->max_height, b->max_width, scratch);
    sc_real *made = rig_fetch(x, (size + CANARY) * sizeof *x);
    for (size_t i = size; i < size + CANARY; i++)
        assert_true(isnan(made[i]));
    void *blocks[] = {x, pixels, options, views, scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        sc_cuda_free(blocks[i]);
    return made;
}

static void compare(const char *what, const batch *b, size_t i, const sc_real *x)
{
    const sc_view_options *o = &b->views.options.view[i % 2];
    uint32_t channels = b->views.options.channels;
    size_t count = (size_t)o->height * o->width * channels;
    int room = b->params[i].blur_sigma > 0;
    uint8_t *want = sc_alloc(count, 1, NULL);
    simclr_error err;

    sct_assert_ok(
        sc_view_apply(want, &b->image[i], &b->params[i], (int)(i % 2), (sc_views *)&b->views, &err),
        &err);
    for (size_t k = 0; k < count; k++) {
        const sc_real *table = b->views.normal[i % 2].table[k % channels];
        bool good = false;
        for (int u = want[k] - room; u <= want[k] + room; u++)
            good = good || (u >= 0 && u <= 255 && x[k] == table[u]);
        if (!good)
            fail_msg("%s: view %zu of %u x %u from %u x %u: number %zu is %.9g, want %.9g (%d)",
                     what, i, (unsigned)o->height, (unsigned)o->width, (unsigned)b->image[i].height,
                     (unsigned)b->image[i].width, k, (double)x[k], (double)table[want[k]], want[k]);
    }
    sc_free(want);
}

/* The batch's views with its params, against the CPU's. */
static void check(const char *what, batch *b)
{
    const sc_device_views *o = &b->description;
    size_t size = (size_t)o->height * o->width * o->channels;

    for (size_t i = 0; i < BATCH; i++) {
        const sc_image *image = &b->image[i];
        sc_view_describe(&b->drawn[i], &b->params[i], (int)(i % 2), b->drawn[i].pixels,
                         image->height, image->width);
    }
    sc_real *x = make_on_device(b, b->drawn, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        compare(what, b, i, x + i * size);
    sc_free(x);
}

/* ---- tests ---- */

static const char *const operations[] = {"crop",       "flips", "brightness",  "contrast",
                                         "saturation", "hue",   "grayscale",   "blur",
                                         "solarise",   "all",   "all but blur"};
enum { OPERATIONS = sizeof operations / sizeof *operations, ALL = OPERATIONS - 2, SHARP };

static sc_view_options view_with(int operation, uint32_t height, uint32_t width)
{
    sc_view_options o = sc_view_options_default(height, width);
    bool all = operation >= ALL;

    o.resize = (sc_resize_kind)sct_below(2);
    o.hflip = o.vflip = all || operation == 1 ? 0.5 : 0;
    o.jitter = all || (operation >= 2 && operation <= 5) ? 1 : 0;
    o.brightness = all || operation == 2 ? 0.8 : 0;
    o.contrast = all || operation == 3 ? 0.8 : 0;
    o.saturation = all || operation == 4 ? 0.8 : 0;
    o.hue = all || operation == 5 ? 0.5 : 0;
    o.grayscale = operation == 6 ? 1 : all ? 0.2 : 0;
    o.blur = operation == 7 ? 1 : operation == ALL ? 0.5 : 0;
    o.blur_kernel = sct_below(2) ? 0 : 1 + 2 * (int)sct_below(24);
    o.blur_sigma[0] = 0.02;
    o.solarize = operation == 8 ? 1 : all ? 0.3 : 0;
    o.solarize_threshold = (int)sct_below(257);
    for (int c = 0; c < 3; c++) {
        o.mean[c] = (float)sct_uniform(0.3, 0.6);
        o.std[c] = (float)sct_uniform(0.1, 0.4);
    }
    return o;
}

static sc_views_options options_with(int operation, uint32_t height, uint32_t width)
{
    sc_views_options o = sc_views_options_default(height, width, sct_random());

    o.channels = sct_below(4) == 0 ? 1 : 3;
    o.view[0] = view_with(operation, height, width);
    o.view[1] = view_with(operation, height, width);
    return o;
}

static void every_operation(void **state)
{
    (void)state;
    for (int i = 0; i < 12 * OPERATIONS; i++) {
        batch b;
        uint32_t height = 8 + (uint32_t)sct_below(33), width = 8 + (uint32_t)sct_below(33);
        sc_views_options o = options_with(i % OPERATIONS, height, width);
        open_batch(&b, &o, 0, 0);
        check(operations[i % OPERATIONS], &b);
        close_batch(&b);
    }
}

/* Sides for which a view does not fit into shared memory, and a large image for a small view. */
static void large_views(void **state)
{
    static const uint32_t sizes[][4] = {{100, 90, 0, 0}, {97, 131, 150, 33}, {8, 9, 4000, 100}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (int operation = ALL; operation <= SHARP; operation++) {
            batch b;
            sc_views_options o = options_with(operation, sizes[i][0], sizes[i][1]);
            open_batch(&b, &o, sizes[i][2], sizes[i][3]);
            assert_true(sc_cuda_views_scratch(&b.description, BATCH, b.max_height, b.max_width) >
                        0);
            check(operations[operation], &b);
            close_batch(&b);
        }
    }
}

/* Permutation number `which` of 0 .. 3. */
static void order_of(uint8_t order[4], int which)
{
    uint8_t left[4] = {0, 1, 2, 3};

    for (int k = 0, n = 4; n > 0; k++, which /= n, n--) {
        int at = which % n;
        order[k] = left[at];
        memmove(left + at, left + at + 1, (size_t)(n - at - 1));
    }
}

static void every_order_of_jitter(void **state)
{
    (void)state;
    for (int which = 0; which < 24; which++) {
        batch b;
        sc_views_options o = options_with(0, 16, 24);
        open_batch(&b, &o, 0, 0);
        for (size_t i = 0; i < BATCH; i++) {
            sc_view_params *p = &b.params[i];
            p->jitter = true;
            order_of(p->order, which);
            for (int k = 0; k < 3; k++)
                p->factor[k] = sct_uniform(0, 2.5);
            p->factor[SC_JITTER_HUE] = sct_uniform(-0.5, 0.5);
        }
        check("orders", &b);
        close_batch(&b);
    }
}

/* Colours of every third level, 86^3 in a picture of 796 x 800: half of the views are turned in hue
 * alone.  The others are blended, by factors just above n / 197, so that a level of 0 and a luma of 197
 * make 197 - n, and one less where the product is not rounded before the sum. */
static void many_colours(void **state)
{
    enum { HEIGHT = 796, WIDTH = 800, LEVELS = 86 };
    static const double factors[BATCH / 2] = {0.832487345, 0.908629477, 0.6700508};
    batch b;
    sc_views_options o = sc_views_options_default(HEIGHT, WIDTH, 1);
    (void)state;
    open_batch(&b, &o, HEIGHT, WIDTH);
    for (size_t i = 0; i < BATCH; i++) {
        uint8_t *pixels = b.image[i].pixels;
        for (size_t k = 0; k < (size_t)HEIGHT * WIDTH; k++) {
            pixels[3 * k] = (uint8_t)(3 * (k % LEVELS));
            pixels[3 * k + 1] = (uint8_t)(3 * (k / LEVELS % LEVELS));
            pixels[3 * k + 2] = (uint8_t)(3 * (k / LEVELS / LEVELS % LEVELS));
        }
        b.params[i] = (sc_view_params){.crop = {0, 0, HEIGHT, WIDTH},
                                       .jitter = true,
                                       .order = {3, 2, 0, 1},
                                       .factor = {1, 1, 1, sct_uniform(-0.5, 0.5)}};
        if (i % 2 == 1)
            b.params[i].factor[SC_JITTER_SATURATION] = factors[i / 2];
    }
    check("many colours", &b);
    close_batch(&b);
}

/* The whole way, as a training step takes it. */
static void batches_of_views(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        batch b;
        simclr_error err;
        uint32_t index[BATCH];
        uint64_t epoch = sct_below(1000);
        sc_device_view drawn[2 * BATCH];
        sc_views_options o = options_with(SHARP, 8 + (uint32_t)sct_below(33), 32);
        open_batch(&b, &o, 0, 0);
        for (size_t k = 0; k < BATCH; k++)
            index[k] = sct_random();
        for (size_t k = 0; k < 2 * BATCH; k++) {
            const sc_image *image = &b.image[k % BATCH];
            sc_view_params params;
            sc_view_key key = {.seed = o.seed,
                               .epoch = (uint32_t)epoch,
                               .image = index[k % BATCH],
                               .view = (uint32_t)(k / BATCH)};
            sc_view_draw(&params, &o.view[k / BATCH], image->height, image->width, key);
            sc_view_describe(&drawn[k], &params, (int)(k / BATCH), b.drawn[k % BATCH].pixels,
                             image->height, image->width);
        }
        size_t size = 2 * BATCH * (size_t)b.description.height * 32 * o.channels;
        sc_real *want = sc_alloc(size, sizeof *want, NULL);
        sct_assert_ok(sc_views_make(want, b.image, index, BATCH, epoch, &b.views, &err), &err);
        sc_real *x = make_on_device(&b, drawn, 2 * BATCH);
        sct_assert_equal_bits("views", x, want, size);
        sc_free(x);
        sc_free(want);
        close_batch(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation),       cmocka_unit_test(large_views),
        cmocka_unit_test(every_order_of_jitter), cmocka_unit_test(many_colours),
        cmocka_unit_test(batches_of_views),
    };
    return sct_run(tests);
}
