/* SPDX-License-Identifier: MIT
 *
 * canvas.c - strokes by their signed distance: coverage = clamp(1/2 - distance to the edge).
 */
#include "report/canvas.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/image.h"

enum { SIDE_MAX = 16384, GLYPH_WIDTH = 5, GLYPH_HEIGHT = 7 };

int sc_canvas_open(sc_canvas *canvas, uint32_t width, uint32_t height, sc_color background,
                   simclr_error *err)
{
    memset(canvas, 0, sizeof *canvas);
    if (width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "a picture of %u x %u pixels; at most %d a side", width,
                       height, SIDE_MAX);
    canvas->pixels = sc_alloc((size_t)width * height, 3, err);
    if (canvas->pixels == NULL)
        return SIMCLR_E_MEMORY;
    canvas->width = width;
    canvas->height = height;
    for (size_t i = 0; i < (size_t)width * height; i++) {
        canvas->pixels[3 * i] = background.r;
        canvas->pixels[3 * i + 1] = background.g;
        canvas->pixels[3 * i + 2] = background.b;
    }
    return 0;
}

void sc_canvas_close(sc_canvas *canvas)
{
    sc_free(canvas->pixels);
    memset(canvas, 0, sizeof *canvas);
}

int sc_canvas_write(const char *png_path, const sc_canvas *canvas, simclr_error *err)
{
    void *png;
    size_t size;
    int rc = sc_png_encode(&png, &size, canvas->pixels, canvas->height, canvas->width, 3, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_write_atomic(png_path, png, size, err);
    sc_free(png);
    return rc;
}

sc_color sc_color_mix(sc_color a, sc_color b, double t)
{
    return (sc_color){(uint8_t)(a.r + (b.r - a.r) * t + 0.5),
                      (uint8_t)(a.g + (b.g - a.g) * t + 0.5),
                      (uint8_t)(a.b + (b.b - a.b) * t + 0.5)};
}

sc_color sc_color_of(size_t i)
{
    /* Ten hues of similar weight on white, neighbours far apart. */
    static const sc_color base[10] = {
        {46, 107, 189}, {238, 122, 38}, {54, 158, 75},  {208, 52, 62},  {133, 94, 186},
        {18, 168, 176}, {222, 95, 165}, {140, 100, 62}, {198, 168, 20}, {110, 120, 134}};
    static const sc_color black = {0, 0, 0}, white = {255, 255, 255};
    sc_color c = base[i % 10];
    switch (i / 10 % 4) {
    case 1:
        return sc_color_mix(c, white, 0.4);
    case 2:
        return sc_color_mix(c, black, 0.35);
    case 3:
        return sc_color_mix(c, white, 0.62);
    default:
        return c;
    }
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Most pixels are covered wholly or not at all. */
static void blend(sc_canvas *canvas, int x, int y, sc_color color, double share)
{
    if (!(share > 0) || x < 0 || y < 0 || (uint32_t)x >= canvas->width ||
        (uint32_t)y >= canvas->height)
        return;
    uint8_t *p = canvas->pixels + ((size_t)y * canvas->width + (size_t)x) * 3;
    sc_color mixed = share >= 1 ? color : sc_color_mix((sc_color){p[0], p[1], p[2]}, color, share);
    p[0] = mixed.r;
    p[1] = mixed.g;
    p[2] = mixed.b;
}

/* Pixels whose centre is within [lo, hi] on an axis of `size`; false when there are none. */
static int span(int *first, int *last, double lo, double hi, uint32_t size)
{
    if (!isfinite(lo) || !isfinite(hi) || hi < 0 || lo >= size)
        return 0;
    *first = (int)floor(clamp(lo, 0, (double)size - 1));
    *last = (int)ceil(clamp(hi, 0, (double)size - 1));
    return 1;
}

/* How much of the pixel from `at` to at + 1 is between lo and lo + size.  fmin and fmax are calls. */
static double overlap(double at, double lo, double size)
{
    double first = at > lo ? at : lo, last = at + 1 < lo + size ? at + 1 : lo + size;
    return last > first ? last - first : 0;
}

void sc_canvas_image(sc_canvas *canvas, size_t left, size_t top, const uint8_t *pixels,
                     uint32_t height, uint32_t width)
{
    for (size_t y = 0; y < height && top + y < canvas->height && left < canvas->width; y++) {
        size_t wide = width < canvas->width - left ? width : canvas->width - left;
        memcpy(canvas->pixels + ((top + y) * canvas->width + left) * 3, pixels + y * width * 3,
               wide * 3);
    }
}

void sc_canvas_rect(sc_canvas *canvas, double x, double y, double w, double h, sc_color color)
{
    int x0, x1, y0, y1;
    if (!span(&x0, &x1, x, x + w, canvas->width) || !span(&y0, &y1, y, y + h, canvas->height))
        return;
    for (int j = y0; j <= y1; j++) {
        double tall = overlap(j, y, h);
        for (int i = x0; i <= x1; i++)
            blend(canvas, i, j, color, tall * overlap(i, x, w));
    }
}

void sc_canvas_disc(sc_canvas *canvas, double x, double y, double radius, sc_color color,
                    double opacity)
{
    int x0, x1, y0, y1;
    double reach = radius + 1;
    if (!span(&x0, &x1, x - reach, x + reach, canvas->width) ||
        !span(&y0, &y1, y - reach, y + reach, canvas->height))
        return;
    for (int j = y0; j <= y1; j++) {
        for (int i = x0; i <= x1; i++) {
            double dx = i + 0.5 - x, dy = j + 0.5 - y;
            double cover = clamp(radius - sqrt(dx * dx + dy * dy) + 0.5, 0, 1);
            if (cover > 0)
                blend(canvas, i, j, color, cover * opacity);
        }
    }
}

void sc_canvas_line(sc_canvas *canvas, const double from[2], const double to[2], double width,
                    sc_color color)
{
    int x0, x1, y0, y1;
    double reach = width / 2 + 1, ux = to[0] - from[0], uy = to[1] - from[1];
    double length2 = ux * ux + uy * uy;
    if (!span(&x0, &x1, fmin(from[0], to[0]) - reach, fmax(from[0], to[0]) + reach,
              canvas->width) ||
        !span(&y0, &y1, fmin(from[1], to[1]) - reach, fmax(from[1], to[1]) + reach, canvas->height))
        return;
    for (int j = y0; j <= y1; j++) {
        for (int i = x0; i <= x1; i++) {
            double px = i + 0.5 - from[0], py = j + 0.5 - from[1];
            double t = length2 > 0 ? clamp((px * ux + py * uy) / length2, 0, 1) : 0;
            double dx = px - t * ux, dy = py - t * uy;
            double cover = clamp(width / 2 - sqrt(dx * dx + dy * dy) + 0.5, 0, 1);
            if (cover > 0)
                blend(canvas, i, j, color, cover);
        }
    }
}

/* Bytes that continue a UTF-8 character are not drawn: one '?' a character. */
static int is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void sc_canvas_text(sc_canvas *canvas, double x, double y, const char *text, unsigned scale,
                    sc_color color)
{
    double left = floor(x + 0.5), top = floor(y + 0.5);
    for (; *text; text++) {
        if (is_continuation(*text))
            continue;
        const uint8_t *glyph = sc_font_glyph((unsigned char)*text);
        for (unsigned column = 0; column < GLYPH_WIDTH; column++)
            for (unsigned row = 0; row < GLYPH_HEIGHT; row++)
                if ((glyph[column] >> row & 1) != 0)
                    sc_canvas_rect(canvas, left + column * scale, top + row * scale, scale, scale,
                                   color);
        left += (GLYPH_WIDTH + 1) * scale;
    }
}

double sc_canvas_text_width(const char *text, unsigned scale)
{
    size_t n = 0;
    for (; *text; text++)
        n += !is_continuation(*text);
    return n > 0 ? (double)(n * (GLYPH_WIDTH + 1) - 1) * scale : 0;
}
