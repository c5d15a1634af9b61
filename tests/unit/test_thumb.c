/* SPDX-License-Identifier: MIT
 *
 * test_thumb.c - thumbnails: the evaluation view, averaged; gray where the image is lost.
 */
#include "support/support.h"
#include "support/data_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/thumb.h"

enum { SIDE = 8 };

/* Four squares, one colour each. */
static const uint8_t corner[2][2][3] = {{{250, 10, 20}, {30, 240, 40}},
                                        {{50, 60, 230}, {70, 80, 90}}};

static void write_image(const char *dir, const char *name, int channels)
{
    char bytes[32 + SIDE * SIDE * 3];
    int used = snprintf(bytes, sizeof bytes, "P%d %d %d 255\n", channels == 3 ? 6 : 5, SIDE, SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < channels; c++)
                bytes[used++] = (char)corner[2 * y / SIDE][2 * x / SIDE][c];
    fixture_write(dir, name, bytes, (size_t)used);
}

typedef struct {
    char *dir;
    sc_dataset *ds;
    sc_views views;
} setting;

static void open_images(setting *s, int channels, const char *name)
{
    simclr_error err;
    sc_dataset_options options = sc_dataset_defaults();
    sc_views_options views = sc_views_options_default(SIDE, SIDE, 1);
    s->dir = fixture_directory();
    write_image(s->dir, "a.pnm", channels);
    write_image(s->dir, "b.pnm", channels);
    options.channels = channels;
    options.memory_limit = 1; /* decoded when they are read */
    options.max_bad = 1;
    views.channels = (uint32_t)channels;
    sct_assert_ok(sc_dataset_open(&s->ds, s->dir, &options, &err), &err);
    sct_assert_ok(sc_views_open(&s->views, &views, SIDE, SIDE, &err), &err);
    if (name != NULL)
        unlink(fixture_path(s->dir, name));
}

static void close_images(setting *s)
{
    sc_views_close(&s->views);
    sc_dataset_close(s->ds);
    fixture_remove(s->dir);
}

static void test_squares(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        simclr_error err;
        setting s;
        uint8_t rgb[4 * 3];
        open_images(&s, channels, NULL);
        sct_assert_ok(sc_thumb(rgb, 2, s.ds, 1, &s.views, &err), &err);
        for (int i = 0; i < 4; i++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(rgb[3 * i + c], corner[i / 2][i % 2][channels == 3 ? c : 0]);
        close_images(&s);
    }
}

/* Three pixels of eight: 2, 3 and 3 wide; the middle ones see both colours. */
static void test_mixed(void **state)
{
    (void)state;
    simclr_error err;
    setting s;
    uint8_t rgb[9 * 3];
    open_images(&s, 3, NULL);
    sct_assert_ok(sc_thumb(rgb, 3, s.ds, 0, &s.views, &err), &err);
    assert_int_equal(rgb[0], corner[0][0][0]);
    assert_int_equal(rgb[3], (2 * corner[0][0][0] + corner[0][1][0] + 1) / 3);
    assert_int_equal(rgb[6], corner[0][1][0]);
    assert_int_equal(rgb[9 + 2], (2 * corner[0][0][2] + corner[1][0][2] + 1) / 3);
    close_images(&s);
}

/* More pixels than the view has: each again. */
static void test_larger(void **state)
{
    (void)state;
    simclr_error err;
    setting s;
    static uint8_t rgb[20 * 20 * 3];
    open_images(&s, 3, NULL);
    sct_assert_ok(sc_thumb(rgb, 20, s.ds, 0, &s.views, &err), &err);
    assert_memory_equal(rgb, corner[0][0], 3);
    assert_memory_equal(rgb + 3 * 19, corner[0][1], 3);
    assert_memory_equal(rgb + 3 * 20 * 19, corner[1][0], 3);
    assert_memory_equal(rgb + 3 * (20 * 20 - 1), corner[1][1], 3);
    close_images(&s);
}

static void test_lost(void **state)
{
    (void)state;
    simclr_error err;
    setting s;
    uint8_t rgb[4 * 3];
    open_images(&s, 3, "b.pnm");
    memset(rgb, 0, sizeof rgb);
    sct_assert_ok(sc_thumb(rgb, 2, s.ds, 1, &s.views, &err), &err);
    for (size_t i = 0; i < sizeof rgb; i++)
        assert_int_equal(rgb[i], 128);
    assert_int_equal(sc_dataset_skipped(s.ds), 1);
    close_images(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_squares),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_larger),
        cmocka_unit_test(test_lost),
    };
    return sct_run(tests);
}
