/* SPDX-License-Identifier: MIT
 *
 * kernel_maxpool.h - maxima over windows.
 *
 *   y = max of the window over x, or over f(x scale + shift);  argmax = the first of the largest
 *   dx = sum of dy over the windows that chose the pixel
 *
 * A normalised map that only its maxima are taken of is never stored, and what the norm before wants to
 * know of dx is summed up line by line as it is stored.
 */
#ifndef SC_CPU_KERNEL_MAXPOOL_H
#define SC_CPU_KERNEL_MAXPOOL_H

#include <assert.h>

#include "backend/cpu/kernel_norm.h"
#include "backend/cpu/kernel_pool.h"

/* ---- y ---- */

enum { MAX_VECS = 4 };

typedef enum { MAX_OF_X, MAX_OF_AFFINE, MAX_OF_RELU } max_of;

typedef struct {
    elem *y;
    uint32_t *argmax;
    const elem *x;
    const sc_affine *make;
    sc_pool_shape s;
} maxpool_args;

/* What the maximum is taken of, before it is stored; `of` is a constant where this is called.  Neither ReLU
 * nor rounding changes which of two is larger, so that the maximum alone goes through them. */
SC_INLINE vec max_load(const maxpool_args *g, const elem *x, size_t c, const max_of of)
{
    vec v = eload(x + c);

    return of == MAX_OF_X ? v : vfma(v, vload(g->make->scale + c), vload(g->make->shift + c));
}

/* `vecs` vectors of channels from c on of a window: rows h0 .. h1-1, columns w0 .. w1-1 of the image x.
 * Several at once, as each waits for its comparisons. */
SC_INLINE void max_vecs(elem *y, uint32_t *argmax, const maxpool_args *g, const elem *x,
                        const size_t window[4], size_t c, const size_t vecs, const max_of of)
{
    const sc_pool_shape *s = &g->s;
    size_t first = window[0] * s->w + window[2];
    vec best[MAX_VECS], from[MAX_VECS];

    for (size_t i = 0; i < vecs; i++) {
        best[i] = max_load(g, x + first * s->c, c + i * VEC, of);
        from[i] = vbits((uint32_t)first);
    }
    for (size_t h = window[0]; h < window[1]; h++) {
        for (size_t w = window[2]; w < window[3]; w++) {
            size_t at = h * s->w + w;
            vec here = vbits((uint32_t)at);
            for (size_t i = 0; i < vecs; i++) {
                vec v = max_load(g, x + at * s->c, c + i * VEC, of);
                from[i] = vpick_above(v, best[i], here, from[i]);
                best[i] = vpick_above(v, best[i], v, best[i]); /* NaN wins, as in PyTorch */
            }
        }
    }
    for (size_t i = 0; i < vecs; i++) {
        estore(y + c + i * VEC, of == MAX_OF_RELU ? vmax(vzero(), best[i]) : best[i]);
        vstore((float *)(void *)(argmax + c + i * VEC), from[i]);
    }
}

/* All channels, of x, which fill no vector. */
static void max_few(elem *y, uint32_t *argmax, const maxpool_args *g, const elem *x,
                    const size_t window[4])
{
    const sc_pool_shape *s = &g->s;

    for (size_t c = 0; c < s->c; c++) {
        size_t best = window[0] * s->w + window[2];
        for (size_t h = window[0]; h < window[1]; h++) {
            for (size_t w = window[2]; w < window[3]; w++) {
                float v = eget(x[(h * s->w + w) * s->c + c]);
                best = v > eget(x[best * s->c + c]) || v != v ? h * s->w + w : best;
            }
        }
        y[c] = x[best * s->c + c];
        argmax[c] = (uint32_t)best;
    }
}

