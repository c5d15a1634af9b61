/* SPDX-License-Identifier: MIT
 *
 * bf16.h - bfloat16, the upper half of a float: the elements of maps with precision bf16.
 */
#ifndef SC_BACKEND_BF16_H
#define SC_BACKEND_BF16_H

#include <stdint.h>
#include <string.h>

typedef uint16_t sc_bf16;

static inline float sc_bf16_to_float(sc_bf16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* Rounds to nearest, ties to even; NaN stays a quiet NaN. */
static inline sc_bf16 sc_bf16_from_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffU) > 0x7f800000U) {
        return (sc_bf16)(bits >> 16 | 0x40U);
    }
    return (sc_bf16)((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

#endif
