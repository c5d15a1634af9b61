/* SPDX-License-Identifier: MIT
 *
 * ref_bias.h - a bias on its own, y += b and db += sum of dy over rows, in a fixed order.
 */
#ifndef SC_REF_REF_BIAS_H
#define SC_REF_REF_BIAS_H

#include "backend/ref/elem.h"
#include "core/parallel.h"

enum { REF_BIAS_CHANNELS = 16 }; /* of one part of the sum: one cache line of floats per row */

typedef struct {
    ref_elem *y;
    const ref_elem *dy;
    const sc_real *b;
    sc_real *db;
    size_t rows, c;
} ref_bias_args;

static void ref_bias_row(void *context, size_t row)
{
    const ref_bias_args *g = context;
    ref_elem *y = g->y + row * g->c;

    for (size_t j = 0; j < g->c; j++) {
        y[j] = ref_put(ref_get(y[j]) + g->b[j]);
    }
}

static void ref_bias_forward(sc_map *y, const sc_real *b, size_t rows, size_t c)
{
    ref_bias_args g = {.y = y, .b = b, .rows = rows, .c = c};
    sc_parallel_for(rows, ref_bias_row, &g);
}

static void ref_bias_sum(void *context, size_t part)
{
    const ref_bias_args *g = context;
    size_t begin = part * REF_BIAS_CHANNELS;
    size_t count = g->c - begin < REF_BIAS_CHANNELS ? g->c - begin : REF_BIAS_CHANNELS;
    double sum[REF_BIAS_CHANNELS] = {0};

    for (size_t i = 0; i < g->rows; i++) {
        for (size_t j = 0; j < count; j++) {
            sum[j] += ref_get(g->dy[i * g->c + begin + j]);
        }
    }
    for (size_t j = 0; j < count; j++) {
        g->db[begin + j] = (sc_real)(g->db[begin + j] + sum[j]);
    }
}

static void ref_bias_backward(sc_real *db, const sc_map *dy, size_t rows, size_t c)
{
    ref_bias_args g = {.db = db, .dy = dy, .rows = rows, .c = c};
    sc_parallel_for((c + REF_BIAS_CHANNELS - 1) / REF_BIAS_CHANNELS, ref_bias_sum, &g);
}

#endif
