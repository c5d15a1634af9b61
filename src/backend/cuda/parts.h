/* SPDX-License-Identifier: MIT
 *
 * parts.h - each .cu file puts its kernels into a table, of the table's precision.
 */
#ifndef SC_CUDA_PARTS_H
#define SC_CUDA_PARTS_H

#include "backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

void sc_cuda_put_act(sc_backend *table);
void sc_cuda_put_bias(sc_backend *table);
void sc_cuda_put_conv(sc_backend *table);
void sc_cuda_put_dropout(sc_backend *table);
void sc_cuda_put_gemm(sc_backend *table);
void sc_cuda_put_global_pool(sc_backend *table);
void sc_cuda_put_groupnorm(sc_backend *table);
void sc_cuda_put_norm(sc_backend *table);
void sc_cuda_put_norm_backward(sc_backend *table);
void sc_cuda_put_pointwise(sc_backend *table);
void sc_cuda_put_pool(sc_backend *table);
void sc_cuda_put_reflect(sc_backend *table);
void sc_cuda_put_stats(sc_backend *table);

/* The tables' device. */
void sc_cuda_tables_belong_to(const struct sc_device *device);

#ifdef __cplusplus
}
#endif

#endif
