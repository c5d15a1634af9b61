/* SPDX-License-Identifier: MIT
 *
 * test_loader.c - the order of batches: every image once an epoch, the same for any number of
 * threads, the same after a resume, and with damaged images replaced; views drawn by the loader's
 * threads are those that are drawn of the batch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "data/loader.h"
#include "support/data_fixture.h"
#include "views/drawer.h"

enum { IMAGES = 21, SEED = 5 };

static char *make_images(void)
{
    char *dir = fixture_directory();
    for (uint32_t i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%02u.png", i);
        fixture_png_file(dir, name, i);
    }
    return dir;
}

static sc_dataset *open_images(const char *dir, size_t limit, double max_bad)
{
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.memory_limit = limit;
    options.max_bad = max_bad;
    assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
    return ds;
}

/* Indices and first pixels of `steps` batches from `start`, as text to compare. */
static void record(char *out, size_t size, sc_dataset *ds, size_t batch, int threads,
                   uint64_t start, int steps)
{
    sc_loader *l;
    sc_batch b;
    size_t at = 0;
    assert_int_equal(sc_loader_open(&l, ds, batch, SEED, threads, start, NULL), 0);
    for (int s = 0; s < steps; s++) {
        assert_int_equal(sc_loader_next(&b, l, NULL), 0);
        assert_int_equal(b.step, start + (uint64_t)s);
        for (size_t k = 0; k < b.count && at + 32 < size; k++) {
            at += (size_t)snprintf(out + at, size - at, "%u:%u ", b.index[k], b.image[k].pixels[0]);
        }
        at += (size_t)snprintf(out + at, size - at, "e%u|", (unsigned)b.epoch);
    }
    assert_true(sc_loader_wait_seconds(l) >= 0);
    sc_loader_close(l);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    char *dir = make_images();
    static char one[8192], three[8192], kept[8192], direct[8192], tail[8192];
    sc_dataset *ds = open_images(dir, 1, 0), *resident = open_images(dir, 0, 0);
    record(one, sizeof one, ds, 4, 1, 0, 23);
    record(three, sizeof three, ds, 4, 3, 0, 23);
    record(direct, sizeof direct, ds, 4, 0, 0, 23);
    record(kept, sizeof kept, resident, 4, 3, 0, 23);
    assert_string_equal(one, three);
    assert_string_equal(one, direct);
    assert_string_equal(one, kept);
    for (int start = 1; start < 23; start++) { /* also in the middle of an epoch */
        const char *from = one;
        for (int s = 0; s < start; s++) {
            from = strchr(from, '|') + 1;
        }
        record(tail, sizeof tail, ds, 4, 2, (uint64_t)start, 23 - start);
        assert_string_equal(tail, from);
    }
    sc_dataset_close(ds);
    sc_dataset_close(resident);
    fixture_remove(dir);
}

static void every_image_once(void **state)
{
    (void)state;
    char *dir = make_images();
    sc_dataset *ds = open_images(dir, 1, 0);
    static const struct {
        size_t batch, steps, last, largest;
    } cases[] = {{4, 5, 5, 5}, {5, 4, 6, 6}, {6, 4, 3, 6}, {20, 1, 21, 21}, {100, 1, 21, 21}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        sc_loader *l;
        sc_batch b = {0};
        assert_int_equal(sc_loader_open(&l, ds, cases[c].batch, SEED, 2, 0, NULL), 0);
        assert_int_equal(sc_loader_steps_per_epoch(l), cases[c].steps);
        assert_int_equal(sc_loader_max_batch(l), cases[c].largest);
        for (unsigned epoch = 0; epoch < 3; epoch++) {
            int seen[IMAGES] = {0};
            for (size_t s = 0; s < cases[c].steps; s++) {
                assert_int_equal(sc_loader_next(&b, l, NULL), 0);
                assert_int_equal(b.epoch, epoch);
                for (size_t k = 0; k < b.count; k++) {
                    seen[b.index[k]]++;
                }
            }
            assert_int_equal(b.count, cases[c].last);
            for (int i = 0; i < IMAGES; i++) {
                assert_int_equal(seen[i], 1);
            }
        }
        sc_loader_close(l);
    }
    sc_loader *l;
    assert_int_equal(sc_loader_open(&l, ds, 1, SEED, 1, 0, NULL), SIMCLR_E_USAGE);
    sc_dataset_close(ds);
    fixture_remove(dir);
}

/* sc_loader_set_order: the data set's own order, the same for each epoch and for any number of
 * threads, and a smaller last batch left out; shuffled and complete as by default. */
