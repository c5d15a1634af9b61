/* SPDX-License-Identifier: MIT
 *
 * kernel_wino.h - the transforms of Winograd's convolution F(m x m, 3x3) (Lavin and Gray 2015).
 *
 *   y = A' [ (G g G') * (B' d B) ] A     d (m+2)x(m+2) of the image, g 3x3, y m x m; * by elements
 *
 * m = 4: interpolation points 0, +-a, +-b, infinity with a = 3/4, b = 3/2, half the rounding error of
 * the usual +-1, +-2 at the same cost; 2.25 multiplications an output instead of 9.  m = 2: points 0,
 * +-1, infinity; 4 multiplications.  A vector holds VEC channels; the functions of this file are one
 * side (1-D), and m is a constant where they are called.
 */
#ifndef SC_CPU_KERNEL_WINO_H
#define SC_CPU_KERNEL_WINO_H

#include "backend/cpu/kernel_micro.h"

enum { WINO_MOST = 6, WINO_POINTS = WINO_MOST * WINO_MOST }; /* for m = 4 */

#define WINO_A 0.75F
#define WINO_B 1.5F
#define WINO_A2 (WINO_A * WINO_A)
#define WINO_B2 (WINO_B * WINO_B)
/* 1 / prod (p_j - p_i): 1 / a^2 b^2, 1 / 2 a^2 (a^2 - b^2), 1 / 2 b^2 (b^2 - a^2) */
#define WINO_F0 (64.0F / 81.0F)
#define WINO_FA (-128.0F / 243.0F)
#define WINO_FB (32.0F / 243.0F)

/* even + f odd and even - f odd.  Two ways to the same four operations: multipliers and adders are units of
 * their own on processors without a matrix unit; on those with one, vectors of 64 bytes are added by one
 * multiplier of two, which the conversions need. */
SC_INLINE void wino_both(vec *plus, vec *minus, vec even, vec odd, const float f)
{
    if (MATRIX_UNIT) {
        *plus = vfma(odd, vset(f), even);
        *minus = vfma(odd, vset(-f), even);
    } else {
        odd = vset(f) * odd;
        *plus = even + odd;
        *minus = even - odd;
    }
}

/* r = B' d */
SC_INLINE void wino_input(vec *r, size_t step, const vec *d, const size_t m)
{
    if (m == 2) {
        r[0] = d[0] - d[2];
        r[step] = d[1] + d[2];
        r[2 * step] = d[2] - d[1];
        r[3 * step] = d[1] - d[3];
        return;
    }
    vec ea = vfma(d[2], vset(-WINO_B2), d[4]), eb = vfma(d[2], vset(-WINO_A2), d[4]);
    vec oa = vfma(d[1], vset(-WINO_B2), d[3]), ob = vfma(d[1], vset(-WINO_A2), d[3]);
    vec ab = vset(WINO_A2 * WINO_B2), sum = vset(-WINO_A2 - WINO_B2);

    r[0] = vfma(d[0], ab, vfma(d[2], sum, d[4]));
    wino_both(r + step, r + 2 * step, ea, oa, WINO_A);
    wino_both(r + 3 * step, r + 4 * step, eb, ob, WINO_B);
    r[5 * step] = vfma(d[1], ab, vfma(d[3], sum, d[5]));
}

/* r = A' u */
SC_INLINE void wino_output(vec *r, size_t step, const vec *u, const size_t m)
{
    if (m == 2) {
        r[0] = u[0] + u[1] + u[2];
        r[step] = u[1] - u[2] - u[3];
        return;
    }
    vec sa = u[1] + u[2], da = u[1] - u[2], sb = u[3] + u[4], db = u[3] - u[4];

    r[0] = u[0] + sa + sb;
    r[step] = vfma(db, vset(WINO_B), vset(WINO_A) * da);
    r[2 * step] = vfma(sb, vset(WINO_B2), vset(WINO_A2) * sa);
    r[3 * step] = vfma(db, vset(WINO_B * WINO_B2), vfma(da, vset(WINO_A * WINO_A2), u[5]));
}

/* r = A y */
SC_INLINE void wino_gradient(vec *r, size_t step, const vec *y, const size_t m)
{
    if (m == 2) {
        r[0] = y[0];
        r[step] = y[0] + y[1];
        r[2 * step] = y[0] - y[1];
        r[3 * step] = vzero() - y[1];
        return;
    }
    vec ea = vfma(y[2], vset(WINO_A2), y[0]), eb = vfma(y[2], vset(WINO_B2), y[0]);
    vec oa = vfma(y[3], vset(WINO_A2), y[1]), ob = vfma(y[3], vset(WINO_B2), y[1]);

    r[0] = y[0];
    wino_both(r + step, r + 2 * step, ea, oa, WINO_A);
    wino_both(r + 3 * step, r + 4 * step, eb, ob, WINO_B);
    r[5 * step] = y[3];
}

/* r = G g */
SC_INLINE void wino_filter(vec *r, size_t step, const vec *g, const size_t m)
{
    if (m == 2) {
        vec even = vset(0.5F) * (g[0] + g[2]), odd = vset(0.5F) * g[1];
        r[0] = g[0];
        r[step] = even + odd;
        r[2 * step] = even - odd;
        r[3 * step] = g[2];
        return;
    }
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
SC_INLINE void wino_filter_gradient(vec *r, size_t step, const vec *u, const size_t m)
{
    if (m == 2) {
        vec even = vset(0.5F) * (u[1] + u[2]);
        r[0] = u[0] + even;
        r[step] = vset(0.5F) * (u[1] - u[2]);
        r[2 * step] = u[3] + even;
        return;
    }
    vec sa = vset(WINO_FA) * (u[1] + u[2]), sb = vset(WINO_FB) * (u[3] + u[4]);
    vec da = u[1] - u[2], db = u[3] - u[4];

    r[0] = vfma(u[0], vset(WINO_F0), sa + sb);
    r[step] = vfma(da, vset(WINO_FA * WINO_A), vset(WINO_FB * WINO_B) * db);
    r[2 * step] = vfma(sa, vset(WINO_A2), vfma(sb, vset(WINO_B2), u[5]));
}

#endif
