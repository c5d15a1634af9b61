/* SPDX-License-Identifier: MIT
 *
 * global_pool.cu - global average and maximum of (n, rows, c) over rows.
 */
#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/parts.h"

/* V channels of an image a thread. */
template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    average_kernel(sc_real *y, const E *x, size_t n, size_t rows, size_t c)
{
    size_t packs = c / V;

    for (size_t i = grid_first(); i < n * packs; i += grid_step()) {
        size_t image = i, first = elem_rest(&image, packs) * V;
        double sum[V] = {};
        float mean[V];
        for (size_t row = 0; row < rows; row++) {
            elem_pack<E, V> pack = elem_load<V>(x + (image * rows + row) * c + first);
            SC_UNROLL
            for (int j = 0; j < V; j++)
                sum[j] += (double)pack.get(j);
        }
        SC_UNROLL
        for (int j = 0; j < V; j++)
            mean[j] = (sc_real)(sum[j] / (double)rows);
        elem_store<V>(y + image * c + first, mean);
    }
}

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    max_kernel(sc_real *y, uint32_t *argmax, const E *x, size_t n, size_t rows, size_t c)
{
    size_t packs = c / V;

    for (size_t i = grid_first(); i < n * packs; i += grid_step()) {
        size_t image = i, first = elem_rest(&image, packs) * V;
        elem_pack<uint32_t, V> from = {};
        float best[V] = {};
        for (size_t row = 0; row < rows; row++) {
            elem_pack<E, V> pack = elem_load<V>(x + (image * rows + row) * c + first);
            SC_UNROLL
            for (int j = 0; j < V; j++) {
                float v = pack.get(j);
                if (row == 0 || v > best[j]) {
                    best[j] = v;
                    from.at[j] = (uint32_t)row;
                }
            }
        }
        elem_store<V>(y + image * c + first, best);
        elem_store(argmax + image * c + first, from);
    }
}

/* dx = dy / rows, or with argmax dy at its row and 0 at the others. */
template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    spread_kernel(E *dx, const sc_real *dy, const uint32_t *argmax, size_t n, size_t rows, size_t c)
{
    size_t packs = c / V;

    for (size_t i = grid_first(); i < n * rows * packs; i += grid_step()) {
        size_t image = i, first = elem_rest(&image, packs) * V, row = elem_rest(&image, rows);
        elem_pack<sc_real, V> from = elem_load<V>(dy + image * c + first);
        elem_pack<uint32_t, V> chosen = {};
        float v[V];
        if (argmax != nullptr)
            chosen = elem_load<V>(argmax + image * c + first);
        SC_UNROLL
        for (int j = 0; j < V; j++)
            v[j] = argmax == nullptr     ? from.at[j] / (float)rows
                   : chosen.at[j] == row ? from.at[j]
                                         : 0;
        elem_store<V>(dx + i * V, v);
    }
}

template <class E>
static void global_avgpool_forward(sc_real *y, const sc_map *x, size_t n, size_t rows, size_t c)
{
    constexpr int V = elem_wide<E>;

    assert(rows >= 1);
    if (elem_may_widen<E>(c, y, x))
        SC_LAUNCH((average_kernel<V, E>), grid_of(n * c / V), SC_THREADS, y, (const E *)x, n, rows,
                  c);
    else
        SC_LAUNCH((average_kernel<1, E>), grid_of(n * c), SC_THREADS, y, (const E *)x, n, rows, c);
}

template <class E>
static void global_maxpool_forward(sc_real *y, uint32_t *argmax, const sc_map *x, size_t n,
                                   size_t rows, size_t c)
{
    constexpr int V = elem_wide<E>;

    assert(rows >= 1);
    if (elem_may_widen<E>(c, y, argmax, x))
        SC_LAUNCH((max_kernel<V, E>), grid_of(n * c / V), SC_THREADS, y, argmax, (const E *)x, n,
                  rows, c);
    else
        SC_LAUNCH((max_kernel<1, E>), grid_of(n * c), SC_THREADS, y, argmax, (const E *)x, n, rows,
                  c);
}

template <class E>
static void spread(E *dx, const sc_real *dy, const uint32_t *argmax, size_t n, size_t rows,
                   size_t c)
{
    constexpr int V = elem_wide<E>;

    assert(rows >= 1);
    if (elem_may_widen<E>(c, dx, dy, argmax))
        SC_LAUNCH((spread_kernel<V, E>), grid_of(n * rows * c / V), SC_THREADS, dx, dy, argmax, n,
                  rows, c);
    else
        SC_LAUNCH((spread_kernel<1, E>), grid_of(n * rows * c), SC_THREADS, dx, dy, argmax, n, rows,
                  c);
}

template <class E>
static void global_avgpool_backward(sc_map *dx, const sc_real *dy, size_t n, size_t rows, size_t c)
{
    spread((E *)dx, dy, nullptr, n, rows, c);
}

template <class E>
static void global_maxpool_backward(sc_map *dx, const sc_real *dy, const uint32_t *argmax, size_t n,
                                    size_t rows, size_t c)
{
    spread((E *)dx, dy, argmax, n, rows, c);
}

template <class E> static void put(sc_backend *table)
{
    table->global_avgpool_forward = global_avgpool_forward<E>;
    table->global_avgpool_backward = global_avgpool_backward<E>;
    table->global_maxpool_forward = global_maxpool_forward<E>;
    table->global_maxpool_backward = global_maxpool_backward<E>;
}

void sc_cuda_put_global_pool(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
