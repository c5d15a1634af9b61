/* SPDX-License-Identifier: MIT
 *
 * test_online.c - looking at the encoder while it trains, when images vanish meanwhile.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "support/data_fixture.h"
#include "train/trainer.h"

enum { IMAGES = 8, LOST = 4, SIDE = 400, THUMB = 32, COLUMNS = 3 };

static void set(sc_config *cfg, const char *key, const char *value)
{
    simclr_error err = {0};
    sct_assert_ok(sc_config_set(cfg, key, value, SC_ORIGIN_CLI, "test", &err), &err);
}

/* Too many bytes for data.memory_limit=1, and none of them gray. */
static char *make_images(void)
{
    static const char header[] = "P6 400 400 255\n";
    static uint8_t file[sizeof header - 1 + SIDE * SIDE * 3];
    char *dir = fixture_directory();
    memset(file, 200, sizeof file);
    memcpy(file, header, sizeof header - 1);
    for (int i = 0; i < IMAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.ppm", i);
        fixture_write(dir, name, file, sizeof file);
    }
    return dir;
}

static void lose_one(void *context, simclr_message_kind kind, const char *text)
{
    (void)kind;
    if (strstr(text, "embedding map") != NULL) /* all are embedded */
        unlink(fixture_path(context, "4.ppm"));
}

static void read_sprite(sc_image *image, const char *run)
{
    char path[SC_PATH_MAX];
    void *bytes;
    size_t size;
    simclr_error err;
    sct_assert_ok(sc_path_join(path, run, "projector/sprite.png", &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 1 << 20, &err), &err);
    sct_assert_ok(sc_image_decode(image, bytes, size, "sprite", 3, &err), &err);
    sc_free(bytes);
}

/* An image that vanishes before its thumbnail is made: a gray one, and among the skipped. */
static void a_lost_image_has_a_gray_thumbnail(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_image sprite;
    sc_config cfg;
    char *dir = make_images();
    const char *run = sct_scratch();
    const simclr_observer observer = {.context = dir, .message = lose_one};
    sc_config_default(&cfg);
    set(&cfg, "data.dataset", dir);
    set(&cfg, "data.memory_limit", "1");
    set(&cfg, "data.max_bad", "0.2");
    set(&cfg, "image_size", "32");
    set(&cfg, "model.width", "0.0625");
    set(&cfg, "batch", "4");
    set(&cfg, "steps", "1");
    set(&cfg, "device", "cpu");
    sct_assert_ok(sc_trainer_open(&t, &cfg, run, NULL, &observer, &err), &err);
    assert_false(sc_dataset_resident(t.train));
    sct_assert_ok(sc_trainer_run(&t, &err), &err);
    assert_int_equal(sc_dataset_skipped(t.train), 1);
    sc_trainer_close(&t);
    read_sprite(&sprite, run);
    for (int i = 0; i < IMAGES; i++) {
        size_t row = (size_t)(i / COLUMNS * THUMB), column = (size_t)(i % COLUMNS * THUMB);
        size_t last = (row + THUMB - 1) * sprite.width + column + THUMB - 1;
        int want = i == LOST ? 128 : 200;
        assert_int_equal(sprite.pixels[3 * (row * sprite.width + column)], want);
        assert_int_equal(sprite.pixels[3 * last + 2], want);
    }
    sc_image_free(&sprite);
    sct_scratch_remove();
    fixture_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_image_has_a_gray_thumbnail),
    };
    return sct_run(tests);
}