SC_INLINE void maxpool_row_of(const maxpool_args *g, size_t row, const max_of of)
{
    const sc_pool_shape *s = &g->s;
    const elem *x = g->x + row / s->p * s->h * s->w * s->c;
    size_t window[4];

    pool_side(&window[0], &window[1], s, row % s->p, s->h);
    for (size_t q = 0; q < s->q; q++) {
        elem *y = g->y + (row * s->q + q) * s->c;
        uint32_t *argmax = g->argmax + (row * s->q + q) * s->c;
        pool_side(&window[2], &window[3], s, q, s->w);
        for (size_t h = window[1]; h < window[1] + s->stride; h++) { /* of the next row */
            prefetch(x + (h * s->w + window[2]) * s->c, s->stride * s->c * sizeof *x, true);
        }
        if (s->c < VEC) {
            max_few(y, argmax, g, x, window);
            continue;
        }
        size_t c = 0;
        for (; c + MAX_VECS * VEC <= s->c; c += MAX_VECS * VEC) {
            max_vecs(y, argmax, g, x, window, c, MAX_VECS, of);
        }
        for (; c < s->c; c += VEC) { /* the last one may do some channels again */
            max_vecs(y, argmax, g, x, window, min_size(c, s->c - VEC), 1, of);
        }
    }
}

static void maxpool_row(void *context, size_t row)
{
    const maxpool_args *g = context;

    if (!g->make) {
        maxpool_row_of(g, row, MAX_OF_X);
    } else if (g->make->relu) {
        maxpool_row_of(g, row, MAX_OF_RELU);
    } else {
        maxpool_row_of(g, row, MAX_OF_AFFINE);
    }
}

static void maxpool_forward(sc_map *y, uint32_t *argmax, const sc_map *x, const sc_affine *make,
                            const sc_pool_shape *shape)
{
    size_t c = shape->c;
    maxpool_args g = {y, argmax, x, make, *shape};

    pool_check(shape);
    assert(!make || make->y == x);
    if (make && (make->residual || c < VEC)) {
        channel_affine(make, shape->n * shape->h * shape->w, c);
        g.make = NULL;
    } else if (make) {
        g.x = make->x;
    }
    sc_parallel_for(shape->n * shape->p, maxpool_row, &g);
}

/* ---- dx ---- */

typedef struct {
    elem *dx;
    const elem *dy;
    const uint32_t *argmax;
    sc_pool_shape s;
    const sc_batchnorm *sums; /* of at most NORM_GROUP channels; or NULL */
    norm_sums norm;
} unmax_args;

/* Columns w .. end-1 of a line of dx. */
typedef struct {
    size_t line, w, end;
    float *first, *second; /* sums of their g and g (x - mean), by channel */
} unmax_run;

/* Windows of a line that cover column w: *begin .. *end-1, given those of the column before. */
SC_INLINE void unmax_advance(size_t *begin, size_t *end, const sc_pool_shape *s, size_t w)
{
    while (*begin * s->stride + s->window <= w + s->pad) {
        ++*begin;
    }
    while (*end < s->q && *end * s->stride <= w + s->pad) {
        ++*end;
    }
}

/* `vecs` vectors of channels from c on; whether there are sums to take, and of what, are constants. */
SC_INLINE void unmax_vecs(const unmax_args *g, const unmax_run *run, size_t c, const size_t vecs,
                          const bool sums, const norm_mask mask)
{
    const sc_pool_shape *s = &g->s;
    const sc_batchnorm *of = g->sums;
    size_t h = run->line % s->h, image = run->line / s->h * s->p, p0, p1, q0, q1;
    vec first[MAX_VECS], second[MAX_VECS];

    for (size_t i = 0; i < vecs; i++) {
        first[i] = second[i] = vzero();
    }
    pool_windows(&p0, &p1, s, h, s->p);
    pool_windows(&q0, &q1, s, run->w, s->q);
    for (size_t w = run->w; w < run->end; w++) {
        uint32_t index = (uint32_t)(h * s->w + w);
        size_t to = (run->line * s->w + w) * s->c + c;
        vec sum[MAX_VECS];
        unmax_advance(&q0, &q1, s, w);
        for (size_t i = 0; i < vecs; i++) {
            sum[i] = vzero();
        }
        for (size_t p = image + p0; p < image + p1; p++) {
            for (size_t q = q0; q < q1; q++) {
                size_t from = (p * s->q + q) * s->c + c;
                for (size_t i = 0; i < vecs; i++, from += VEC) {
                    sum[i] += vkeep_equal(eload(g->dy + from), g->argmax + from, index);
                }
            }
        }
        for (size_t i = 0; i < vecs; i++, to += VEC) {
            estore(g->dx + to, sum[i]);
            if (sums) {
                size_t at = c + i * VEC;
                vec x = eload((const elem *)of->x + to);
                vec d = norm_g(of, to, at, erounded(sum[i]), x, mask);
                first[i] += d;
                second[i] = vfma(d, x - vload(of->mean + at), second[i]);
            }
        }
    }
    for (size_t i = 0; sums && i < vecs; i++) {
        vstore(run->first + c + i * VEC, first[i]);
        vstore(run->second + c + i * VEC, second[i]);
    }
}

