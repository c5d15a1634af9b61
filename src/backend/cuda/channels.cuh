/* SPDX-License-Identifier: MIT
 *
 * channels.cuh - how threads walk over a map of rows and channels, and sums over its rows.
 *
 * The threads of a block lie over `lanes` adjacent packs of V channels and `height` rows; blockIdx.y
 * counts such tiles of channels.  So what belongs to a channel stays in registers while a thread walks
 * down the rows.
 *
 * Sums take two kernels: each block adds up a slice of the rows, in float; then the slices are added in
 * double, in their order.  Slices are cut by the shape alone: the same sums on every card.
 */
#ifndef SC_CUDA_CHANNELS_CUH
#define SC_CUDA_CHANNELS_CUH

#include "backend/cuda/elem.cuh"

enum {
    WALK_LANES = 32,  /* at most: 512 adjacent bytes */
    SLICE_ROWS = 128, /* of a slice at least, so that its sums are few bytes beside its elements */
    SLICES = 1024,    /* at most */
    SUM_DEEP = 4,     /* rows that a thread of a sum reads before it adds the first */
    MERGE_CHANNELS = 8, /* of a block that adds slices up: 32 bytes */
    MERGE_PARTS = SC_THREADS / MERGE_CHANNELS
};

struct channel_walk {
    size_t rows, c;
    unsigned lanes, height, tiles;
    size_t slices, slice_rows;
};

template <int V> static inline channel_walk channel_walk_of(size_t rows, size_t c)
{
    channel_walk w = {};
    size_t packs = c / V, room = SC_CUDA_WORKSPACE / 2 / (2 * sizeof(float)) / c;
    size_t slices = SLICES;

    if (room < slices)
        slices = room < 1 ? 1 : room;
    w.rows = rows;
    w.c = c;
    w.tiles = (unsigned)((packs + WALK_LANES - 1) / WALK_LANES);
    w.lanes = (unsigned)((packs + w.tiles - 1) / w.tiles);
    w.height = SC_THREADS / w.lanes;
    w.slice_rows = (rows + slices - 1) / slices;
    w.slice_rows = w.slice_rows < SLICE_ROWS ? (size_t)SLICE_ROWS : w.slice_rows;
    w.slices = (rows + w.slice_rows - 1) / w.slice_rows;
    return w;
}

/* Blocks of a kernel for a walk that is no sum, `deep` rows of a thread or more: as many as run at once;
 * of more the last ones would run alone. */
template <class Kernel>
static inline dim3 channel_grid(Kernel *kernel, const channel_walk &w, unsigned deep)
{
    size_t blocks = (w.rows + w.height * deep - 1) / (w.height * deep);
    size_t most = (size_t)sc_cuda_processors() * sc_cuda_resident(kernel, SC_THREADS) / w.tiles;

    most = most < 1 ? 1 : most;
    return dim3((unsigned)(blocks < most ? blocks : most), w.tiles);
}

/* A thread's place: its row in the tile and its first channel; false outside the map. */
template <int V>
static __device__ __forceinline__ bool channel_place(const channel_walk &w, unsigned *below,
                                                     size_t *c)
{
    *below = threadIdx.x / w.lanes;
    *c = ((size_t)blockIdx.y * w.lanes + threadIdx.x % w.lanes) * V;
    return *below < w.height && *c < w.c;
}

/* Rows of the block's slice. */
static __device__ __forceinline__ void channel_slice(const channel_walk &w, size_t *begin,
                                                     size_t *end)
{
    *begin = blockIdx.x * w.slice_rows;
    *end = *begin + w.slice_rows < w.rows ? *begin + w.slice_rows : w.rows;
}

/* Adds rows row, row + height, ... of V channels from c to two sums, in their order.  The elements are not
 * zeros again in each round: nvcc would compare those of a row right after they are asked for.
 *   term.load(row, c)                 elements of a row
 *   term.add(first, second, elements) adds them */
