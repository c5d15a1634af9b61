/* SPDX-License-Identifier: MIT
 *
 * loops.c - the loops of loops.h for any processor, and the choice between the versions.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "views/loops_body.h"

static void rows3(uint8_t *restrict out, const uint8_t *restrict in, size_t in_stride, size_t rows,
                  const sc_axis *axis)
{
    for (size_t y = 0; y < rows; y++) {
        row3(out + y * 3 * axis->count, in + y * in_stride, axis, 0, axis->count);
    }
}

static void write3(sc_real *restrict x, const uint8_t *restrict pixels, size_t n,
                   const sc_normal *normal)
{
    write_table(x, pixels, 0, n, normal);
}

const sc_loops sc_loops_any = SC_LOOPS_WITH(rows3, write3);

static const sc_loops *choose(void)
{
#if defined(__x86_64__)
    const char *wish = getenv("SIMCLR_CPU");
    bool low = wish != NULL && (strcmp(wish, "ref") == 0 || strcmp(wish, "base") == 0);
    if (!low && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return &sc_loops_avx2;
    }
#endif
    return &sc_loops_any;
}

const sc_loops *sc_loops_here(void)
{
    /* Asked several times a view; whoever chooses first, the choice is the same. */
    static _Atomic(const sc_loops *) chosen;
    const sc_loops *loops = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (loops == NULL) {
        loops = choose();
        atomic_store_explicit(&chosen, loops, memory_order_relaxed);
    }
    return loops;
}
