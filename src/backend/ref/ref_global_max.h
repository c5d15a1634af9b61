/* SPDX-License-Identifier: MIT
 *
 * ref_global_max.h - reference global max pooling: y[n,c] = max over rows of x[n,row,c].
 *
 * Of equal values the first counts, as in torch.nn.AdaptiveMaxPool2d.  One part per image.
 */
#ifndef SC_REF_REF_GLOBAL_MAX_H
#define SC_REF_REF_GLOBAL_MAX_H

#include <string.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *dx;
    const ref_elem *x;
    sc_real *y;
    const sc_real *dy;
    uint32_t *argmax;
    const uint32_t *from;
    size_t rows, c;
} ref_global_max_args;

static void ref_global_max_image(void *context, size_t n)
{
    const ref_global_max_args *g = context;
    const ref_elem *x = g->x + n * g->rows * g->c;

    for (size_t c = 0; c < g->c; c++) {
        uint32_t best = 0;
        for (size_t i = 1; i < g->rows; i++) {
            if (ref_get(x[i * g->c + c]) > ref_get(x[best * g->c + c])) {
                best = (uint32_t)i;
            }
        }
        g->argmax[n * g->c + c] = best;
        g->y[n * g->c + c] = (sc_real)ref_get(x[best * g->c + c]);
    }
}

static void ref_global_maxpool_forward(sc_real *y, uint32_t *argmax, const sc_map *x, size_t n,
                                       size_t rows, size_t c)
{
    ref_global_max_args g = {.y = y, .argmax = argmax, .x = x, .rows = rows, .c = c};
    sc_parallel_for(n, ref_global_max_image, &g);
}

static void ref_global_max_backward_image(void *context, size_t n)
{
    const ref_global_max_args *g = context;
    ref_elem *dx = g->dx + n * g->rows * g->c;

    memset(dx, 0, g->rows * g->c * sizeof *dx);
    for (size_t c = 0; c < g->c; c++) {
        dx[g->from[n * g->c + c] * g->c + c] = ref_put(g->dy[n * g->c + c]);
    }
}

static void ref_global_maxpool_backward(sc_map *dx, const sc_real *dy, const uint32_t *argmax,
                                        size_t n, size_t rows, size_t c)
{
    ref_global_max_args g = {.dx = dx, .dy = dy, .from = argmax, .rows = rows, .c = c};
    sc_parallel_for(n, ref_global_max_backward_image, &g);
}

#endif
