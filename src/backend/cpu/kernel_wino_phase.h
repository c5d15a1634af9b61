/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_phase.h - the transforms of Winograd's F(4,2), for convolutions of stride 2.
 *
 * Along one side, with padding 1 and the odd pixels o[k] = x[2k+1] apart from the even e[k] = x[2k],
 *
 *   y[p] = w0 x[2p-1] + w1 x[2p] + w2 x[2p+1] = (w0 o[p-1] + w2 o[p]) + w1 e[p]
 *
 * so the odd phase is a convolution of stride 1 with two taps, the even one with one.  Both are
 * interpolated at the same points, 0, +-a, b, infinity, where their products may be added.  The even
 * phase's second tap is 0, so it has nothing at infinity: n = 5 points when odd, 4 when even.
 * a = 3/4 and b = 2 had the least rounding error in bf16 of 25 pairs tried: 1.0 % in rms, where
 * F(4x4,3x3) has 1.2 % (docs/math.md).
 */
#ifndef SC_CPU_KERNEL_WINO_PHASE_H
#define SC_CPU_KERNEL_WINO_PHASE_H

#include "backend/cpu/kernel_vec.h"

enum { PHASE_MOST = 5, PHASE_POINTS = PHASE_MOST * PHASE_MOST, PHASE_TILE = 4 };

#define PHASE_A 0.75F
#define PHASE_B 2.0F
#define PHASE_A2 (PHASE_A * PHASE_A)
#define PHASE_B2 (PHASE_B * PHASE_B)
/* 1 / prod (p_j - p_i): 1 / a^2 b, 1 / 2 a^2 (a - b), -1 / 2 a^2 (a + b), 1 / b (b^2 - a^2) */
#define PHASE_F0 (8.0F / 9.0F)
#define PHASE_FA (-32.0F / 45.0F)
#define PHASE_FM (-32.0F / 99.0F)
#define PHASE_FB (8.0F / 55.0F)

/* r = B' d */
SC_INLINE void phase_input(vec *r, size_t step, const vec *d, const size_t n)
{
    vec b = vset(-PHASE_B), a2 = vset(-PHASE_A2);
    vec t0 = vfma(d[0], b, d[1]), t1 = vfma(d[1], b, d[2]), t2 = vfma(d[2], b, d[3]);

    r[0] = vfma(t0, a2, t2);
    r[step] = vfma(t1, vset(PHASE_A), t2);
    r[2 * step] = vfma(t1, vset(-PHASE_A), t2);
    r[3 * step] = vfma(d[1], a2, d[3]);
    if (n == 5) {
        r[4 * step] = vfma(t1, a2, vfma(d[3], b, d[4]));
    }
}

/* r = A' u: four outputs */
SC_INLINE void phase_output(vec *r, size_t step, const vec *u, const size_t n)
{
    vec sum = u[1] + u[2], difference = u[1] - u[2];

    r[0] = u[0] + sum + u[3];
    r[step] = vfma(u[3], vset(PHASE_B), vset(PHASE_A) * difference);
    r[2 * step] = vfma(u[3], vset(PHASE_B2), vset(PHASE_A2) * sum);
    r[3 * step] = vfma(u[3], vset(PHASE_B * PHASE_B2), vset(PHASE_A * PHASE_A2) * difference);
    if (n == 5) {
        r[3 * step] = r[3 * step] + u[4];
    }
}

/* r = A y: five points */
SC_INLINE void phase_gradient(vec *r, size_t step, const vec *y)
{
    vec even = vfma(y[2], vset(PHASE_A2), y[0]), odd = vfma(y[3], vset(PHASE_A2), y[1]);
    vec even_b = vfma(y[2], vset(PHASE_B2), y[0]), odd_b = vfma(y[3], vset(PHASE_B2), y[1]);

    r[0] = y[0];
    r[step] = vfma(odd, vset(PHASE_A), even);
    r[2 * step] = vfma(odd, vset(-PHASE_A), even);
    r[3 * step] = vfma(odd_b, vset(PHASE_B), even_b);
    r[4 * step] = y[3];
}

/* r = G g, of two taps when n = 5, else of one */
SC_INLINE void phase_filter(vec *r, size_t step, const vec *g, const size_t n)
{
    if (n == 4) {
        r[0] = vset(PHASE_F0) * g[0];
        r[step] = vset(PHASE_FA) * g[0];
        r[2 * step] = vset(PHASE_FM) * g[0];
        r[3 * step] = vset(PHASE_FB) * g[0];
        return;
    }
    r[0] = vset(PHASE_F0) * g[0];
    r[step] = vset(PHASE_FA) * vfma(g[1], vset(PHASE_A), g[0]);
    r[2 * step] = vset(PHASE_FM) * vfma(g[1], vset(-PHASE_A), g[0]);
    r[3 * step] = vset(PHASE_FB) * vfma(g[1], vset(PHASE_B), g[0]);
    r[4 * step] = g[1];
}

/* r = G' u */
SC_INLINE void phase_filter_gradient(vec *r, size_t step, const vec *u, const size_t n)
{
    vec a = vset(PHASE_FA) * u[1], minus = vset(PHASE_FM) * u[2], b = vset(PHASE_FB) * u[3];

    r[0] = vfma(u[0], vset(PHASE_F0), a + minus) + b;
    if (n == 5) {
        r[step] = vfma(a - minus, vset(PHASE_A), vfma(b, vset(PHASE_B), u[4]));
    }
}

#endif
