/* SPDX-License-Identifier: MIT
 *
 * ntxent.cu - NT-Xent and its gradient; loss/ntxent.c has the equations.
 *
 *   forward   1. u_i = z_i / |z_i|
 *             2. tiles of cosines u u^T; each thread keeps the largest of its part of a row and
 *                sum exp((cosine - largest) / t), which are joined in a fixed order
 *             3. row_loss and lse of every row; their mean
 *   backward  1. tiles of cosines again -> weights of rows in the gradient -> times u
 *             2. sum of the parts, then dz_i = (du_i - <du_i, u_i> u_i) / |z_i|
 *
 * A block makes TILE rows over the columns of one split: the number of splits follows from the number
 * of rows alone, so that all cards add in the same order.  Products and the terms of sums are float,
 * sums of terms double: a loss of 1e-9 keeps its digits.
 */
#include <cfloat>

#include "backend/cuda/kernels.h"

#include "backend/cuda/block_sum.cuh"
#include "backend/cuda/cosines.cuh"

static const unsigned ROW_THREADS = 128; /* of blocks that have one row */
static const float LOWEST = -2;          /* below every cosine */

/* ---- unit rows ---- */

/* Squares of floats and their sums neither overflow nor vanish in double. */
__global__ static void __launch_bounds__(ROW_THREADS) normalise(sc_device_ntxent t)
{
    __shared__ double shared[ROW_THREADS];
    const float *z = t.z + (size_t)blockIdx.x * t.dim;
    float *u = t.unit + (size_t)blockIdx.x * t.dim;
    double sum = 0;

    for (size_t k = threadIdx.x; k < t.dim; k += ROW_THREADS)
        sum += (double)z[k] * (double)z[k];
    sum = block_sum<ROW_THREADS>(shared, sum);
    double inverse = sum != 0 ? 1 / sqrt(sum) : 0;
    for (size_t k = threadIdx.x; k < t.dim; k += ROW_THREADS)
        u[k] = (float)((double)z[k] * inverse);
    if (threadIdx.x == 0)
        t.inv_norm[blockIdx.x] = inverse <= FLT_MAX ? (float)inverse : 0; /* as src/loss/ntxent.c */
}

/* ---- loss ---- */

/* Of some cosines of a row: the largest, and sum exp((cosine - most) / t). */
struct part_of_row {
    double sum;
    float most;
};

__device__ static size_t positive_of(size_t i, size_t rows)
{
    return i < rows / 2 ? i + rows / 2 : i - rows / 2;
}

/* The sum relative to `most`, at least the part's. */
__device__ static double raised(part_of_row p, float most, float inv_t)
{
    return p.sum * (double)expf((p.most - most) * inv_t);
}

__device__ static part_of_row joined(part_of_row a, part_of_row b, float inv_t)
{
    float most = b.most > a.most ? b.most : a.most;
    return {raised(a, most, inv_t) + raised(b, most, inv_t), most};
}

/* Four cosines of row i with rows first_j ..; its positive's goes to *positive. */
__device__ static void absorb(part_of_row *p, float *positive, const float cosine[MINE], size_t i,
                              size_t first_j, size_t rows, float inv_t)
{
    float most = p->most;

    for (size_t q = 0; q < MINE; q++)
        if (first_j + q < rows && first_j + q != i && cosine[q] > most)
            most = cosine[q];
    if (most > p->most)
        *p = {raised(*p, most, inv_t), most};
    for (size_t q = 0; q < MINE; q++) {
        size_t j = first_j + q;
        if (j < rows && j != i)
            p->sum += (double)expf((cosine[q] - most) * inv_t);
        if (i < rows && j == positive_of(i, rows))
            *positive = cosine[q];
    }
}

