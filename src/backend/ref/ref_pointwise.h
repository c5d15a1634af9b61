/* SPDX-License-Identifier: MIT
 *
 * ref_pointwise.h - reference addition, y = a + b, copies, and a map from reals and back.
 */
#ifndef SC_REF_REF_POINTWISE_H
#define SC_REF_REF_POINTWISE_H

#include <string.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *y;
    const ref_elem *a, *b;
    sc_real *real_out;
    const sc_real *real;
    size_t count;
} ref_pointwise_args;

static void ref_add_part(void *context, size_t part)
{
    const ref_pointwise_args *g = context;

    for (size_t i = part * REF_CHUNK; i < ref_chunk_end(g->count, part); i++) {
        g->y[i] = ref_put(ref_get(g->a[i]) + ref_get(g->b[i]));
    }
}

static void ref_add(sc_map *y, const sc_map *a, const sc_map *b, size_t count)
{
    ref_pointwise_args g = {.y = y, .a = a, .b = b, .count = count};
    sc_parallel_for(ref_chunks(count), ref_add_part, &g);
}

static void ref_map_store_part(void *context, size_t part)
{
    const ref_pointwise_args *g = context;

    for (size_t i = part * REF_CHUNK; i < ref_chunk_end(g->count, part); i++) {
        g->y[i] = ref_put(g->real[i]);
    }
}

static void ref_map_store(sc_map *y, const sc_real *x, size_t count)
{
    ref_pointwise_args g = {.y = y, .real = x, .count = count};
    sc_parallel_for(ref_chunks(count), ref_map_store_part, &g);
}

static void ref_map_load_part(void *context, size_t part)
{
    const ref_pointwise_args *g = context;

    for (size_t i = part * REF_CHUNK; i < ref_chunk_end(g->count, part); i++) {
        g->real_out[i] = (sc_real)ref_get(g->a[i]);
    }
}

static void ref_map_load(sc_real *y, const sc_map *x, size_t count)
{
    ref_pointwise_args g = {.real_out = y, .a = x, .count = count};
    sc_parallel_for(ref_chunks(count), ref_map_load_part, &g);
}

static void ref_map_copy(sc_map *y, const sc_map *x, size_t count)
{
    memcpy(y, x, count * sizeof(ref_elem));
}

#endif
