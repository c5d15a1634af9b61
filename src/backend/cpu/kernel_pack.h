/* SPDX-License-Identifier: MIT
 *
 * kernel_pack.h - copies of matrix blocks in the order in which the micro-tile reads them.
 */
#ifndef SC_CPU_KERNEL_PACK_H
#define SC_CPU_KERNEL_PACK_H

#include "backend/cpu/kernel_vec.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* to[l * to_row + j] = from[j * from_row + l],  j < rows, l < cols: a transposed copy. */
static void pack_transposed(float *restrict to, size_t to_row, const float *restrict from,
                            size_t from_row, size_t rows, size_t cols)
{
    size_t j = 0;

#if defined(__SSE__)
    for (; j + 4 <= rows; j += 4) {
        const float *x = from + j * from_row;
        size_t l = 0;
        for (; l + 4 <= cols; l += 4) {
            __m128 r0 = _mm_loadu_ps(x + l), r1 = _mm_loadu_ps(x + from_row + l);
            __m128 r2 = _mm_loadu_ps(x + 2 * from_row + l);
            __m128 r3 = _mm_loadu_ps(x + 3 * from_row + l);
            float *y = to + l * to_row + j;
            _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
            _mm_storeu_ps(y, r0);
            _mm_storeu_ps(y + to_row, r1);
            _mm_storeu_ps(y + 2 * to_row, r2);
            _mm_storeu_ps(y + 3 * to_row, r3);
        }
        for (; l < cols; l++) {
            for (size_t i = 0; i < 4; i++) {
                to[l * to_row + j + i] = x[i * from_row + l];
            }
        }
    }
#endif
    for (; j < rows; j++) {
        for (size_t l = 0; l < cols; l++) {
            to[l * to_row + j] = from[j * from_row + l];
        }
    }
}

#endif