/* part (splits,rows), positive (rows) */
__global__ static void __launch_bounds__(TILE_THREADS)
    sum_rows(part_of_row *part, float *positive, sc_device_ntxent t)
{
    __shared__ cosine_chunks chunks;
    __shared__ part_of_row shared[TILE][TILE / MINE];
    const size_t row = TILE * (size_t)blockIdx.x + tile_row();
    const split_range range = tiles_of_split();
    const float inv_t = (float)(1 / t.temperature);
    part_of_row mine[MINE];

    for (size_t r = 0; r < MINE; r++)
        mine[r] = {0, LOWEST};
    for (size_t tile = range.begin; tile < range.end; tile++) {
        float cosine[MINE][MINE];
        cosine_tile(cosine, &chunks, t.unit, t.rows, t.dim, TILE * (size_t)blockIdx.x, TILE * tile);
        for (size_t r = 0; r < MINE; r++)
            absorb(&mine[r], &positive[row + r], cosine[r], row + r, TILE * tile + tile_column(),
                   t.rows, inv_t);
    }
    for (size_t r = 0; r < MINE; r++)
        shared[tile_row() + r][tile_column() / MINE] = mine[r];
    __syncthreads();
    const size_t i = TILE * (size_t)blockIdx.x + threadIdx.x;
    if (threadIdx.x < TILE && i < t.rows) {
        part_of_row sum = shared[threadIdx.x][0];
        for (size_t c = 1; c < TILE / MINE; c++)
            sum = joined(sum, shared[threadIdx.x][c], inv_t);
        part[blockIdx.y * t.rows + i] = sum;
    }
}

/* Differences of cosines first: the loss keeps its digits where exp(1/t) has none left. */
__global__ static void __launch_bounds__(ROW_THREADS)
    finish_rows(sc_device_ntxent t, const part_of_row *part, const float *positive, size_t splits)
{
    const size_t i = (size_t)blockIdx.x * ROW_THREADS + threadIdx.x;
    const float inv_t = (float)(1 / t.temperature);

    if (i >= t.rows)
        return;
    part_of_row sum = part[i];
    for (size_t s = 1; s < splits; s++)
        sum = joined(sum, part[s * t.rows + i], inv_t);
    double most = (double)sum.most;
    t.row_loss[i] = log(sum.sum) + (most - (double)positive[i]) / t.temperature;
    t.lse[i] = (float)(log(sum.sum) + most / t.temperature);
}

__global__ static void __launch_bounds__(TILE_THREADS)
    mean_loss(sc_step_output *out, const double *row_loss, size_t rows)
{
    __shared__ double shared[TILE_THREADS];
    double sum = 0;

    for (size_t i = threadIdx.x; i < rows; i += TILE_THREADS)
        sum += row_loss[i];
    sum = block_sum<TILE_THREADS>(shared, sum);
    if (threadIdx.x == 0)
        out->loss = sum / (double)rows;
}

void sc_cuda_ntxent_forward(sc_step_output *out, const sc_device_ntxent *ntxent)
{
    const sc_device_ntxent t = *ntxent;
    const size_t tiles = tiles_of(t.rows), splits = split_count(tiles, 1024);
    part_of_row *part = (part_of_row *)sc_cuda_workspace();
    float *positive = (float *)(part + splits * t.rows);

    SC_LAUNCH(normalise, t.rows, ROW_THREADS, t);
    SC_LAUNCH(sum_rows, dim3(tiles, splits), TILE_THREADS, part, positive, t);
    SC_LAUNCH(finish_rows, (t.rows + ROW_THREADS - 1) / ROW_THREADS, ROW_THREADS, t, part, positive,
              splits);
    SC_LAUNCH(mean_loss, 1, TILE_THREADS, out, t.row_loss, t.rows);
}

/* ---- gradient ---- */

