/* SPDX-License-Identifier: MIT
 *
 * kernel_word.h - the operands of the matrix micro-kernel.
 *
 *   word   32 bits: one float, or with KERNEL_DOT two bf16 that follow each other along k, whose products
 *          with two others one instruction adds to a float
 *   kelem  element of an operand: WORD_K of them are a word
 *
 * So kernel_micro.h and everything around it is one source for float and bf16.  bf16 without the
 * instruction keeps maps in bf16 and multiplies floats.
 */
#ifndef SC_CPU_KERNEL_WORD_H
#define SC_CPU_KERNEL_WORD_H

#include "backend/cpu/kernel_elem.h"

#if defined(__GNUC__)
typedef float word __attribute__((may_alias));
#else
typedef float word;
#endif

enum { WORD_LINE = 64 / sizeof(word) }; /* words of a line of the cache */

#if defined(KERNEL_DOT)

enum { WORD_K = 2 };
typedef sc_bf16 kelem;

SC_INLINE vec vdot(vec a, vec b, vec sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(b),
                            (__m512bh)_mm512_castps_si512(a));
}
SC_INLINE kelem kput(float x)
{
    return sc_bf16_from_float(x);
}
SC_INLINE kelem kelem_of(elem x)
{
    return x;
}
/* VEC words of twice as many elements: of each the lower half from the first, the upper from the others. */
SC_INLINE vec words_paired(__m512i both)
{
    __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                     23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both));
}
SC_INLINE vec words_of(vec even, vec odd)
{
    return words_paired((__m512i)_mm512_cvtne2ps_pbh(odd, even));
}
/* VEC elements of a map of which `left` are left; EVEN and ODD ones become the halves of the same words. */
SC_INLINE vec eload_lanes(const elem *p, const lanes which, size_t left)
{
    if (which == EVERY) {
        return eload_left(p, left);
    }
    __m512i both = left >= 2 * VEC ? _mm512_loadu_si512((const void *)p)
                                   : _mm512_maskz_loadu_epi16((1U << left) - 1, (const void *)p);
    return _mm512_castsi512_ps(which == EVEN
                                   ? _mm512_slli_epi32(both, 16)
                                   : _mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000U)));
}
/* VEC elements of an operand. */
typedef __m256i kvec;
SC_INLINE vec wpair(kvec even, kvec odd)
{
    return words_paired(_mm512_inserti64x4(_mm512_castsi256_si512(even), odd, 1));
}
SC_INLINE kvec kvec_from(const elem *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}
SC_INLINE kvec kload(const kelem *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}
/* n elements, by masks: short runs are frequent. */
SC_INLINE void elems_to_operand(kelem *restrict to, const elem *restrict from, size_t n)
{
    for (; n > 32; n -= 32, to += 32, from += 32) {
        _mm512_storeu_si512((void *)to, _mm512_loadu_si512((const void *)from));
    }
    __mmask32 mask = (__mmask32)(0xffffffffU >> (32 - n) % 32);
    mask = n > 0 ? mask : 0;
    _mm512_mask_storeu_epi16((void *)to, mask, _mm512_maskz_loadu_epi16(mask, (const void *)from));
}

#else

enum { WORD_K = 1 };
typedef float kelem;

SC_INLINE vec vdot(vec a, vec b, vec sum)
{
    return vfma(a, b, sum);
}
#if defined(SC_MAP_BF16)
SC_INLINE kelem kput(float x)
{
    return sc_bf16_to_float(sc_bf16_from_float(x));
}
#else
SC_INLINE kelem kput(float x)
{
    return x;
}
#endif
SC_INLINE kelem kelem_of(elem x)
{
    return eget(x);
}
SC_INLINE vec words_of(vec even, vec odd)
{
    (void)odd;
    return even;
}
SC_INLINE vec eload_lanes(const elem *p, const lanes which, size_t left)
{
    (void)which;
    return eload_left(p, left);
}
typedef vec kvec;
SC_INLINE kvec kvec_from(const elem *from)
{
    return eload(from);
}
SC_INLINE kvec kload(const kelem *from)
{
    return vload(from);
}
SC_INLINE vec wpair(kvec even, kvec odd)
{
    (void)odd;
    return even;
}
SC_INLINE void elems_to_operand(kelem *restrict to, const elem *restrict from, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vstore(to + i, eload(from + i));
    }
    if (n >= VEC) { /* the last VEC once more: short runs are frequent */
        vstore(to + n - VEC, eload(from + n - VEC));
        return;
    }
    for (; i < n; i++) {
        to[i] = eget(from[i]);
    }
}
#endif

/* The lanes that become half h of the words. */
SC_INLINE lanes lanes_of(size_t h)
{
    return WORD_K == 1 ? EVERY : (lanes)(EVEN + h);
}

SC_INLINE void wput_pair(word *to, kvec even, kvec odd)
{
    vstore(to, wpair(even, odd));
}

/* Words of WORD_K rows of operand elements: n a multiple of VEC. */
SC_INLINE void wput_pair_rows(word *to, const kelem *even, const kelem *odd, size_t n)
{
    for (size_t i = 0; i < n; i += VEC) {
        wput_pair(to + i, kload(even + i), kload(odd + i));
    }
}

#endif
