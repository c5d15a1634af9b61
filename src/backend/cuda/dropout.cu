/* SPDX-License-Identifier: MIT
 *
 * dropout.cu - y = x mask / (1 - rate); ref_dropout.c says where the mask comes from.
 */
#include <assert.h>
#include <math.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/parts.h"
#include "core/philox.h"
#include "core/rng.h"

enum { WORDS = 4 }; /* of a block of Philox */

/* Four numbers of a row a thread; a word below `below` drops its number. */
static __global__ void dropout_kernel(sc_real *x, size_t rows, size_t c, uint64_t below, float keep,
                                      uint64_t seed, const uint64_t *step, uint32_t layer)
{
    size_t blocks = (c + WORDS - 1) / WORDS;

    for (size_t i = grid_first(); i < rows * blocks; i += grid_step()) {
        size_t row = i, block = elem_rest(&row, blocks);
        /* as sc_rng_at(seed, *step, row, layer, SC_RNG_DROPOUT) counts */
        const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        const uint32_t ctr[4] = {(uint32_t)block, layer << 16 | (uint32_t)SC_RNG_DROPOUT,
                                 (uint32_t)row, (uint32_t)*step};
        uint32_t word[WORDS];
        sc_philox_block(word, ctr, key);
        for (size_t j = 0; j < WORDS && block * WORDS + j < c; j++)
            x[row * c + block * WORDS + j] *= word[j] < below ? 0 : keep;
    }
}

static void dropout(sc_real *x, size_t rows, size_t c, double rate, uint64_t seed,
                    const uint64_t *step, uint32_t layer)
{
    assert(rate >= 0 && rate < 1);
    /* word / 2^32 < rate, in whole numbers */
    uint64_t below = (uint64_t)ceil(rate * 4294967296.0);

    SC_LAUNCH(dropout_kernel, grid_of(rows * ((c + WORDS - 1) / WORDS)), SC_THREADS, x, rows, c,
              below, (float)(1 / (1 - rate)), seed, step, layer);
}

void sc_cuda_put_dropout(sc_backend *table)
{
    table->dropout = dropout;
}
