/* SPDX-License-Identifier: MIT
 *
 * ref_reflect.h - reference reflection padding: y[h + pad] = x[h], mirrored about the first and the
 * last pixel; backward, each pixel collects the gradients of all its images.  One part per image.
 */
#ifndef SC_REF_REF_REFLECT_H
#define SC_REF_REF_REFLECT_H

#include <assert.h>
#include <string.h>

#include "backend/ref/elem.h"
#include "core/parallel.h"

typedef struct {
    ref_elem *out;
    const ref_elem *in, *base;
    size_t h, w, c, pad;
} ref_reflect_args;

/* Pixel of 0 .. size-1 that padded position i shows. */
static size_t ref_mirror(size_t i, size_t pad, size_t size)
{
    if (i < pad) {
        return pad - i;
    }
    i -= pad;
    return i < size ? i : 2 * (size - 1) - i;
}

static void ref_reflect_image(void *context, size_t n)
{
    const ref_reflect_args *g = context;
    size_t p_count = g->h + 2 * g->pad, q_count = g->w + 2 * g->pad;

    for (size_t p = 0; p < p_count; p++) {
        for (size_t q = 0; q < q_count; q++) {
            size_t h = ref_mirror(p, g->pad, g->h), w = ref_mirror(q, g->pad, g->w);
            memcpy(g->out + ((n * p_count + p) * q_count + q) * g->c,
                   g->in + ((n * g->h + h) * g->w + w) * g->c, g->c * sizeof *g->out);
        }
    }
}

static void ref_reflect_pad_forward(sc_map *y, const sc_map *x, size_t n, size_t h, size_t w,
                                    size_t c, size_t pad)
{
    assert(pad < h && pad < w);
    ref_reflect_args g = {y, x, NULL, h, w, c, pad};
    sc_parallel_for(n, ref_reflect_image, &g);
}

/* The padded positions that show pixel i: its own and up to two reflections; how many. */
static size_t ref_reflections(size_t at[3], size_t i, size_t pad, size_t size)
{
    size_t count = 0;

    at[count++] = pad + i;
    if (i >= 1 && i <= pad) {
        at[count++] = pad - i;
    }
    if (i + 1 < size && size - 1 - i <= pad) {
        at[count++] = pad + 2 * (size - 1) - i;
    }
    return count;
}

static void ref_reflect_backward_image(void *context, size_t n)
{
    const ref_reflect_args *g = context;
    size_t p_count = g->h + 2 * g->pad, q_count = g->w + 2 * g->pad;
    const ref_elem *dy = g->in + n * p_count * q_count * g->c;

    for (size_t pixel = 0; pixel < g->h * g->w; pixel++) {
        size_t p[3], q[3];
        size_t ps = ref_reflections(p, pixel / g->w, g->pad, g->h);
        size_t qs = ref_reflections(q, pixel % g->w, g->pad, g->w);
        for (size_t c = 0; c < g->c; c++) {
            size_t at = (n * g->h * g->w + pixel) * g->c + c;
            double sum = g->base ? ref_get(g->base[at]) : 0;
            for (size_t i = 0; i < ps * qs; i++) {
                sum += ref_get(dy[(p[i / qs] * q_count + q[i % qs]) * g->c + c]);
            }
            g->out[at] = ref_put(sum);
        }
    }
}

static void ref_reflect_pad_backward(sc_map *dx, const sc_map *dy, const sc_map *base, size_t n,
                                     size_t h, size_t w, size_t c, size_t pad)
{
    assert(pad < h && pad < w);
    ref_reflect_args g = {dx, dy, base, h, w, c, pad};
    sc_parallel_for(n, ref_reflect_backward_image, &g);
}

#endif