/* All channels, which fill no vector. */
static void unmax_few(const unmax_args *g, const unmax_run *run, norm_mask mask)
{
    const sc_pool_shape *s = &g->s;
    size_t h = run->line % s->h, image = run->line / s->h * s->p, p0, p1, q0, q1;

    pool_windows(&p0, &p1, s, h, s->p);
    for (size_t c = 0; c < s->c; c++) {
        float first = 0, second = 0;
        for (size_t w = run->w; w < run->end; w++) {
            size_t to = (run->line * s->w + w) * s->c + c;
            float sum = 0;
            pool_windows(&q0, &q1, s, w, s->q);
            for (size_t p = image + p0; p < image + p1; p++) {
                for (size_t q = q0; q < q1; q++) {
                    size_t from = (p * s->q + q) * s->c + c;
                    sum += g->argmax[from] == h * s->w + w ? eget(g->dy[from]) : 0;
                }
            }
            g->dx[to] = eput(sum);
            if (g->sums) {
                float x = eget(((const elem *)g->sums->x)[to]);
                float d = norm_g_at(g->sums, to, c, x, mask);
                first += d;
                second += d * (x - g->sums->mean[c]);
            }
        }
        if (g->sums) {
            run->first[c] = first;
            run->second[c] = second;
        }
    }
}

SC_INLINE void unmax_run_of(const unmax_args *g, const unmax_run *run, const bool sums,
                            const norm_mask mask)
{
    size_t c = 0, channels = g->s.c;

    if (channels < VEC) {
        unmax_few(g, run, mask);
        return;
    }
    for (; c + MAX_VECS * VEC <= channels; c += MAX_VECS * VEC) {
        unmax_vecs(g, run, c, MAX_VECS, sums, mask);
    }
    for (; c < channels; c += VEC) { /* the last one may do some channels again */
        unmax_vecs(g, run, min_size(c, channels - VEC), 1, sums, mask);
    }
}

/* One of NORM_PARTS ranges of lines. */
static void unmax_range(void *context, size_t range)
{
    const unmax_args *g = context;
    float first[NORM_GROUP], second[NORM_GROUP];
    unmax_run run = {.first = first, .second = second};
    size_t end;

    sc_part_range(&run.line, &end, g->s.n * g->s.h, NORM_PARTS, range);
    for (; run.line < end; run.line++) {
        for (run.w = 0; run.w < g->s.w; run.w = run.end) {
            run.end = min_size(run.w + NORM_RUN, g->s.w);
            if (!g->sums) {
                unmax_run_of(g, &run, false, NORM_ALL);
                continue;
            }
            if (g->norm.mask == NORM_ALL) {
                unmax_run_of(g, &run, true, NORM_ALL);
            } else {
                unmax_run_of(g, &run, true, NORM_BY_X);
            }
            norm_sums_join(&g->norm, range, first, second);
        }
    }
}

static void maxpool_backward(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                             const uint32_t *argmax, const sc_pool_shape *shape)
{
    size_t rows = shape->n * shape->h * shape->w, c = shape->c;
    double memory[2 * NORM_PARTS * NORM_GROUP];
    unmax_args g = {dx, dy, argmax, *shape, c <= NORM_GROUP ? sums : NULL, {.of = NULL}};

    pool_check(shape);
    assert(!sums || (sums->dy == dx && !sums->y));
    if (g.sums) {
        norm_sums_begin(&g.norm, sums, NORM_PARTS, 0, c, memory);
    }
    sc_parallel_for(NORM_PARTS, unmax_range, &g);
    if (g.sums) {
        norm_sums_end(&g.norm, rows);
    } else if (sums) {
        batchnorm_sums(sums, rows, c);
    }
}

#endif
