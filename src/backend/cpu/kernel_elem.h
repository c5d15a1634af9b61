/* SPDX-License-Identifier: MIT
 *
 * kernel_elem.h - elem, the elements of maps: float, or bf16 with SC_MAP_BF16.  Vectors of them are floats.
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
SC_INLINE vec eload_left(const elem *p, size_t left)
{
    return vload_left(p, left);
}
SC_INLINE void estore_left(elem *p, vec v, size_t left)
{
    vstore_left(p, v, left);
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
SC_INLINE vec ewiden(__m256i bits)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
#if defined(KERNEL_DOT)
SC_INLINE __m256i enarrow(vec v)
{
    return (__m256i)_mm512_cvtneps_pbh(v);
}
#else
SC_INLINE __m256i enarrow(vec v)
{
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i nan = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    up = _mm512_mask_mov_epi32(up, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), nan);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16));
}
#endif
SC_INLINE vec eload(const elem *p)
{
    return ewiden(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
SC_INLINE void estore(elem *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, enarrow(v));
}
SC_INLINE vec eload_left(const elem *p, size_t left)
{
    return left >= VEC ? eload(p)
                       : ewiden(_mm256_maskz_loadu_epi16(left_mask(left), (const void *)p));
}
SC_INLINE void estore_left(elem *p, vec v, size_t left)
{
    if (left >= VEC) {
        estore(p, v);
    } else {
        _mm256_mask_storeu_epi16((void *)p, left_mask(left), enarrow(v));
    }
}
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
#if !defined(__AVX512F__)
SC_INLINE vec eload_left(const elem *p, size_t left)
{
    (void)left;
    return eload(p);
}
SC_INLINE void estore_left(elem *p, vec v, size_t left)
{
    (void)left;
    estore(p, v);
}
#endif

#endif

/* Which elements a vector takes of those from p on: all, or every other one of the next 2 VEC. */
typedef enum { EVERY, EVEN, ODD } lanes;

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

#endif
