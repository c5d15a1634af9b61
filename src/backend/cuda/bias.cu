/* SPDX-License-Identifier: MIT
 *
 * bias.cu - a bias on its own, y += b and db += sum of dy over rows.
 */
#include "backend/cuda/channels.cuh"
#include "backend/cuda/parts.h"

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    bias_kernel(E *y, const sc_real *b, channel_walk w)
{
    unsigned below;
    size_t c, step = (size_t)gridDim.x * w.height;
    float bias[V];

    if (!channel_place<V>(w, &below, &c))
        return;
    elem_load_reals(bias, b + c);
    for (size_t row = (size_t)blockIdx.x * w.height + below; row < w.rows; row += step) {
        elem_pack<E, V> from = elem_load<V>(y + row * w.c + c);
        float sum[V];
        SC_UNROLL
        for (int j = 0; j < V; j++)
            sum[j] = from.get(j) + bias[j];
        elem_store<V>(y + row * w.c + c, sum);
    }
}

template <int V, class E> static void bias(E *y, const sc_real *b, size_t rows, size_t c)
{
    channel_walk w = channel_walk_of<V>(rows, c);

    SC_LAUNCH((bias_kernel<V, E>), channel_grid(bias_kernel<V, E>, w, 1), SC_THREADS, y, b, w);
}

template <class E> static void bias_forward(sc_map *y, const sc_real *b, size_t rows, size_t c)
{
    if (elem_may_widen<E>(c, y, b))
        bias<elem_wide<E>>((E *)y, b, rows, c);
    else
        bias<1>((E *)y, b, rows, c);
}

template <int V, class E> struct bias_term {
    const E *dy;
    size_t width;

    __device__ void begin(size_t)
    {
    }

    typedef elem_pack<E, V> elements;

    __device__ elements load(size_t row, size_t c) const
    {
        return elem_load<V>(dy + row * width + c);
    }

    __device__ void add(float (&first)[V], float (&)[V], const elements &from) const
    {
        SC_UNROLL
        for (int j = 0; j < V; j++)
            first[j] += from.get(j);
    }
};

struct bias_finish {
    sc_real *db;

    __device__ void operator()(size_t c, double sum, double) const
    {
        db[c] = (sc_real)((double)db[c] + sum);
    }
};

template <class E> static void bias_backward(sc_real *db, const sc_map *dy, size_t rows, size_t c)
{
    constexpr int V = elem_wide<E>;
    bias_finish finish = {db};

    if (rows == 0)
        return;
    if (elem_may_widen<E>(c, dy))
        channel_sums<V>(rows, c, bias_term<V, E>{(const E *)dy, c}, finish);
    else
        channel_sums<1>(rows, c, bias_term<1, E>{(const E *)dy, c}, finish);
}

template <class E> static void put(sc_backend *table)
{
    table->bias_forward = bias_forward<E>;
    table->bias_backward = bias_backward<E>;
}

void sc_cuda_put_bias(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
