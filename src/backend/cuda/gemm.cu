/* SPDX-License-Identifier: MIT
 *
 * gemm.cu - the matrix product of reals, C = op(A) op(B) + (accumulate ? C : 0), in fp32.
 *
 * A block makes a tile of 64 x 64 of C, a thread 4 x 4 of it, from slices of op(A) and op(B) that lie
 * in shared memory, 16 along the sum, which it makes in the order of k.
 *
 * Of a product with few tiles most of a GPU would wait: there a tile has several blocks, each with a part of
 * the sum, and a second kernel adds the parts in their order.  How many they are follows from the shape alone:
 * the same sums on every card.
 */
#include "backend/cuda/gemm.cuh"

#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/four.cuh"
#include "backend/cuda/parts.h"

enum {
    TILE = 64,
    DEPTH = 16,
    EACH = 4,              /* a thread's part of the tile, along m and n */
    PER_ROW = TILE / EACH, /* threads */
    PITCH = TILE + 4,      /* of a row in shared memory: other banks, still 16-byte aligned */
    SPLIT_BLOCKS = 256,    /* of a product that is split, at most: about two for a multiprocessor */
    SPLIT_PART = 128       /* of a sum, at least: worth writing and reading once more */
};

static_assert(PER_ROW * PER_ROW == SC_THREADS, "a thread for every part of the tile");
static_assert(TILE * DEPTH == SC_THREADS * EACH && (int)EACH == (int)four::COUNT,
              "a slice is four numbers of every thread");

struct gemm_args {
    float *c;
    const float *a, *b;
    size_t ldc, lda, ldb, m, n, k;
    size_t part, part_step; /* of k: a multiple of DEPTH, or k; between the parts' C */
    bool accumulate;
};

/* A thread's numbers of slices of a matrix (size, k; ld), 0 outside of it: EACH adjacent ones, along the sum
 * or, with ACROSS, where the matrix is stored transposed, across it.  They are read into registers while the
 * products of the slice before are made, and then stored. */
template <bool ACROSS> struct gemm_slice {
    const float *from;
    size_t ld, size, k, at;
    unsigned i, l; /* place of the first number in the slice, across and along the sum */
    bool whole;    /* all EACH are inside across the sum, and may be read at once */
    four mine;

    __device__ gemm_slice(const float *matrix, size_t ld_, size_t begin, size_t size_, size_t k_)
        : from(matrix), ld(ld_), size(size_), k(k_)
    {
        unsigned first = threadIdx.x * EACH;

        i = ACROSS ? first % TILE : first / DEPTH;
        l = ACROSS ? first / TILE : first % DEPTH;
        at = begin + i;
        whole = at + (ACROSS ? EACH - 1 : 0) < size && ld % EACH == 0 &&
                reinterpret_cast<uintptr_t>(from) % sizeof(four) == 0;
    }

    /* The slice from `depth`; of one that begins at k or after it nothing is read. */
    __device__ __forceinline__ void load(size_t depth)
    {
        size_t deep = depth + l;
        const float *x = from + (ACROSS ? deep * ld + at : at * ld + deep);

        mine = {};
        if (whole && deep + (ACROSS ? 0 : EACH - 1) < k) {
            mine = load_four(x);
        } else {
            SC_UNROLL
            for (int e = 0; e < EACH; e++)
                if (at + (ACROSS ? e : 0) < size && deep + (ACROSS ? 0 : e) < k)
                    mine.of[e] = x[e];
        }
    }

    /* to[l][i] */
    __device__ __forceinline__ void store(float (*to)[PITCH]) const
    {
        if (ACROSS) {
            store_four(&to[l][i], mine);
        } else {
            SC_UNROLL
            for (int e = 0; e < EACH; e++)
                to[l + e][i] = mine.of[e];
        }
    }
};

