/* SPDX-License-Identifier: MIT
 *
 * cosines.cuh - the two products of NT-Xent, tile by tile, in fp32:
 *
 *   cosine (TILE,TILE) = u_i u_j^T           rows i and j of the unit vectors u (rows,d)
 *   du (TILE,SLAB)    += w (TILE,TILE) u_j   SLAB columns of u
 *
 * A thread of TILE_THREADS owns MINE x MINE cosines and MINE x SLAB_MINE numbers of du, in registers;
 * operands come through shared memory in fours, for 16 multiply-adds two and for 32 three.
 */
#ifndef SC_CUDA_COSINES_CUH
#define SC_CUDA_COSINES_CUH

#include "backend/cuda/four.cuh"

enum {
    TILE = 64,
    MINE = 4,
    TILE_THREADS = TILE / MINE * (TILE / MINE),
    CHUNK = 32,        /* of d, or of rows j, in shared memory at once */
    STRIDE = TILE + 4, /* of columns: keeps fours aligned, and stores in two banks */
    SLAB = 128,
    SLAB_MINE = SLAB / (TILE / MINE)
};

/* Of rows i and of rows j, transposed. */
struct cosine_chunks {
    alignas(16) float a[CHUNK][STRIDE], b[CHUNK][STRIDE];
};

struct slab_rows {
    alignas(16) float of[CHUNK][SLAB];
};

struct weights { /* [j][i] */
    alignas(16) float of[TILE][STRIDE];
};

struct split_range {
    size_t begin, end;
};

static inline size_t tiles_of(size_t rows)
{
    return (rows + TILE - 1) / TILE;
}

/* Splits of the columns for about so many blocks: at most one a tile. */
static inline size_t split_count(size_t tiles, size_t blocks)
{
    size_t splits = blocks / tiles;

    splits = splits < tiles ? splits : tiles;
    return splits > 0 ? splits : 1;
}

/* Tiles of columns of the split blockIdx.y of gridDim.y; gridDim.x: all tiles. */
__device__ inline split_range tiles_of_split()
{
    const size_t tiles = gridDim.x, s = blockIdx.y, splits = gridDim.y;
    return {tiles * s / splits, tiles * (s + 1) / splits};
}

/* First of a thread's rows and columns in a tile. */
__device__ inline size_t tile_row()
{
    return MINE * (threadIdx.x / (TILE / MINE));
}

__device__ inline size_t tile_column()
{
    return MINE * (threadIdx.x % (TILE / MINE));
}

/* Columns of a slab that a thread has: fours, TILE apart. */
__device__ inline size_t slab_column(size_t k)
{
    return k / MINE * TILE + tile_column() + k % MINE;
}

/* Four numbers of row i from column k on, zeros beyond the end. */
__device__ inline four row_four(const float *u, size_t rows, size_t dim, size_t i, size_t k)
{
    four x = {};

    if (i >= rows || k >= dim)
        return x;
    if (dim % four::COUNT == 0)
        return load_four(u + i * dim + k);
    for (size_t q = 0; q < four::COUNT && k + q < dim; q++)
        x.of[q] = u[i * dim + k + q];
    return x;
}

/* to[k][i] = u[first + i][at + k].  A warp has 8 rows and 64 bytes of each. */
__device__ inline void load_chunk(float to[CHUNK][STRIDE], const float *u, size_t rows, size_t dim,
                                  size_t first, size_t at)
{
    const size_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const size_t i = 8 * warp + lane % 8;

    for (size_t half = 0; half < 2; half++) {
        const size_t k = CHUNK / 2 * half + four::COUNT * (lane / 8);
        const four x = row_four(u, rows, dim, first + i, at + k);
        for (size_t q = 0; q < four::COUNT; q++)
            to[k + q][i] = x.of[q];
    }
}

/* Of the rows from first_i and from first_j on; of rows beyond the end 0. */
__device__ inline void cosine_tile(float cosine[MINE][MINE], cosine_chunks *chunks, const float *u,
                                   size_t rows, size_t dim, size_t first_i, size_t first_j)
{
    for (size_t r = 0; r < MINE; r++)
        for (size_t q = 0; q < MINE; q++)
            cosine[r][q] = 0;
    for (size_t at = 0; at < dim; at += CHUNK) {
        load_chunk(chunks->a, u, rows, dim, first_i, at);
        load_chunk(chunks->b, u, rows, dim, first_j, at);
        __syncthreads();
        for (size_t k = 0; k < CHUNK; k++) {
            const four a = load_four(&chunks->a[k][tile_row()]);
            const four b = load_four(&chunks->b[k][tile_column()]);
            for (size_t r = 0; r < MINE; r++)
                for (size_t q = 0; q < MINE; q++)
                    cosine[r][q] += a.of[r] * b.of[q];
        }
        __syncthreads();
    }
}

/* du[i] += sum over rows j from first_j on of w_ji u_j, columns from `slab` on.  On entry other
 * threads may still be writing w; on return w and shared are free. */
__device__ inline void add_weighted(float du[MINE][SLAB_MINE], const weights *w, slab_rows *shared,
                                    const float *u, size_t rows, size_t dim, size_t first_j,
                                    size_t slab)
{
    const size_t fours = SLAB / four::COUNT;

    for (size_t at = 0; at < TILE; at += CHUNK) {
        for (size_t f = threadIdx.x; f < CHUNK * fours; f += TILE_THREADS) {
            const size_t j = f / fours, k = four::COUNT * (f % fours);
            store_four(&shared->of[j][k], row_four(u, rows, dim, first_j + at + j, slab + k));
        }
        __syncthreads();
        for (size_t j = 0; j < CHUNK; j++) {
            const four a = load_four(&w->of[at + j][tile_row()]);
            const four low = load_four(&shared->of[j][tile_column()]);
            const four high = load_four(&shared->of[j][TILE + tile_column()]);
            for (size_t r = 0; r < MINE; r++)
                for (size_t q = 0; q < MINE; q++) {
                    du[r][q] += a.of[r] * low.of[q];
                    du[r][MINE + q] += a.of[r] * high.of[q];
                }
        }
        __syncthreads();
    }
}

#endif
