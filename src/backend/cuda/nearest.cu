/* SPDX-License-Identifier: MIT
 *
 * nearest.cu - of each query the k rows of a bank with the largest products, exactly.
 *
 * The products are each one sum in the order of the features.  Then a block of threads has a query.  Candidates are ordered by one number,
 * their rank: the bits of the product, made to rise with it, above the index, inverted; so no two ranks
 * are equal.  The k-th largest is found four bits at a time, from the top: the candidates that agree with
 * it so far are counted by their next four bits, which tells in which of 16 bins it lies.  That ends as
 * soon as all of a bin belong to the k.  What has at least the rank found is gathered and sorted.
 */
#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/gemm.cuh"
#include "backend/cuda/kernels.h"

enum {
    DIGIT = 4, /* bits */
    BINS = 1 << DIGIT,
    SORT_SHARED = 2048 /* a longer list is sorted in the device's memory */
};

union float_bits {
    float real;
    uint32_t word;
};

/* A place of a list: first a rank, then what it stands for. */
union place {
    uint64_t rank;
    sc_neighbour near;
};

static_assert(sizeof(place) == sizeof(sc_neighbour), "ranks are sorted where neighbours go");

struct candidates {
    const float *product;
    size_t count, self;
};

/* A column for each thread: nobody waits for anybody, and sums have one order. */
typedef uint32_t bin_counts[BINS][SC_THREADS];

/* Of two floats the larger has the larger word. */
static __device__ __forceinline__ uint32_t rising_word(float x)
{
    const float_bits b = {x == 0 ? 0.0F : x}; /* -0 equals 0 */

    return b.word >> 31 != 0 ? ~b.word : b.word | 1U << 31;
}

static __device__ __forceinline__ float float_of(uint32_t rising)
{
    float_bits b;

    b.word = rising >> 31 != 0 ? rising & ~(1U << 31) : ~rising;
    return b.real;
}

/* Of a query's own row 0, which no other has. */
static __device__ __forceinline__ uint64_t rank_of(const candidates &c, size_t i)
{
    if (i == c.self)
        return 0;
    return (uint64_t)rising_word(c.product[i]) << 32 | (uint32_t)~i;
}

static __device__ __forceinline__ sc_neighbour neighbour_of(uint64_t rank)
{
    return {float_of((uint32_t)(rank >> 32)), ~(uint32_t)rank};
}

/* count[bin][0]: the candidates whose rank is `found` above the digit at `shift`, by that digit; below,
 * found is 0. */
static __device__ void count_bins(bin_counts count, const candidates &c, uint64_t found,
                                  unsigned shift)
{
    const unsigned t = threadIdx.x;

    for (unsigned bin = 0; bin < BINS; bin++)
        count[bin][t] = 0;
    for (size_t i = t; i < c.count; i += SC_THREADS) {
        const uint64_t rest = (rank_of(c, i) ^ found) >> shift;
        if (rest < BINS)
            count[rest][t]++;
    }
    __syncthreads();
    for (unsigned half = SC_THREADS / 2; half > 0; half /= 2) {
        for (unsigned e = t; e < BINS * half; e += SC_THREADS)
            count[e / half][e % half] += count[e / half][e % half + half];
        __syncthreads();
    }
}

/* A bound that k ranks reach. */
static __device__ uint64_t rank_of_kth(bin_counts count, const candidates &c, size_t k)
{
    uint64_t found = 0;

    for (unsigned shift = 64 - DIGIT;; shift -= DIGIT) {
        unsigned bin = BINS - 1;
        count_bins(count, c, found, shift);
        while (count[bin][0] < k)
            k -= count[bin--][0];
        const bool whole = count[bin][0] == k;
        found |= (uint64_t)bin << shift;
        __syncthreads();
        if (whole) /* at the last digit a bin has one rank */
            return found;
    }
}

/* The sum of `mine` over the threads before this one.  shared: SC_THREADS places. */
static __device__ uint32_t sum_before(uint32_t *shared, uint32_t mine)
{
    const unsigned t = threadIdx.x;

    shared[t] = mine;
    __syncthreads();
    for (unsigned step = 1; step < SC_THREADS; step *= 2) {
        const uint32_t earlier = t >= step ? shared[t - step] : 0;
        __syncthreads();
        shared[t] += earlier;
        __syncthreads();
    }
    return shared[t] - mine;
}

/* Ranks from `least` on to the list, in no order that matters. */
static __device__ void gather(place *list, uint32_t *shared, const candidates &c, uint64_t least)
{
    uint32_t mine = 0;

    for (size_t i = threadIdx.x; i < c.count; i += SC_THREADS)
        mine += rank_of(c, i) >= least;
    uint32_t at = sum_before(shared, mine);
    for (size_t i = threadIdx.x; i < c.count; i += SC_THREADS) {
        const uint64_t rank = rank_of(c, i);
        if (rank >= least)
            list[at++].rank = rank;
    }
    __syncthreads();
}

/* Largest first: halves, each sorted, are merged, the first step comparing mirrored places and each other
 * one places `gap` apart.  All comparisons bring the larger rank forward; so places from n on, were they
 * there with rank 0, would not change, and n may be any number. */
static __device__ void sort(place *list, size_t n)
{
    for (size_t size = 2; size / 2 < n; size *= 2) {
        for (size_t gap = size / 2; gap > 0; gap /= 2) {
            for (size_t pair = threadIdx.x;; pair += SC_THREADS) {
                const size_t i = 2 * pair - (pair & (gap - 1));
                const size_t j = gap == size / 2 ? i ^ (size - 1) : i + gap;
                if (i >= n)
                    break;
                if (j < n && list[i].rank < list[j].rank) {
                    const uint64_t larger = list[j].rank;
                    list[j].rank = list[i].rank;
                    list[i].rank = larger;
                }
            }
            __syncthreads();
        }
    }
}

static __global__ void __launch_bounds__(SC_THREADS) choose_nearest(sc_device_nearest t)
{
    __shared__ union {
        bin_counts count;
        place list[SORT_SHARED];
    } shared;
    __shared__ uint32_t before[SC_THREADS];
    const size_t row = blockIdx.x;
    const candidates c = {t.product + row * t.b_rows, t.b_rows,
                          t.self == SC_NO_SELF ? SC_NO_SELF : t.self + row};
    place *near = (place *)t.near + row * t.k;
    place *list = t.k <= SORT_SHARED ? shared.list : near;

    gather(list, before, c, rank_of_kth(shared.count, c, t.k));
    sort(list, t.k);
    for (size_t i = threadIdx.x; i < t.k; i += SC_THREADS)
        near[i].near = neighbour_of(list[i].rank);
}

void sc_cuda_nearest(const sc_device_nearest *nearest)
{
    const sc_device_nearest t = *nearest;

    assert(t.k >= 1 && t.k <= t.b_rows - (t.self == SC_NO_SELF ? 0 : 1));
    sc_cuda_products(t.product, t.query, t.bank, t.q_rows, t.b_rows, t.dim);
    SC_LAUNCH(choose_nearest, (unsigned)t.q_rows, SC_THREADS, t);
}
