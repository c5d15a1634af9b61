/* SPDX-License-Identifier: MIT
 *
 * norm_backward.cu - batch normalisation backward: sums over the rows, then dx of every row.
 *
 *   g  = dy, or 0 where ReLU cut                 xhat = (x - mean) invstd
 *   dx = scale (g - mean(g)) - curve (x - mean)  curve = scale invstd mean(g xhat)
 */
#include <assert.h>

#include "backend/cuda/channels.cuh"
#include "backend/cuda/parts.h"

/* Where ReLU cut. */
enum norm_mask { MASK_NONE, MASK_BY_X, MASK_BY_Y };

/* Rows that a thread reads before it writes the first: hides the memory's delay. */
enum { DEEP = 4 };

template <class E> struct backward_args {
    E *dx, *g;
    const E *dy, *x, *y;
    const sc_real *mean, *invstd, *scale, *shift;
    sc_real *dgamma, *dbeta;
    sc_real *mean_g, *curve;
    double rows;
};

/* What belongs to a thread's V channels. */
template <int V> struct norm_channels {
    float mean[V], scale[V], shift[V];
};

/* g of V channels; x, dy and y are those of the row, y by y alone. */
template <int V, norm_mask MASK, class E>
static __device__ __forceinline__ void gradient(float (&g)[V], const elem_pack<E, V> &x,
                                                const elem_pack<E, V> &dy, const elem_pack<E, V> &y,
                                                const norm_channels<V> &of)
{
    SC_UNROLL
    for (int j = 0; j < V; j++) {
        float f = MASK == MASK_NONE   ? 1
                  : MASK == MASK_BY_Y ? y.get(j)
                                      : fmaf(x.get(j), of.scale[j], of.shift[j]);
        g[j] = f > 0 ? dy.get(j) : 0;
    }
}

template <int V, norm_mask MASK, class E>
static __device__ __forceinline__ void load_channels(norm_channels<V> *of,
                                                     const backward_args<E> &a, size_t c)
{
    elem_load_reals(of->mean, a.mean + c);
    elem_load_reals(of->scale, a.scale + c);
    elem_load_reals(of->shift, a.shift + c);
}

/* Sums of g and of g (x - mean); by y, g is stored. */
template <int V, norm_mask MASK, class E> struct backward_term {
    backward_args<E> a;
    size_t width;
    norm_channels<V> of;

    __device__ void begin(size_t c)
    {
        load_channels<V, MASK>(&of, a, c);
    }

    struct elements {
        elem_pack<E, V> x, dy, y;
        size_t at;
    };

    __device__ elements load(size_t row, size_t c) const
    {
        size_t at = row * width + c;
        elements from = {elem_load<V>(a.x + at), elem_load<V>(a.dy + at), {}, at};

        if (MASK == MASK_BY_Y)
            from.y = elem_load<V>(a.y + at);
        return from;
    }

    __device__ void add(float (&first)[V], float (&second)[V], const elements &from) const
    {
        float g[V];

        gradient<V, MASK>(g, from.x, from.dy, from.y, of);
        if (MASK == MASK_BY_Y)
            elem_store<V>(a.g + from.at, g);
        SC_UNROLL
        for (int j = 0; j < V; j++) {
            first[j] += g[j];
            second[j] = fmaf(g[j], from.x.get(j) - of.mean[j], second[j]);
        }
    }
};

template <class E> struct backward_finish {
    backward_args<E> a;

    __device__ void operator()(size_t c, double sum_g, double sum_gx) const
    {
        double invstd = (double)a.invstd[c], sum_gxhat = sum_gx * invstd;

        a.mean_g[c] = (float)(sum_g / a.rows);
        a.curve[c] = (float)((double)a.scale[c] * invstd * (sum_gxhat / a.rows));
        if (a.dgamma != nullptr) {
            a.dgamma[c] = (sc_real)((double)a.dgamma[c] + sum_gxhat);
            a.dbeta[c] = (sc_real)((double)a.dbeta[c] + sum_g);
        }
    }
};

