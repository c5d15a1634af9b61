/* SPDX-License-Identifier: MIT
 *
 * conv_filters.cuh - filters from KCRS reals to KRSC elements, their channels filled up to `wide`, and
 * their gradient back.
 *
 * A block turns a tile of one filter, some channels by some taps (r, s), around in shared memory: on both
 * sides adjacent threads have adjacent numbers.
 */
#ifndef SC_CUDA_CONV_FILTERS_CUH
#define SC_CUDA_CONV_FILTERS_CUH

#include "backend/cuda/elem.cuh"

enum {
    TILE_NUMBERS = 1024, /* 4 KiB of shared memory */
    TILE_TAPS = 63,      /* at most: leaves 16 channels; up to 7x7 a tile is contiguous outside */
    TILE_SECTOR = 16     /* channels: 32 bytes of bf16, what memory reads and writes at least */
};

/* Filters (k, c, taps) outside, (k, taps, wide) inside, and their largest tile.  Turned they are (c, taps
 * backwards, k) inside; filters and channels are then those of the inside.  The steps are outside. */
struct filter_tiles {
    size_t c, taps, wide;
    size_t filter_step, channel_step, tap_step;
    size_t first_tap; /* outside, of those inside */
    unsigned tile_channels, tile_taps;
    unsigned pitch; /* of a tile's channels in shared memory: odd, 32 of one tap lie in 32 banks */
};

/* The tile of a block: where it begins outside and inside, its size, and how many channels are outside. */
struct filter_tile {
    size_t outside, inside;
    unsigned channels, taps, given;
};

/* The size of parts as few and equal as they can be. */
static inline size_t equal_part(size_t whole, size_t most)
{
    size_t parts = (whole + most - 1) / most;

    return (whole + parts - 1) / parts;
}

static inline filter_tiles filter_tiles_of(const sc_conv_shape &s, size_t wide)
{
    size_t taps = s.r * s.s;
    filter_tiles f = {s.c, taps, wide, s.c * taps, taps, 1, 0, 0, 0, 0};

    f.tile_taps = (unsigned)equal_part(f.taps, TILE_TAPS);
    f.pitch = f.tile_taps | 1;
    size_t channels = equal_part(wide, TILE_NUMBERS / f.pitch / TILE_SECTOR * TILE_SECTOR);
    f.tile_channels = (unsigned)((channels + TILE_SECTOR - 1) / TILE_SECTOR * TILE_SECTOR);
    return f;
}

static inline filter_tiles turned_filter_tiles_of(const sc_conv_shape &s)
{
    sc_conv_shape exchanged = s;

    exchanged.c = s.k;
    filter_tiles f = filter_tiles_of(exchanged, s.k);
    f.filter_step = f.taps;
    f.channel_step = s.c * f.taps;
    f.tap_step = (size_t)-1; /* wraps */
    f.first_tap = f.taps - 1;
    return f;
}

static inline dim3 filter_grid(const filter_tiles &f, size_t k)
{
    return dim3((unsigned)k, (unsigned)((f.wide + f.tile_channels - 1) / f.tile_channels),
                (unsigned)((f.taps + f.tile_taps - 1) / f.tile_taps));
}

static __device__ __forceinline__ unsigned rest_of(size_t whole, size_t begin, unsigned most)
{
    return whole < begin ? 0 : whole - begin < most ? (unsigned)(whole - begin) : most;
}

static __device__ __forceinline__ filter_tile tile_of(const filter_tiles &f)
{
    size_t k = blockIdx.x, c = (size_t)blockIdx.y * f.tile_channels;
    size_t tap = (size_t)blockIdx.z * f.tile_taps;
    filter_tile t;

    t.outside = k * f.filter_step + c * f.channel_step + f.first_tap + tap * f.tap_step;
    t.inside = (k * f.taps + tap) * f.wide + c;
    t.channels = rest_of(f.wide, c, f.tile_channels);
    t.taps = rest_of(f.taps, tap, f.tile_taps);
    t.given = rest_of(f.c, c, f.tile_channels);
    return t;
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    pack_kernel(E *to, const sc_real *w, filter_tiles f)
{
    __shared__ float share[TILE_NUMBERS];
    filter_tile t = tile_of(f);

    for (unsigned i = threadIdx.x; i < t.channels * t.taps; i += SC_THREADS) {
        unsigned c = i / t.taps, tap = i % t.taps;
        share[c * f.pitch + tap] =
            c < t.given ? w[t.outside + c * f.channel_step + tap * f.tap_step] : 0;
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < t.channels * t.taps; i += SC_THREADS) {
        unsigned tap = i / t.channels, c = i % t.channels;
        to[t.inside + tap * f.wide + c] = elem_put<E>(share[c * f.pitch + tap]);
    }
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    unpack_kernel(sc_real *dw, const E *from, filter_tiles f)
{
    __shared__ float share[TILE_NUMBERS];
    filter_tile t = tile_of(f);

    for (unsigned i = threadIdx.x; i < t.channels * t.taps; i += SC_THREADS) {
        unsigned tap = i / t.channels, c = i % t.channels;
        share[c * f.pitch + tap] = elem_get(from[t.inside + tap * f.wide + c]);
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < t.given * t.taps; i += SC_THREADS) {
        unsigned c = i / t.taps, tap = i % t.taps;
        dw[t.outside + c * f.channel_step + tap * f.tap_step] += share[c * f.pitch + tap];
    }
}

/* to (k, r, s, wide) = w (k, c, r, s) and zeros */
template <class E>
static void pack_filters(E *to, const sc_real *w, const sc_conv_shape &s, size_t wide)
{
    filter_tiles f = filter_tiles_of(s, wide);

    SC_LAUNCH((pack_kernel<E>), filter_grid(f, s.k), SC_THREADS, to, w, f);
}

/* to (c, r, s, k) = w (k, c, r, s) turned by 180 degrees */
template <class E> static void pack_turned_filters(E *to, const sc_real *w, const sc_conv_shape &s)
{
    filter_tiles f = turned_filter_tiles_of(s);

    SC_LAUNCH((pack_kernel<E>), filter_grid(f, s.c), SC_THREADS, to, w, f);
}

/* dw (k, c, r, s) += from (k, r, s, wide) */
template <class E>
static void unpack_filters(sc_real *dw, const E *from, const sc_conv_shape &s, size_t wide)
{
    filter_tiles f = filter_tiles_of(s, wide);

    SC_LAUNCH((unpack_kernel<E>), filter_grid(f, s.k), SC_THREADS, dw, from, f);
}

#endif
