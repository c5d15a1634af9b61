/* SPDX-License-Identifier: MIT
 *
 * conv_plain.cu - one thread for each number of the result; ref_conv.h has the equations.
 *
 * The weight gradient is a sum over all pixels: slices of the rows of y, cut by the shape, each summed
 * by a thread of its own, then added up in double in their order.
 */
#include "backend/cuda/conv_plain.cuh"
#include "backend/cuda/elem.cuh"

enum { WEIGHT_THREADS = 1 << 18 }; /* slices are for so many at most */

/* Input row of output row p and tap r; false outside 0 .. size-1.  The same for columns. */
static __device__ __forceinline__ bool input_at(size_t *h, const sc_conv_shape &s, size_t p,
                                                size_t r, size_t size)
{
    size_t padded = p * s.stride + r * s.dilation;

    *h = padded - s.pad;
    return padded >= s.pad && *h < size;
}

/* Output row p that meets input row h at tap r, if there is one.  The same for columns. */
static __device__ __forceinline__ bool output_at(size_t *p, const sc_conv_shape &s, size_t h,
                                                 size_t r, size_t size)
{
    size_t padded = h + s.pad, tap = r * s.dilation;

    *p = elem_quotient(padded - tap, s.stride);
    return padded >= tap && *p * s.stride == padded - tap && *p < size;
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    forward_kernel(E *y, const E *x, const E *w, sc_conv_shape s)
{
    for (size_t i = grid_first(); i < s.n * s.p * s.q * s.k; i += grid_step()) {
        size_t n = i, k = elem_rest(&n, s.k), q = elem_rest(&n, s.q), p = elem_rest(&n, s.p), h, v;
        float sum = 0;
        for (size_t r = 0; r < s.r; r++) {
            for (size_t t = 0; t < s.s; t++) {
                if (!input_at(&h, s, p, r, s.h) || !input_at(&v, s, q, t, s.w))
                    continue;
                const E *from = x + ((n * s.h + h) * s.w + v) * s.c;
                const E *weight = w + ((k * s.r + r) * s.s + t) * s.c;
                for (size_t c = 0; c < s.c; c++)
                    sum += elem_get(from[c]) * elem_get(weight[c]);
            }
        }
        y[i] = elem_put<E>(sum);
    }
}

/* What base has for pixel (n,h,w), channel c. */
template <class E>
static __device__ __forceinline__ float base_at(sc_base base, size_t n, size_t h, size_t w,
                                                size_t c, const sc_conv_shape &s)
{
    size_t step = base.step, rows = (s.h + step - 1) / step, columns = (s.w + step - 1) / step;

    if (base.map == nullptr || h % step != 0 || w % step != 0)
        return 0;
    return elem_get(((const E *)base.map)[((n * rows + h / step) * columns + w / step) * s.c + c]);
}

template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    data_kernel(E *dx, const E *dy, const E *w, size_t w_c, sc_base base, sc_conv_shape s)
{
    for (size_t i = grid_first(); i < s.n * s.h * s.w * s.c; i += grid_step()) {
        size_t n = i, c = elem_rest(&n, s.c), v = elem_rest(&n, s.w), h = elem_rest(&n, s.h), p, q;
        float sum = 0;
        for (size_t r = 0; r < s.r; r++) {
            for (size_t t = 0; t < s.s; t++) {
                if (!output_at(&p, s, h, r, s.p) || !output_at(&q, s, v, t, s.q))
                    continue;
                const E *from = dy + ((n * s.p + p) * s.q + q) * s.k;
                const E *weight = w + (r * s.s + t) * w_c + c;
                for (size_t k = 0; k < s.k; k++)
                    sum += elem_get(from[k]) * elem_get(weight[k * s.r * s.s * w_c]);
            }
        }
        dx[i] = elem_put<E>(base_at<E>(base, n, h, v, c, s) + sum);
    }
}

/* Number i of the filters in the order (k, r, s, c), in which adjacent threads read adjacent numbers. */
struct weight_place {
    size_t k, r, t, c;
};

static __device__ __forceinline__ weight_place weight_at(size_t i, const sc_conv_shape &s)
{
    weight_place at;

    at.c = elem_rest(&i, s.c);
    at.t = elem_rest(&i, s.s);
    at.r = elem_rest(&i, s.r);
    at.k = i;
    return at;
}

static __device__ __forceinline__ size_t weight_index(const weight_place &at,
                                                      const sc_conv_shape &s)
{
    return ((at.k * s.c + at.c) * s.r + at.r) * s.s + at.t;
}

/* sum[slice][i] over the rows of y in a slice; or, of one slice, dw += the sum */
template <class E>
static __global__ void __launch_bounds__(SC_THREADS)
    weight_kernel(double *sum, sc_real *dw, const E *dy, const E *x, sc_conv_shape s, size_t slices)
{
    size_t filters = s.k * s.r * s.s * s.c, rows = s.n * s.p;

    for (size_t i = grid_first(); i < filters * slices; i += grid_step()) {
        size_t slice = i;
        weight_place at = weight_at(elem_rest(&slice, filters), s);
        double total = 0;
        for (size_t row = rows * slice / slices; row < rows * (slice + 1) / slices; row++) {
            size_t n = row, p = elem_rest(&n, s.p), h, v;
            float partial = 0;
            if (!input_at(&h, s, p, at.r, s.h))
                continue;
            for (size_t q = 0; q < s.q; q++)
                if (input_at(&v, s, q, at.t, s.w))
                    partial += elem_get(dy[(row * s.q + q) * s.k + at.k]) *
                               elem_get(x[((n * s.h + h) * s.w + v) * s.c + at.c]);
            total += (double)partial;
        }
        if (slices > 1)
            sum[i] = total;
        else
            dw[weight_index(at, s)] = (sc_real)((double)dw[weight_index(at, s)] + total);
    }
}

static __global__ void __launch_bounds__(SC_THREADS)
    weight_merge_kernel(sc_real *dw, const double *sum, sc_conv_shape s, size_t slices)
{
    size_t filters = s.k * s.r * s.s * s.c;

    for (size_t i = grid_first(); i < filters; i += grid_step()) {
        sc_real *to = dw + weight_index(weight_at(i, s), s);
        double total = (double)*to;
        for (size_t slice = 0; slice < slices; slice++)
            total += sum[slice * filters + i];
        *to = (sc_real)total;
    }
}

template <class E> void sc_cuda_plain_forward(E *y, const E *x, const E *w, const sc_conv_shape &s)
{
    SC_LAUNCH((forward_kernel<E>), grid_of(s.n * s.p * s.q * s.k), SC_THREADS, y, x, w, s);
}

template <class E>
void sc_cuda_plain_data(E *dx, const E *dy, const E *w, size_t w_c, sc_base base,
                        const sc_conv_shape &s)
{
    SC_LAUNCH((data_kernel<E>), grid_of(s.n * s.h * s.w * s.c), SC_THREADS, dx, dy, w, w_c, base,
              s);
}

template <class E>
void sc_cuda_plain_weight(sc_real *dw, const E *dy, const E *x, const sc_conv_shape &s)
{
    double *sum = (double *)sc_cuda_workspace();
    size_t filters = s.k * s.r * s.s * s.c, rows = s.n * s.p;
    size_t room = SC_CUDA_WORKSPACE / sizeof *sum / filters;
    size_t slices = WEIGHT_THREADS / filters < room ? WEIGHT_THREADS / filters : room;

    slices = slices < rows ? slices : rows;
    slices = slices < 1 ? 1 : slices;
    SC_LAUNCH((weight_kernel<E>), grid_of(filters * slices), SC_THREADS, sum, dw, dy, x, s, slices);
    if (slices > 1)
        SC_LAUNCH(weight_merge_kernel, grid_of(filters), SC_THREADS, dw, sum, s, slices);
}

template void sc_cuda_plain_forward(float *, const float *, const float *, const sc_conv_shape &);
template void sc_cuda_plain_forward(sc_bf16 *, const sc_bf16 *, const sc_bf16 *,
                                    const sc_conv_shape &);
template void sc_cuda_plain_data(float *, const float *, const float *, size_t, sc_base,
                                 const sc_conv_shape &);
template void sc_cuda_plain_data(sc_bf16 *, const sc_bf16 *, const sc_bf16 *, size_t, sc_base,
                                 const sc_conv_shape &);
template void sc_cuda_plain_weight(sc_real *, const float *, const float *, const sc_conv_shape &);
template void sc_cuda_plain_weight(sc_real *, const sc_bf16 *, const sc_bf16 *,
                                   const sc_conv_shape &);
