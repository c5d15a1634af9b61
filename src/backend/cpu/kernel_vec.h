/* SPDX-License-Identifier: MIT
 *
 * kernel_vec.h - the vector type of one instruction set, and the size of the matrix micro-tile.
 *
 * The kernel_*.h files hold static functions; kernels_base.c, kernels_avx2.c and kernels_avx512.c
 * include them all, each compiled with its own flags, and export one table.  So there is one source
 * for all instruction sets.
 */
#ifndef SC_CPU_KERNEL_VEC_H
#define SC_CPU_KERNEL_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__GNUC__)
#define SC_INLINE static inline __attribute__((always_inline))
#define SC_NOINLINE __attribute__((noinline))
#else
#define SC_INLINE static inline
#define SC_NOINLINE
#endif

/* Tile of C held in registers: MR rows of NR = 2 VEC columns. */
#if defined(__AVX512F__)
enum { VEC = 16, MR = 12, NR = 32 };
typedef __m512 vec;
SC_INLINE vec vload(const float *p)
{
    return _mm512_loadu_ps(p);
}
SC_INLINE void vstore(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}
SC_INLINE vec vset(float x)
{
    return _mm512_set1_ps(x);
}
SC_INLINE vec vfma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
SC_INLINE vec vmax(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}
SC_INLINE vec vkeep_positive(vec x, vec y) /* x where y > 0, else 0 */
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_GT_OQ), x);
}
SC_INLINE vec vpick_above(vec x, vec y, vec a, vec b) /* a where x > y or x is NaN, else b */
{
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ) | nan, a);
}
SC_INLINE vec vkeep_equal(vec x, const uint32_t *of, uint32_t to) /* x where of == to, else 0 */
{
    __m512i bits = _mm512_loadu_si512((const void *)of);
    return _mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(bits, _mm512_set1_epi32((int)to)), x);
}
#elif defined(__AVX2__) && defined(__FMA__)
enum { VEC = 8, MR = 6, NR = 16 };
typedef __m256 vec;
SC_INLINE vec vload(const float *p)
{
    return _mm256_loadu_ps(p);
}
SC_INLINE void vstore(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}
SC_INLINE vec vset(float x)
{
    return _mm256_set1_ps(x);
}
SC_INLINE vec vfma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}
SC_INLINE vec vmax(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}
SC_INLINE vec vkeep_positive(vec x, vec y)
{
    return _mm256_and_ps(x, _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_GT_OQ));
}
SC_INLINE vec vpick_above(vec x, vec y, vec a, vec b)
{
    vec nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    return _mm256_blendv_ps(b, a, _mm256_or_ps(_mm256_cmp_ps(x, y, _CMP_GT_OQ), nan));
}
SC_INLINE vec vkeep_equal(vec x, const uint32_t *of, uint32_t to)
{
    __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)of);
    __m256i equal = _mm256_cmpeq_epi32(bits, _mm256_set1_epi32((int)to));
    return _mm256_and_ps(x, _mm256_castsi256_ps(equal));
}
#else
/* Portable: four floats, which compilers map to SSE or NEON, or to plain C where there is none. */
enum { VEC = 4, MR = 6, NR = 8 };
#if defined(__GNUC__)
typedef float vec __attribute__((vector_size(16)));
#else
#error "kernel_vec.h needs vector types; add this compiler's here"
#endif
SC_INLINE vec vload(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
SC_INLINE void vstore(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}
SC_INLINE vec vset(float x)
{
    vec v = {x, x, x, x};
    return v;
}
SC_INLINE vec vfma(vec a, vec b, vec c)
{
    return a * b + c;
}
SC_INLINE vec vmax(vec a, vec b) /* as maxps: b if either is NaN */
{
    for (int i = 0; i < VEC; i++) {
        a[i] = a[i] > b[i] ? a[i] : b[i];
    }
    return a;
}
SC_INLINE vec vkeep_positive(vec x, vec y)
{
    for (int i = 0; i < VEC; i++) {
        x[i] = y[i] > 0 ? x[i] : 0;
    }
    return x;
}
SC_INLINE vec vpick_above(vec x, vec y, vec a, vec b)
{
    for (int i = 0; i < VEC; i++) {
        b[i] = x[i] > y[i] || x[i] != x[i] ? a[i] : b[i];
    }
    return b;
}
SC_INLINE vec vkeep_equal(vec x, const uint32_t *of, uint32_t to)
{
    for (int i = 0; i < VEC; i++) {
        x[i] = of[i] == to ? x[i] : 0;
    }
    return x;
}
#endif

/* The first `left` floats of a vector, or all if it has no more; zeros behind them.  Channels come in multiples
 * of 8, so that only vectors of more can be in part full. */
#if defined(__AVX512F__)
SC_INLINE __mmask16 left_mask(size_t left)
{
    return (__mmask16)(left >= VEC ? 0xffff : (1U << left) - 1);
}
SC_INLINE vec vload_left(const float *p, size_t left)
{
    return _mm512_maskz_loadu_ps(left_mask(left), p);
}
SC_INLINE void vstore_left(float *p, vec v, size_t left)
{
    _mm512_mask_storeu_ps(p, left_mask(left), v);
}
#else
SC_INLINE vec vload_left(const float *p, size_t left)
{
    (void)left;
    return vload(p);
}
SC_INLINE void vstore_left(float *p, vec v, size_t left)
{
    (void)left;
    vstore(p, v);
}
#endif

SC_INLINE vec vzero(void)
{
    return vset(0);
}

/* These bits, which need be no number: only to be picked and stored. */
SC_INLINE vec vbits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return vset(x);
}

/* Asks for the cache lines of `bytes` bytes that will be read or written: soon, or `far` from now, then
 * in the second-level cache.  Inline: GCC takes a function that only prefetches for one without effect,
 * and drops its calls. */
SC_INLINE void prefetch(const void *from, size_t bytes, const bool far)
{
#if defined(__GNUC__)
    for (size_t i = 0; i < bytes; i += 64) {
        if (far) {
            __builtin_prefetch((const char *)from + i, 0, 2);
        } else {
            __builtin_prefetch((const char *)from + i);
        }
    }
#else
    (void)from;
    (void)bytes;
    (void)far;
#endif
}

/* Asks for one cache line that will be written. */
SC_INLINE void prefetch_write(const void *to)
{
#if defined(__GNUC__)
    __builtin_prefetch(to, 1);
#else
    (void)to;
#endif
}

/* vstore past the caches where a vector is a whole line of them: for what does not fit.  p is at the
 * start of a line; vstream_end comes before another thread reads. */
#if defined(__AVX512F__)
SC_INLINE void vstream(float *p, vec v)
{
    _mm512_stream_ps(p, v);
}
SC_INLINE void vstream_end(void)
{
    _mm_sfence();
}
#else
SC_INLINE void vstream(float *p, vec v)
{
    vstore(p, v);
}
SC_INLINE void vstream_end(void)
{
}
#endif

SC_INLINE size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

SC_INLINE size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

SC_INLINE size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

SC_INLINE void copy_floats(float *restrict to, const float *restrict from, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vstore(to + i, vload(from + i));
    }
    for (; i < n; i++) {
        to[i] = from[i];
    }
}

SC_INLINE void add_floats(float *restrict to, const float *restrict from, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vstore(to + i, vload(to + i) + vload(from + i));
    }
    for (; i < n; i++) {
        to[i] += from[i];
    }
}

SC_INLINE void zero_floats(float *to, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vstore(to + i, vzero());
    }
    for (; i < n; i++) {
        to[i] = 0;
    }
}

#endif