template <int V, class Term>
static __device__ __forceinline__ void add_rows(float (&first)[V], float (&second)[V],
                                                const Term &term, size_t row, size_t end,
                                                size_t height, size_t c)
{
    typename Term::elements from[SUM_DEEP] = {};

    for (; row < end; row += SUM_DEEP * height) {
        SC_UNROLL
        for (int u = 0; u < SUM_DEEP; u++)
            if (row + u * height < end)
                from[u] = term.load(row + u * height, c);
        SC_UNROLL
        for (int u = 0; u < SUM_DEEP; u++) {
            if (row + u * height >= end)
                break;
            term.add(first, second, from[u]);
        }
    }
}

/* partial (slices, 2, c): the two sums over a slice, of a term as above; begin(c) is called first. */
template <int V, class Term>
static __global__ void __launch_bounds__(SC_THREADS)
    channel_sums_kernel(float *partial, channel_walk w, Term term)
{
    __shared__ float share[2 * V][SC_THREADS];
    float sum[2][V] = {};
    unsigned below;
    size_t c, row, end;

    channel_slice(w, &row, &end);
    if (channel_place<V>(w, &below, &c)) {
        term.begin(c);
        add_rows<V>(sum[0], sum[1], term, row + below, end, w.height, c);
    }
    SC_UNROLL
    for (int j = 0; j < 2 * V; j++)
        share[j][threadIdx.x] = sum[j / V][j % V];
    __syncthreads();
    for (unsigned i = threadIdx.x; i < 2 * V * w.lanes; i += SC_THREADS) {
        unsigned lane = i % w.lanes, j = i / w.lanes;
        float total = 0;
        c = ((size_t)blockIdx.y * w.lanes + lane) * V + j % V;
        for (unsigned k = 0; k < w.height; k++)
            total += share[j][k * w.lanes + lane];
        if (c < w.c)
            partial[(blockIdx.x * 2 + j / V) * w.c + c] = total;
    }
}

/* finish(c, first, second) takes the sums of a channel. */
template <class Finish>
static __global__ void __launch_bounds__(SC_THREADS)
    channel_merge_kernel(const float *partial, size_t slices, size_t channels, Finish finish)
{
    __shared__ double share[2][MERGE_PARTS][MERGE_CHANNELS];
    unsigned lane = threadIdx.x % MERGE_CHANNELS, part = threadIdx.x / MERGE_CHANNELS;
    size_t c = (size_t)blockIdx.x * MERGE_CHANNELS + lane;
    double first = 0, second = 0;

    if (c < channels) {
        for (size_t s = part; s < slices; s += MERGE_PARTS) {
            first += (double)partial[s * 2 * channels + c];
            second += (double)partial[(s * 2 + 1) * channels + c];
        }
    }
    share[0][part][lane] = first;
    share[1][part][lane] = second;
    __syncthreads();
    if (part == 0 && c < channels) {
        for (int k = 1; k < MERGE_PARTS; k++) {
            first += share[0][k][lane];
            second += share[1][k][lane];
        }
        finish(c, first, second);
    }
}

static inline unsigned merge_blocks(size_t c)
{
    return (unsigned)((c + MERGE_CHANNELS - 1) / MERGE_CHANNELS);
}

/* Both kernels; the first half of the workspace is used. */
template <int V, class Term, class Finish>
static void channel_sums(size_t rows, size_t c, Term term, Finish finish)
{
    channel_walk w = channel_walk_of<V>(rows, c);
    float *partial = (float *)sc_cuda_workspace();

    SC_LAUNCH((channel_sums_kernel<V, Term>), dim3((unsigned)w.slices, w.tiles), SC_THREADS,
              partial, w, term);
    SC_LAUNCH((channel_merge_kernel<Finish>), merge_blocks(c), SC_THREADS, partial, w.slices, c,
              finish);
}

#endif
