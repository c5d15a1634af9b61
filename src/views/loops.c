/* SPDX-License-Identifier: MIT
 *
 * loops.c - the loops of loops.h for any processor, and the choice between the versions.
 */
#include <stdatomic.h>

#include "backend/backend.h"
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

const sc_loops *sc_loops_for(const char *engine)
{
#if defined(__x86_64__)
    if (strncmp(engine, "avx", 3) == 0) {
        return &sc_loops_avx2;
    }
#else
    (void)engine;
#endif
    return &sc_loops_any;
}

const sc_loops *sc_loops_here(void)
{
    /* Asked several times a view; whoever chooses first, the choice is the same. */
    static _Atomic(const sc_loops *) chosen;
    const sc_loops *loops = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (loops == NULL) {
        const sc_backend *backend;
        simclr_error err;
        loops =
            sc_loops_for(sc_backend_select(&backend, SC_FP32, &err) == 0 ? backend->name : "ref");
        atomic_store_explicit(&chosen, loops, memory_order_relaxed);
    }
    return loops;
}
