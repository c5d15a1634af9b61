/* SPDX-License-Identifier: MIT
 *
 * conv.cu - convolutions of a table around the library of conv.h.
 *
 * Filters are KCRS reals outside and KRSC elements inside; with bf16 the channels of the input are
 * filled up with zeros to a multiple of 8, which tensor cores need.  What the library has no plan for,
 * conv_plain.cu computes.
 */
#include "backend/conv_shape.h"
#include "backend/cuda/conv.h"
#include "backend/cuda/conv_filters.cuh"
#include "backend/cuda/conv_plain.cuh"
#include "backend/cuda/elem.cuh"
#include "backend/cuda/fold.cuh"
#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"

enum { ALIGN = 256 };

/* What lies in the scratch. */
struct conv_parts {
    sc_conv_shape s; /* with the channels filled up */
    void *filters;   /* w, or dw */
    void *map;       /* x filled up, or dx that is not yet in its place */
    void *workspace;
    size_t bytes; /* in all */
};

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* scratch is 64-byte aligned; NULL only counts. */
template <class E> static conv_parts parts_of(const sc_conv_shape *shape, void *scratch)
{
    conv_parts p = {*shape, nullptr, nullptr, nullptr, 0};
    uintptr_t at = aligned((uintptr_t)scratch);

    if (sizeof(E) == sizeof(sc_bf16))
        p.s.c = (p.s.c + 7) / 8 * 8;
    size_t filters = aligned(p.s.k * p.s.r * p.s.s * p.s.c * sizeof(E));
    size_t map = aligned(p.s.n * p.s.h * p.s.w * p.s.c * sizeof(E));
    p.filters = (void *)at;
    p.map = (void *)(at + filters);
    p.workspace = (void *)(at + filters + map);
    p.bytes = ALIGN + filters + map + SC_CUDA_CONV_WORKSPACE;
    return p;
}

template <class E> static size_t conv2d_scratch(const sc_conv_shape *shape)
{
    return parts_of<E>(shape, nullptr).bytes;
}

/* to (pixels, wide) = x (pixels, c) and zeros, V channels a thread: of up to 8 a whole pixel */
template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    widen_kernel(E *to, const E *x, size_t pixels, size_t c, size_t wide)
{
    size_t packs = wide / V;

    for (size_t i = grid_first(); i < pixels * packs; i += grid_step()) {
        size_t pixel = i, channel = elem_rest(&pixel, packs) * V;
        float v[V];
        SC_UNROLL
        for (int j = 0; j < V; j++)
            v[j] = channel + j < c ? elem_get(x[pixel * c + channel + j]) : 0;
        elem_store<V>(to + i * V, v);
    }
}

/* dx (pixels, c) = base + from (pixels, wide); base may be NULL or dx */
template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    narrow_kernel(E *dx, const E *from, const E *base, size_t pixels, size_t c, size_t wide)
{
    for (size_t i = grid_first(); i < pixels * c; i += grid_step()) {
        size_t pixel = i, channel = elem_rest(&pixel, c);
        float v = elem_get(from[pixel * wide + channel]);
        dx[i] = elem_put<E>(base != nullptr ? elem_get(base[i]) + v : v);
    }
}

/* dx (n,h,w,c) += base, which has the pixels at multiples of its step */
template <int V, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    add_apart_kernel(E *dx, const E *base, size_t step, size_t rows, size_t columns,
                     sc_conv_shape s)
{
    size_t packs = s.c / V;

    for (size_t i = grid_first(); i < s.n * rows * columns * packs; i += grid_step()) {
        size_t row = i, c = elem_rest(&row, packs) * V, column = elem_rest(&row, columns);
        size_t h = elem_rest(&row, rows), n = row;
        E *at = dx + ((n * s.h + h * step) * s.w + column * step) * s.c + c;
        elem_pack<E, V> to = elem_load<V>(at), from = elem_load<V>(base + i * V);
        float sum[V];
        SC_UNROLL
        for (int j = 0; j < V; j++)
            sum[j] = to.get(j) + from.get(j);
        elem_store<V>(at, sum);
    }
}

template <int V, class E>
static void add_packs_apart(E *dx, const E *base, size_t step, const sc_conv_shape &s)
{
    size_t rows = (s.h + step - 1) / step, columns = (s.w + step - 1) / step;

    SC_LAUNCH((add_apart_kernel<V, E>), grid_of(s.n * rows * columns * s.c / V), SC_THREADS, dx,
              base, step, rows, columns, s);
}

template <class E> static void add_apart(sc_map *dx, sc_base base, const sc_conv_shape &s)
{
    if (elem_may_widen<E>(s.c, dx, base.map))
        add_packs_apart<elem_wide<E>>((E *)dx, (const E *)base.map, base.step, s);
    else
        add_packs_apart<1>((E *)dx, (const E *)base.map, base.step, s);
}

/* x with its channels filled up. */
template <class E>
static const E *widened(const conv_parts &p, const sc_map *x, const sc_conv_shape &s)
{
    constexpr int V = elem_wide<E>;
    size_t pixels = s.n * s.h * s.w;

    if (p.s.c == s.c)
        return (const E *)x;
    SC_LAUNCH((widen_kernel<V, E>), grid_of(pixels * p.s.c / V), SC_THREADS, (E *)p.map,
              (const E *)x, pixels, s.c, p.s.c);
    return (const E *)p.map;
}

