/* SPDX-License-Identifier: MIT
 *
 * elem.cuh - elements of maps, float or bfloat16, one or 16 bytes of them at once; and a grid over
 * elements.
 *
 * A kernel is a template of the element E and of V, how many a thread takes at once: elem_wide where
 * the channels are a multiple of that and the maps begin at a multiple of 16 bytes, else 1.
 */
#ifndef SC_CUDA_ELEM_CUH
#define SC_CUDA_ELEM_CUH

#include "backend/bf16.h"
#include "backend/cuda/launch.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#define SC_UNROLL _Pragma("unroll")
#else
#define SC_UNROLL
#endif

enum {
    SC_THREADS = 256,  /* of a block */
    SC_GRID_BLOCKS = 8 /* of a multiprocessor: 2048 threads, the most that any holds at once */
};

template <class E> constexpr int elem_wide = 16 / (int)sizeof(E);

/* The precision of tables whose maps are of E. */
template <class E> static inline sc_precision precision_of(void)
{
    return sizeof(E) == sizeof(sc_bf16) ? SC_BF16 : SC_FP32;
}

static __device__ __forceinline__ float elem_get(float x)
{
    return x;
}

static __device__ __forceinline__ float elem_get(sc_bf16 x)
{
#ifdef __CUDACC__
    return __uint_as_float((unsigned)x << 16);
#else
    return sc_bf16_to_float(x);
#endif
}

template <class E> static __device__ __forceinline__ E elem_put(float x);

template <> __device__ __forceinline__ float elem_put<float>(float x)
{
    return x;
}

template <> __device__ __forceinline__ sc_bf16 elem_put<sc_bf16>(float x)
{
#ifdef __CUDACC__
    return __bfloat16_as_ushort(__float2bfloat16_rn(x));
#else
    return sc_bf16_from_float(x);
#endif
}

/* Two in a word, the first in its lower half, as they lie in memory. */
static __device__ __forceinline__ uint32_t elem_put_two(float first, float second)
{
#ifdef __CUDACC__
    __nv_bfloat162 two = __floats2bfloat162_rn(first, second);
    uint32_t word;

    memcpy(&word, &two, sizeof word);
    return word;
#else
    return (uint32_t)elem_put<sc_bf16>(first) | (uint32_t)elem_put<sc_bf16>(second) << 16;
#endif
}

/* V elements that are read and written together. */
template <class E, int V> struct alignas(V * sizeof(E) < 16 ? V * sizeof(E) : 16) elem_pack {
    E at[V];

    __device__ __forceinline__ float get(int j) const
    {
        return elem_get(at[j]);
    }

    __device__ __forceinline__ void put(const float (&from)[V])
    {
        SC_UNROLL
        for (int j = 0; j < V; j++)
            at[j] = elem_put<E>(from[j]);
    }
};

/* Bfloat16 stay in the words that were read until they are used: as numbers of 16 bits they would be
 * taken apart at once, wait for memory there, and take a register each. */
template <> struct alignas(16) elem_pack<sc_bf16, 8> {
    typedef uint32_t two __attribute__((may_alias));
    two word[4];

    __device__ __forceinline__ float get(int j) const
    {
        uint32_t bits = j % 2 == 0 ? word[j / 2] << 16 : word[j / 2] & 0xffff0000U;
        float x;

        memcpy(&x, &bits, sizeof x);
        return x;
    }

    __device__ __forceinline__ void put(const float (&from)[8])
    {
        SC_UNROLL
        for (int k = 0; k < 4; k++)
            word[k] = elem_put_two(from[2 * k], from[2 * k + 1]);
    }
};

template <int V, class E> static __device__ __forceinline__ elem_pack<E, V> elem_load(const E *from)
{
    return *reinterpret_cast<const elem_pack<E, V> *>(from);
}

#ifdef __CUDACC__
static __device__ __forceinline__ void elem_store_16(void *to, uint4 x)
{
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(__cvta_generic_to_global(to)), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w)
                 : "memory");
}
#endif

/* To the device's memory.  16 bytes are one instruction by its name: of a plain copy nvcc makes a store
 * for each element in some kernels. */
template <int V, class E>
static __device__ __forceinline__ void elem_store(E *to, const elem_pack<E, V> &from)
{
#ifdef __CUDACC__
    if constexpr (sizeof from % sizeof(uint4) == 0) {
        uint4 part[sizeof from / sizeof(uint4)];
        memcpy(part, &from, sizeof from);
        SC_UNROLL
        for (size_t k = 0; k < sizeof from / sizeof(uint4); k++)
            elem_store_16(reinterpret_cast<uint4 *>(to) + k, part[k]);
        return;
    }
#endif
    *reinterpret_cast<elem_pack<E, V> *>(to) = from;
}

template <int V, class E>
static __device__ __forceinline__ void elem_store(E *to, const float (&from)[V])
{
    elem_pack<E, V> pack;

    pack.put(from);
    elem_store(to, pack);
}

/* V reals of adjacent channels. */
template <int V>
static __device__ __forceinline__ void elem_load_reals(float (&to)[V], const sc_real *from)
{
    elem_pack<sc_real, V> pack = elem_load<V>(from);

    SC_UNROLL
    for (int j = 0; j < V; j++)
        to[j] = pack.at[j];
}

/* Quotient of numbers that mostly have 32 bits, whose division is several times faster. */
static __device__ __forceinline__ size_t elem_quotient(size_t a, size_t b)
{
    return ((a | b) >> 32) == 0 ? (size_t)((uint32_t)a / (uint32_t)b) : a / b;
}

/* i = quotient * b + rest; returns the rest and leaves the quotient. */
static __device__ __forceinline__ size_t elem_rest(size_t *i, size_t b)
{
    size_t quotient = elem_quotient(*i, b), rest = *i - quotient * b;

    *i = quotient;
    return rest;
}

/* The first item of a thread, and how far apart its items are. */
static __device__ __forceinline__ size_t grid_first(void)
{
    return (size_t)blockIdx.x * SC_THREADS + threadIdx.x;
}

static __device__ __forceinline__ size_t grid_step(void)
{
    return (size_t)gridDim.x * SC_THREADS;
}

/* Blocks of SC_THREADS for so many items, a thread each or more. */
static inline unsigned grid_of(size_t items)
{
    size_t most = (size_t)sc_cuda_processors() * SC_GRID_BLOCKS;
    size_t blocks = (items + SC_THREADS - 1) / SC_THREADS;

    return (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

/* Whether of maps of elements E, and of reals and positions of their channels, elem_wide may be read and
 * written at once; NULL may. */
template <class E, class... Of> static inline bool elem_may_widen(size_t c, const Of *...at)
{
    return c % elem_wide<E> == 0 && ((reinterpret_cast<uintptr_t>(at) % 16 == 0) && ...);
}

#endif
