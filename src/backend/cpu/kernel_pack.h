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

#if defined(__AVX512F__)
/* 16 x 16: pairs of rows, then of pairs, within the quarters of a vector; then quarters. */
static void pack_transposed_16(float *to, size_t to_row, const float *from, size_t from_row)
{
    __m512 a[16], b[16];

    for (size_t i = 0; i < 16; i++) {
        a[i] = _mm512_loadu_ps(from + i * from_row);
    }
    for (size_t i = 0; i < 16; i += 4) {
        for (size_t k = 0; k < 4; k += 2) {
            b[i + k] = _mm512_unpacklo_ps(a[i + k], a[i + k + 1]);
            b[i + k + 1] = _mm512_unpackhi_ps(a[i + k], a[i + k + 1]);
        }
        for (size_t k = 0; k < 2; k++) { /* columns 2 k and 2 k + 1 of each quarter, of four rows */
            a[i + 2 * k] = _mm512_shuffle_ps(b[i + k], b[i + k + 2], 0x44);
            a[i + 2 * k + 1] = _mm512_shuffle_ps(b[i + k], b[i + k + 2], 0xee);
        }
    }
    for (size_t k = 0; k < 4; k++) { /* of all rows */
        __m512 even = _mm512_shuffle_f32x4(a[k], a[k + 4], 0x88);
        __m512 odd = _mm512_shuffle_f32x4(a[k], a[k + 4], 0xdd);
        __m512 even2 = _mm512_shuffle_f32x4(a[k + 8], a[k + 12], 0x88);
        __m512 odd2 = _mm512_shuffle_f32x4(a[k + 8], a[k + 12], 0xdd);
        _mm512_storeu_ps(to + k * to_row, _mm512_shuffle_f32x4(even, even2, 0x88));
        _mm512_storeu_ps(to + (k + 4) * to_row, _mm512_shuffle_f32x4(odd, odd2, 0x88));
        _mm512_storeu_ps(to + (k + 8) * to_row, _mm512_shuffle_f32x4(even, even2, 0xdd));
        _mm512_storeu_ps(to + (k + 12) * to_row, _mm512_shuffle_f32x4(odd, odd2, 0xdd));
    }
}
#endif

/* to[l * to_row + j] = from[j * from_row + l],  j < rows, l < cols: a transposed copy. */
static void pack_transposed(float *restrict to, size_t to_row, const float *restrict from,
                            size_t from_row, size_t rows, size_t cols)
{
    size_t j = 0;

#if defined(__AVX512F__)
    for (; cols % 16 == 0 && j < rows / 16 * 16; j += 16) {
        for (size_t l = 0; l < cols; l += 16) {
            pack_transposed_16(to + l * to_row + j, to_row, from + j * from_row + l, from_row);
        }
    }
#endif
#if defined(__SSE__)
    for (; j < rows / 4 * 4; j += 4) {
        const float *x = from + j * from_row;
        size_t l = 0;
        for (; l < cols / 4 * 4; l += 4) {
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
