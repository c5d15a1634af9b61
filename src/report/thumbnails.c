/* SPDX-License-Identifier: MIT
 *
 * thumbnails.c - lays out the sheet: every picture whole in the middle of a square field.
 */
#include "report/thumbnails.h"

#include <string.h>

#include "views/views.h"

enum { MARGIN = 16, FIELD = 128, GAP = 10, CAPTION = 42, SECTION = 14, FRAME = 4 };
enum { LINE = FIELD + CAPTION + GAP, DETAIL_BYTES = 120 };

static const sc_color background = {252, 252, 250}, plate = {240, 241, 244}, rim = {214, 217, 223},
                      ink = {34, 40, 49}, faint = {110, 118, 130}, mark = {46, 107, 189};

static size_t top_of(size_t line, size_t section)
{
    return MARGIN + line * LINE + section * SECTION;
}

int sc_thumbnails_open(sc_canvas *canvas, size_t columns, size_t lines, size_t sections,
                       simclr_error *err)
{
    size_t width = 2 * MARGIN + columns * (FIELD + GAP) - GAP;
    size_t height = top_of(lines, sections - 1) + MARGIN - GAP;
    return sc_canvas_open(canvas, (uint32_t)width, (uint32_t)height, background, err);
}

/* Of a name the end tells more than the beginning. */
static void put_detail(sc_canvas *canvas, size_t x, size_t y, const char *text)
{
    char shown[4 * DETAIL_BYTES + 1];
    size_t length = strlen(text);
    sc_printable(shown, sizeof shown, text + (length > DETAIL_BYTES ? length - DETAIL_BYTES : 0));
    const char *end = shown;
    while (sc_canvas_text_width(end, 1) > FIELD)
        end++;
    sc_canvas_text(canvas, (double)x, (double)y, end, 1, faint);
}

static int put_picture(sc_canvas *canvas, size_t x, size_t y, const sc_image *image,
                       simclr_error *err)
{
    sc_image small;
    int rc = sc_views_fit(&small, image, FIELD, FIELD, err);
    if (rc == 0)
        rc = sc_image_set_channels(&small, 3, err);
    if (rc == 0)
        sc_canvas_image(canvas, x + (FIELD - small.width) / 2, y + (FIELD - small.height) / 2,
                        small.pixels, small.height, small.width);
    sc_image_free(&small);
    return rc;
}

int sc_thumbnails_put(sc_canvas *canvas, const sc_thumbnail *t, simclr_error *err)
{
    size_t x = MARGIN + t->column * (FIELD + GAP), y = top_of(t->line, t->section);
    if (t->begins && t->section > 0)
        sc_canvas_rect(canvas, MARGIN, (double)(y - (SECTION + GAP) / 2),
                       canvas->width - 2.0 * MARGIN, 1, rim);
    if (t->marked)
        sc_canvas_rect(canvas, (double)x - FRAME, (double)y - FRAME, FIELD + 2.0 * FRAME,
                       FIELD + 2.0 * FRAME, mark);
    sc_canvas_rect(canvas, (double)x, (double)y, FIELD, FIELD, plate);
    int rc = t->image != NULL ? put_picture(canvas, x, y, t->image, err) : 0;
    sc_canvas_text(canvas, (double)x, (double)(y + FIELD + 6), t->caption, 2, ink);
    put_detail(canvas, x, y + FIELD + 23, t->detail[0]);
    put_detail(canvas, x, y + FIELD + 33, t->detail[1]);
    return rc;
}
