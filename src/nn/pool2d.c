/* SPDX-License-Identifier: MIT
 *
 * pool2d.c - global max pooling: y[n,c] = max over rows of x[n,row,c].
 *
 * Windowed pooling and the global average are kernels of the backend; this one is rare and small.
 * Of equal values the first counts, as in torch.nn.AdaptiveMaxPool2d.
 */
#include "nn/layers.h"

#include <string.h>

#include "core/parallel.h"

typedef struct {
    sc_real *out;
    uint32_t *found;
    const uint32_t *where;
    const sc_real *in;
    size_t rows, c;
} pool_args;

static void forward_image(void *context, size_t n)
{
    const pool_args *g = context;
    const sc_real *x = g->in + n * g->rows * g->c;

    for (size_t c = 0; c < g->c; c++) {
        uint32_t best = 0;
        for (size_t i = 1; i < g->rows; i++) {
            if (x[i * g->c + c] > x[best * g->c + c]) {
                best = (uint32_t)i;
            }
        }
        g->found[n * g->c + c] = best;
        g->out[n * g->c + c] = x[best * g->c + c];
    }
}

void sc_global_maxpool_forward(sc_real *y, uint32_t *where, const sc_real *x, size_t n, size_t rows,
                               size_t c)
{
    pool_args g = {y, where, NULL, x, rows, c};
    sc_parallel_for(n, forward_image, &g);
}

static void backward_image(void *context, size_t n)
{
    const pool_args *g = context;
    sc_real *dx = g->out + n * g->rows * g->c;

    memset(dx, 0, g->rows * g->c * sizeof *dx);
    for (size_t c = 0; c < g->c; c++) {
        dx[g->where[n * g->c + c] * g->c + c] = g->in[n * g->c + c];
    }
}

void sc_global_maxpool_backward(sc_real *dx, const sc_real *dy, const uint32_t *where, size_t n,
                                size_t rows, size_t c)
{
    pool_args g = {dx, NULL, where, dy, rows, c};
    sc_parallel_for(n, backward_image, &g);
}
