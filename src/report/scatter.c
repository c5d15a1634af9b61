/* SPDX-License-Identifier: MIT
 *
 * scatter.c - draws the map: points keep their proportions, and are drawn in an order that mixes
 * the classes, so that none covers the others.
 */
#include "report/scatter.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/rng.h"

enum { MARGIN = 40, TITLE_HEIGHT = 84, LEGEND_ROW = 26, LEGEND_MAX = 30, NAME_COLUMNS = 18 };

static const sc_color background = {252, 252, 250}, plate = {255, 255, 255}, rim = {226, 228, 232},
                      ink = {34, 40, 49}, faint = {122, 130, 142}, unlabelled = {150, 158, 170};

typedef struct {
    double x, y, w, h;    /* of the plot, in pixels */
    double mid[2], scale; /* data to pixels */
    double radius, opacity;
} frame;

static bool usable(const sc_scatter *s, size_t i)
{
    return isfinite(s->points[2 * i]) && isfinite(s->points[2 * i + 1]);
}

/* Scale that fits all points, the same for both axes. */
static void fit(frame *f, const sc_scatter *s)
{
    double lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < s->count; i++) {
        for (int c = 0; usable(s, i) && c < 2; c++) {
            lo[c] = fmin(lo[c], s->points[2 * i + c]);
            hi[c] = fmax(hi[c], s->points[2 * i + c]);
        }
    }
    double room = f->w < f->h ? f->w : f->h;
    /* About 18 % of the plot covered, between 1.5 and 7 pixels. */
    f->radius = sqrt(0.18 * f->w * f->h / (3.14159 * (double)(s->count + 1)));
    f->radius = f->radius < 1.8 ? 1.8 : f->radius > room / 110 ? room / 110 : f->radius;
    f->opacity = s->count > 4000 ? 0.6 : 0.78;
    double inset = 3 * f->radius + 12;
    double wide = hi[0] - lo[0], tall = hi[1] - lo[1];
    f->mid[0] = isfinite(lo[0]) ? (lo[0] + hi[0]) / 2 : 0;
    f->mid[1] = isfinite(lo[1]) ? (lo[1] + hi[1]) / 2 : 0;
    double sx = wide > 0 ? (f->w - 2 * inset) / wide : INFINITY;
    double sy = tall > 0 ? (f->h - 2 * inset) / tall : INFINITY;
    f->scale = fmin(sx, sy);
    if (!isfinite(f->scale))
        f->scale = 1;
}

static int label_of(const sc_scatter *s, size_t i)
{
    int label = s->labels ? s->labels[i] : -1;
    return label >= 0 && (size_t)label < s->classes ? label : -1;
}

static int draw_points(sc_canvas *canvas, const frame *f, const sc_scatter *s, simclr_error *err)
{
    uint32_t *order = sc_alloc(s->count, sizeof *order, err);
    if (order == NULL)
        return SIMCLR_E_MEMORY;
    sc_rng_permutation(order, s->count, 0, 0, SC_RNG_TSNE);
    for (size_t k = 0; k < s->count; k++) {
        size_t i = order[k];
        if (!usable(s, i))
            continue;
        int label = label_of(s, i);
        sc_color color = label < 0 ? unlabelled : sc_color_of((size_t)label);
        double x = f->x + f->w / 2 + (s->points[2 * i] - f->mid[0]) * f->scale;
        double y = f->y + f->h / 2 - (s->points[2 * i + 1] - f->mid[1]) * f->scale;
        /* A light rim keeps touching discs apart. */
        sc_canvas_disc(canvas, x, y, f->radius + 0.9, plate, 0.55);
        sc_canvas_disc(canvas, x, y, f->radius, color, f->opacity);
    }
    sc_free(order);
    return 0;
}

static void class_text(char *out, size_t room, const sc_scatter *s, size_t c)
{
    char name[128];
    if (s->class_names != NULL && s->class_names[c] != NULL)
        sc_printable(name, sizeof name, s->class_names[c]);
    else
        snprintf(name, sizeof name, "class %zu", c);
    bool cut = sc_canvas_text_width(name, 1) > NAME_COLUMNS * 6;
    snprintf(out, room, "%.*s%s", cut ? NAME_COLUMNS - 2 : NAME_COLUMNS, name, cut ? ".." : "");
}

static void draw_legend(sc_canvas *canvas, const sc_scatter *s, double x, double y)
{
    char text[160];
    size_t rows = (canvas->height - (size_t)y - MARGIN) / LEGEND_ROW;
    rows = rows > LEGEND_MAX ? LEGEND_MAX : rows < 2 ? 2 : rows;
    size_t shown = s->classes > rows ? rows - 1 : s->classes;
    for (size_t c = 0; c < shown; c++) {
        size_t count = 0;
        for (size_t i = 0; i < s->count; i++)
            count += usable(s, i) && label_of(s, i) == (int)c;
        class_text(text, sizeof text, s, c);
        sc_canvas_disc(canvas, x + 8, y + 8, 7, sc_color_of(c), 1);
        sc_canvas_text(canvas, x + 26, y + 1, text, 2, ink);
        snprintf(text, sizeof text, "%zu", count);
        sc_canvas_text(canvas, canvas->width - MARGIN - sc_canvas_text_width(text, 2), y + 1, text,
                       2, faint);
        y += LEGEND_ROW;
    }
    if (shown < s->classes) {
        snprintf(text, sizeof text, "and %zu more", s->classes - shown);
        sc_canvas_text(canvas, x + 26, y + 1, text, 2, faint);
    }
}

/* Width of the legend: the longest name, a disc before it and a count behind. */
static double legend_width(const sc_scatter *s)
{
    char text[160];
    double widest = 0;
    for (size_t c = 0; c < s->classes && c < LEGEND_MAX; c++) {
        class_text(text, sizeof text, s, c);
        widest = fmax(widest, sc_canvas_text_width(text, 2));
    }
    return s->classes > 0 && s->labels != NULL ? widest + 26 + 12 * 7 : 0;
}

int sc_scatter_draw(sc_canvas *canvas, const sc_scatter *s, simclr_error *err)
{
    uint32_t width = s->width ? s->width : 1200, height = s->height ? s->height : 960;
    double legend = legend_width(s), top = s->title ? TITLE_HEIGHT : MARGIN;
    int rc = sc_canvas_open(canvas, width, height, background, err);
    if (rc < 0)
        return rc;
    if (legend > width / 2.0 || width < 300)
        legend = 0;
    frame f = {.x = MARGIN, .y = top};
    f.w = width - 2.0 * MARGIN - (legend > 0 ? legend + 28 : 0);
    f.h = height - top - MARGIN;
    if (f.w < 40 || f.h < 40) {
        sc_canvas_close(canvas);
        return sc_fail(err, SIMCLR_E_USAGE, "a picture of %u x %u pixels is too small for a map",
                       width, height);
    }
    fit(&f, s);
    sc_canvas_rect(canvas, f.x - 1, f.y - 1, f.w + 2, f.h + 2, rim);
    sc_canvas_rect(canvas, f.x, f.y, f.w, f.h, plate);
    if (s->title != NULL)
        sc_canvas_text(canvas, MARGIN, 26, s->title, 3, ink);
    if (s->title != NULL && s->subtitle != NULL)
        sc_canvas_text(canvas, MARGIN, 57, s->subtitle, 2, faint);
    if (legend > 0)
        draw_legend(canvas, s, f.x + f.w + 28, f.y + 4);
    rc = draw_points(canvas, &f, s, err);
    if (rc < 0)
        sc_canvas_close(canvas);
    return rc;
}
