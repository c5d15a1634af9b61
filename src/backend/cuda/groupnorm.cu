/* SPDX-License-Identifier: MIT
 *
 * groupnorm.cu - group normalisation (Wu and He 2018): a block for each group of each image.
 *
 *   y = gamma xhat + beta,  xhat = (x - mean) invstd          d = gamma dy
 *   dx = invstd (d - mean(d) - xhat mean(d xhat))             means over the group
 */
#include <assert.h>

#include "backend/cuda/channels.cuh"
#include "backend/cuda/parts.h"

template <class E> struct group_args {
    E *out; /* y, or dx */
    const E *dy, *x;
    sc_real *mean_out, *invstd_out;
    const sc_real *gamma, *beta, *mean, *invstd;
    size_t rows, c, groups, width; /* width: channels of a group */
    double eps;
};

/* Sum of all threads' x, in a fixed order; for every thread. */
static __device__ double block_sum(double x)
{
    __shared__ double share[SC_THREADS];

    __syncthreads();
    share[threadIdx.x] = x;
    for (unsigned half = SC_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            share[threadIdx.x] += share[threadIdx.x + half];
    }
    __syncthreads();
    return share[0];
}

/* Element i of the block's group: where it is, and its channel. */
template <class E>
static __device__ __forceinline__ size_t group_at(size_t *c, const group_args<E> &g, size_t i)
{
    size_t row = i, column = elem_rest(&row, g.width), image = blockIdx.x;

    *c = elem_rest(&image, g.groups) * g.width + column;
    return (image * g.rows + row) * g.c + *c;
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS) group_forward_kernel(group_args<E> g)
{
    size_t count = g.rows * g.width, c;
    float sum = 0, squares = 0;

    for (size_t i = threadIdx.x; i < count; i += SC_THREADS)
        sum += elem_get(g.x[group_at(&c, g, i)]);
    double exact = block_sum((double)sum) / (double)count;
    float mean = (float)exact, rest = (float)(exact - (double)mean);
    for (size_t i = threadIdx.x; i < count; i += SC_THREADS) {
        float d = elem_get(g.x[group_at(&c, g, i)]) - mean - rest;
        squares = fmaf(d, d, squares);
    }
    float invstd = (float)(1 / sqrt(block_sum((double)squares) / (double)count + g.eps));
    if (threadIdx.x == 0) {
        g.mean_out[blockIdx.x] = mean;
        g.invstd_out[blockIdx.x] = invstd;
    }
    for (size_t i = threadIdx.x; i < count; i += SC_THREADS) {
        size_t at = group_at(&c, g, i);
        float xhat = (elem_get(g.x[at]) - mean - rest) * invstd;
        g.out[at] = elem_put<E>(
            fmaf(xhat, g.gamma != nullptr ? g.gamma[c] : 1, g.beta != nullptr ? g.beta[c] : 0));
    }
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS) group_backward_kernel(group_args<E> g)
{
    size_t count = g.rows * g.width, c;
    float mean = g.mean[blockIdx.x], invstd = g.invstd[blockIdx.x], sum = 0, sum_x = 0;

    for (size_t i = threadIdx.x; i < count; i += SC_THREADS) {
        size_t at = group_at(&c, g, i);
        float d = elem_get(g.dy[at]) * (g.gamma != nullptr ? g.gamma[c] : 1);
        sum += d;
        sum_x = fmaf(d, (elem_get(g.x[at]) - mean) * invstd, sum_x);
    }
    float mean_d = (float)(block_sum((double)sum) / (double)count);
    float mean_dx = (float)(block_sum((double)sum_x) / (double)count);
    for (size_t i = threadIdx.x; i < count; i += SC_THREADS) {
        size_t at = group_at(&c, g, i);
        float d = elem_get(g.dy[at]) * (g.gamma != nullptr ? g.gamma[c] : 1);
        float xhat = (elem_get(g.x[at]) - mean) * invstd;
        g.out[at] = elem_put<E>(invstd * (d - mean_d - xhat * mean_dx));
    }
}

/* Sums of dy and of dy xhat over the images and their rows. */
template <class E> struct param_term {
    group_args<E> g;

    __device__ void begin(size_t)
    {
    }

    struct elements {
        E dy, x;
        float mean, invstd;
    };

    __device__ elements load(size_t row, size_t c) const
    {
        size_t group = elem_quotient(row, g.rows) * g.groups + elem_quotient(c, g.width);
        size_t at = row * g.c + c;

        return {g.dy[at], g.x[at], g.mean[group], g.invstd[group]};
    }

    __device__ void add(float (&first)[1], float (&second)[1], const elements &from) const
    {
        float dy = elem_get(from.dy);

        first[0] += dy;
        second[0] = fmaf(dy, (elem_get(from.x) - from.mean) * from.invstd, second[0]);
    }
};

struct param_finish {
    sc_real *dgamma, *dbeta;

    __device__ void operator()(size_t c, double sum, double sum_x) const
    {
        dgamma[c] = (sc_real)((double)dgamma[c] + sum_x);
        dbeta[c] = (sc_real)((double)dbeta[c] + sum);
    }
};

template <class E>
static void groupnorm_forward(sc_map *y, sc_real *mean, sc_real *invstd, const sc_map *x,
                              const sc_real *gamma, const sc_real *beta, size_t n, size_t rows,
                              size_t c, size_t groups, double eps)
{
    assert(groups >= 1 && c % groups == 0);
    group_args<E> g = {(E *)y,  nullptr, (const E *)x, mean, invstd, gamma,      beta,
                       nullptr, nullptr, rows,         c,    groups, c / groups, eps};

    SC_LAUNCH((group_forward_kernel<E>), (unsigned)(n * groups), SC_THREADS, g);
}

template <class E>
static void groupnorm_backward(sc_map *dx, sc_real *dgamma, sc_real *dbeta, const sc_map *dy,
                               const sc_map *x, const sc_real *gamma, const sc_real *mean,
                               const sc_real *invstd, size_t n, size_t rows, size_t c,
                               size_t groups)
{
    assert(groups >= 1 && c % groups == 0 && !dgamma == !dbeta);
    group_args<E> g = {(E *)dx, (const E *)dy, (const E *)x, nullptr, nullptr, gamma,      nullptr,
                       mean,    invstd,        rows,         c,       groups,  c / groups, 0};

    if (dgamma != nullptr) /* before dx, which may be dy */
        channel_sums<1>(n * rows, c, param_term<E>{g}, param_finish{dgamma, dbeta});
    SC_LAUNCH((group_backward_kernel<E>), (unsigned)(n * groups), SC_THREADS, g);
}

template <class E> static void put(sc_backend *table)
{
    table->groupnorm_forward = groupnorm_forward<E>;
    table->groupnorm_backward = groupnorm_backward<E>;
}

void sc_cuda_put_groupnorm(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
