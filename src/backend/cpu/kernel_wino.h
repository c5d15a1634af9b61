/* SPDX-License-Identifier: MIT
 *
 * kernel_wino.h - the transforms of Winograd's convolution F(4x4, 3x3) (Lavin and Gray 2015).
 *
 *   y = A' [ (G g G') * (B' d B) ] A        d 6x6 of the image, g 3x3, y 4x4; * by elements
 *
 * Interpolation points 0, +-a, +-b, infinity with a = 3/4, b = 3/2: half the rounding error of the
 * usual +-1, +-2 at the same cost.  A vector holds VEC channels; every function is one side (1-D).
 */
#ifndef SC_CPU_KERNEL_WINO_H
#define SC_CPU_KERNEL_WINO_H

#include "backend/cpu/kernel_conv.h"

enum { WINO_OUT = 4, WINO_IN = 6, WINO_POINTS = 36 };

#define WINO_A 0.75F
#define WINO_B 1.5F
#define WINO_A2 (WINO_A * WINO_A)
#define WINO_B2 (WINO_B * WINO_B)
/* 1 / prod (p_j - p_i): 1 / a^2 b^2, 1 / 2 a^2 (a^2 - b^2), 1 / 2 b^2 (b^2 - a^2) */
#define WINO_F0 (64.0F / 81.0F)
#define WINO_FA (-128.0F / 243.0F)
#define WINO_FB (32.0F / 243.0F)

/* r = B' d */
SC_INLINE void wino_input(vec *r, size_t step, const vec d[WINO_IN])
{
    vec ea = vfma(d[2], vset(-WINO_B2), d[4]), eb = vfma(d[2], vset(-WINO_A2), d[4]);
    vec oa = vfma(d[1], vset(-WINO_A * WINO_B2), vset(WINO_A) * d[3]);
    vec ob = vfma(d[1], vset(-WINO_B * WINO_A2), vset(WINO_B) * d[3]);
    vec ab = vset(WINO_A2 * WINO_B2), sum = vset(-WINO_A2 - WINO_B2);

    r[0] = vfma(d[0], ab, vfma(d[2], sum, d[4]));
    r[step] = ea + oa;
    r[2 * step] = ea - oa;
    r[3 * step] = eb + ob;
    r[4 * step] = eb - ob;
    r[5 * step] = vfma(d[1], ab, vfma(d[3], sum, d[5]));
}

/* r = A' m */
SC_INLINE void wino_output(vec *r, size_t step, const vec m[WINO_IN])
{
    vec sa = m[1] + m[2], da = m[1] - m[2], sb = m[3] + m[4], db = m[3] - m[4];

    r[0] = m[0] + sa + sb;
    r[step] = vfma(db, vset(WINO_B), vset(WINO_A) * da);
    r[2 * step] = vfma(sb, vset(WINO_B2), vset(WINO_A2) * sa);
    r[3 * step] = vfma(db, vset(WINO_B * WINO_B2), vfma(da, vset(WINO_A * WINO_A2), m[5]));
}

/* r = A y */
SC_INLINE void wino_gradient(vec *r, size_t step, const vec y[WINO_OUT])
{
    vec ea = vfma(y[2], vset(WINO_A2), y[0]), eb = vfma(y[2], vset(WINO_B2), y[0]);
    vec oa = vfma(y[3], vset(WINO_A * WINO_A2), vset(WINO_A) * y[1]);
    vec ob = vfma(y[3], vset(WINO_B * WINO_B2), vset(WINO_B) * y[1]);

    r[0] = y[0];
    r[step] = ea + oa;
    r[2 * step] = ea - oa;
    r[3 * step] = eb + ob;
    r[4 * step] = eb - ob;
    r[5 * step] = y[3];
}

/* r = G g */
SC_INLINE void wino_filter(vec *r, size_t step, const vec g[3])
{
    vec ea = vset(WINO_FA) * vfma(g[2], vset(WINO_A2), g[0]), oa = vset(WINO_FA * WINO_A) * g[1];
    vec eb = vset(WINO_FB) * vfma(g[2], vset(WINO_B2), g[0]), ob = vset(WINO_FB * WINO_B) * g[1];

    r[0] = vset(WINO_F0) * g[0];
    r[step] = ea + oa;
    r[2 * step] = ea - oa;
    r[3 * step] = eb + ob;
    r[4 * step] = eb - ob;
    r[5 * step] = g[2];
}

/* r = G' u */
SC_INLINE void wino_filter_gradient(vec *r, size_t step, const vec u[WINO_IN])
{
    vec sa = vset(WINO_FA) * (u[1] + u[2]), sb = vset(WINO_FB) * (u[3] + u[4]);
    vec da = u[1] - u[2], db = u[3] - u[4];

    r[0] = vfma(u[0], vset(WINO_F0), sa + sb);
    r[step] = vfma(da, vset(WINO_FA * WINO_A), vset(WINO_FB * WINO_B) * db);
    r[2 * step] = vfma(sa, vset(WINO_A2), vfma(sb, vset(WINO_B2), u[5]));
}