static void make_x(sc_precision precision, const sc_affine *make, const sc_conv_shape &s)
{
    if (make != nullptr)
        sc_cuda_table(precision)->channel_affine(make, s.n * s.h * s.w, s.c);
}

template <class E>
static void conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                           const sc_affine *make, const sc_real *w, const sc_conv_shape *shape,
                           void *scratch)
{
    conv_parts p = parts_of<E>(shape, scratch);
    sc_precision precision = precision_of<E>();

    sc_conv_shape_check(shape);
    sc_conv_stats_check(stats, shape);
    assert(!make || make->y == x);
    make_x(precision, make, *shape);
    pack_filters((E *)p.filters, w, *shape, p.s.c);
    const E *from = widened<E>(p, x, *shape);
    if (!sc_cuda_conv(SC_CONV_Y, precision, &p.s, {from, p.filters, y, p.workspace, nullptr}))
        sc_cuda_plain_forward((E *)y, from, (const E *)p.filters, p.s);
    if (stats.mean != nullptr)
        sc_cuda_stats(stats, precision, y, shape->n * shape->p * shape->q, shape->k);
}

/* dx as a forward convolution, of fp32 alone: without TF32 cuDNN has nothing but direct sums for gradients
 * of NHWC maps.  False where it is none or has no plan. */
template <class E>
static bool turned_data(void *dx, const sc_map *dy, const sc_real *w, const conv_parts &p,
                        const sc_conv_shape &s)
{
    sc_conv_shape turned;

    if (precision_of<E>() != SC_FP32 || !sc_conv_turned(&turned, &s))
        return false;
    pack_turned_filters((E *)p.filters, w, s);
    return sc_cuda_conv(SC_CONV_Y, SC_FP32, &turned, {dy, p.filters, dx, p.workspace, nullptr});
}

/* dx and base by the library; false where it has no plan, and then the filters are packed. */
template <class E>
static bool planned_data(sc_map *dx, const sc_map *dy, const sc_real *w, sc_base added,
                         const conv_parts &p, const sc_conv_shape &s)
{
    sc_precision precision = precision_of<E>();
    const sc_map *base = added.step == 1 ? added.map : nullptr;
    bool own = base != nullptr && base == dx, filled = p.s.c != s.c;
    void *to = own || filled ? p.map : dx;
    size_t pixels = s.n * s.h * s.w;
    bool turned = turned_data<E>(to, dy, w, p, s);

    if (!turned)
        pack_filters((E *)p.filters, w, s, p.s.c);
    if (!turned && own && !filled &&
        sc_cuda_conv(SC_CONV_DX_ADD, precision, &p.s, {dy, p.filters, dx, p.workspace, p.map}))
        return true;
    if (!turned &&
        !sc_cuda_conv(SC_CONV_DX, precision, &p.s, {dy, p.filters, to, p.workspace, nullptr}))
        return false;
    if (filled)
        SC_LAUNCH((narrow_kernel<E>), grid_of(pixels * s.c), SC_THREADS, (E *)dx, (const E *)to,
                  (const E *)base, pixels, s.c, p.s.c);
    else if (base != nullptr)
        sc_cuda_table(precision)->add(dx, base, to, pixels * s.c);
    if (added.map != nullptr && base == nullptr)
        add_apart<E>(dx, added, s);
    return true;
}

template <class E>
static void conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                 const sc_batchnorm *make, const sc_real *w, sc_base base,
                                 const sc_conv_shape *shape, void *scratch)
{
    conv_parts p = parts_of<E>(shape, scratch);
    sc_conv_shape s = *shape;
    sc_precision precision = precision_of<E>();

    sc_conv_shape_check(shape);
    sc_conv_base_check(base, shape);
    assert((!make || make->dx == dy) && (!sums || sums->dy == dx));
    if (make != nullptr)
        sc_cuda_table(precision)->batchnorm_gradient(make, s.n * s.p * s.q, s.k);
    if (!planned_data<E>(dx, dy, w, base, p, s))
        sc_cuda_plain_data((E *)dx, (const E *)dy, (const E *)p.filters, p.s.c, base, s);
    if (sums != nullptr)
        sc_cuda_table(precision)->batchnorm_sums(sums, s.n * s.h * s.w, s.c);
}

template <class E>
static void conv2d_backward_weight(sc_real *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                   const sc_map *x, const sc_affine *make,
                                   const sc_conv_shape *shape, void *scratch)
{
    conv_parts p = parts_of<E>(shape, scratch);
    sc_conv_shape s = *shape;

    sc_conv_shape_check(shape);
    assert((!make || make->y == x) && (!make_dy || make_dy->dx == dy));
    make_x(precision_of<E>(), make, s);
    if (make_dy != nullptr)
        sc_cuda_table(precision_of<E>())->batchnorm_gradient(make_dy, s.n * s.p * s.q, s.k);
    const E *from = widened<E>(p, x, s);
    if (!sc_cuda_conv(SC_CONV_DW, precision_of<E>(), &p.s,
                      {from, dy, p.filters, p.workspace, nullptr}))
        sc_cuda_plain_weight(dw, (const E *)dy, (const E *)x, s);
    else
        unpack_filters(dw, (const E *)p.filters, s, p.s.c);
}

template <class E> static void put(sc_backend *table)
{
    table->conv2d_scratch = conv2d_scratch<E>;
    table->conv2d_forward = conv2d_forward<E>;
    table->conv2d_backward_data = conv2d_backward_data<E>;
    table->conv2d_backward_weight = conv2d_backward_weight<E>;
}

void sc_cuda_put_conv(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