template <bool TRANS_A, bool TRANS_B>
static __global__ void __launch_bounds__(SC_THREADS) gemm_kernel(gemm_args g, size_t tiles_n)
{
    alignas(16) __shared__ float a[DEPTH][PITCH];
    alignas(16) __shared__ float b[DEPTH][PITCH];
    size_t i0 = blockIdx.x / tiles_n * TILE, j0 = blockIdx.x % tiles_n * TILE;
    size_t begin = blockIdx.y * g.part, end = begin + g.part < g.k ? begin + g.part : g.k;
    unsigned i1 = threadIdx.x / PER_ROW * EACH, j1 = threadIdx.x % PER_ROW * EACH;
    float sum[EACH][EACH] = {};
    gemm_slice<TRANS_A> next_a(g.a, g.lda, i0, g.m, end);
    gemm_slice<!TRANS_B> next_b(g.b, g.ldb, j0, g.n, end);

    next_a.load(begin);
    next_b.load(begin);
    for (size_t depth = begin; depth < end; depth += DEPTH) {
        next_a.store(a);
        next_b.store(b);
        __syncthreads();
        next_a.load(depth + DEPTH);
        next_b.load(depth + DEPTH);
        SC_UNROLL
        for (int l = 0; l < DEPTH; l++) {
            four u = load_four(&a[l][i1]), v = load_four(&b[l][j1]);
            SC_UNROLL
            for (int e = 0; e < EACH * EACH; e++)
                sum[e / EACH][e % EACH] += u.of[e / EACH] * v.of[e % EACH];
        }
        __syncthreads();
    }
    SC_UNROLL
    for (int e = 0; e < EACH * EACH; e++) {
        size_t i = i0 + i1 + e / EACH, j = j0 + j1 + e % EACH;
        if (i < g.m && j < g.n) {
            float *c = &g.c[blockIdx.y * g.part_step + i * g.ldc + j];
            *c = g.accumulate ? *c + sum[e / EACH][e % EACH] : sum[e / EACH][e % EACH];
        }
    }
}

/* C = the parts + (accumulate ? C : 0) */
static __global__ void __launch_bounds__(SC_THREADS)
    merge_kernel(gemm_args g, const float *partial, size_t parts)
{
    size_t count = g.m * g.n;

    for (size_t i = grid_first(); i < count; i += grid_step()) {
        size_t row = i, column = elem_rest(&row, g.n);
        float *c = &g.c[row * g.ldc + column], sum = partial[i];
        for (size_t p = 1; p < parts; p++)
            sum += partial[p * count + i];
        *c = g.accumulate ? *c + sum : sum;
    }
}

static size_t tiles_of(size_t size)
{
    return (size + TILE - 1) / TILE;
}

static void launch(const gemm_args &g, bool trans_a, bool trans_b, size_t parts)
{
    size_t tiles_n = tiles_of(g.n);
    dim3 grid((unsigned)(tiles_of(g.m) * tiles_n), (unsigned)parts);

    if (trans_a && trans_b)
        SC_LAUNCH((gemm_kernel<true, true>), grid, SC_THREADS, g, tiles_n);
    else if (trans_a)
        SC_LAUNCH((gemm_kernel<true, false>), grid, SC_THREADS, g, tiles_n);
    else if (trans_b)
        SC_LAUNCH((gemm_kernel<false, true>), grid, SC_THREADS, g, tiles_n);
    else
        SC_LAUNCH((gemm_kernel<false, false>), grid, SC_THREADS, g, tiles_n);
}

/* Numbers of a block's part of the sum; all of it: k or more. */
static size_t part_of(size_t m, size_t n, size_t k)
{
    size_t parts = SPLIT_BLOCKS / (tiles_of(m) * tiles_of(n));
    size_t room = SC_CUDA_WORKSPACE / sizeof(float) / (m * n), worth = k / SPLIT_PART;

    parts = parts < room ? parts : room;
    parts = parts < worth ? parts : worth;
    return parts < 2 ? k : ((k + parts - 1) / parts + DEPTH - 1) / DEPTH * DEPTH;
}

static void gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate)
{
    assert(ldc >= n && lda >= (trans_a ? m : k) && ldb >= (trans_b ? k : n));
    gemm_args g = {c, a, b, ldc, lda, ldb, m, n, k, part_of(m, n, k), m * n, accumulate};
    size_t parts = g.part < k ? (k + g.part - 1) / g.part : 1;

    if (parts == 1) {
        launch(g, trans_a, trans_b, 1);
        return;
    }
    gemm_args split = g;
    split.c = (float *)sc_cuda_workspace();
    split.ldc = n;
    split.accumulate = false;
    launch(split, trans_a, trans_b, parts);
    SC_LAUNCH(merge_kernel, grid_of(m * n), SC_THREADS, g, split.c, parts);
}

void sc_cuda_products(sc_real *c, const sc_real *a, const sc_real *b, size_t m, size_t n, size_t k)
{
    launch({c, a, b, n, k, k, m, n, k, k, 0, false}, false, true, 1);
}

void sc_cuda_put_gemm(sc_backend *table)
{
    table->gemm = gemm;
}
