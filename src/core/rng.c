/* SPDX-License-Identifier: MIT
 *
 * rng.c - Philox4x32-10 and what is drawn from it.  Streams v1: any change of the words drawn, or
 * of their order, changes every run, and needs a new version.
 */
#include "core/rng.h"

#include <assert.h>
#include <math.h>

#include "core/philox.h"

void sc_philox4x32(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2])
{
    sc_philox_block(out, ctr, key);
}

sc_rng sc_rng_at(uint64_t seed, uint32_t epoch, uint32_t image, uint32_t view, sc_rng_op op)
{
    assert(view < 0x10000u && (unsigned)op < 0x10000u);
    return (sc_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .ctr = {0, view << 16 | (uint32_t)op, image, epoch},
        .used = 4,
    };
}

uint32_t sc_rng_u32(sc_rng *rng)
{
    if (rng->used == 4) {
        sc_philox4x32(rng->word, rng->ctr, rng->key);
        rng->ctr[0]++;
        rng->used = 0;
    }
    return rng->word[rng->used++];
}

double sc_rng_uniform(sc_rng *rng)
{
    return sc_rng_u32(rng) * 0x1p-32;
}

double sc_rng_range(sc_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * sc_rng_uniform(rng);
}

/* Lemire 2019, "Fast random integer generation in an interval": the high word of word * n is
 * uniform once low words below 2^32 mod n are refused. */
uint32_t sc_rng_below(sc_rng *rng, uint32_t n)
{
    assert(n >= 1);
    uint64_t product = (uint64_t)sc_rng_u32(rng) * n;

    if ((uint32_t)product < n) {
        uint32_t refuse = (0u - n) % n;
        while ((uint32_t)product < refuse)
            product = (uint64_t)sc_rng_u32(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

double sc_rng_normal(sc_rng *rng)
{
    double u = (sc_rng_u32(rng) + 1.0) * 0x1p-32; /* (0, 1]: the logarithm is finite */
    double v = sc_rng_uniform(rng);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void sc_rng_permutation(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch, sc_rng_op op)
{
    assert(n <= UINT32_MAX);
    sc_rng rng = sc_rng_at(seed, epoch, 0, 0, op);

    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t j = sc_rng_below(&rng, (uint32_t)i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}
