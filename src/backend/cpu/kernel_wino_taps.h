/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_taps.h - the last transform of a weight gradient: dU of all points to the 3x3 taps, G' dU G.
 */
#ifndef SC_CPU_KERNEL_WINO_TAPS_H
#define SC_CPU_KERNEL_WINO_TAPS_H

#include "backend/cpu/kernel_wino.h"
#include "backend/cpu/kernel_wino_phase.h"

enum {
    WINO_PANEL = MATRIX_UNIT ? 32 : 48, /* columns of a panel of W: a multiple of MR and of VEC */
    /* Filters of a part: their dU of all points is to stay in the second-level cache. */
    WINO_CO = MATRIX_UNIT ? 2 * WINO_PANEL
              : NR < 32   ? WINO_PANEL
                          : WINO_PANEL / 2
};

/* sums[tap] (stride ci) = or += (G' dU G)[tap] of VEC channels, of which `left` are left; du (points, WINO_CO,
 * NR) from one on */
SC_INLINE void wino_wgrad_taps(float *sums, size_t ci, size_t left, bool first, const float *du,
                               const size_t m)
{
    const size_t side = m + 2;
    vec q[3 * WINO_MOST];

    for (size_t j = 0; j < side; j++) {
        vec column[WINO_MOST];
        for (size_t i = 0; i < side; i++) {
            column[i] = vload(du + (i * side + j) * WINO_CO * NR);
        }
        wino_filter_gradient(q + j, side, column, m);
    }
    for (size_t i = 0; i < 3; i++) {
        vec r[3];
        wino_filter_gradient(r, 1, q + i * side, m);
        for (size_t j = 0; j < 3; j++) {
            float *to = sums + (3 * i + j) * ci;
            vstore_left(to, r[j] + (first ? vzero() : vload_left(to, left)), left);
        }
    }
}

/* The same for the taps of one phase: odd 0 and 2, even 1. */
SC_INLINE void phase_wgrad_taps(float *sums, size_t ci, size_t left, bool first, const float *du,
                                const size_t nh, const size_t nw)
{
    vec q[2 * PHASE_MOST];

    for (size_t j = 0; j < nw; j++) {
        vec column[PHASE_MOST];
        for (size_t i = 0; i < nh; i++) {
            column[i] = vload(du + (i * PHASE_MOST + j) * WINO_CO * NR);
        }
        phase_filter_gradient(q + j, PHASE_MOST, column, nh);
    }
    for (size_t i = 0; i < nh - 3; i++) {
        vec r[2];
        phase_filter_gradient(r, 1, q + i * PHASE_MOST, nw);
        for (size_t j = 0; j < nw - 3; j++) {
            size_t tap = (nh == 5 ? 2 * i : 1) * 3 + (nw == 5 ? 2 * j : 1);
            float *to = sums + tap * ci;
            vstore_left(to, r[j] + (first ? vzero() : vload_left(to, left)), left);
        }
    }
}

static void phase_wgrad_add(float *sums, size_t ci, size_t left, bool first, const float *du,
                            size_t phase)
{
    switch (phase) {
    case 0:
        phase_wgrad_taps(sums, ci, left, first, du, 5, 4);
        break;
    case 1:
        phase_wgrad_taps(sums, ci, left, first, du, 5, 5);
        break;
    case 2:
        phase_wgrad_taps(sums, ci, left, first, du, 4, 5);
        break;
    default:
        phase_wgrad_taps(sums, ci, left, first, du, 4, 4);
        break;
    }
}

#endif
