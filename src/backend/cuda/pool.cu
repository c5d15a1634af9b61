/* SPDX-License-Identifier: MIT
 *
 * pool.cu - max and average pooling; ref_pool.h has the equations.  Backward, a pixel collects from the
 * windows that lie over it.
 */
#include <assert.h>

#include "backend/cuda/elem.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"

struct pool_range {
    size_t h0, h1, w0, w1; /* rows h0 .. h1-1 and columns w0 .. w1-1 */
};

/* Image, row, column and first channel of item i of a map (n, h, w, c), V channels an item. */
struct pool_place {
    size_t n, h, w, c;
};

template <int V>
static __device__ __forceinline__ pool_place place_of(size_t i, size_t h, size_t w, size_t c)
{
    pool_place at;

    at.c = elem_rest(&i, c / V) * V;
    at.w = elem_rest(&i, w);
    at.h = elem_rest(&i, h);
    at.n = i;
    return at;
}

/* The part of 0 .. size-1 under window i. */
static __device__ __forceinline__ void pixels(size_t *begin, size_t *end, const sc_pool_shape &s,
                                              size_t i, size_t size)
{
    size_t top = i * s.stride;

    *begin = top > s.pad ? top - s.pad : 0;
    *end = top + s.window - s.pad < size ? top + s.window - s.pad : size;
}

/* The windows 0 .. count-1 over pixel i. */
static __device__ __forceinline__ void windows(size_t *begin, size_t *end, const sc_pool_shape &s,
                                               size_t i, size_t count)
{
    size_t at = i + s.pad, last = elem_quotient(at, s.stride) + 1;

    *begin = at + 1 > s.window ? elem_quotient(at + s.stride - s.window, s.stride) : 0;
    *end = last < count ? last : count;
}

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    max_kernel(E *y, uint32_t *argmax, const E *x, sc_pool_shape s)
{
    size_t items = s.n * s.p * s.q * (s.c / V);

    for (size_t i = grid_first(); i < items; i += grid_step()) {
        pool_place at = place_of<V>(i, s.p, s.q, s.c);
        pool_range r;
        float best[V] = {};
        elem_pack<uint32_t, V> from = {};
        pixels(&r.h0, &r.h1, s, at.h, s.h);
        pixels(&r.w0, &r.w1, s, at.w, s.w);
        for (size_t h = r.h0; h < r.h1; h++) {
            for (size_t w = r.w0; w < r.w1; w++) {
                bool first = h == r.h0 && w == r.w0;
                elem_pack<E, V> pack = elem_load<V>(x + ((at.n * s.h + h) * s.w + w) * s.c + at.c);
                SC_UNROLL
                for (int j = 0; j < V; j++) {
                    float v = pack.get(j);
                    if (first || v > best[j] || v != v) { /* NaN wins, as in PyTorch */
                        best[j] = v;
                        from.at[j] = (uint32_t)(h * s.w + w);
                    }
                }
            }
        }
        elem_store<V>(y + i * V, best);
        elem_store(argmax + i * V, from);
    }
}

template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    average_kernel(E *y, const E *x, sc_pool_shape s)
{
    size_t items = s.n * s.p * s.q * (s.c / V);

    for (size_t i = grid_first(); i < items; i += grid_step()) {
        pool_place at = place_of<V>(i, s.p, s.q, s.c);
        pool_range r;
        float sum[V] = {};
        pixels(&r.h0, &r.h1, s, at.h, s.h);
        pixels(&r.w0, &r.w1, s, at.w, s.w);
        for (size_t h = r.h0; h < r.h1; h++) {
            for (size_t w = r.w0; w < r.w1; w++) {
                elem_pack<E, V> pack = elem_load<V>(x + ((at.n * s.h + h) * s.w + w) * s.c + at.c);
                SC_UNROLL
                for (int j = 0; j < V; j++)
                    sum[j] += pack.get(j);
            }
        }
        SC_UNROLL
        for (int j = 0; j < V; j++)
            sum[j] /= (float)(s.window * s.window);
        elem_store<V>(y + i * V, sum);
    }
}

