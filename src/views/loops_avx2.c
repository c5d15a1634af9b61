/* SPDX-License-Identifier: MIT
 *
 * loops_avx2.c - the loops of loops.h compiled with -mavx2 -mfma (by the file's name) and
 * -ffp-contract=off; called only where the processor has AVX2.
 */
#include "views/loops.h"

#if defined(__x86_64__)
#define SC_LOOPS sc_loops_avx2
#include "views/loops_body.h"
#endif
