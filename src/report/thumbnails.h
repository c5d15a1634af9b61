/* SPDX-License-Identifier: MIT
 *
 * thumbnails.h - a sheet of pictures in lines of columns, a caption below each; a rule between sections.
 */
#ifndef SC_REPORT_THUMBNAILS_H
#define SC_REPORT_THUMBNAILS_H

#include "data/image.h"
#include "report/canvas.h"

enum { SC_THUMBNAIL_LINES = 80 }; /* of a sheet, in as many sections at most */

/* Opens canvas, which the caller closes. */
int sc_thumbnails_open(sc_canvas *canvas, size_t columns, size_t lines, size_t sections,
                       simclr_error *err);

typedef struct {
    size_t line, section, column; /* lines of earlier sections count */
    const sc_image *image;        /* NULL: a grey field */
    const char *caption;          /* large */
    const char *detail[2];        /* small; the last characters of what is too long */
    bool marked;                  /* with a frame */
    bool begins;                  /* its section, below a rule unless it is the first */
} sc_thumbnail;

int sc_thumbnails_put(sc_canvas *canvas, const sc_thumbnail *thumbnail, simclr_error *err);

#endif
