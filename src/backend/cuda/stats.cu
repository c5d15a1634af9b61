/* SPDX-License-Identifier: MIT
 *
 * stats.cu - mean and variance of channels over rows; then, where it is asked for, a norm's scale and shift.
 *
 *   thread: sums of d and d^2 in float, d = x - the thread's first row, so that a large mean costs no
 *           digits; of them its mean and its squared deviations from that
 *   block, then whole: mean = sum n_i mean_i / n,  squares = sum squares_i + n_i (mean_i - mean)^2,
 *           in double, always in the same order (Chan, Golub and LeVeque 1979)
 */
#include <assert.h>

#include "backend/cuda/channels.cuh"
#include "backend/cuda/fold.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"

/* The rows of a slice, of which the first threads of a column of the tile may take one more. */
struct dealt_rows {
    uint32_t each, rest;

    __device__ uint32_t of(unsigned below) const
    {
        return each + (below < rest ? 1 : 0);
    }
};

static __device__ __forceinline__ dealt_rows deal_rows(size_t slice, unsigned height)
{
    uint32_t rows = (uint32_t)slice, each = rows / height;

    return {each, rows - each * height};
}

/* Sums of d and of d^2. */
template <int V, class E> struct moments_term {
    const E *x;
    size_t width;
    elem_pack<E, V> shift;

    typedef elem_pack<E, V> elements;

    __device__ elements load(size_t row, size_t c) const
    {
        return elem_load<V>(x + row * width + c);
    }

    __device__ void add(float (&first)[V], float (&second)[V], const elements &from) const
    {
        SC_UNROLL
        for (int j = 0; j < V; j++) {
            float d = from.get(j) - shift.get(j);
            first[j] += d;
            second[j] = fmaf(d, d, second[j]);
        }
    }
};

/* Mean and squared deviations of V channels from c over rows row, row + height, ..., so many. */
template <int V, class E>
static __device__ __forceinline__ void thread_moments(float (*share)[SC_THREADS], const E *x,
                                                      const channel_walk &w, size_t row, size_t end,
                                                      size_t c, float rows)
{
    moments_term<V, E> term = {x, w.c, elem_load<V>(x + row * w.c + c)};
    float first[V] = {}, second[V] = {};

    add_rows<V>(first, second, term, row, end, w.height, c);
    SC_UNROLL
    for (int j = 0; j < V; j++) {
        float mean = first[j] / rows;
        share[j][threadIdx.x] = term.shift.get(j) + mean;
        share[V + j][threadIdx.x] = fmaf(-mean, first[j], second[j]);
    }
}

/* partial (slices, 2, c): mean and squared deviations of a slice */
template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    moments_kernel(float *partial, channel_walk w, const E *x)
{
    __shared__ float share[2 * V][SC_THREADS];
    unsigned below;
    size_t c, begin, end;

    channel_slice(w, &begin, &end);
    dealt_rows rows = deal_rows(end - begin, w.height);
    unsigned threads = rows.each > 0 ? w.height : rows.rest; /* of a column, that take any */
    if (channel_place<V>(w, &below, &c) && below < threads)
        thread_moments<V>(share, x, w, begin + below, end, c, (float)rows.of(below));
    __syncthreads();
    for (unsigned i = threadIdx.x; i < V * w.lanes; i += SC_THREADS) {
        unsigned lane = i % w.lanes, j = i / w.lanes;
        double mean = 0, squares = 0;
        c = ((size_t)blockIdx.y * w.lanes + lane) * V + j;
        for (unsigned k = 0; k < threads; k++)
            mean += (double)rows.of(k) * (double)share[j][k * w.lanes + lane];
        mean /= (double)(end - begin);
        for (unsigned k = 0; k < threads; k++) {
            double d = (double)share[j][k * w.lanes + lane] - mean;
            squares += (double)share[V + j][k * w.lanes + lane] + (double)rows.of(k) * d * d;
        }
        if (c < w.c) {
            partial[blockIdx.x * 2 * w.c + c] = (float)mean;
            partial[(blockIdx.x * 2 + 1) * w.c + c] = (float)squares;
        }
    }
}

