/* SPDX-License-Identifier: MIT
 *
 * loops_avx2.c - the loops of loops.h compiled with -mavx2 -mfma (by the file's name) and
 * -ffp-contract=off; called only where the processor has AVX2.
 *
 * Two need intrinsics.  rows3 gathers bytes: a shuffle puts the inputs of two taps side by side as
 * 16-bit numbers and vpmaddwd weighs both; a 22-bit weight is high * 2^11 + low, and sums modulo
 * 2^32 are those of the plain loop.  write3 interleaves planes of floats.
 */
#include "views/loops.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "views/loops_body.h"

enum {
    LOW_BITS = 11,
    STRIP = 64,    /* rows worked at before the next outputs: their cache lines stay near */
    STEPS_MAX = 32 /* of four taps each */
};

static uint32_t high_part(int32_t w)
{
    return (uint32_t)(w >> LOW_BITS) & 0xffffu;
}

static uint32_t low_part(int32_t w)
{
    return (uint32_t)w & ((1u << LOW_BITS) - 1u);
}

/* Two 16-bit numbers in one word. */
static int both(uint32_t first, uint32_t second)
{
    return (int)(first | second << 16);
}

static __m256i rounded(__m256i high, __m256i low)
{
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, LOW_BITS), low);
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(SC_RESIZE_HALF));
    return _mm256_srai_epi32(sum, SC_RESIZE_BITS);
}

/* Eight outputs of two taps.  Four neighbours read at most 16 bytes, which begin at offset[half]. */
typedef struct {
    size_t offset[2];
    __m256i high, low;  /* weights: (w0, w1) of outputs 0..3 | 4..7 */
    __m256i channel[3]; /* shuffles: (a, b) of a channel */
} eight_pairs;

static bool plan_eight(eight_pairs *plan, const sc_axis *axis, size_t x)
{
    union {
        uint8_t byte[3][32];
        __m256i vector[3];
    } shuffle;
    union {
        int word[2][8];
        __m256i vector[2];
    } weights;
    size_t row = axis->inputs * 3;
    for (size_t half = 0; half < 2; half++) {
        size_t begin = SIZE_MAX;
        for (size_t j = 4 * half; j < 4 * half + 4; j++) {
            size_t first = (size_t)axis->first[x + j] * 3;
            begin = first < begin ? first : begin;
        }
        begin = begin + 16 > row ? row - 16 : begin;
        plan->offset[half] = begin;
        for (size_t j = 4 * half; j < 4 * half + 4; j++) {
            size_t at = (size_t)axis->first[x + j] * 3 - begin;
            const int32_t *w = axis->weight + (x + j) * axis->stride;
            if (at > 10) {
                return false;
            }
            weights.word[0][j] = both(high_part(w[0]), high_part(w[1]));
            weights.word[1][j] = both(low_part(w[0]), low_part(w[1]));
            for (size_t c = 0; c < 3; c++) {
                uint8_t *to = &shuffle.byte[c][4 * j];
                to[0] = (uint8_t)(at + c);
                to[2] = (uint8_t)(at + c + 3);
                to[1] = to[3] = 0x80; /* zero */
            }
        }
    }
    plan->high = weights.vector[0];
    plan->low = weights.vector[1];
    memcpy(plan->channel, shuffle.vector, sizeof plan->channel);
    return true;
}

static __m256i weigh_pairs(__m256i bytes, __m256i shuffle, const eight_pairs *plan)
{
    __m256i pair = _mm256_shuffle_epi8(bytes, shuffle);
    return rounded(_mm256_madd_epi16(pair, plan->high), _mm256_madd_epi16(pair, plan->low));
}

