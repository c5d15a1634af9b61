/* SPDX-License-Identifier: MIT
 *
 * profile_table.h - the counting kernels: each calls the same slot of the table that does the work
 * and adds the call up.  profile_reals.c and profile_maps.c compile them, the latter with
 * PROFILE_MAPS, for the two tables of a network.
 *
 * Bytes are those of the maps, matrices and weights that a kernel reads or writes, each once, even
 * where it must read twice (batch normalisation's gradient needs its sums first) or could have left
 * the reading to its neighbour; vectors of one number a channel are not counted.
 */
#ifndef SC_BACKEND_PROFILE_TABLE_H
#define SC_BACKEND_PROFILE_TABLE_H

#include "backend/profile.h"

static const sc_backend *inner(void)
{
#ifdef PROFILE_MAPS
    return sc_profile_current()->inner.maps;
#else
    return sc_profile_current()->inner.reals;
#endif
}

/* Bytes of so many elements of a map, and of so many numbers. */
static double map_size(size_t count)
{
    return (double)inner()->map_bytes * (double)count;
}

static double real_size(size_t count)
{
    return (double)sizeof(sc_real) * (double)count;
}

#define COUNTED(kernel, arguments, shape, flops, bytes)                                            \
    SC_COUNTED(#kernel, inner()->kernel arguments, shape, flops, bytes)

/* ---- products ---- */

static double conv_flops(const sc_conv_shape *s)
{
    return 2.0 * (double)(s->n * s->p * s->q) * (double)(s->k * s->c * s->r * s->s);
}

/* x and y, whichever is read or written, and the weights so many times. */
static double conv_bytes(const sc_conv_shape *s, size_t weights)
{
    return map_size(s->n * s->h * s->w * s->c) + map_size(s->n * s->p * s->q * s->k) +
           real_size(weights * s->k * s->c * s->r * s->s);
}

static void count_gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                       const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                       bool accumulate)
{
    COUNTED(gemm, (c, ldc, a, lda, trans_a, b, ldb, trans_b, m, n, k, accumulate), NULL,
            2.0 * (double)(m * n) * (double)k,
            real_size(m * k + k * n + (accumulate ? 2 : 1) * m * n));
}

static double affine_bytes(const sc_affine *of, size_t elements)
{
    return of ? map_size((size_t)(2 + (of->residual != NULL)) * elements) : 0;
}

static double sums_bytes(const sc_batchnorm *of, size_t elements)
{
    return of ? map_size((size_t)(of->y ? 4 : 2) * elements) : 0;
}

static double gradient_bytes(const sc_batchnorm *of, size_t elements)
{
    return of ? map_size(3 * elements) : 0;
}

/* Elements of x and of y. */
static size_t conv_in(const sc_conv_shape *s)
{
    return s->n * s->h * s->w * s->c;
}

static size_t conv_out(const sc_conv_shape *s)
{
    return s->n * s->p * s->q * s->k;
}

static void count_conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                                 const sc_affine *make, const sc_real *w,
                                 const sc_conv_shape *shape, void *scratch)
{
    COUNTED(conv2d_forward, (y, stats, x, make, w, shape, scratch), shape, conv_flops(shape),
            conv_bytes(shape, 1) + affine_bytes(make, conv_in(shape)));
}

static void count_conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                       const sc_batchnorm *make, const sc_real *w, sc_base base,
                                       const sc_conv_shape *shape, void *scratch)
{
    double passes = gradient_bytes(make, conv_out(shape)) + sums_bytes(sums, conv_in(shape));
    double added = base.map ? map_size(conv_in(shape)) / (double)(base.step * base.step) : 0;
    COUNTED(conv2d_backward_data, (dx, sums, dy, make, w, base, shape, scratch), shape,
            conv_flops(shape), conv_bytes(shape, 1) + passes + added);
}

static void count_conv2d_backward_weight(sc_real *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                         const sc_map *x, const sc_affine *make_x,
                                         const sc_conv_shape *shape, void *scratch)
{
    double passes = gradient_bytes(make_dy, conv_out(shape)) + affine_bytes(make_x, conv_in(shape));
    COUNTED(conv2d_backward_weight, (dw, dy, make_dy, x, make_x, shape, scratch), shape,
            conv_flops(shape), conv_bytes(shape, 2) + passes);
}

/* ---- norms ---- */

static void count_channel_stats(sc_real *mean, sc_real *var, const sc_map *x, size_t rows, size_t c)
{
    COUNTED(channel_stats, (mean, var, x, rows, c), NULL, 0, map_size(rows * c));
}

