/* SPDX-License-Identifier: MIT
 *
 * gemm.cuh - the product for those who compare its numbers with each other.
 */
#ifndef SC_CUDA_GEMM_CUH
#define SC_CUDA_GEMM_CUH

#include "backend/backend.h"

/* c[i,j] (m,n) = sum_l a[i,l] b[j,l], a (m,k), b (n,k): one sum in the order of k, whatever the shape, where the
 * table's gemm may make several.  So a row's numbers do not depend on how many rows there are. */
void sc_cuda_products(sc_real *c, const sc_real *a, const sc_real *b, size_t m, size_t n, size_t k);

#endif