/* Cosines of rows i.. and j.. -> what row j weighs in the gradient of row i; to w[j][i]. */
__device__ static void weigh(weights *w, const float cosine[MINE][MINE], const sc_device_ntxent &t,
                             size_t first_j)
{
    const size_t first_i = TILE * (size_t)blockIdx.x + tile_row();
    const float inv_t = (float)(1 / t.temperature);
    const float scale = (float)(1 / ((double)t.rows * t.temperature));

    for (size_t q = 0; q < MINE; q++) {
        const size_t j = first_j + tile_column() + q;
        four weight = {};
        for (size_t r = 0; r < MINE; r++) {
            const size_t i = first_i + r;
            if (i >= t.rows || j >= t.rows || i == j)
                continue;
            float s = cosine[r][q] * inv_t;
            weight.of[r] = (expf(s - t.lse[i]) + expf(s - t.lse[j])) * scale;
            if (j == positive_of(i, t.rows))
                weight.of[r] -= 2 * scale;
        }
        store_four(&w->of[tile_column() + q][tile_row()], weight);
    }
}

/* part (splits,rows,d): the splits' shares of du, d in slabs of SLAB */
__global__ static void __launch_bounds__(TILE_THREADS) gradient(float *part, sc_device_ntxent t)
{
    __shared__ union {
        cosine_chunks chunks;
        slab_rows slab;
    } shared;
    __shared__ weights w;
    const split_range range = tiles_of_split();
    const size_t slab = SLAB * (size_t)blockIdx.z;
    float du[MINE][SLAB_MINE] = {};

    for (size_t tile = range.begin; tile < range.end; tile++) {
        float cosine[MINE][MINE];
        cosine_tile(cosine, &shared.chunks, t.unit, t.rows, t.dim, TILE * (size_t)blockIdx.x,
                    TILE * tile);
        weigh(&w, cosine, t, TILE * tile);
        add_weighted(du, &w, &shared.slab, t.unit, t.rows, t.dim, TILE * tile, slab);
    }
    for (size_t r = 0; r < MINE; r++) {
        const size_t i = TILE * (size_t)blockIdx.x + tile_row() + r;
        float *to = part + (blockIdx.y * t.rows + i) * t.dim;
        for (size_t k = 0; k < SLAB_MINE && i < t.rows; k++)
            if (slab_column(k) + slab < t.dim)
                to[slab_column(k) + slab] = du[r][k];
    }
}

/* Through u = z / |z|: what points along u is lost.  part may be dz. */
__global__ static void __launch_bounds__(ROW_THREADS)
    project(sc_device_ntxent t, const float *part, size_t splits)
{
    __shared__ double shared[ROW_THREADS];
    const size_t i = blockIdx.x;
    const float *u = t.unit + i * t.dim;
    float *dz = t.dz + i * t.dim;
    double along = 0, inverse = (double)t.inv_norm[i];

    for (size_t k = threadIdx.x; k < t.dim; k += ROW_THREADS) {
        float sum = part[i * t.dim + k];
        for (size_t s = 1; s < splits; s++)
            sum += part[(s * t.rows + i) * t.dim + k];
        dz[k] = sum;
        along += (double)sum * (double)u[k];
    }
    along = block_sum<ROW_THREADS>(shared, along);
    for (size_t k = threadIdx.x; k < t.dim; k += ROW_THREADS)
        dz[k] = (float)(((double)dz[k] - along * (double)u[k]) * inverse);
}

void sc_cuda_ntxent_backward(const sc_device_ntxent *ntxent)
{
    const sc_device_ntxent t = *ntxent;
    const size_t tiles = tiles_of(t.rows),
                 room = SC_CUDA_WORKSPACE / (t.rows * t.dim * sizeof(float));
    size_t splits = split_count(tiles, 512);

    if (splits > room)
        splits = room > 0 ? room : 1;
    float *part = splits > 1 ? (float *)sc_cuda_workspace() : t.dz;
    SC_LAUNCH(gradient, dim3(tiles, splits, (t.dim + SLAB - 1) / SLAB), TILE_THREADS, part, t);
    SC_LAUNCH(project, t.rows, ROW_THREADS, t, part, splits);
}
