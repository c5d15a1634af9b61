/* SPDX-License-Identifier: MIT
 *
 * pointwise.cu - y = a + b, copies, and a map from reals and back.
 */
#include "backend/cuda/elem.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"

enum {
    DEEP = 4
}; /* packs that a thread reads before it writes the first: hides the memory's delay */

/* y = a + b, or a where b is NULL. */
template <int V, class Y, class A>
static __global__ void __launch_bounds__(SC_THREADS)
    sum_kernel(Y *y, const A *a, const A *b, size_t packs)
{
    size_t step = grid_step();

    for (size_t i = grid_first(); i < packs; i += DEEP * step) {
        elem_pack<A, V> from[DEEP] = {}, also[DEEP] = {};
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            if (i + u * step < packs) {
                from[u] = elem_load<V>(a + (i + u * step) * V);
                if (b != nullptr)
                    also[u] = elem_load<V>(b + (i + u * step) * V);
            }
        }
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            float sum[V];
            if (i + u * step >= packs)
                break;
            SC_UNROLL
            for (int j = 0; j < V; j++)
                sum[j] = b != nullptr ? from[u].get(j) + also[u].get(j) : from[u].get(j);
            elem_store<V>(y + (i + u * step) * V, sum);
        }
    }
}

/* Y and A, of which one may be float where E is not. */
template <class E, class Y, class A> static void sum(Y *y, const A *a, const A *b, size_t count)
{
    constexpr int V = elem_wide<E>;

    if (elem_may_widen<E>(count, y, a, b))
        SC_LAUNCH((sum_kernel<V, Y, A>), grid_of(count / V / DEEP), SC_THREADS, y, a, b, count / V);
    else
        SC_LAUNCH((sum_kernel<1, Y, A>), grid_of(count / DEEP), SC_THREADS, y, a, b, count);
}

template <class E> static void add(sc_map *y, const sc_map *a, const sc_map *b, size_t count)
{
    sum<E>((E *)y, (const E *)a, (const E *)b, count);
}

template <class E> static void map_store(sc_map *y, const sc_real *x, size_t count)
{
    sum<E>((E *)y, x, (const sc_real *)nullptr, count);
}

template <class E> static void map_load(sc_real *y, const sc_map *x, size_t count)
{
    sum<E>(y, (const E *)x, (const E *)nullptr, count);
}

template <class E> static void map_copy(sc_map *y, const sc_map *x, size_t count)
{
    sc_cuda_copy(y, x, count * sizeof(E));
}

template <class E> static void put(sc_backend *table)
{
    table->map_store = map_store<E>;
    table->map_load = map_load<E>;
    table->map_copy = map_copy<E>;
    table->add = add<E>;
}

void sc_cuda_put_pointwise(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
