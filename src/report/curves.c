/* SPDX-License-Identifier: MIT
 *
 * curves.c - draws line plots: panels with a common x axis, light grid, last value at the line.
 */
#include "report/curves.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum { LEFT = 96, RIGHT = 110, TOP = 76, BOTTOM = 74, GAP = 74 };

static const sc_color background = {252, 252, 250}, plate = {255, 255, 255}, rim = {206, 210, 217},
                      grid = {234, 236, 240}, ink = {34, 40, 49}, faint = {106, 114, 126};

typedef struct {
    double x, y, w, h;             /* pixels */
    double x_lo, x_hi, y_lo, y_hi; /* data */
} frame;

void sc_ticks(double *first, double *step, int *decimals, double lo, double hi, int wanted)
{
    double raw = (hi - lo) / (wanted > 0 ? wanted : 1);
    if (!(raw > 0) || !isfinite(raw))
        raw = 1;
    double power = pow(10, floor(log10(raw))), m = raw / power;
    *step = power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
    *first = ceil(lo / *step - 1e-9) * *step;
    int d = (int)-floor(log10(*step) + 1e-9);
    *decimals = d < 0 ? 0 : d > 9 ? 9 : d;
}

static void format_tick(char *out, size_t room, double value, double step, int decimals)
{
    if (fabs(value) < step * 1e-6)
        value = 0;
    if (fabs(value) >= 1e6 || (value != 0 && fabs(value) < 1e-4))
        snprintf(out, room, "%.3g", value);
    else
        snprintf(out, room, "%.*f", decimals, value);
}

static double px(const frame *f, double x)
{
    return f->x + (x - f->x_lo) / (f->x_hi - f->x_lo) * f->w;
}

static double py(const frame *f, double y)
{
    return f->y + f->h - (y - f->y_lo) / (f->y_hi - f->y_lo) * f->h;
}

/* Range of the finite values of all curves of a panel; axis 0 is x. */
static void extend(double *lo, double *hi, const sc_curves_panel *panel, int axis)
{
    for (size_t c = 0; c < panel->count; c++) {
        const sc_curve *curve = &panel->curves[c];
        for (size_t i = 0; i < curve->count; i++) {
            double v = axis == 0 ? curve->x[i] : curve->y[i];
            if (isfinite(v) && isfinite(curve->y[i])) {
                *lo = fmin(*lo, v);
                *hi = fmax(*hi, v);
            }
        }
    }
}

/* A range that is empty or a point gets a width; y gets some air. */
static void settle(double *lo, double *hi, double air)
{
    if (!(*lo <= *hi)) {
        *lo = 0;
        *hi = 1;
    }
    if (*hi - *lo < 1e-12 * fabs(*hi) || *hi == *lo) {
        double w = fabs(*hi) > 0 ? fabs(*hi) / 10 : 0.5;
        *lo -= w;
        *hi += w;
    }
    double more = (*hi - *lo) * air;
    *lo -= more;
    *hi += more;
}

static void draw_axes(sc_canvas *canvas, const frame *f, bool x_labels)
{
    char text[40];
    double first, step;
    int decimals;
    sc_canvas_rect(canvas, f->x, f->y, f->w, f->h, plate);
    sc_ticks(&first, &step, &decimals, f->y_lo, f->y_hi, f->h > 200 ? 5 : 3);
    for (double v = first; v <= f->y_hi + step * 1e-6; v += step) {
        double y = floor(py(f, v));
        sc_canvas_rect(canvas, f->x, y, f->w, 1, grid);
        format_tick(text, sizeof text, v, step, decimals);
        sc_canvas_text(canvas, f->x - 12 - sc_canvas_text_width(text, 2), y - 7, text, 2, faint);
    }
    sc_ticks(&first, &step, &decimals, f->x_lo, f->x_hi, f->w > 600 ? 10 : 5);
    for (double v = first; v <= f->x_hi + step * 1e-6; v += step) {
        double x = floor(px(f, v));
        sc_canvas_rect(canvas, x, f->y, 1, f->h, grid);
        sc_canvas_rect(canvas, x, f->y + f->h, 1, 6, rim);
        if (!x_labels)
            continue;
        format_tick(text, sizeof text, v, step, decimals);
        sc_canvas_text(canvas, x - sc_canvas_text_width(text, 2) / 2, f->y + f->h + 14, text, 2,
                       faint);
    }
    sc_canvas_rect(canvas, f->x, f->y, 1, f->h, rim);
    sc_canvas_rect(canvas, f->x, f->y + f->h, f->w, 1, rim);
}

