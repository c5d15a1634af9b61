/* SPDX-License-Identifier: MIT
 *
 * loops.c - the loops of loops.h for any processor, and the choice between the versions.
 */
#define SC_LOOPS sc_loops_any
#include "views/loops_body.h"

const sc_loops *sc_loops_here(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return &sc_loops_avx2;
    }
#endif
    return &sc_loops_any;
}