/* One convolution, or data gradient, as Winograd sees it. */
typedef struct {
    const float *in;
    float *out;
    size_t n, ih, iw, ci, oh, ow, co;
    ptrdiff_t pad;
    size_t th, tw;        /* tiles of an image */
    size_t co_pad;        /* co, rounded up to slivers */
    size_t ld_in, ld_out; /* row strides of transformed tiles; the 16 keep cache sets apart */
    const float *zeros;   /* ci zeros: what lies outside the image */
} wino_shape;

SC_INLINE void wino_locate(const wino_shape *g, size_t tile_index, size_t *n, size_t *h, size_t *w)
{
    *n = tile_index / (g->th * g->tw);
    *h = tile_index / g->tw % g->th * WINO_OUT;
    *w = tile_index % g->tw * WINO_OUT;
}

/* v[xi plane + c] = (B' d B)[xi] of one tile, all channels */
static void wino_input_tile(float *v, size_t plane, const wino_shape *g, size_t tile_index)
{
    const float *pixel[WINO_POINTS];
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    for (size_t i = 0; i < WINO_POINTS; i++) {
        size_t y = h + i / WINO_IN - (size_t)g->pad, x = w + i % WINO_IN - (size_t)g->pad;
        /* below zero wraps around to a huge number */
        pixel[i] =
            y < g->ih && x < g->iw ? g->in + ((n * g->ih + y) * g->iw + x) * g->ci : g->zeros;
    }
    for (size_t c = 0; c < g->ci; c += VEC) {
        vec q[WINO_POINTS];
        for (size_t j = 0; j < WINO_IN; j++) {
            vec d[WINO_IN];
            for (size_t i = 0; i < WINO_IN; i++) {
                d[i] = vload(pixel[i * WINO_IN + j] + c);
            }
            wino_input(q + j, WINO_IN, d);
        }
        for (size_t i = 0; i < WINO_IN; i++) {
            vec r[WINO_IN];
            wino_input(r, 1, q + i * WINO_IN);
            for (size_t j = 0; j < WINO_IN; j++) {
                vstore(v + (i * WINO_IN + j) * plane + c, r[j]);
            }
        }
    }
}

/* out = A' m A of one tile, all channels; what reaches over the edge is dropped */
static void wino_output_tile(const float *m, size_t plane, const wino_shape *g, size_t tile_index)
{
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t rows = min_size(g->oh - h, WINO_OUT), cols = min_size(g->ow - w, WINO_OUT);
    float *out = g->out + ((n * g->oh + h) * g->ow + w) * g->co;
    for (size_t c = 0; c < g->co; c += VEC) {
        vec q[WINO_OUT * WINO_IN];
        for (size_t j = 0; j < WINO_IN; j++) {
            vec d[WINO_IN];
            for (size_t i = 0; i < WINO_IN; i++) {
                d[i] = vload(m + (i * WINO_IN + j) * plane + c);
            }
            wino_output(q + j, WINO_IN, d);
        }
        for (size_t i = 0; i < rows; i++) {
            vec r[WINO_OUT];
            wino_output(r, 1, q + i * WINO_IN);
            for (size_t j = 0; j < cols; j++) {
                vstore(out + (i * g->ow + j) * g->co + c, r[j]);
            }
        }
    }
}

/* v[xi plane + k] = (A dy A')[xi] of one tile of g->out, which is dy here */
static void wino_gradient_tile(float *v, size_t plane, const wino_shape *g, size_t tile_index)
{
    size_t n, h, w;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t rows = min_size(g->oh - h, WINO_OUT), cols = min_size(g->ow - w, WINO_OUT);
    const float *dy = g->out + ((n * g->oh + h) * g->ow + w) * g->co;
    for (size_t c = 0; c < g->co; c += VEC) {
        vec q[WINO_IN * WINO_OUT];
        for (size_t j = 0; j < WINO_OUT; j++) {
            vec d[WINO_OUT];
            for (size_t i = 0; i < WINO_OUT; i++) {
                d[i] = i < rows && j < cols ? vload(dy + (i * g->ow + j) * g->co + c) : vzero();
            }
            wino_gradient(q + j, WINO_OUT, d);
        }
        for (size_t i = 0; i < WINO_IN; i++) {
            vec r[WINO_IN];
            wino_gradient(r, 1, q + i * WINO_OUT);
            for (size_t j = 0; j < WINO_IN; j++) {
                vstore(v + (i * WINO_IN + j) * plane + c, r[j]);
            }
        }
    }
}

#endif
