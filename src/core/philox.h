/* SPDX-License-Identifier: MIT
 *
 * philox.h - the function itself, for the processor (rng.c) and for the kernels of a GPU.
 */
#ifndef SC_CORE_PHILOX_H
#define SC_CORE_PHILOX_H

#include <stdint.h>

#ifdef __CUDACC__
#define SC_PHILOX_FN static __host__ __device__ inline
#else
#define SC_PHILOX_FN static inline
#endif

/* Philox4x32-10: ten rounds of counter and key (Salmon et al. 2011). */
SC_PHILOX_FN void sc_philox_block(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2])
{
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
    uint32_t k0 = key[0], k1 = key[1];

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
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
