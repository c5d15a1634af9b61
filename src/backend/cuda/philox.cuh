/* SPDX-License-Identifier: MIT
 *
 * philox.cuh - Philox4x32-10 and the names of its streams, as core/rng.c has them: the same numbers.
 */
#ifndef SC_CUDA_PHILOX_CUH
#define SC_CUDA_PHILOX_CUH

#include "backend/cuda/launch.h"
#include "core/rng.h"

/* A stream's words 4 block .. 4 block + 3. */
static __device__ inline void philox_words(uint32_t word[4], uint64_t seed, uint32_t epoch,
                                           uint32_t image, uint32_t view, sc_rng_op op,
                                           uint32_t block)
{
    uint32_t c0 = block, c1 = view << 16 | (uint32_t)op, c2 = image, c3 = epoch;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    word[0] = c0;
    word[1] = c1;
    word[2] = c2;
    word[3] = c3;
}

#endif
