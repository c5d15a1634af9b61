/* SPDX-License-Identifier: MIT
 *
 * curves.h - line plots over epochs or steps (loss, k-NN accuracy, learning rate): panels one below
 * the other with a common x axis, round ticks, and a legend.
 */
#ifndef SC_REPORT_CURVES_H
#define SC_REPORT_CURVES_H

#include <stddef.h>

#include "core/error.h"
#include "report/canvas.h"

typedef struct {
    const char *name;
    const double *x, *y; /* (count); a y that is not finite breaks the line */
    size_t count;
} sc_curve;

typedef struct {
    const char *label; /* of the y axis, above the panel */
    const sc_curve *curves;
    size_t count;
} sc_curves_panel;

typedef struct {
    const char *title, *x_label;
    const sc_curves_panel *panels;
    size_t count;
    uint32_t width, height; /* 0: 1200 x (120 + 360 a panel) */
} sc_curves;

/* Opens canvas and draws; the caller closes it (sc_canvas_close). */
int sc_curves_draw(sc_canvas *canvas, const sc_curves *plot, simclr_error *err);

/* Round tick positions covering [lo, hi]: *first and *step with about `wanted` ticks, and the
 * decimals needed to print them. */
void sc_ticks(double *first, double *step, int *decimals, double lo, double hi, int wanted);

#endif