static void order(void **state)
{
    (void)state;
    static const struct {
        size_t batch, kept_steps, kept_last, dropped_steps;
    } cases[] = {{4, 5, 5, 5}, {6, 4, 3, 3}, {7, 3, 7, 3}, {20, 1, 21, 1}, {100, 1, 21, 1}};
    char *dir = make_images();
    sc_dataset *ds = open_images(dir, 1, 0);
    for (size_t c = 0; c < 8 * sizeof cases / sizeof *cases; c++) {
        size_t batch = cases[c / 8].batch, whole = batch < IMAGES ? batch : IMAGES;
        bool shuffle = c & 1, drop = c & 2;
        size_t steps = drop ? cases[c / 8].dropped_steps : cases[c / 8].kept_steps;
        size_t last = drop ? whole : cases[c / 8].kept_last;
        sc_loader *l;
        sc_batch b = {0};
        assert_int_equal(sc_loader_open(&l, ds, batch, SEED, c & 4 ? 3 : 0, 0, NULL), 0);
        sc_loader_set_order(l, shuffle, drop);
        assert_int_equal(sc_loader_steps_per_epoch(l), steps);
        assert_int_equal(sc_loader_max_batch(l), last > whole ? last : whole);
        for (unsigned epoch = 0; epoch < 3; epoch++) {
            int seen[IMAGES] = {0};
            size_t position = 0, ascending = 0;
            for (size_t s = 0; s < steps; s++) {
                assert_int_equal(sc_loader_next(&b, l, NULL), 0);
                assert_int_equal(b.epoch, epoch);
                assert_int_equal(b.count, s + 1 < steps ? whole : last);
                for (size_t k = 0; k < b.count; k++, position++) {
                    seen[b.index[k]]++;
                    ascending += b.index[k] == position;
                }
            }
            assert_int_equal(position, (steps - 1) * whole + last);
            assert_true(shuffle ? ascending < position : ascending == position);
            for (int i = 0; i < IMAGES; i++) {
                assert_true(seen[i] == 1 || (seen[i] == 0 && position < IMAGES));
            }
        }
        sc_loader_close(l);
    }
    sc_dataset_close(ds);
    fixture_remove(dir);
}

/* Two files vanish after open: replaced in the same way by any number of threads. */
static void damaged_images(void **state)
{
    (void)state;
    char *dir = make_images();
    static char one[8192], three[8192];
    sc_dataset *a = open_images(dir, 1, 0.2), *b = open_images(dir, 1, 0.2);
    sc_dataset *strict = open_images(dir, 1, 0.05);
    assert_int_equal(unlink(fixture_path(dir, "03.png")), 0);
    fixture_write(dir, "07.png", "damaged", 7);
    record(one, sizeof one, a, 4, 1, 0, 12);
    record(three, sizeof three, b, 4, 3, 0, 12);
    assert_string_equal(one, three);
    assert_null(strstr(one, " 3:"));
    assert_int_equal(sc_dataset_skipped(a), 2);
    assert_int_equal(sc_dataset_skipped(b), 2);
    sc_loader *l;
    sc_batch batch;
    simclr_error err = {0};
    int rc = 0;
    assert_int_equal(sc_loader_open(&l, strict, 4, SEED, 3, 0, NULL), 0);
    for (int s = 0; s < 5 && rc == 0; s++) {
        rc = sc_loader_next(&batch, l, &err);
    }
    assert_int_equal(rc, SIMCLR_E_DATA);
    assert_non_null(strstr(err.text, "2 of 21 images cannot be read"));
    sc_loader_close(l);
    sc_dataset_close(a);
    sc_dataset_close(b);
    sc_dataset_close(strict);
    fixture_remove(dir);
}

/* ---- drawn views ---- */

enum { BATCH = 4, STEPS = 11, LARGEST = 40 * 40 * 3 };

/* Odd sizes, smaller and larger than the views. */
static char *make_odd_images(void)
{
    char *dir = fixture_directory();
    for (uint32_t i = 0; i < IMAGES; i++) {
        char name[32];
        void *bytes;
        size_t size;
        snprintf(name, sizeof name, "%02u.png", i);
        fixture_png(&bytes, &size, 1 + 7 * (i % 9), 1 + 11 * (i % 8), i);
        fixture_write(dir, name, bytes, size);
        sc_free(bytes);
    }
    return dir;
}

static sc_views_options options_of(int c)
{
    uint32_t height = c == 1 ? 13 : c == 2 ? 40 : 32, width = c == 1 ? 21 : height;
    sc_views_options o = sc_views_options_default(height, width, 77);
    o.channels = c == 3 ? 1 : 3;
    for (int v = 0; v < 2; v++) {
        o.view[v].blur = 0.5;
        o.view[v].solarize = 0.3;
        o.view[v].solarize_threshold = 128;
        o.view[v].vflip = 0.5;
        o.view[v].resize = c == 2 ? SC_RESIZE_BICUBIC : SC_RESIZE_BILINEAR;
    }
    o.view[1].mean[0] = 0.3F; /* the views differ in what is done after they are drawn, too */
    o.view[1].jitter = 0;
    return o;
}

