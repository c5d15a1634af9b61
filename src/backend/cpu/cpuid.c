/* SPDX-License-Identifier: MIT
 *
 * cpuid.c - instruction sets of this processor, as CPUID and the operating system (XCR0) say.
 */
#define _GNU_SOURCE /* syscall */
#include "backend/cpu/cpu.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))

#if defined(__linux__) && defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether there is a matrix unit for bf16.  Its registers are so large that Linux wants to be asked
 * before a process uses them; the answer holds for all its threads. */
static bool matrix_unit(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18, TILE = 1 << 24, TILE_BF16 = 1 << 22 };
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & TILE) && (d & TILE_BF16) &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

#else

static bool matrix_unit(void)
{
    return false;
}

#endif

/* The compiler's own test also asks the system whether it saves the wide registers. */
sc_cpu_level sc_cpu_detect(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return SC_CPU_BASE;
    }
    /* every set that the build flags of *_avx512.c allow the compiler to use */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        if (!__builtin_cpu_supports("avx512bf16")) {
            return SC_CPU_AVX512;
        }
        return matrix_unit() ? SC_CPU_AMX : SC_CPU_AVX512BF16;
    }
    return SC_CPU_AVX2;
}

#else

sc_cpu_level sc_cpu_detect(void)
{
    return SC_CPU_BASE;
}

#endif
