/* SPDX-License-Identifier: MIT
 *
 * test_run_memory.c - a run that the machine's memory cannot hold names the batch that it can.  On a
 * device: tests/cuda/stage_memory.c.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/ram.h"
#include "support/data_fixture.h"
#include "train/memory.h"
#include "train/online.h"

static void set(sc_config *cfg, const char *key, const char *value)
{
    simclr_error err = {0};
    sct_assert_ok(sc_config_set(cfg, key, value, SC_ORIGIN_CLI, "test", &err), &err);
}

static sc_config config_of(const char *images, const char *size, size_t batch)
{
    char value[24];
    sc_config cfg;
    sc_config_default(&cfg);
    snprintf(value, sizeof value, "%zu", batch);
    set(&cfg, "data.dataset", images);
    set(&cfg, "image_size", size);
    set(&cfg, "batch", value);
    set(&cfg, "threads", "1");
    set(&cfg, "device", "cpu");
    set(&cfg, "precision", "fp32");
    return cfg;
}

/* Linux with vm.overcommit_memory=1 gives any amount, and kills who uses it. */
static bool all_is_given(void)
{
    FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
    int mode = file != NULL ? fgetc(file) : '1';
    if (file != NULL)
        fclose(file);
    return mode == '1';
}

static void names_the_batch_that_fits(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    size_t batch = 0, used = 0;
    if (all_is_given())
        sct_skip("memory is given here without limit (vm.overcommit_memory=1)");
    sc_config cfg = config_of("shapes:2048", "1024", 2048); /* 1 TB of maps */
    sct_assert_error(sc_trainer_open(&t, &cfg, NULL, NULL, NULL, &err), &err, SIMCLR_E_MEMORY,
                     "batch=2048 needs ");
    const char *advice = strstr(err.text, "; ");
    assert_non_null(strstr(err.text, " GiB of memory, "));
    print_message("%s\n", err.text);
    if (strstr(advice, "not even") == NULL) {
        assert_int_equal(sscanf(advice, "; batch=%zu fits", &batch), 1);
        used = sc_run_bytes(&t, batch);
        /* What is free may have changed since: by less than a half. */
        assert_in_range(batch, 2, 2047);
        assert_true(used < 2 * sc_run_free(&t));
        assert_true(sc_run_bytes(&t, 2 * batch + 8) > sc_run_free(&t) / 2);
    }
    sc_trainer_close(&t);
}

static size_t peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss << 10;
}

/* Photographs that do not fit into data.memory_limit are held one a thread, while training and while
 * embedding, not in whole batches. */
static void photographs_do_not_pile_up(void **state)
{
    (void)state;
    enum { PHOTOS = 32, HEIGHT = 1500, WIDTH = 2000, PIXELS = HEIGHT * WIDTH * 3 };
    enum { CHUNK = 64 << 20, SLACK = 48 << 20 };
    static const char header[] = "P6 2000 1500 255\n";
    static sc_trainer t;
    simclr_error err = {0};
    sc_step_stats stats;
    sc_online_knn knn;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    sct_skip("a sanitizer keeps memory of its own");
#endif
    char *dir = fixture_directory();
    fixture_mkdir(dir, "a");
    fixture_mkdir(dir, "b");
    uint8_t *photo = sc_alloc(sizeof header - 1 + PIXELS, 1, &err);
    assert_non_null(photo);
    memcpy(photo, header, sizeof header - 1);
    fixture_write(dir, "a/0.ppm", photo, sizeof header - 1 + PIXELS);
    sc_free(photo);
    for (int i = 1; i < PHOTOS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%c/%d.ppm", i % 2 ? 'a' : 'b', i);
        assert_int_equal(link(fixture_path(dir, "a/0.ppm"), fixture_path(dir, name)), 0);
    }
    sc_config cfg = config_of(dir, "32", PHOTOS / 2);
    set(&cfg, "data.memory_limit", "1");
    set(&cfg, "model.width", "0.0625");
    set(&cfg, "data.workers", "2");
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, NULL, NULL, &err), &err);
    size_t before = peak_bytes(), known = sc_run_bytes(&t, PHOTOS / 2);
    assert_true(known >= (size_t)2 * PIXELS);
    for (int i = 0; i < 3; i++)
        sct_assert_ok(sc_trainer_step(&stats, &t, &err), &err);
    assert_in_range(peak_bytes() - before, 0, known + SLACK);
    sct_assert_ok(sc_online_measure(&knn, &t, false, &err), &err);
    assert_true(knn.top1 >= 0);
    assert_in_range(peak_bytes() - before, 0, known + CHUNK + SLACK);
    assert_true(known + CHUNK + SLACK < (size_t)PHOTOS * PIXELS);
    sc_trainer_close(&t);
    fixture_remove(dir);
}