/* FOLD: mean and var are the fold's. */
template <bool FOLD>
static __global__ void __launch_bounds__(SC_THREADS)
    merge_moments_kernel(sc_real *mean, sc_real *var, const float *partial, channel_walk w,
                         sc_norm_fold fold)
{
    __shared__ double share[2][MERGE_PARTS][MERGE_CHANNELS];
    unsigned lane = threadIdx.x % MERGE_CHANNELS, part = threadIdx.x / MERGE_CHANNELS;
    size_t c = (size_t)blockIdx.x * MERGE_CHANNELS + lane;
    size_t slices = c < w.c ? w.slices : 0, last = w.rows - (w.slices - 1) * w.slice_rows;
    double sum = 0, squares = 0;

    for (size_t s = part; s < slices; s += MERGE_PARTS)
        sum += (double)(s + 1 < slices ? w.slice_rows : last) * (double)partial[s * 2 * w.c + c];
    share[0][part][lane] = sum;
    __syncthreads();
    sum = 0;
    for (int k = 0; k < MERGE_PARTS; k++)
        sum += share[0][k][lane];
    sum /= (double)w.rows;
    for (size_t s = part; s < slices; s += MERGE_PARTS) {
        double d = (double)partial[s * 2 * w.c + c] - sum;
        squares += (double)partial[(s * 2 + 1) * w.c + c] +
                   (double)(s + 1 < slices ? w.slice_rows : last) * d * d;
    }
    share[1][part][lane] = squares;
    __syncthreads();
    if (part == 0 && c < w.c) {
        for (int k = 1; k < MERGE_PARTS; k++)
            squares += share[1][k][lane];
        mean[c] = (sc_real)sum;
        var[c] = (sc_real)(squares > 0 ? squares / (double)w.rows : 0);
        if (FOLD)
            fold_channel(fold, fold.momentum, c);
        if (FOLD && fold.update && c == 0)
            *fold.batches += 1;
    }
}

/* A cumulative mean wants the number of batches in every block: that is folded by itself. */
template <int V, class E> static void stats(sc_channel_stats to, const E *x, size_t rows, size_t c)
{
    channel_walk w = channel_walk_of<V>(rows, c);
    float *partial = (float *)sc_cuda_workspace();
    bool folds = to.fold != nullptr && !(to.fold->update && to.fold->momentum < 0);
    sc_norm_fold fold = folds ? *to.fold : sc_norm_fold{};

    SC_LAUNCH((moments_kernel<V, E>), dim3((unsigned)w.slices, w.tiles), SC_THREADS, partial, w, x);
    if (folds)
        SC_LAUNCH(merge_moments_kernel<true>, merge_blocks(c), SC_THREADS, to.mean, to.var, partial,
                  w, fold);
    else
        SC_LAUNCH(merge_moments_kernel<false>, merge_blocks(c), SC_THREADS, to.mean, to.var,
                  partial, w, fold);
    if (to.fold != nullptr && !folds)
        sc_cuda_table(SC_FP32)->norm_fold(to.fold);
}

template <class E> static void take(sc_channel_stats to, const sc_map *x, size_t rows, size_t c)
{
    assert(rows >= 1);
    if (elem_may_widen<E>(c, x))
        stats<elem_wide<E>>(to, (const E *)x, rows, c);
    else
        stats<1>(to, (const E *)x, rows, c);
}

void sc_cuda_stats(sc_channel_stats to, sc_precision precision, const sc_map *x, size_t rows,
                   size_t c)
{
    precision == SC_BF16 ? take<sc_bf16>(to, x, rows, c) : take<float>(to, x, rows, c);
}

template <class E>
static void channel_stats(sc_real *mean, sc_real *var, const sc_map *x, size_t rows, size_t c)
{
    take<E>({mean, var, nullptr}, x, rows, c);
}

void sc_cuda_put_stats(sc_backend *table)
{
    table->channel_stats =
        table->precision == SC_BF16 ? channel_stats<sc_bf16> : channel_stats<float>;
}
