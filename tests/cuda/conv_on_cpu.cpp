/* SPDX-License-Identifier: MIT
 *
 * conv_on_cpu.cpp - conv.h for the tests.  It has no plans, unless a test asks for them; then sums are
 * double and results rounded once, as the library does.
 */
#include "backend/cuda/conv.h"

#include <cstring>
#include <vector>

#include "backend/bf16.h"
#include "cuda_on_cpu.h"

static bool has_plans;

void cuda_on_cpu_conv_plans(bool there)
{
    has_plans = there;
}

static double get(const void *map, size_t i, sc_precision precision)
{
    return precision == SC_BF16 ? (double)sc_bf16_to_float(static_cast<const sc_bf16 *>(map)[i])
                                : (double)static_cast<const float *>(map)[i];
}

static void put(void *map, size_t i, double value, sc_precision precision)
{
    if (precision == SC_BF16)
        static_cast<sc_bf16 *>(map)[i] = sc_bf16_from_float((float)value);
    else
        static_cast<float *>(map)[i] = (float)value;
}

/* The products of output pixel (n, p, q) and tap (r, t), input pixel (n, h, w). */
static void add_tap(std::vector<double> &sum, sc_conv_pass pass, sc_precision precision,
                    const sc_conv_shape &s, const void *a, const void *b, size_t x, size_t w,
                    size_t y)
{
    for (size_t k = 0; k < s.k; k++) {
        for (size_t c = 0; c < s.c; c++) {
            size_t wi = w + k * s.r * s.s * s.c + c;
            if (pass == SC_CONV_Y)
                sum[y + k] += get(a, x + c, precision) * get(b, wi, precision);
            else if (pass == SC_CONV_DX)
                sum[x + c] += get(a, y + k, precision) * get(b, wi, precision);
            else
                sum[wi] += get(a, x + c, precision) * get(b, y + k, precision);
        }
    }
}

static void add_pixel(std::vector<double> &sum, sc_conv_pass pass, sc_precision precision,
                      const sc_conv_shape &s, const void *a, const void *b, size_t n, size_t p,
                      size_t q)
{
    for (size_t r = 0; r < s.r; r++) {
        for (size_t t = 0; t < s.s; t++) {
            size_t h = p * s.stride + r * s.dilation - s.pad; /* wraps below 0 */
            size_t w = q * s.stride + t * s.dilation - s.pad;
            if (h < s.h && w < s.w)
                add_tap(sum, pass, precision, s, a, b, ((n * s.h + h) * s.w + w) * s.c,
                        (r * s.s + t) * s.c, ((n * s.p + p) * s.q + q) * s.k);
        }
    }
}

bool sc_cuda_conv(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape,
                  const void *a, const void *b, void *out, void *workspace)
{
    const sc_conv_shape s = *shape;
    size_t count = pass == SC_CONV_Y    ? s.n * s.p * s.q * s.k
                   : pass == SC_CONV_DX ? s.n * s.h * s.w * s.c
                                        : s.k * s.r * s.s * s.c;

    if (!has_plans)
        return false;
    cuda_on_cpu_queue([=] {
        std::vector<double> sum(count);
        cuda_on_cpu_open_memory();
        memset(workspace, 0xff, SC_CUDA_CONV_WORKSPACE);
        for (size_t i = 0; i < s.n * s.p * s.q; i++)
            add_pixel(sum, pass, precision, s, a, b, i / s.q / s.p, i / s.q % s.p, i % s.q);
        for (size_t i = 0; i < count; i++)
            put(out, i, sum[i], precision);
        cuda_on_cpu_close_memory();
    });
    return true;
}

void sc_cuda_conv_close(void)
{
}
