/* SPDX-License-Identifier: MIT
 *
 * test_rng.c - Philox against Random123's known answers, and what is drawn from it.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t ctr[4], key[2], want[4];
    } kat[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
        uint32_t out[4];
        sc_philox4x32(out, kat[i].ctr, kat[i].key);
        assert_memory_equal(out, kat[i].want, sizeof out);
    }
}

static void streams_v1_are_fixed(void **state)
{
    (void)state;
    /* Word 0 of block 0 is Philox of exactly this counter and key. */
    sc_rng rng = sc_rng_at(0x1122334455667788u, 5, 7, 1, SC_RNG_JITTER);
    const uint32_t key[2] = {0x55667788, 0x11223344};
    uint32_t ctr[4] = {0, 1u << 16 | SC_RNG_JITTER, 7, 5}, want[4];
    for (uint32_t block = 0; block < 3; block++) {
        ctr[0] = block;
        sc_philox4x32(want, ctr, key);
        for (int i = 0; i < 4; i++)
            assert_int_equal(sc_rng_u32(&rng), want[i]);
    }
}

static void streams_differ(void **state)
{
    (void)state;
    sc_rng r[] = {
        sc_rng_at(1, 0, 0, 0, SC_RNG_CROP),
        sc_rng_at(2, 0, 0, 0, SC_RNG_CROP),
        sc_rng_at(1, 1, 0, 0, SC_RNG_CROP),
        sc_rng_at(1, 0, 1, 0, SC_RNG_CROP),
        sc_rng_at(1, 0, 0, 1, SC_RNG_CROP),
        sc_rng_at(1, 0, 0, 0, SC_RNG_HFLIP),
        sc_rng_at(1ull << 32 | 1, 0, 0, 0, SC_RNG_CROP),
    };
    uint32_t first[7];
    for (int i = 0; i < 7; i++) {
        first[i] = sc_rng_u32(&r[i]);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(first[i], first[j]);
    }
}

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    sc_rng rng = sc_rng_at(sct_seed(), 0, 0, 0, SC_RNG_INIT);
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) {
        double u = sc_rng_range(&rng, -2, 4);
        assert_true(u >= -2 && u < 4);
        sum += u;
        square += u * u;
    }
    assert_true(fabs(sum / N - 1) < 0.02);
    assert_true(fabs(square / N - 1 - 3) < 0.05);
    sum = square = 0;
    for (int i = 0; i < N; i++) {
        double z = sc_rng_normal(&rng);
        assert_true(isfinite(z));
        sum += z;
        square += z * z;
    }
    assert_true(fabs(sum / N) < 0.015);
    assert_true(fabs(square / N - 1) < 0.02);
}

static void below_is_unbiased(void **state)
{
    (void)state;
    enum { N = 120000 };
    for (uint32_t n = 1; n <= 13; n += 3) {
        sc_rng rng = sc_rng_at(sct_seed(), n, 0, 0, SC_RNG_INIT);
        int count[13] = {0};
        for (int i = 0; i < N; i++) {
            uint32_t k = sc_rng_below(&rng, n);
            assert_true(k < n);
            count[k]++;
        }
        double chi2 = 0, expected = (double)N / n;
        for (uint32_t k = 0; k < n; k++)
            chi2 += (count[k] - expected) * (count[k] - expected) / expected;
        assert_true(chi2 < 45); /* 12 degrees of freedom: p < 1e-5 */
    }
    sc_rng rng = sc_rng_at(3, 0, 0, 0, SC_RNG_INIT);
    for (int i = 0; i < 1000; i++)
        assert_true(sc_rng_below(&rng, 0xffffffffu) < 0xffffffffu);
}

static void permutation_is_one(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t order[N], again[N], other[N];
    bool seen[N] = {false};
    sc_rng_permutation(order, N, 42, 3, SC_RNG_SHUFFLE);
    for (int i = 0; i < N; i++) {
        assert_true(order[i] < N && !seen[order[i]]);
        seen[order[i]] = true;
    }
    sc_rng_permutation(again, N, 42, 3, SC_RNG_SHUFFLE);
    assert_memory_equal(order, again, sizeof order);
    sc_rng_permutation(other, N, 42, 4, SC_RNG_SHUFFLE);
    assert_memory_not_equal(order, other, sizeof order);
    sc_rng_permutation(other, N, 42, 3, SC_RNG_SPLIT);
    assert_memory_not_equal(order, other, sizeof order);
    sc_rng_permutation(order, 0, 1, 1, SC_RNG_SHUFFLE);
    sc_rng_permutation(order, 1, 1, 1, SC_RNG_SHUFFLE);
    assert_int_equal(order[0], 0);
}

static void permutations_are_equally_likely(void **state)
{
    (void)state;
    enum { N = 24000 };
    int count[256] = {0};
    for (uint32_t epoch = 0; epoch < N; epoch++) {
        uint32_t o[4];
        sc_rng_permutation(o, 4, sct_seed(), epoch, SC_RNG_SHUFFLE);
        count[o[0] | o[1] << 2 | o[2] << 4 | o[3] << 6]++;
    }
    double chi2 = 0;
    int kinds = 0;
    for (int i = 0; i < 256; i++) {
        kinds += count[i] > 0;
        chi2 += count[i] > 0 ? (count[i] - 1000.0) * (count[i] - 1000.0) / 1000 : 0;
    }
    assert_int_equal(kinds, 24);
    assert_true(chi2 < 65); /* 23 degrees of freedom: p < 1e-5 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(streams_v1_are_fixed),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(below_is_unbiased),
        cmocka_unit_test(permutation_is_one),
        cmocka_unit_test(permutations_are_equally_likely),
    };
    return sct_run(tests);
}
