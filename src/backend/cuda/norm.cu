/* SPDX-License-Identifier: MIT
 *
 * norm.cu - batch normalisation forward: folding into scale and shift, y = f(x scale + shift + residual).
 */
#include "backend/cuda/channels.cuh"
#include "backend/cuda/fold.cuh"
#include "backend/cuda/parts.h"

/* One block: all threads read *batches before the first writes it. */
static __global__ void __launch_bounds__(SC_THREADS) fold_kernel(sc_norm_fold f)
{
    double m = f.momentum;

    if (f.update) {
        float batches = *f.batches + 1;
        m = m < 0 ? 1 / (double)batches : m;
        __syncthreads();
        if (threadIdx.x == 0)
            *f.batches = batches;
    }
    for (size_t c = threadIdx.x; c < f.channels; c += SC_THREADS)
        fold_channel(f, m, c);
}

static void norm_fold(const sc_norm_fold *fold)
{
    sc_norm_fold f = *fold;

    SC_LAUNCH(fold_kernel, 1, SC_THREADS, f);
}

enum {
    DEEP = 4
}; /* rows that a thread reads before it writes the first: hides the memory's delay */

template <class E> struct affine_args {
    E *y;
    const E *x, *residual;
    const sc_real *scale, *shift;
    bool relu;
};

template <int V, bool RESIDUAL, class E>
static __global__ void __launch_bounds__(SC_THREADS) affine_kernel(affine_args<E> g, channel_walk w)
{
    unsigned below;
    size_t c, step = (size_t)gridDim.x * w.height;
    float scale[V], shift[V];

    if (!channel_place<V>(w, &below, &c))
        return;
    elem_load_reals(scale, g.scale + c);
    elem_load_reals(shift, g.shift + c);
    for (size_t row = (size_t)blockIdx.x * w.height + below; row < w.rows; row += DEEP * step) {
        elem_pack<E, V> x[DEEP] = {}, residual[DEEP] = {};
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            size_t at = (row + u * step) * w.c + c;
            if (row + u * step < w.rows) {
                x[u] = elem_load<V>(g.x + at);
                if (RESIDUAL)
                    residual[u] = elem_load<V>(g.residual + at);
            }
        }
        SC_UNROLL
        for (int u = 0; u < DEEP; u++) {
            float y[V];
            if (row + u * step >= w.rows)
                break;
            SC_UNROLL
            for (int j = 0; j < V; j++) {
                /* one rounding: the backward pass finds the same sign */
                float v = fmaf(x[u].get(j), scale[j], shift[j]);
                v = RESIDUAL ? v + residual[u].get(j) : v;
                y[j] = g.relu && v < 0 ? 0 : v;
            }
            elem_store<V>(g.y + (row + u * step) * w.c + c, y);
        }
    }
}

template <int V, bool RESIDUAL, class E>
static void pass(const affine_args<E> &g, size_t rows, size_t c)
{
    channel_walk w = channel_walk_of<V>(rows, c);

    SC_LAUNCH((affine_kernel<V, RESIDUAL, E>), channel_grid(affine_kernel<V, RESIDUAL, E>, w, DEEP),
              SC_THREADS, g, w);
}

template <int V, class E> static void affine(const affine_args<E> &g, size_t rows, size_t c)
{
    if (g.residual != nullptr)
        pass<V, true>(g, rows, c);
    else
        pass<V, false>(g, rows, c);
}

template <class E> static void channel_affine(const sc_affine *of, size_t rows, size_t c)
{
    affine_args<E> g = {(E *)of->y, (const E *)of->x, (const E *)of->residual,
                        of->scale,  of->shift,        of->relu};

    if (elem_may_widen<E>(c, of->y, of->x, of->residual, of->scale, of->shift))
        affine<elem_wide<E>>(g, rows, c);
    else
        affine<1>(g, rows, c);
}

void sc_cuda_put_norm(sc_backend *table)
{
    table->norm_fold = norm_fold;
    table->channel_affine =
        table->precision == SC_BF16 ? channel_affine<sc_bf16> : channel_affine<float>;
}
