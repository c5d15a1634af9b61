/* SPDX-License-Identifier: MIT
 *
 * canvas.h - a picture of u8 RGB pixels and the few strokes that plots need, anti-aliased by
 * coverage: pixel = (1 - a) pixel + a colour, a = clamp(distance to the edge + 1/2).
 */
#ifndef SC_REPORT_CANVAS_H
#define SC_REPORT_CANVAS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct {
    uint8_t *pixels; /* height, width, 3 */
    uint32_t height, width;
} sc_canvas;

typedef struct {
    uint8_t r, g, b;
} sc_color;

int sc_canvas_open(sc_canvas *canvas, uint32_t width, uint32_t height, sc_color background,
                   simclr_error *err);
void sc_canvas_close(sc_canvas *canvas);

/* Colour of class or curve i: 10 distinct ones, then shades of them. */
sc_color sc_color_of(size_t i);
sc_color sc_color_mix(sc_color a, sc_color b, double share_of_b);

/* pixels (height, width, 3) with their corner at left, top; what is outside is cut off. */
void sc_canvas_image(sc_canvas *canvas, size_t left, size_t top, const uint8_t *pixels,
                     uint32_t height, uint32_t width);
void sc_canvas_rect(sc_canvas *canvas, double x, double y, double w, double h, sc_color color);
void sc_canvas_disc(sc_canvas *canvas, double x, double y, double radius, sc_color color,
                    double opacity);
void sc_canvas_line(sc_canvas *canvas, const double from[2], const double to[2], double width,
                    sc_color color);

/* The built-in 5x7 font, each dot `scale` pixels; (x, y) is the top left corner.  Characters other
 * than printable ASCII appear as '?'. */
void sc_canvas_text(sc_canvas *canvas, double x, double y, const char *text, unsigned scale,
                    sc_color color);
double sc_canvas_text_width(const char *text, unsigned scale);
/* As PNG, whole or not at all. */
int sc_canvas_write(const char *png_path, const sc_canvas *canvas, simclr_error *err);
/* Columns of one glyph, five bytes, bit 0 the top row. */
const uint8_t *sc_font_glyph(unsigned char c);

#endif