static void draw_curve(sc_canvas *canvas, const frame *f, const sc_curve *curve, sc_color color)
{
    double last[2];
    bool pen = false;
    for (size_t i = 0; i < curve->count; i++) {
        double at[2] = {px(f, curve->x[i]), py(f, curve->y[i])};
        bool good = isfinite(at[0]) && isfinite(at[1]);
        if (good && pen)
            sc_canvas_line(canvas, last, at, 2.6, color);
        /* A point between gaps has no line: it would not show. */
        if (good && curve->count <= 40)
            sc_canvas_disc(canvas, at[0], at[1], 3.4, color, 1);
        pen = good;
        last[0] = at[0];
        last[1] = at[1];
    }
}

/* The last value, right of the plot; taken (4) holds where labels stand, so that none collide. */
static void label_end(sc_canvas *canvas, const frame *f, const sc_curve *curve, sc_color color,
                      double *taken)
{
    char text[40];
    size_t i = curve->count;
    while (i > 0 && !(isfinite(curve->y[i - 1]) && isfinite(curve->x[i - 1])))
        i--;
    if (i == 0)
        return;
    double x = px(f, curve->x[i - 1]), y = py(f, curve->y[i - 1]);
    sc_canvas_disc(canvas, x, y, 7, plate, 1);
    sc_canvas_disc(canvas, x, y, 5, color, 1);
    snprintf(text, sizeof text, "%.4g", curve->y[i - 1]);
    for (int n = 0; n < 4; n++)
        if (fabs(taken[n] - y) < 18)
            y = taken[n] + 18;
    for (int n = 0; n < 4; n++) {
        if (taken[n] < -1e8) {
            taken[n] = y;
            break;
        }
    }
    sc_canvas_text(canvas, f->x + f->w + 14, y - 7, text, 2, color);
}

static void draw_panel(sc_canvas *canvas, const frame *f, const sc_curves_panel *panel, bool last,
                       size_t first_color)
{
    double taken[4] = {-1e9, -1e9, -1e9, -1e9};
    double x = f->x + f->w;
    draw_axes(canvas, f, last);
    if (panel->label != NULL)
        sc_canvas_text(canvas, f->x, f->y - 26, panel->label, 2, ink);
    for (size_t c = panel->count; panel->count > 1 && c-- > 0;) { /* legend, from the right */
        const char *name = panel->curves[c].name ? panel->curves[c].name : "";
        x -= sc_canvas_text_width(name, 2);
        sc_canvas_text(canvas, x, f->y - 26, name, 2, ink);
        double from[2] = {x - 34, f->y - 19}, to[2] = {x - 12, f->y - 19};
        sc_canvas_line(canvas, from, to, 4, sc_color_of(first_color + c));
        x -= 58;
    }
    for (size_t c = 0; c < panel->count; c++)
        draw_curve(canvas, f, &panel->curves[c], sc_color_of(first_color + c));
    for (size_t c = 0; c < panel->count; c++)
        label_end(canvas, f, &panel->curves[c], sc_color_of(first_color + c), taken);
}

int sc_curves_draw(sc_canvas *canvas, const sc_curves *plot, simclr_error *err)
{
    size_t panels = plot->count > 0 ? plot->count : 1;
    if (panels > 40)
        return sc_fail(err, SIMCLR_E_USAGE, "%zu panels are too many for one picture", panels);
    uint32_t width = plot->width ? plot->width : 1200;
    uint32_t height = plot->height ? plot->height : (uint32_t)(120 + 360 * panels);
    double h = ((double)height - TOP - BOTTOM - 34 - (double)(panels - 1) * GAP) / (double)panels;
    if (width < 320 || h < 60)
        return sc_fail(err, SIMCLR_E_USAGE,
                       "a picture of %u x %u pixels is too small for %zu plots", width, height,
                       panels);
    int rc = sc_canvas_open(canvas, width, height, background, err);
    if (rc < 0)
        return rc;
    frame f = {.x = LEFT, .w = width - (double)LEFT - RIGHT, .h = h};
    f.x_lo = INFINITY;
    f.x_hi = -INFINITY;
    for (size_t p = 0; p < plot->count; p++)
        extend(&f.x_lo, &f.x_hi, &plot->panels[p], 0);
    settle(&f.x_lo, &f.x_hi, 0);
    if (plot->title != NULL)
        sc_canvas_text(canvas, LEFT, 26, plot->title, 3, ink);
    size_t color = 0;
    for (size_t p = 0; p < plot->count; p++) {
        f.y = TOP + 34 + (double)p * (h + GAP);
        f.y_lo = INFINITY;
        f.y_hi = -INFINITY;
        extend(&f.y_lo, &f.y_hi, &plot->panels[p], 1);
        settle(&f.y_lo, &f.y_hi, 0.06);
        draw_panel(canvas, &f, &plot->panels[p], p + 1 == plot->count, color);
        color += plot->panels[p].count;
    }
    if (plot->x_label != NULL)
        sc_canvas_text(canvas, LEFT + f.w / 2 - sc_canvas_text_width(plot->x_label, 2) / 2,
                       height - 30.0, plot->x_label, 2, faint);
    return 0;
}
