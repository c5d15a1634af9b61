/* SPDX-License-Identifier: MIT
 *
 * test_scatter.c - the pictures: strokes stay inside, colours arrive, odd input draws something.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "report/curves.h"
#include "report/scatter.h"

static size_t count_color(const sc_canvas *c, sc_color color)
{
    size_t n = 0;
    for (size_t i = 0; i < (size_t)c->width * c->height; i++)
        n += memcmp(c->pixels + 3 * i, &color, 3) == 0;
    return n;
}

static void test_strokes(void **state)
{
    (void)state;
    simclr_error err;
    sc_canvas c;
    const sc_color white = {255, 255, 255}, red = {255, 0, 0};
    const double a[2] = {-50, -50}, b[2] = {500, 300}, bad[2] = {NAN, 1e300};
    sct_assert_ok(sc_canvas_open(&c, 40, 30, white, &err), &err);
    sc_canvas_disc(&c, 20, 15, 5, red, 1);
    size_t area = count_color(&c, red);
    assert_true(area > 55 && area < 85); /* 78.5 less the soft rim */
    sc_canvas_line(&c, a, b, 3, red);
    sc_canvas_line(&c, a, bad, 3, red);
    sc_canvas_disc(&c, NAN, 0, 5, red, 1);
    sc_canvas_disc(&c, 1e18, -1e18, 5, red, 1);
    sc_canvas_rect(&c, -5, -5, 1000, 1000, red);
    assert_int_equal(count_color(&c, red), 40 * 30);
    sc_canvas_text(&c, 35, 25, "W\xc3\xa9~\x01", 3, white); /* beyond the edge */
    assert_true(sc_canvas_text_width("abc", 2) == 34);
    sc_canvas_close(&c);
    sct_assert_error(sc_canvas_open(&c, 0, 5, white, &err), &err, SIMCLR_E_USAGE, NULL);
    sct_assert_error(sc_canvas_open(&c, 99999, 5, white, &err), &err, SIMCLR_E_USAGE, NULL);
}

/* Edges between pixels: a pixel has the share of colour that the rectangle covers of it. */
static void test_rect_coverage(void **state)
{
    (void)state;
    simclr_error err;
    sc_canvas c;
    const sc_color white = {255, 255, 255}, black = {0, 0, 0};
    static const uint8_t expected[4][5] = {{255, 255, 255, 255, 255},
                                           {255, 128, 0, 191, 255},
                                           {255, 223, 191, 239, 255},
                                           {255, 255, 255, 255, 255}};
    sct_assert_ok(sc_canvas_open(&c, 5, 4, white, &err), &err);
    sc_canvas_rect(&c, 1.5, 1, 1.75, 1.25, black);
    sc_canvas_rect(&c, 2, 3, 0, 1, black); /* nothing */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(c.pixels[3 * i], expected[i / 5][i % 5]);
    sc_canvas_close(&c);
}

static void test_scatter(void **state)
{
    (void)state;
    simclr_error err;
    sc_canvas c;
    float points[8] = {0, 0, 1, 1, NAN, 0, 0.5f, INFINITY};
    int labels[4] = {0, 1, -1, 77};
    const char *names[3] = {"one", "a name much longer than its column", NULL};
    sc_scatter s = {"Title", "small", points, 4, labels, names, 3, 800, 480};
    sct_assert_ok(sc_scatter_draw(&c, &s, &err), &err);
    assert_true(count_color(&c, sc_color_of(0)) > 50); /* the legend's disc is opaque */
    sc_canvas_close(&c);
    s = (sc_scatter){.points = points, .count = 4};
    sct_assert_ok(sc_scatter_draw(&c, &s, &err), &err);
    sc_canvas_close(&c);
    s.count = 0;
    sct_assert_ok(sc_scatter_draw(&c, &s, &err), &err);
    sc_canvas_close(&c);
    s = (sc_scatter){.points = points, .count = 1, .labels = labels, .classes = 1000};
    sct_assert_ok(sc_scatter_draw(&c, &s, &err), &err);
    sc_canvas_close(&c);
    s.width = s.height = 50;
    sct_assert_error(sc_scatter_draw(&c, &s, &err), &err, SIMCLR_E_USAGE, "small");
}

static void test_curves(void **state)
{
    (void)state;
    simclr_error err;
    sc_canvas c;
    const double x[5] = {1, 2, 3, 4, 5}, y[5] = {6, NAN, 5, 4, 4}, flat[5] = {0, 0, 0, 0, 0};
    const double none[5] = {NAN, NAN, INFINITY, NAN, NAN};
    sc_curve curves[] = {{"a", x, y, 5}, {"b", x, flat, 5}, {NULL, x, none, 5}, {"d", x, y, 0}};
    sc_curves_panel panels[] = {{"loss", curves, 4}, {"none", curves + 2, 1}, {NULL, NULL, 0}};
    sc_curves plot = {"T", "epoch", panels, 3, 0, 0};
    sct_assert_ok(sc_curves_draw(&c, &plot, &err), &err);
    assert_true(count_color(&c, sc_color_of(0)) > 100);
    sc_canvas_close(&c);
    plot.height = 100;
    sct_assert_error(sc_curves_draw(&c, &plot, &err), &err, SIMCLR_E_USAGE, "small");
}

static void test_ticks(void **state)
{
    (void)state;
    double first, step;
    int decimals;
    sc_ticks(&first, &step, &decimals, 4.2, 6.3, 5);
    assert_true(fabs(first - 4.5) < 1e-9 && fabs(step - 0.5) < 1e-12 && decimals == 1);
    sc_ticks(&first, &step, &decimals, 0, 100, 10);
    assert_true(first == 0 && step == 10 && decimals == 0);
    sc_ticks(&first, &step, &decimals, 1, 1, 5);
    assert_true(step > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strokes),
                                       cmocka_unit_test(test_rect_coverage),
                                       cmocka_unit_test(test_scatter),
                                       cmocka_unit_test(test_curves), cmocka_unit_test(test_ticks)};
    return sct_run(tests);
}