/* x of STEPS batches; `threads` draw, or 0: the caller; `whole`: drawn of the batch. */
static void record_x(sc_real *x, sc_dataset *ds, const sc_views_options *options, bool whole,
                     int threads)
{
    sc_loader *l;
    sc_views views;
    sc_drawer drawer;
    sc_batch b;
    sc_loader_draw draw = {sc_drawer_draw, &drawer, sc_drawer_bytes(options)};
    assert_int_equal(sc_views_open(&views, options, 32, 32, NULL), 0);
    assert_int_equal(sc_drawer_open(&drawer, options, threads + 1, NULL), 0);
    assert_int_equal(sc_loader_open(&l, ds, BATCH, SEED, threads, 0, NULL), 0);
    if (!whole) {
        assert_int_equal(sc_loader_set_draw(l, &draw, NULL), 0);
    }
    for (int s = 0; s < STEPS; s++, x += 2 * (BATCH + 1) * LARGEST) {
        assert_int_equal(sc_loader_next(&b, l, NULL), 0);
        assert_true((b.drawn == NULL) == (whole || sc_dataset_resident(ds)));
        assert_true((b.image == NULL) == (b.drawn != NULL));
        if (b.drawn != NULL) {
            sc_drawer_normalise(x, b.drawn, b.count, &views);
        } else {
            assert_int_equal(sc_views_make(x, b.image, b.index, b.count, b.epoch, &views, NULL), 0);
        }
    }
    sc_loader_close(l);
    sc_drawer_close(&drawer);
    sc_views_close(&views);
}

static sc_dataset *open_of_channels(const char *dir, size_t limit, int channels)
{
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.memory_limit = limit;
    options.max_bad = 0.2;
    options.channels = channels;
    assert_int_equal(sc_dataset_open(&ds, dir, &options, NULL), 0);
    return ds;
}

/* The same x, by any number of threads, as of whole images, with two of them replaced. */
static void views_drawn_ahead(void **state)
{
    (void)state;
    size_t numbers = (size_t)STEPS * 2 * (BATCH + 1) * LARGEST;
    sc_real *want = sc_alloc(numbers, sizeof *want, NULL), *x = sc_alloc(numbers, sizeof *x, NULL);
    assert_non_null(want);
    assert_non_null(x);
    sc_parallel_set_threads(3);
    for (int c = 0; c < 4; c++) {
        char *dir = make_odd_images();
        sc_views_options options = options_of(c);
        sc_dataset *ds = open_of_channels(dir, 1, (int)options.channels);
        sc_dataset *resident = open_of_channels(dir, 0, (int)options.channels);
        record_x(want, resident, &options, false, 2);
        record_x(x, ds, &options, false, 2);
        assert_memory_equal(x, want, numbers * sizeof *x);
        assert_int_equal(unlink(fixture_path(dir, "03.png")), 0);
        fixture_write(dir, "07.png", "damaged", 7);
        record_x(want, ds, &options, true, 2);
        for (int threads = 0; threads < 4; threads++) {
            record_x(x, ds, &options, false, threads);
            assert_memory_equal(x, want, numbers * sizeof *x);
        }
        assert_int_equal(sc_dataset_skipped(ds), 2);
        sc_dataset_close(ds);
        sc_dataset_close(resident);
        fixture_remove(dir);
    }
    sc_free(want);
    sc_free(x);
}

/* The ring takes no more bytes than it may, but holds a batch. */
static void known_bytes(void **state)
{
    (void)state;
    const size_t gib = (size_t)1 << 30;
    char *dir = make_images();
    sc_dataset *ds = open_images(dir, 1, 0), *resident = open_images(dir, 0, 0);
    uint32_t height, width;
    bool equal;
    sc_dataset_extent(ds, &height, &width, &equal);
    size_t image = (size_t)height * width * 3;
    assert_int_equal(sc_loader_bytes(resident, 4, 1000, 2), 0);
    assert_int_equal(sc_loader_bytes(ds, 4, 1000, 2), 4 * 5 * 1000 + 2 * image);
    assert_int_equal(sc_loader_bytes(ds, 100, 1000, 1), 4 * 22 * 1000 + image);
    assert_int_equal(sc_loader_bytes(ds, 7, gib / 16, 1), 2 * 8 * (gib / 16) + image);
    assert_int_equal(sc_loader_bytes(ds, 7, gib / 2, 1), 8 * (gib / 2) + image);
    sc_dataset_close(ds);
    sc_dataset_close(resident);
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(every_image_once),
        cmocka_unit_test(order),
        cmocka_unit_test(damaged_images),
        cmocka_unit_test(views_drawn_ahead),
        cmocka_unit_test(known_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
