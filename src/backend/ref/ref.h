/* SPDX-License-Identifier: MIT
 *
 * ref.h - the kernels of the reference backend, one declaration per entry of sc_backend (see
 * backend.h for what they compute).  The CPU tables start as a copy of these.
 */
#ifndef SC_REF_REF_H
#define SC_REF_REF_H

#include "backend/backend.h"

void sc_ref_gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate);

size_t sc_ref_conv2d_scratch(const sc_conv_shape *shape);
void sc_ref_conv2d_forward(sc_real *y, const sc_real *x, const sc_real *w,
                           const sc_conv_shape *shape, void *scratch);
void sc_ref_conv2d_backward_data(sc_real *dx, const sc_real *dy, const sc_real *w,
                                 const sc_conv_shape *shape, void *scratch);
void sc_ref_conv2d_backward_weight(sc_real *dw, const sc_real *dy, const sc_real *x,
                                   const sc_conv_shape *shape, void *scratch);

void sc_ref_channel_stats(sc_real *mean, sc_real *var, const sc_real *x, size_t rows, size_t c);
void sc_ref_channel_affine(sc_real *y, const sc_real *x, const sc_real *scale, const sc_real *shift,
                           const sc_real *residual, bool relu, size_t rows, size_t c);
void sc_ref_batchnorm_backward(sc_real *dx, sc_real *dresidual, sc_real *dgamma, sc_real *dbeta,
                               const sc_real *dy, const sc_real *x, const sc_real *y,
                               const sc_real *gamma, const sc_real *mean, const sc_real *invstd,
                               size_t rows, size_t c);
void sc_ref_groupnorm_forward(sc_real *y, sc_real *mean, sc_real *invstd, const sc_real *x,
                              const sc_real *gamma, const sc_real *beta, size_t n, size_t rows,
                              size_t c, size_t groups, double eps);
void sc_ref_groupnorm_backward(sc_real *dx, sc_real *dgamma, sc_real *dbeta, const sc_real *dy,
                               const sc_real *x, const sc_real *gamma, const sc_real *mean,
                               const sc_real *invstd, size_t n, size_t rows, size_t c,
                               size_t groups);

void sc_ref_act_forward(sc_real *y, const sc_real *x, size_t count, sc_act_kind kind, double param);
void sc_ref_act_backward(sc_real *dx, const sc_real *dy, const sc_real *x, size_t count,
                         sc_act_kind kind, double param);
void sc_ref_add(sc_real *y, const sc_real *a, const sc_real *b, size_t count);

void sc_ref_maxpool_forward(sc_real *y, uint32_t *argmax, const sc_real *x,
                            const sc_pool_shape *shape);
void sc_ref_maxpool_backward(sc_real *dx, const sc_real *dy, const uint32_t *argmax,
                             const sc_pool_shape *shape);
void sc_ref_avgpool_forward(sc_real *y, const sc_real *x, const sc_pool_shape *shape);
void sc_ref_avgpool_backward(sc_real *dx, const sc_real *dy, const sc_pool_shape *shape);
void sc_ref_global_avgpool_forward(sc_real *y, const sc_real *x, size_t n, size_t rows, size_t c);
void sc_ref_global_avgpool_backward(sc_real *dx, const sc_real *dy, size_t n, size_t rows,
                                    size_t c);
void sc_ref_reflect_pad_forward(sc_real *y, const sc_real *x, size_t n, size_t h, size_t w,
                                size_t c, size_t pad);
void sc_ref_reflect_pad_backward(sc_real *dx, const sc_real *dy, size_t n, size_t h, size_t w,
                                 size_t c, size_t pad);

#endif
