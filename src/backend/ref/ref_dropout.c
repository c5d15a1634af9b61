/* SPDX-License-Identifier: MIT
 *
 * ref_dropout.c - y = x mask / (1 - rate), mask 0 with probability `rate` (Srivastava et al. 2014).
 *
 * The mask is not stored: row i of layer l at a step draws from the stream
 * (seed, step, i, l, SC_RNG_DROPOUT), so that the backward pass makes the same one again.
 */
#include <assert.h>

#include "backend/ref/ref.h"
#include "core/parallel.h"
#include "core/rng.h"

typedef struct {
    sc_real *x;
    size_t c;
    double rate;
    uint64_t seed, step;
    uint32_t layer;
} dropout_args;

static void dropout_row(void *context, size_t row)
{
    const dropout_args *g = context;
    sc_real keep = (sc_real)(1 / (1 - g->rate));
    sc_rng rng = sc_rng_at(g->seed, (uint32_t)g->step, (uint32_t)row, g->layer, SC_RNG_DROPOUT);

    for (size_t j = 0; j < g->c; j++) {
        g->x[row * g->c + j] *= sc_rng_uniform(&rng) < g->rate ? 0 : keep;
    }
}

void sc_ref_dropout(sc_real *x, size_t rows, size_t c, double rate, uint64_t seed,
                    const uint64_t *step, uint32_t layer)
{
    dropout_args g = {x, c, rate, seed, *step, layer};

    assert(rate >= 0 && rate < 1);
    sc_parallel_for(rows, dropout_row, &g);
}
