/* SPDX-License-Identifier: MIT
 *
 * gemm.cu - the matrix product of reals, C = op(A) op(B) + (accumulate ? C : 0), in fp32.
 *
 * A block makes a tile of 64 x 64 of C, a thread 4 x 4 of it, from slices of op(A) and op(B) that lie
 * in shared memory, 16 along the sum.  Each number of C is one sum in the order of k.
 */
#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/parts.h"

enum {
    TILE = 64,
    DEPTH = 16,
    EACH = 4,              /* a thread's part of the tile, along m and n */
    PER_ROW = TILE / EACH, /* threads */
    PITCH = TILE + 4       /* of a row in shared memory: other banks, still 16-byte aligned */
};

static_assert(PER_ROW * PER_ROW == SC_THREADS, "a thread for every part of the tile");

struct gemm_args {
    float *c;
    const float *a, *b;
    size_t ldc, lda, ldb, m, n, k;
    bool accumulate;
};

/* to[l][i] = element (begin + i, depth + l) of a matrix (size, k; ld), 0 outside; with ACROSS it is
 * stored transposed.  Adjacent threads read adjacent numbers. */
template <bool ACROSS>
static __device__ __forceinline__ void read_slice(float (*to)[PITCH], const float *from, size_t ld,
                                                  size_t begin, size_t size, size_t depth, size_t k)
{
    SC_UNROLL
    for (unsigned e = threadIdx.x; e < TILE * DEPTH; e += SC_THREADS) {
        unsigned i = ACROSS ? e % TILE : e / DEPTH, l = ACROSS ? e / TILE : e % DEPTH;
        size_t at = begin + i, deep = depth + l;
        bool inside = at < size && deep < k;
        to[l][i] = inside ? from[ACROSS ? deep * ld + at : at * ld + deep] : 0;
    }
}

template <bool TRANS_A, bool TRANS_B>
static __global__ void __launch_bounds__(SC_THREADS) gemm_kernel(gemm_args g, size_t tiles_n)
{
    alignas(16) __shared__ float a[DEPTH][PITCH];
    alignas(16) __shared__ float b[DEPTH][PITCH];
    size_t i0 = blockIdx.x / tiles_n * TILE, j0 = blockIdx.x % tiles_n * TILE;
    unsigned i1 = threadIdx.x / PER_ROW * EACH, j1 = threadIdx.x % PER_ROW * EACH;
    float sum[EACH][EACH] = {};

    for (size_t depth = 0; depth < g.k; depth += DEPTH) {
        read_slice<TRANS_A>(a, g.a, g.lda, i0, g.m, depth, g.k);
        read_slice<!TRANS_B>(b, g.b, g.ldb, j0, g.n, depth, g.k);
        __syncthreads();
        SC_UNROLL
        for (int l = 0; l < DEPTH; l++) {
            elem_pack<float, EACH> u = elem_load<EACH>(&a[l][i1]), v = elem_load<EACH>(&b[l][j1]);
            SC_UNROLL
            for (int e = 0; e < EACH * EACH; e++)
                sum[e / EACH][e % EACH] += u.at[e / EACH] * v.at[e % EACH];
        }
        __syncthreads();
    }
    SC_UNROLL
    for (int e = 0; e < EACH * EACH; e++) {
        size_t i = i0 + i1 + e / EACH, j = j0 + j1 + e % EACH;
        if (i < g.m && j < g.n) {
            float *c = &g.c[i * g.ldc + j];
            *c = g.accumulate ? *c + sum[e / EACH][e % EACH] : sum[e / EACH][e % EACH];
        }
    }
}

static void gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate)
{
    assert(ldc >= n && lda >= (trans_a ? m : k) && ldb >= (trans_b ? k : n));
    gemm_args g = {c, a, b, ldc, lda, ldb, m, n, k, accumulate};
    size_t tiles_n = (n + TILE - 1) / TILE, tiles = (m + TILE - 1) / TILE * tiles_n;

    if (trans_a && trans_b)
        SC_LAUNCH((gemm_kernel<true, true>), (unsigned)tiles, SC_THREADS, g, tiles_n);
    else if (trans_a)
        SC_LAUNCH((gemm_kernel<true, false>), (unsigned)tiles, SC_THREADS, g, tiles_n);
    else if (trans_b)
        SC_LAUNCH((gemm_kernel<false, true>), (unsigned)tiles, SC_THREADS, g, tiles_n);
    else
        SC_LAUNCH((gemm_kernel<false, false>), (unsigned)tiles, SC_THREADS, g, tiles_n);
}

void sc_cuda_put_gemm(sc_backend *table)
{
    table->gemm = gemm;
}
