/* SPDX-License-Identifier: MIT
 *
 * scatter.h - a map of the embeddings: one disc per image, one colour per class, with a legend.
 */
#ifndef SC_REPORT_SCATTER_H
#define SC_REPORT_SCATTER_H

#include <stddef.h>

#include "core/error.h"
#include "report/canvas.h"

typedef struct {
    const char *title;    /* NULL: none */
    const char *subtitle; /* NULL: none; small, grey */
    const float *points;  /* (count, 2); points that are not finite are left out */
    size_t count;
    const int *labels;              /* (count); NULL or -1: unlabelled, grey */
    const char *const *class_names; /* (classes), may be NULL */
    size_t classes;
    uint32_t width, height; /* 0: 1200 x 960 */
} sc_scatter;

/* Opens canvas and draws; the caller closes it (sc_canvas_close). */
int sc_scatter_draw(sc_canvas *canvas, const sc_scatter *scatter, simclr_error *err);

#endif