static void eight_pairs_row(uint8_t *restrict out, size_t plane, const uint8_t *restrict in,
                            const eight_pairs *plan)
{
    __m128i left = _mm_loadu_si128((const __m128i *)(in + plan->offset[0]));
    __m128i right = _mm_loadu_si128((const __m128i *)(in + plan->offset[1]));
    __m256i bytes = _mm256_set_m128i(right, left);
    __m256i r = weigh_pairs(bytes, plan->channel[0], plan);
    __m256i g = weigh_pairs(bytes, plan->channel[1], plan);
    __m256i b = weigh_pairs(bytes, plan->channel[2], plan);
    __m256i all = _mm256_packus_epi16(_mm256_packus_epi32(r, g), _mm256_packus_epi32(b, b));
    all = _mm256_permutevar8x32_epi32(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    __m128i rg = _mm256_castsi256_si128(all);
    _mm_storel_epi64((__m128i *)out, rg);
    _mm_storel_epi64((__m128i *)(out + plane), _mm_unpackhi_epi64(rg, rg));
    _mm_storel_epi64((__m128i *)(out + 2 * plane), _mm256_extracti128_si256(all, 1));
}

/* Four outputs of any number of taps: four taps a step, of which a load brings 16 bytes. */
typedef struct {
    size_t offset[4], steps;
    __m256i weight[4][STEPS_MAX][2]; /* high, low: (w0, w1) thrice | (w2, w3) thrice */
} four_sums;

/* False where a load would pass the end of the row. */
static bool plan_four(four_sums *plan, const sc_axis *axis, size_t x)
{
    size_t taps = 0;
    for (size_t j = 0; j < 4; j++) {
        taps = axis->taps[x + j] > taps ? axis->taps[x + j] : taps;
    }
    plan->steps = (taps + 3) / 4;
    size_t last = 4 * plan->steps + 2; /* pixels that hold all bytes loaded */
    if (plan->steps > STEPS_MAX || last > axis->inputs) {
        return false;
    }
    for (size_t j = 0; j < 4; j++) {
        size_t first = axis->first[x + j], begin = first;
        const int32_t *w = axis->weight + (x + j) * axis->stride;
        begin = begin + last > axis->inputs ? axis->inputs - last : begin;
        size_t shift = first - begin;
        if (shift + axis->taps[x + j] > 4 * plan->steps) {
            return false;
        }
        plan->offset[j] = 3 * begin;
        for (size_t s = 0; s < plan->steps; s++) {
            uint32_t high[4], low[4];
            for (size_t t = 0; t < 4; t++) {
                size_t tap = 4 * s + t - shift; /* wraps around below the first */
                int32_t weight = tap < axis->taps[x + j] ? w[tap] : 0;
                high[t] = high_part(weight);
                low[t] = low_part(weight);
            }
            plan->weight[j][s][0] = _mm256_set_m128i(_mm_set1_epi32(both(high[2], high[3])),
                                                     _mm_set1_epi32(both(high[0], high[1])));
            plan->weight[j][s][1] = _mm256_set_m128i(_mm_set1_epi32(both(low[2], low[3])),
                                                     _mm_set1_epi32(both(low[0], low[1])));
        }
    }
    return true;
}

/* r, g, b of output j as 32-bit numbers. */
static __m128i sum_taps(const uint8_t *in, const four_sums *plan, size_t j)
{
    const char no = (char)0x80;
    const __m256i shuffle =
        _mm256_setr_epi8(0, no, 3, no, 1, no, 4, no, 2, no, 5, no, no, no, no, no, 6, no, 9, no, 7,
                         no, 10, no, 8, no, 11, no, no, no, no, no);
    __m256i high = _mm256_setzero_si256(), low = high;
    in += plan->offset[j];
    for (size_t s = 0; s < plan->steps; s++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(in + 12 * s));
        __m256i pairs = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), shuffle);
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pairs, plan->weight[j][s][0]));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pairs, plan->weight[j][s][1]));
    }
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, LOW_BITS), low);
    return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

