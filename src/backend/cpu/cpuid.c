/* SPDX-License-Identifier: MIT
 *
 * cpuid.c - instruction sets of this processor, as CPUID and the operating system (XCR0) say.
 */
#include "backend/cpu/cpu.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))

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
        return __builtin_cpu_supports("avx512bf16") ? SC_CPU_AVX512BF16 : SC_CPU_AVX512;
    }
    return SC_CPU_AVX2;
}

#else

sc_cpu_level sc_cpu_detect(void)
{
    return SC_CPU_BASE;
}

#endif