static void count_norm_fold(const sc_norm_fold *fold)
{
    COUNTED(norm_fold, (fold), NULL, 0, 0);
}

static void count_channel_affine(const sc_affine *affine, size_t rows, size_t c)
{
    COUNTED(channel_affine, (affine, rows, c), NULL, 0, affine_bytes(affine, rows * c));
}

static void count_batchnorm_sums(const sc_batchnorm *norm, size_t rows, size_t c)
{
    COUNTED(batchnorm_sums, (norm, rows, c), NULL, 0, sums_bytes(norm, rows * c));
}

static void count_batchnorm_gradient(const sc_batchnorm *norm, size_t rows, size_t c)
{
    COUNTED(batchnorm_gradient, (norm, rows, c), NULL, 0, gradient_bytes(norm, rows * c));
}

static void count_groupnorm_forward(sc_map *y, sc_real *mean, sc_real *invstd, const sc_map *x,
                                    const sc_real *gamma, const sc_real *beta, size_t n,
                                    size_t rows, size_t c, size_t groups, double eps)
{
    COUNTED(groupnorm_forward, (y, mean, invstd, x, gamma, beta, n, rows, c, groups, eps), NULL, 0,
            map_size(2 * n * rows * c));
}

static void count_groupnorm_backward(sc_map *dx, sc_real *dgamma, sc_real *dbeta, const sc_map *dy,
                                     const sc_map *x, const sc_real *gamma, const sc_real *mean,
                                     const sc_real *invstd, size_t n, size_t rows, size_t c,
                                     size_t groups)
{
    COUNTED(groupnorm_backward, (dx, dgamma, dbeta, dy, x, gamma, mean, invstd, n, rows, c, groups),
            NULL, 0, map_size(3 * n * rows * c));
}

static void count_bias_forward(sc_map *y, const sc_real *b, size_t rows, size_t c)
{
    COUNTED(bias_forward, (y, b, rows, c), NULL, 0, map_size(2 * rows * c));
}

static void count_bias_backward(sc_real *db, const sc_map *dy, size_t rows, size_t c)
{
    COUNTED(bias_backward, (db, dy, rows, c), NULL, 0, map_size(rows * c));
}

/* ---- pointwise ---- */

static void count_map_store(sc_map *y, const sc_real *x, size_t count)
{
    COUNTED(map_store, (y, x, count), NULL, 0, map_size(count) + real_size(count));
}

static void count_map_load(sc_real *y, const sc_map *x, size_t count)
{
    COUNTED(map_load, (y, x, count), NULL, 0, map_size(count) + real_size(count));
}

static void count_act_forward(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind,
                              double param)
{
    COUNTED(act_forward, (y, x, count, kind, param), NULL, 0, map_size(2 * count));
}

static void count_act_backward(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                               sc_act_kind kind, double param)
{
    COUNTED(act_backward, (dx, dy, x, count, kind, param), NULL, 0, map_size(3 * count));
}

static void count_add(sc_map *y, const sc_map *a, const sc_map *b, size_t count)
{
    COUNTED(add, (y, a, b, count), NULL, 0, map_size(3 * count));
}

/* ---- pooling and borders ---- */

static double positions(size_t count)
{
    return (double)sizeof(uint32_t) * (double)count;
}

static double pool_bytes(const sc_pool_shape *s, bool argmax)
{
    size_t outputs = s->n * s->p * s->q * s->c;

    return map_size(s->n * s->h * s->w * s->c + outputs) + (argmax ? positions(outputs) : 0);
}

static double reflect_bytes(size_t n, size_t h, size_t w, size_t c, size_t pad)
{
    return map_size(n * c * (h * w + (h + 2 * pad) * (w + 2 * pad)));
}

static void count_maxpool_forward(sc_map *y, uint32_t *argmax, const sc_map *x,
                                  const sc_affine *make, const sc_pool_shape *shape)
{
    COUNTED(maxpool_forward, (y, argmax, x, make, shape), NULL, 0, pool_bytes(shape, true));
}

static void count_maxpool_backward(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                   const uint32_t *argmax, const sc_pool_shape *shape)
{
    COUNTED(maxpool_backward, (dx, sums, dy, argmax, shape), NULL, 0,
            pool_bytes(shape, true) + sums_bytes(sums, shape->n * shape->h * shape->w * shape->c));
}