/* What an open run has is what was known before. */
static void knows_what_a_run_takes(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_config cfg = config_of("shapes:64", "32", 16);
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, NULL, NULL, &err), &err);
    assert_int_equal(sc_run_bytes(&t, 16), t.arena.size + t.step.network.arena.size +
                                               t.step.network.params.memory_here.size);
    assert_true(sc_run_bytes(&t, 24) > sc_run_bytes(&t, 16));
    assert_true(sc_run_bytes(&t, 64) == sc_run_bytes(&t, 100)); /* 64 images in all */
    sc_trainer_close(&t);
}

static void keep_warning(void *context, simclr_message_kind kind, const char *text)
{
    if (kind == SIMCLR_WARNING)
        snprintf(context, 512, "%s", text);
}

/* The raw pixels of many large views are not worth a run: they are left out, and that is said. */
static void leaves_out_pixels_that_do_not_fit(void **state)
{
    (void)state;
    static sc_trainer t;
    char warning[512] = "";
    const simclr_observer observer = {.context = warning, .message = keep_warning};
    simclr_error err = {0};
    sc_online_knn knn;
    sc_config cfg = config_of("shapes:60000", "1024", 2); /* 880 GB */
    set(&cfg, "data.memory_limit", "1");
    set(&cfg, "model.width", "0.0625");
    if (sc_ram_here().free / 4 > (size_t)800e9)
        sct_skip("880 GB of pixels fit into the memory of this machine");
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, NULL, &observer, &err), &err);
    sct_assert_ok(sc_online_measure(&knn, &t, true, &err), &err);
    assert_true(knn.top1 < 0);
    assert_non_null(strstr(warning, "raw pixels"));
    assert_non_null(strstr(warning, "eval.max_train"));
    sc_trainer_close(&t);
    warning[0] = '\0';
    set(&cfg, "eval.max_train", "4");
    set(&cfg, "eval.max_test", "2");
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, NULL, &observer, &err), &err);
    sct_assert_ok(sc_online_measure(&knn, &t, true, &err), &err);
    assert_true(knn.top1 >= 0);
    assert_string_equal(warning, "");
    sc_trainer_close(&t);
}

/* An allocation that fails where all would fit says no more than that. */
static void does_not_guess(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_config cfg = config_of("shapes:64", "32", 16);
    size_t before = sc_alloc_count();
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, NULL, NULL, &err), &err);
    size_t allocations = sc_alloc_count() - before;
    sc_trainer_close(&t);
    sc_alloc_fail_at(allocations); /* x, h, z, NT-Xent: opened last */
    sct_assert_error(sc_trainer_open(&t, &cfg, NULL, NULL, NULL, &err), &err, SIMCLR_E_MEMORY,
                     "out of memory: ");
    sc_alloc_fail_at(0);
    sc_trainer_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_batch_that_fits),
        cmocka_unit_test(photographs_do_not_pile_up),
        cmocka_unit_test(knows_what_a_run_takes),
        cmocka_unit_test(leaves_out_pixels_that_do_not_fit),
        cmocka_unit_test(does_not_guess),
    };
    return sct_run(tests);
}
