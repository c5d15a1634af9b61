/* SPDX-License-Identifier: MIT
 *
 * ref_peak.h - multiply-adds in registers and nothing else, as the reference does them: in double,
 * one after the other along k, here several independent sums at once.
 */
#ifndef SC_REF_REF_PEAK_H
#define SC_REF_REF_PEAK_H

#include "backend/backend.h"

static double ref_multiply_adds(size_t rounds)
{
    double s0 = 0, s1 = 1, s2 = 2, s3 = 3;

    for (size_t l = rounds; l > 0; l--) { /* the sum is a factor: the product stays in the loop */
        s0 = s0 * 0.5 + 0.5;
        s1 = s1 * 0.5 + 0.5;
        s2 = s2 * 0.5 + 0.5;
        s3 = s3 * 0.5 + 0.5;
    }
    volatile double used = s0 + s1 + s2 + s3; /* or the loop would be left out */
    (void)used;
    return 2.0 * 4 * (double)rounds;
}

#endif