/* dx = sum of dy over the windows over a pixel / area; with argmax only of those that chose it. */
template <int V, bool MAX, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    collect_kernel(E *dx, const E *dy, const uint32_t *argmax, sc_pool_shape s, float area)
{
    size_t items = s.n * s.h * s.w * (s.c / V);

    for (size_t i = grid_first(); i < items; i += grid_step()) {
        pool_place at = place_of<V>(i, s.h, s.w, s.c);
        pool_range r;
        float sum[V] = {};
        windows(&r.h0, &r.h1, s, at.h, s.p);
        windows(&r.w0, &r.w1, s, at.w, s.q);
        for (size_t p = r.h0; p < r.h1; p++) {
            for (size_t q = r.w0; q < r.w1; q++) {
                size_t window = ((at.n * s.p + p) * s.q + q) * s.c + at.c;
                elem_pack<E, V> pack = elem_load<V>(dy + window);
                elem_pack<uint32_t, V> from = {};
                if (MAX)
                    from = elem_load<V>(argmax + window);
                SC_UNROLL
                for (int j = 0; j < V; j++)
                    if (!MAX || from.at[j] == at.h * s.w + at.w)
                        sum[j] += pack.get(j);
            }
        }
        SC_UNROLL
        for (int j = 0; j < V; j++)
            sum[j] = MAX ? sum[j] : sum[j] / area;
        elem_store<V>(dx + i * V, sum);
    }
}

static void pool_check(const sc_pool_shape *s)
{
    assert(s->window >= 1 && s->stride >= 1 && s->pad < s->window);
    assert(s->p == (s->h + 2 * s->pad - s->window) / s->stride + 1);
    assert(s->q == (s->w + 2 * s->pad - s->window) / s->stride + 1);
    (void)s;
}

template <class E>
static void maxpool_forward(sc_map *y, uint32_t *argmax, const sc_map *x, const sc_affine *make,
                            const sc_pool_shape *shape)
{
    sc_pool_shape s = *shape;
    size_t count = s.n * s.p * s.q * s.c;
    constexpr int V = elem_wide<E>;

    pool_check(shape);
    assert(!make || make->y == x);
    if (make != nullptr)
        sc_cuda_table(precision_of<E>())->channel_affine(make, s.n * s.h * s.w, s.c);
    if (elem_may_widen<E>(s.c, y, argmax, x))
        SC_LAUNCH((max_kernel<V, E>), grid_of(count / V), SC_THREADS, (E *)y, argmax, (const E *)x,
                  s);
    else
        SC_LAUNCH((max_kernel<1, E>), grid_of(count), SC_THREADS, (E *)y, argmax, (const E *)x, s);
}

template <class E>
static void avgpool_forward(sc_map *y, const sc_map *x, const sc_pool_shape *shape)
{
    sc_pool_shape s = *shape;
    size_t count = s.n * s.p * s.q * s.c;
    constexpr int V = elem_wide<E>;

    pool_check(shape);
    if (elem_may_widen<E>(s.c, y, x))
        SC_LAUNCH((average_kernel<V, E>), grid_of(count / V), SC_THREADS, (E *)y, (const E *)x, s);
    else
        SC_LAUNCH((average_kernel<1, E>), grid_of(count), SC_THREADS, (E *)y, (const E *)x, s);
}

template <bool MAX, class E>
static void collect(E *dx, const E *dy, const uint32_t *argmax, const sc_pool_shape *shape)
{
    sc_pool_shape s = *shape;
    size_t count = s.n * s.h * s.w * s.c;
    float area = (float)(s.window * s.window);
    constexpr int V = elem_wide<E>;

    pool_check(shape);
    if (elem_may_widen<E>(s.c, dx, dy, argmax))
        SC_LAUNCH((collect_kernel<V, MAX, E>), grid_of(count / V), SC_THREADS, dx, dy, argmax, s,
                  area);
    else
        SC_LAUNCH((collect_kernel<1, MAX, E>), grid_of(count), SC_THREADS, dx, dy, argmax, s, area);
}

template <class E>
static void maxpool_backward(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                             const uint32_t *argmax, const sc_pool_shape *shape)
{
    assert(!sums || (sums->dy == dx && !sums->y));
    collect<true>((E *)dx, (const E *)dy, argmax, shape);
    if (sums != nullptr)
        sc_cuda_table(precision_of<E>())
            ->batchnorm_sums(sums, shape->n * shape->h * shape->w, shape->c);
}

template <class E>
static void avgpool_backward(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape)
{
    collect<false>((E *)dx, (const E *)dy, nullptr, shape);
}

template <class E> static void put(sc_backend *table)
{
    table->maxpool_forward = maxpool_forward<E>;
    table->maxpool_backward = maxpool_backward<E>;
    table->avgpool_forward = avgpool_forward<E>;
    table->avgpool_backward = avgpool_backward<E>;
}

void sc_cuda_put_pool(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