template <int V, norm_mask MASK, class E>
static __global__ void __launch_bounds__(SC_THREADS)
    backward_kernel(backward_args<E> a, channel_walk w)
{
    unsigned below;
    size_t c, step = (size_t)gridDim.x * w.height;
    norm_channels<V> of;
    float mean_g[V], curve[V];
    elem_pack<E, V> x[DEEP] = {}, dy[DEEP] = {}; /* not zeros again in each round: add_rows */

    if (!channel_place<V>(w, &below, &c))
        return;
    load_channels<V, MASK>(&of, a, c);
    elem_load_reals(mean_g, a.mean_g + c);
    elem_load_reals(curve, a.curve + c);
    for (size_t row = (size_t)blockIdx.x * w.height + below; row < w.rows; row += DEEP * step) {
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            size_t at = (row + u * step) * w.c + c;
            if (row + u * step < w.rows) {
                x[u] = elem_load<V>(a.x + at);
                dy[u] = elem_load<V>(a.dy + at);
            }
        }
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            size_t at = (row + u * step) * w.c + c;
            float g[V], dx[V];
            if (row + u * step >= w.rows)
                break;
            gradient<V, MASK>(g, x[u], dy[u], {}, of);
            SC_UNROLL
            for (int j = 0; j < V; j++)
                dx[j] = of.scale[j] * (g[j] - mean_g[j]) - curve[j] * (x[u].get(j) - of.mean[j]);
            elem_store<V>(a.dx + at, dx);
        }
    }
}

template <int V, norm_mask MASK, class E>
static void sums_pass(const backward_args<E> &a, size_t rows, size_t c)
{
    channel_sums<V>(rows, c, backward_term<V, MASK, E>{a, c, {}}, backward_finish<E>{a});
}

template <int V, norm_mask MASK, class E>
static void gradient_pass(const backward_args<E> &a, size_t rows, size_t c)
{
    channel_walk w = channel_walk_of<V>(rows, c);

    SC_LAUNCH((backward_kernel<V, MASK, E>), channel_grid(backward_kernel<V, MASK, E>, w, DEEP),
              SC_THREADS, a, w);
}

template <int V, class E>
static void choose_mask(const backward_args<E> &a, bool sums, bool relu, size_t rows, size_t c)
{
    if (!sums)
        relu ? gradient_pass<V, MASK_BY_X>(a, rows, c) : gradient_pass<V, MASK_NONE>(a, rows, c);
    else if (!relu)
        sums_pass<V, MASK_NONE>(a, rows, c);
    else if (a.y != nullptr)
        sums_pass<V, MASK_BY_Y>(a, rows, c);
    else
        sums_pass<V, MASK_BY_X>(a, rows, c);
}

template <class E>
static void choose_width(const sc_batchnorm *of, bool sums, size_t rows, size_t c)
{
    backward_args<E> a = {(E *)of->dx,      (E *)of->g,  (const E *)of->dy, (const E *)of->x,
                          (const E *)of->y, of->mean,    of->invstd,        of->scale,
                          of->shift,        of->dgamma,  of->dbeta,         of->mean_g,
                          of->curve,        (double)rows};

    assert(rows >= 1);
    if (elem_may_widen<E>(c, of->dx, of->g, of->dy, of->x, of->y, of->mean, of->scale, of->shift,
                          of->mean_g, of->curve))
        choose_mask<elem_wide<E>>(a, sums, of->relu, rows, c);
    else
        choose_mask<1>(a, sums, of->relu, rows, c);
}

template <class E> static void batchnorm_sums(const sc_batchnorm *norm, size_t rows, size_t c)
{
    assert(!norm->dgamma == !norm->dbeta);
    assert((norm->relu || !norm->y) && !norm->y == !norm->g);
    choose_width<E>(norm, true, rows, c);
}

template <class E> static void batchnorm_gradient(const sc_batchnorm *norm, size_t rows, size_t c)
{
    assert(!norm->y);
    choose_width<E>(norm, false, rows, c);
}

template <class E> static void put(sc_backend *table)
{
    table->batchnorm_sums = batchnorm_sums<E>;
    table->batchnorm_gradient = batchnorm_gradient<E>;
}

void sc_cuda_put_norm_backward(sc_backend *table)
{
    table->precision == SC_BF16 ? put<sc_bf16>(table) : put<float>(table);
}
