/* SPDX-License-Identifier: MIT
 *
 * kernel_peak.h - multiply-adds in registers and nothing else: what the products of this table could
 * reach at most.
 */
#ifndef SC_CPU_KERNEL_PEAK_H
#define SC_CPU_KERNEL_PEAK_H

#include "backend/cpu/kernel_micro.h"

/* A multiply-add takes 4 to 6 cycles and one or two start in each: 12 chains that do not wait for
 * each other keep every unit busy, and fit the sixteen registers of AVX2 and SSE. */
enum { CHAINS = 12 };

/* With floats the sum is a factor, so that no compiler takes the product out of the loop. */
SC_INLINE vec chain(vec sum, vec a, vec b)
{
    return WORD_K == 1 ? vdot(sum, b, a) : vdot(a, b, sum);
}

#if defined(KERNEL_AMX)

/* Products of tiles of nothing, whose sums stay where they are. */
static double multiply_adds(size_t rounds)
{
    bool begun = tile_begin();

    for (size_t l = rounds; l > 0; l--) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    tile_end(begun);
    return 2.0 * TILE_ROWS * NR * TILE_K * WORD_K * (double)rounds;
}

#else

static double multiply_adds(size_t rounds)
{
    vec sum[CHAINS], a = vset(0.5f), b = vset(0.5f);
    float out[VEC];

    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        sum[i] = vset((float)i);
    }
    for (size_t l = rounds; l > 0; l--) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = chain(sum[i], a, b);
        }
    }
    UNROLL
    for (int i = 1; i < CHAINS; i++) {
        sum[0] = vmax(sum[0], sum[i]);
    }
    vstore(out, sum[0]);
    volatile float used = out[0]; /* or the loop would be left out */
    (void)used;
    return 2.0 * CHAINS * VEC * WORD_K * (double)rounds;
}

#endif

#endif