static void four_sums_row(uint8_t *restrict out, size_t plane, const uint8_t *restrict in,
                          const four_sums *plan)
{
    const __m128i half = _mm_set1_epi32(SC_RESIZE_HALF);
    __m128i sum[4];
    for (size_t j = 0; j < 4; j++) {
        sum[j] = _mm_srai_epi32(_mm_add_epi32(sum_taps(in, plan, j), half), SC_RESIZE_BITS);
    }
    __m128i all =
        _mm_packus_epi16(_mm_packs_epi32(sum[0], sum[1]), _mm_packs_epi32(sum[2], sum[3]));
    all =
        _mm_shuffle_epi8(all, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    _mm_storeu_si32(out, all);
    _mm_storeu_si32(out + plane, _mm_srli_si128(all, 4));
    _mm_storeu_si32(out + 2 * plane, _mm_srli_si128(all, 8));
}

/* Number of outputs from x on, a multiple of four, that were made in all rows of the strip. */
static size_t strip(uint8_t *restrict out, const uint8_t *restrict in, size_t in_stride,
                    size_t rows, const sc_axis *axis, size_t x)
{
    size_t n = axis->count;
    eight_pairs pairs;
    four_sums sums;
    if (axis->pairs && axis->inputs >= 6 && x + 8 <= n && plan_eight(&pairs, axis, x)) {
        for (size_t y = 0; y < rows; y++) {
            eight_pairs_row(out + y * 3 * n + x, n, in + y * in_stride, &pairs);
        }
        return 8;
    }
    if (x + 4 <= n && plan_four(&sums, axis, x)) {
        for (size_t y = 0; y < rows; y++) {
            four_sums_row(out + y * 3 * n + x, n, in + y * in_stride, &sums);
        }
        return 4;
    }
    return 0;
}

static void rows3_avx2(uint8_t *restrict out, const uint8_t *restrict in, size_t in_stride,
                       size_t rows, const sc_axis *axis)
{
    size_t n = axis->count;
    for (size_t y = 0; y < rows; y += STRIP) {
        size_t height = rows - y < STRIP ? rows - y : STRIP;
        for (size_t x = 0, made; x < n; x += made) {
            made = strip(out + y * 3 * n, in + y * in_stride, in_stride, height, axis, x);
            if (made == 0) {
                made = n - x < 4 ? n - x : 4;
                for (size_t i = y; i < y + height; i++) {
                    row3(out + i * 3 * n, in + i * in_stride, axis, x, x + made);
                }
            }
        }
    }
}

/* Element i of the plane `offset` of three at place (3 i + offset) mod 8. */
static __m256 normalised(const uint8_t *pixels, const sc_normal *normal, size_t c, __m256i places)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)pixels);
    __m256 u = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    /* u / 255 as in loops_body.h, then (u / 255 - mean) / std. */
    __m256 x = _mm256_add_ps(_mm256_mul_ps(u, _mm256_set1_ps(0x1.01p-8F)),
                             _mm256_mul_ps(u, _mm256_set1_ps(0x1.010102p-24F)));
    x = _mm256_sub_ps(x, _mm256_set1_ps(normal->mean[c]));
    x = _mm256_fmadd_ps(x, _mm256_set1_ps(normal->inverse[c]),
                        _mm256_mul_ps(x, _mm256_set1_ps(normal->rest[c])));
    return _mm256_permutevar8x32_ps(x, places);
}

static void write3_avx2(sc_real *restrict x, const uint8_t *restrict pixels, size_t n,
                        const sc_normal *normal)
{
    const __m256i red = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i green = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i blue = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    size_t i = 0;
    for (; normal->direct && i + 8 <= n; i += 8) {
        __m256 r = normalised(pixels + i, normal, 0, red);
        __m256 g = normalised(pixels + n + i, normal, 1, green);
        __m256 b = normalised(pixels + 2 * n + i, normal, 2, blue);
        float *to = x + 3 * i;
        /* Places 0 3 6, 1 4 7 and 2 5 of a vector have one colour each. */
        _mm256_storeu_ps(to, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x92), b, 0x24));
        _mm256_storeu_ps(to + 8, _mm256_blend_ps(_mm256_blend_ps(b, r, 0x92), g, 0x24));
        _mm256_storeu_ps(to + 16, _mm256_blend_ps(_mm256_blend_ps(g, b, 0x92), r, 0x24));
    }
    write_table(x, pixels, i, n, normal);
}

const sc_loops sc_loops_avx2 = SC_LOOPS_WITH(rows3_avx2, write3_avx2);
#endif