static void count_avgpool_forward(sc_map *y, const sc_map *x, const sc_pool_shape *shape)
{
    COUNTED(avgpool_forward, (y, x, shape), NULL, 0, pool_bytes(shape, false));
}

static void count_avgpool_backward(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape)
{
    COUNTED(avgpool_backward, (dx, dy, shape), NULL, 0, pool_bytes(shape, false));
}

static void count_global_avgpool_forward(sc_real *y, const sc_map *x, size_t n, size_t rows,
                                         size_t c)
{
    COUNTED(global_avgpool_forward, (y, x, n, rows, c), NULL, 0,
            map_size(n * rows * c) + real_size(n * c));
}

static void count_global_avgpool_backward(sc_map *dx, const sc_real *dy, size_t n, size_t rows,
                                          size_t c)
{
    COUNTED(global_avgpool_backward, (dx, dy, n, rows, c), NULL, 0,
            map_size(n * rows * c) + real_size(n * c));
}

static void count_global_maxpool_forward(sc_real *y, uint32_t *argmax, const sc_map *x, size_t n,
                                         size_t rows, size_t c)
{
    COUNTED(global_maxpool_forward, (y, argmax, x, n, rows, c), NULL, 0,
            map_size(n * rows * c) + real_size(n * c) + positions(n * c));
}

static void count_global_maxpool_backward(sc_map *dx, const sc_real *dy, const uint32_t *argmax,
                                          size_t n, size_t rows, size_t c)
{
    COUNTED(global_maxpool_backward, (dx, dy, argmax, n, rows, c), NULL, 0,
            map_size(n * rows * c) + real_size(n * c) + positions(n * c));
}

static void count_reflect_pad_forward(sc_map *y, const sc_map *x, size_t n, size_t h, size_t w,
                                      size_t c, size_t pad)
{
    COUNTED(reflect_pad_forward, (y, x, n, h, w, c, pad), NULL, 0, reflect_bytes(n, h, w, c, pad));
}

static void count_reflect_pad_backward(sc_map *dx, const sc_map *dy, const sc_map *base, size_t n,
                                       size_t h, size_t w, size_t c, size_t pad)
{
    COUNTED(reflect_pad_backward, (dx, dy, base, n, h, w, c, pad), NULL, 0,
            reflect_bytes(n, h, w, c, pad) + (base ? map_size(n * h * w * c) : 0));
}

static void count_map_copy(sc_map *y, const sc_map *x, size_t count)
{
    COUNTED(map_copy, (y, x, count), NULL, 0, map_size(2 * count));
}

static void count_dropout(sc_real *x, size_t rows, size_t c, double rate, uint64_t seed,
                          const uint64_t *step, uint32_t layer)
{
    COUNTED(dropout, (x, rows, c, rate, seed, step, layer), NULL, 0, real_size(2 * rows * c));
}

static const sc_backend counting_table = {
    .name = "counting", /* it, the sizes and the scratch are the inner table's: sc_profile_init */
    .gemm = count_gemm,
    .conv2d_forward = count_conv2d_forward,
    .conv2d_backward_data = count_conv2d_backward_data,
    .conv2d_backward_weight = count_conv2d_backward_weight,
    .channel_stats = count_channel_stats,
    .norm_fold = count_norm_fold,
    .channel_affine = count_channel_affine,
    .batchnorm_sums = count_batchnorm_sums,
    .batchnorm_gradient = count_batchnorm_gradient,
    .groupnorm_forward = count_groupnorm_forward,
    .groupnorm_backward = count_groupnorm_backward,
    .bias_forward = count_bias_forward,
    .bias_backward = count_bias_backward,
    .map_store = count_map_store,
    .map_load = count_map_load,
    .map_copy = count_map_copy,
    .dropout = count_dropout,
    .act_forward = count_act_forward,
    .act_backward = count_act_backward,
    .add = count_add,
    .maxpool_forward = count_maxpool_forward,
    .maxpool_backward = count_maxpool_backward,
    .avgpool_forward = count_avgpool_forward,
    .avgpool_backward = count_avgpool_backward,
    .global_avgpool_forward = count_global_avgpool_forward,
    .global_avgpool_backward = count_global_avgpool_backward,
    .global_maxpool_forward = count_global_maxpool_forward,
    .global_maxpool_backward = count_global_maxpool_backward,
    .reflect_pad_forward = count_reflect_pad_forward,
    .reflect_pad_backward = count_reflect_pad_backward,
};

#endif
