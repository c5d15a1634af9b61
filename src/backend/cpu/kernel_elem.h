/* SPDX-License-Identifier: MIT
 *
 * kernel_elem.h - the elements of maps, and the operands of the matrix micro-kernel.
 *
 *   elem   element of a map: float, or bf16 with SC_MAP_BF16
 *   word   operand of the micro-kernel, 32 bits: one float, or with KERNEL_DOT two bf16 that follow
 *          each other along k, whose products with two others one instruction adds to a float
 *   kelem  element of an operand: WORD_K of them are a word
 *
 * So kernel_micro.h and everything around it is one source for float and bf16.  bf16 without the
 * instruction keeps maps in bf16 and multiplies floats.
 */
#ifndef SC_CPU_KERNEL_ELEM_H
#define SC_CPU_KERNEL_ELEM_H

#include <stdint.h>

#include "backend/backend.h"
#include "backend/bf16.h"
#include "backend/cpu/kernel_vec.h"

#if defined(KERNEL_DOT) && !defined(__AVX512BF16__)
#error "KERNEL_DOT needs AVX512_BF16"
#endif

/* ---- maps ---- */

#if !defined(SC_MAP_BF16)

typedef float elem;
#define KERNEL_PRECISION SC_FP32

SC_INLINE vec eload(const elem *p)
{
    return vload(p);
}
SC_INLINE void estore(elem *p, vec v)
{
    vstore(p, v);
}
SC_INLINE float eget(elem x)
{
    return x;
}
SC_INLINE elem eput(float x)
{
    return x;
}

#else

typedef sc_bf16 elem;
#define KERNEL_PRECISION SC_BF16

SC_INLINE float eget(elem x)
{
    return sc_bf16_to_float(x);
}
SC_INLINE elem eput(float x)
{
    return sc_bf16_from_float(x);
}

#if defined(__AVX512F__)
SC_INLINE vec eload(const elem *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
#if defined(KERNEL_DOT)
SC_INLINE void estore(elem *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm512_cvtneps_pbh(v));
}
#else
SC_INLINE void estore(elem *p, vec v)
{
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i nan = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    up = _mm512_mask_mov_epi32(up, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), nan);
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16)));
}
#endif
#elif defined(__AVX2__)
SC_INLINE vec eload(const elem *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
SC_INLINE void estore(elem *p, vec v)
{
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256 nan = _mm256_or_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
    vec kept = _mm256_blendv_ps(_mm256_castsi256_ps(up), nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    __m256i half = _mm256_srli_epi32(_mm256_castps_si256(kept), 16);
    _mm_storeu_si128((__m128i *)(void *)p, _mm_packus_epi32(_mm256_castsi256_si128(half),
                                                            _mm256_extracti128_si256(half, 1)));
}
#else
SC_INLINE vec eload(const elem *p)
{
    vec v = vset(0);
    for (int i = 0; i < VEC; i++) {
        v[i] = eget(p[i]);
    }
    return v;
}
SC_INLINE void estore(elem *p, vec v)
{
    for (int i = 0; i < VEC; i++) {
        p[i] = eput(v[i]);
    }
}
#endif

#endif

/* Which elements a vector takes of those from p on: all, or every other one of the next 2 VEC, of which
 * the LAST ones are but VEC, and zeros. */
typedef enum { EVERY, EVEN, ODD, LAST_EVEN, LAST_ODD } lanes;

/* v as it is when it has been stored. */
SC_INLINE vec erounded(vec v)
{
    elem x[VEC];

    estore(x, v);
    return eload(x);
}

SC_INLINE void copy_elems(elem *restrict to, const elem *restrict from, size_t n)
{
    memcpy(to, from, n * sizeof *to);
}

SC_INLINE void zero_elems(elem *to, size_t n)
{
    memset(to, 0, n * sizeof *to);
}

SC_INLINE void floats_to_elems(elem *restrict to, const float *restrict from, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        estore(to + i, vload(from + i));
    }
    for (; i < n; i++) {
        to[i] = eput(from[i]);
    }
}

/* to = base + from; base may be to */
SC_INLINE void add_to_elems(elem *to, const elem *base, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        estore(to + i, eload(base + i) + vload(from + i));
    }
    for (; i < n; i++) {
        to[i] = eput(eget(base[i]) + from[i]);
    }
}

/* ---- operands ---- */

#if defined(__GNUC__)
typedef float word __attribute__((may_alias));
#else
typedef float word;
#endif

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
/* VEC elements of a map; EVEN and ODD ones become the halves of the same words. */
SC_INLINE vec eload_lanes(const elem *p, const lanes which)
{
    if (which == EVERY) {
        return eload(p);
    }
    __m512i both =
        which == EVEN || which == ODD
            ? _mm512_loadu_si512((const void *)p)
            : _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)p));
    bool even = which == EVEN || which == LAST_EVEN;
    return _mm512_castsi512_ps(even ? _mm512_slli_epi32(both, 16)
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
SC_INLINE vec eload_lanes(const elem *p, const lanes which)
{
    (void)which;
    return eload(p);
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
SC_INLINE lanes lanes_of(size_t h, const bool last)
{
    return WORD_K == 1 ? EVERY : (lanes)((last ? LAST_EVEN : EVEN) + h);
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
