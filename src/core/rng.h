/* SPDX-License-Identifier: MIT
 *
 * rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3").
 *
 * A stream is named by (seed, epoch, image, view, op); there is no generator state to save, and an
 * image gets the same crop on any thread and any machine.  Version of the streams: v1.
 * Every op has its own stream, so that adding an augmentation does not shift the others.
 */
#ifndef SC_CORE_RNG_H
#define SC_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t key[2];  /* seed */
    uint32_t ctr[4];  /* block, view << 16 | op, image, epoch */
    uint32_t word[4]; /* the current block */
    unsigned used;    /* words of it already given out */
} sc_rng;

/* What a stream is for.  The numbers are part of the format of a run: append only. */
typedef enum {
    SC_RNG_CROP = 1,
    SC_RNG_HFLIP,
    SC_RNG_VFLIP,
    SC_RNG_JITTER,
    SC_RNG_GRAYSCALE,
    SC_RNG_BLUR,
    SC_RNG_SOLARIZE,
    SC_RNG_SHUFFLE = 32,
    SC_RNG_SPLIT,
    SC_RNG_INIT = 64,
    SC_RNG_DROPOUT,
    SC_RNG_SHAPES = 96,
    SC_RNG_PROBE,
    SC_RNG_TSNE
} sc_rng_op;

void sc_philox4x32(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2]);

sc_rng sc_rng_at(uint64_t seed, uint32_t epoch, uint32_t image, uint32_t view, sc_rng_op op);
uint32_t sc_rng_u32(sc_rng *rng);
double sc_rng_uniform(sc_rng *rng);                     /* [0, 1), 32 bits */
double sc_rng_range(sc_rng *rng, double lo, double hi); /* lo + (hi - lo) * uniform */
uint32_t sc_rng_below(sc_rng *rng, uint32_t n);         /* 0 .. n-1, unbiased; n >= 1 */
double sc_rng_normal(sc_rng *rng);                      /* Box-Muller, two words a call */

/* Fills order with a uniformly random permutation of 0 .. n-1 (Fisher-Yates), a function of
 * (seed, epoch, op) alone. */
void sc_rng_permutation(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch, sc_rng_op op);

#endif
