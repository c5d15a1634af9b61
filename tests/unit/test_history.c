/* SPDX-License-Identifier: MIT
 *
 * test_history.c - metrics.jsonl as curves: which lines are points, which are results, what thinning keeps.
 */
#include "support/support.h"

#include <string.h>

#include "core/fs.h"
#include "train/history.h"

static void read_lines(sc_history *out, const char *lines)
{
    simclr_error err;
    char path[SC_PATH_MAX];
    const char *run = sct_scratch();
    sct_assert_ok(sc_path_join(path, run, "metrics.jsonl", &err), &err);
    sct_assert_ok(sc_fs_write_atomic(path, lines, strlen(lines), &err), &err);
    sct_assert_ok(sc_history_read(out, run, &err), &err);
    sct_scratch_remove();
}

static void test_what_is_a_point(void **state)
{
    (void)state;
    sc_history h;
    read_lines(
        &h, "{\"step\": 0, \"eval\": 1, \"epoch\": 0, \"knn_top1\": 12, \"raw_pixels_top1\": 30}\n"
            "{\"step\": 1, \"epoch\": 0.5, \"loss\": 5, \"loss_ceiling\": 6, \"images_per_s\": 0}\n"
            "{\"step\": 2, \"epoch\": 1, \"loss\": 2, \"loss_ceiling\": 3, \"images_per_s\": 9}\n"
            "{\"step\": 3, \"epoch\": 1.5, \"loss\": null, \"loss_ceiling\": 6, \"lr\": 0.5}\n"
            "{\"step\": 4, \"epoch\": 2, \"loss\": 4, \"loss_ceiling\": 6, \"images_per_s\": 7}\n"
            "{\"step\": 4, \"eval\": 1, \"epoch\": 2, \"knn_top1\": 80, \"n_train\": 90, "
            "\"n_test\": 10}\n"
            "{\"step\": 5, \"epoch\": 2.5, \"loss\": 1, \"loss_cei");
    const sc_history_curve *loss = &h.curve[SC_HISTORY_LOSS];
    const sc_history_curve *speed = &h.curve[SC_HISTORY_IMAGES_PER_S];
    const sc_history_curve *knn = &h.curve[SC_HISTORY_KNN_TOP1];
    assert_int_equal(loss->count,
                     2); /* neither the smaller batch, nor null, nor the line cut short */
    assert_true(loss->value[0] == 5 && loss->value[1] == 4 && loss->epoch[1] == 2);
    assert_int_equal(h.curve[SC_HISTORY_LR].count, 1);
    assert_int_equal(speed->count, 1);
    assert_true(speed->value[0] == 7);
    assert_int_equal(knn->count, 2);
    assert_true(knn->value[0] == 12 && knn->value[1] == 80);
    assert_true(h.raw_pixels_top1 == 30 && h.untrained_top1 == 12 && h.last_top1 == 80);
    assert_true(h.n_train == 90 && h.n_test == 10 && h.loss_ceiling == 6);
    sc_history_free(&h);
}

static void test_nothing_yet(void **state)
{
    (void)state;
    simclr_error err;
    sc_history h;
    sct_assert_ok(sc_history_read(&h, sct_scratch(), &err), &err);
    for (int i = 0; i < SC_HISTORY_CURVES; i++)
        assert_int_equal(h.curve[i].count, 0);
    assert_true(h.raw_pixels_top1 < 0 && h.untrained_top1 < 0 && h.last_top1 < 0);
    assert_int_equal(sc_history_thin(&h, 3), 1);
    sc_history_free(&h);
    sct_scratch_remove();
}

static void test_thinning_takes_means(void **state)
{
    (void)state;
    sc_history h;
    read_lines(&h, "{\"step\": 1, \"epoch\": 1, \"loss\": 10, \"lr\": 1}\n"
                   "{\"step\": 2, \"epoch\": 2, \"loss\": 20}\n"
                   "{\"step\": 3, \"epoch\": 3, \"loss\": 40}\n"
                   "{\"step\": 4, \"epoch\": 4, \"loss\": 50}\n"
                   "{\"step\": 5, \"epoch\": 7, \"loss\": 5}\n");
    const sc_history_curve *loss = &h.curve[SC_HISTORY_LOSS];
    assert_int_equal(sc_history_thin(&h, 5), 1);
    assert_int_equal(loss->count, 5);
    assert_int_equal(sc_history_thin(&h, 3), 2);
    assert_int_equal(loss->count, 3);
    assert_true(loss->epoch[0] == 1.5 && loss->value[0] == 15);
    assert_true(loss->epoch[1] == 3.5 && loss->value[1] == 45);
    assert_true(loss->epoch[2] == 7 && loss->value[2] == 5);
    assert_int_equal(h.curve[SC_HISTORY_LR].count, 1);
    sc_history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_point),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_thinning_takes_means),
    };
    return sct_run(tests);
}
