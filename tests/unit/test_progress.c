/* SPDX-License-Identifier: MIT
 *
 * test_progress.c - the progress line at several widths, and the estimate of the time left.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "monitor/progress.h"

static size_t columns(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void test_line(void **state)
{
    (void)state;
    char out[512];
    sc_progress_view v = {3, 100, 52, 127, 31, 45, 427.3, 5.312, 0.02};
    sc_progress_line(out, sizeof out, &v, 89, false);
    assert_string_equal(out, "epoch 3/100  40%|███████▊           | "
                             "52/127 [00:31<00:45, 427 img/s, loss=5.31, wait 2%]");
    sc_progress_line(out, sizeof out, &v, 76, true);
    assert_string_equal(out, "epoch 3/100  40%|##    | "
                             "52/127 [00:31<00:45, 427 img/s, loss=5.31, wait 2%]");
    for (size_t width = 0; width < 120; width++) {
        sc_progress_line(out, sizeof out, &v, width, width % 2 == 0);
        assert_true(columns(out) <= width);
        sc_progress_line(out, width + 1, &v, 200, false);
        assert_true(strlen(out) <= width);
    }
    sc_progress_view odd = {0, 0, 9, 0, -1, NAN, NAN, NAN, -1};
    sc_progress_line(out, sizeof out, &odd, 80, false);
    assert_non_null(strstr(out, "9/0 [--:--<--:--, loss=nan]"));
    odd.images_per_s = INFINITY;
    odd.loss = -INFINITY;
    odd.step = odd.steps = UINT64_MAX;
    sc_progress_line(out, sizeof out, &odd, 200, false);
}

static void test_time(void **state)
{
    (void)state;
    char out[32];
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "00:00"},  {59.6, "01:00"}, {3723, "1:02:03"}, {273900, "3d 04:05"},
                 {-1, "--:--"}, {NAN, "--:--"},  {1e300, "--:--"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_progress_time(out, sizeof out, cases[i].seconds);
        assert_string_equal(out, cases[i].text);
    }
}

static void test_left(void **state)
{
    (void)state;
    sc_progress p;
    sc_progress_start(&p, 100, 0);
    assert_true(sc_progress_left(&p, 10) < 0);
    for (int i = 1; i <= 5; i++)
        sc_progress_update(&p, 100 + 2.0 * i, (uint64_t)i);
    assert_true(fabs(sc_progress_left(&p, 10) - 10) < 1e-9);
    sc_progress_update(&p, 90, 6); /* a clock that runs back changes nothing */
    assert_true(fabs(sc_progress_left(&p, 10) - 10) < 1e-9);
    sc_progress_update(&p, 122, 6); /* one slow step: 12 s move the mean from 2 to 3 */
    assert_true(fabs(sc_progress_left(&p, 10) - 12) < 1e-9);
    assert_true(sc_progress_left(&p, 3) == 0);
    sc_progress_pause(&p, 1000); /* an evaluation is no step */
    sc_progress_update(&p, 1125, 7);
    assert_true(fabs(sc_progress_left(&p, 11) - 12) < 1e-9);
    assert_true(p.start == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_line), cmocka_unit_test(test_time),
                                       cmocka_unit_test(test_left)};
    return sct_run(tests);
}
