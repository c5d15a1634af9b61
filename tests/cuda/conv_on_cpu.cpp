/* SPDX-License-Identifier: MIT
 *
 * conv_on_cpu.cpp - conv.h for the tests.  It has plans for the tables of cuda_on_cpu_planned alone; then
 * sums are double and results rounded once, as the library does.  Of filters 1x1 it has none that adds,
 * and in fp32 none for gradients that are forward convolutions, which must not be asked for.
 *
 * Channels that were filled up must be zeros: what is not is taken for a NaN, since in a product with the
 * other factor's zeros it would not show.
 */
#include "backend/cuda/conv.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <tuple>
#include <vector>

#include "backend/bf16.h"
#include "backend/cuda/kernels.h"
#include "cuda_on_cpu.h"

static const sc_conv_shape *planned; /* as it was asked for; NULL: there is no plan */

/* A convolution of the table, with plans, which it asks for while it queues its work. */
template <sc_precision P, auto Conv, class... Args> static void with_plans(Args... args)
{
    planned = std::get<const sc_conv_shape *>(std::make_tuple(args...));
    (sc_cuda_table(P)->*Conv)(args...);
    planned = nullptr;
}

template <sc_precision P> static const sc_backend *planned_table(void)
{
    static sc_backend table;

    table = *sc_cuda_table(P);
    table.name = "cuda-plans";
    table.conv2d_forward = with_plans<P, &sc_backend::conv2d_forward>;
    table.conv2d_backward_data = with_plans<P, &sc_backend::conv2d_backward_data>;
    table.conv2d_backward_weight = with_plans<P, &sc_backend::conv2d_backward_weight>;
    return &table;
}

extern "C" const sc_backend *cuda_on_cpu_planned(sc_precision precision)
{
    return precision == SC_BF16 ? planned_table<SC_BF16>() : planned_table<SC_FP32>();
}

typedef std::vector<double> doubles;

/* Vectors of `wide` elements, filled up from c. */
static doubles load(const void *map, size_t vectors, size_t wide, size_t c, sc_precision precision)
{
    doubles x(vectors * wide);

    for (size_t i = 0; i < x.size(); i++) {
        x[i] = precision == SC_BF16 ? (double)sc_bf16_to_float(static_cast<const sc_bf16 *>(map)[i])
                                    : (double)static_cast<const float *>(map)[i];
        if (i % wide >= c && x[i] != 0)
            x[i] = NAN;
    }
    return x;
}

static void store(void *map, const doubles &x, sc_precision precision)
{
    for (size_t i = 0; i < x.size(); i++) {
        if (precision == SC_BF16)
            static_cast<sc_bf16 *>(map)[i] = sc_bf16_from_float((float)x[i]);
        else
            static_cast<float *>(map)[i] = (float)x[i];
    }
}

/* The products of output pixel (n, p, q) and tap (r, t), input pixel (n, h, w). */
static void add_tap(doubles &sum, sc_conv_pass pass, const sc_conv_shape &s, const doubles &a,
                    const doubles &b, size_t x, size_t w, size_t y)
{
    for (size_t k = 0; k < s.k; k++) {
        for (size_t c = 0; c < s.c; c++) {
            size_t wi = w + k * s.r * s.s * s.c + c;
            if (pass == SC_CONV_Y)
                sum[y + k] += a[x + c] * b[wi];
            else if (pass == SC_CONV_DW)
                sum[wi] += a[x + c] * b[y + k];
            else
                sum[x + c] += a[y + k] * b[wi];
        }
    }
}

static void add_pixel(doubles &sum, sc_conv_pass pass, const sc_conv_shape &s, const doubles &a,
                      const doubles &b, size_t n, size_t p, size_t q)
{
    for (size_t r = 0; r < s.r; r++) {
        for (size_t t = 0; t < s.s; t++) {
            size_t h = p * s.stride + r * s.dilation - s.pad; /* wraps below 0 */
            size_t w = q * s.stride + t * s.dilation - s.pad;
            if (h < s.h && w < s.w)
                add_tap(sum, pass, s, a, b, ((n * s.h + h) * s.w + w) * s.c, (r * s.s + t) * s.c,
                        ((n * s.p + p) * s.q + q) * s.k);
        }
    }
}

bool sc_cuda_conv(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape,
                  sc_conv_buffers on)
{
    const sc_conv_shape s = *shape;
    size_t x = s.n * s.h * s.w, w = s.k * s.r * s.s, y = s.n * s.p * s.q;
    bool add = pass == SC_CONV_DX_ADD, data = pass == SC_CONV_DX || add;

    sc_conv_shape turned;

    if (planned == nullptr || (add && s.r * s.s == 1))
        return false;
    assert(!(data && precision == SC_FP32 && sc_conv_turned(&turned, &s)));
    size_t c = precision == SC_BF16 ? planned->c : s.c; /* fp32 has none that are filled up */
    cuda_on_cpu_queue([=] {
        doubles sum(pass == SC_CONV_Y ? y * s.k : (data ? x : w) * s.c);
        cuda_on_cpu_open_memory();
        memset(on.workspace, 0xff, SC_CUDA_CONV_WORKSPACE);
        if (add) {
            memset(on.trial, 0xff, x * s.c * (precision == SC_BF16 ? 2 : 4));
            sum = load(on.out, x, s.c, c, precision);
        }
        const doubles a_in =
            data ? load(on.a, y, s.k, s.k, precision) : load(on.a, x, s.c, c, precision);
        const doubles b_in =
            pass == SC_CONV_DW ? load(on.b, y, s.k, s.k, precision) : load(on.b, w, s.c, c, precision);
        for (size_t i = 0; i < y; i++)
            add_pixel(sum, pass, s, a_in, b_in, i / s.q / s.p, i / s.q % s.p, i % s.q);
        store(on.out, sum, precision);
        cuda_on_cpu_close_memory();
    });
    return true;
}

void sc_cuda_conv_close(void)
{
}
