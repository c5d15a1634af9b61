/* SPDX-License-Identifier: MIT
 *
 * kernel_pointwise.h - y = max(0, x), its gradient, y = a + b, and maps from and to floats.
 */
#ifndef SC_CPU_KERNEL_POINTWISE_H
#define SC_CPU_KERNEL_POINTWISE_H

#include "backend/cpu/kernel_elem.h"
#include "backend/ref/ref_act.h"
#include "core/parallel.h"

enum { POINT_CHUNK = 16384 };

typedef struct {
    elem *out;
    const elem *a, *b;
    float *real_out;
    const float *real;
    size_t count;
} point_args;

static void point_run(point_args *g, sc_part_fn fn)
{
    sc_parallel_for((g->count + POINT_CHUNK - 1) / POINT_CHUNK, fn, g);
}

/* The elements of a part: *begin .. *end - 1, up to *vectors in whole vectors. */
SC_INLINE void point_range(size_t *begin, size_t *vectors, size_t *end, const point_args *g,
                           size_t part)
{
    *begin = part * POINT_CHUNK;
    *end = min_size(*begin + POINT_CHUNK, g->count);
    *vectors = *end - (*end - *begin) % VEC;
}

static void relu_part(void *context, size_t part)
{
    const point_args *g = context;
    size_t i, vectors, end;

    for (point_range(&i, &vectors, &end, g, part); i < vectors; i += VEC) {
        estore(g->out + i, vmax(vzero(), eload(g->a + i))); /* vmax(0, NaN) is NaN */
    }
    for (; i < end; i++) {
        g->out[i] = eput(eget(g->a[i]) < 0 ? 0 : eget(g->a[i]));
    }
}

static void relu_backward_part(void *context, size_t part)
{
    const point_args *g = context;
    size_t i, vectors, end;

    for (point_range(&i, &vectors, &end, g, part); i < vectors; i += VEC) {
        estore(g->out + i, vkeep_positive(eload(g->a + i), eload(g->b + i)));
    }
    for (; i < end; i++) {
        g->out[i] = eput(eget(g->b[i]) > 0 ? eget(g->a[i]) : 0);
    }
}

static void act_forward(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind, double param)
{
    if (kind != SC_ACT_RELU) {
        ref_act_forward(y, x, count, kind, param);
        return;
    }
    point_args g = {.out = y, .a = x, .count = count};
    point_run(&g, relu_part);
}

static void act_backward(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                         sc_act_kind kind, double param)
{
    if (kind != SC_ACT_RELU) {
        ref_act_backward(dx, dy, x, count, kind, param);
        return;
    }
    point_args g = {.out = dx, .a = dy, .b = x, .count = count};
    point_run(&g, relu_backward_part);
}

static void add_part(void *context, size_t part)
{
    const point_args *g = context;
    size_t i, vectors, end;

    for (point_range(&i, &vectors, &end, g, part); i < vectors; i += VEC) {
        estore(g->out + i, eload(g->a + i) + eload(g->b + i));
    }
    for (; i < end; i++) {
        g->out[i] = eput(eget(g->a[i]) + eget(g->b[i]));
    }
}

static void add(sc_map *y, const sc_map *a, const sc_map *b, size_t count)
{
    point_args g = {.out = y, .a = a, .b = b, .count = count};
    point_run(&g, add_part);
}

static void map_store_part(void *context, size_t part)
{
    const point_args *g = context;
    size_t i, vectors, end;

    point_range(&i, &vectors, &end, g, part);
    floats_to_elems(g->out + i, g->real + i, end - i);
}

static void map_store(sc_map *y, const float *x, size_t count)
{
    point_args g = {.out = y, .real = x, .count = count};
    point_run(&g, map_store_part);
}

static void map_load_part(void *context, size_t part)
{
    const point_args *g = context;
    size_t i, vectors, end;

    for (point_range(&i, &vectors, &end, g, part); i < vectors; i += VEC) {
        vstore(g->real_out + i, eload(g->a + i));
    }
    for (; i < end; i++) {
        g->real_out[i] = eget(g->a[i]);
    }
}

static void map_load(float *y, const sc_map *x, size_t count)
{
    point_args g = {.real_out = y, .a = x, .count = count};
    point_run(&g, map_load_part);
}

static void map_copy(sc_map *y, const sc_map *x, size_t count)
{
    memcpy(y, x, count * sizeof(elem));
}

#endif
