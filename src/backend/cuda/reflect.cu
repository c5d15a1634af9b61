/* SPDX-License-Identifier: MIT
 *
 * reflect.cu - reflection padding; backward, each pixel collects the gradients of all its images.
 */
#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/parts.h"

struct reflect_shape {
    size_t n, h, w, c, pad;
};

/* Pixel of 0 .. size-1 that padded position i shows. */
static __device__ __forceinline__ size_t mirror(size_t i, size_t pad, size_t size)
{
    if (i < pad)
        return pad - i;
    i -= pad;
    return i < size ? i : 2 * (size - 1) - i;
}

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS) pad_kernel(E *y, const E *x, reflect_shape s)
{
    size_t p = s.h + 2 * s.pad, q = s.w + 2 * s.pad, packs = s.c / V;

    for (size_t i = grid_first(); i < s.n * p * q * packs; i += grid_step()) {
        size_t image = i, c = elem_rest(&image, packs) * V;
        size_t w = mirror(elem_rest(&image, q), s.pad, s.w);
        size_t h = mirror(elem_rest(&image, p), s.pad, s.h);
        elem_store(y + i * V, elem_load<V>(x + ((image * s.h + h) * s.w + w) * s.c + c));
    }
}

/* The padded positions that show pixel i: its own and up to two reflections; how many. */
static __device__ __forceinline__ int reflections(size_t at[3], size_t i, size_t pad, size_t size)
{
    int count = 0;

    at[count++] = pad + i;
    if (i >= 1 && i <= pad)
        at[count++] = pad - i;
    if (i + 1 < size && size - 1 - i <= pad)
        at[count++] = pad + 2 * (size - 1) - i;
    return count;
}

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    unpad_kernel(E *dx, const E *dy, const E *base, reflect_shape s)
{
    size_t ph = s.h + 2 * s.pad, qw = s.w + 2 * s.pad, packs = s.c / V;

    for (size_t i = grid_first(); i < s.n * s.h * s.w * packs; i += grid_step()) {
        size_t image = i, c = elem_rest(&image, packs) * V, p[3], q[3];
        int qs = reflections(q, elem_rest(&image, s.w), s.pad, s.w);
        int ps = reflections(p, elem_rest(&image, s.h), s.pad, s.h);
        float sum[V] = {};
        if (base != nullptr) {
            elem_pack<E, V> from = elem_load<V>(base + i * V);
            SC_UNROLL
            for (int j = 0; j < V; j++)
                sum[j] = from.get(j);
        }
        for (int k = 0; k < ps * qs; k++) {
            elem_pack<E, V> from =
                elem_load<V>(dy + ((image * ph + p[k / qs]) * qw + q[k % qs]) * s.c + c);
            SC_UNROLL
            for (int j = 0; j < V; j++)
                sum[j] += from.get(j);
        }
        elem_store<V>(dx + i * V, sum);
    }
}

template <class E>
static void reflect_pad_forward(sc_map *y, const sc_map *x, size_t n, size_t h, size_t w, size_t c,
                                size_t pad)
{
    reflect_shape s = {n, h, w, c, pad};
    size_t count = n * (h + 2 * pad) * (w + 2 * pad) * c;
    constexpr int V = elem_wide<E>;

    assert(pad < h && pad < w);
    if (elem_may_widen<E>(c, y, x))
        SC_LAUNCH((pad_kernel<V, E>), grid_of(count / V), SC_THREADS, (E *)y, (const E *)x, s);
    else
        SC_LAUNCH((pad_kernel<1, E>), grid_of(count), SC_THREADS, (E *)y, (const E *)x, s);
}

template <class E>
static void reflect_pad_backward(sc_map *dx, const sc_map *dy, const sc_map *base, size_t n,
                                 size_t h, size_t w, size_t c, size_t pad)
{
    reflect_shape s = {n, h, w, c, pad};
    size_t count = n * h * w * c;
    constexpr int V = elem_wide<E>;

    assert(pad < h && pad < w);
    if (elem_may_widen<E>(c, dx, dy, base))
        SC_LAUNCH((unpad_kernel<V, E>), grid_of(count / V), SC_THREADS, (E *)dx, (const E *)dy,
                  (const E *)base, s);
    else
        SC_LAUNCH((unpad_kernel<1, E>), grid_of(count), SC_THREADS, (E *)dx, (const E *)dy,
                  (const E *)base, s);
}

template <class E> static void put(sc_backend *table)
{
    table->reflect_pad_forward = reflect_pad_forward<E>;
    table->reflect_pad_backward = reflect_pad_backward<E>;
}

void sc_cuda_put_reflect(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
