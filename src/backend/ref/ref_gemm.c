/* SPDX-License-Identifier: MIT
 *
 * ref_gemm.c - reference matrix product.
 *
 *   C[i,j] = sum_l op(A)[i,l] op(B)[l,j] + (accumulate ? C[i,j] : 0)
 *
 * One part per row of C.
 */
#include "backend/ref/ref.h"

#include <assert.h>

#include "core/parallel.h"

typedef struct {
    sc_real *c;
    const sc_real *a, *b;
    size_t ldc, n, k;
    size_t a_row, a_col, b_row, b_col; /* strides of op(A), op(B) */
    bool accumulate;
} gemm_args;

static void gemm_row(void *context, size_t i)
{
    const gemm_args *g = context;

    for (size_t j = 0; j < g->n; j++) {
        double sum = 0;
        for (size_t l = 0; l < g->k; l++) {
            sum += (double)g->a[i * g->a_row + l * g->a_col] * g->b[l * g->b_row + j * g->b_col];
        }
        sc_real *c = &g->c[i * g->ldc + j];
        *c = (sc_real)(g->accumulate ? *c + sum : sum);
    }
}

void sc_ref_gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate)
{
    assert(ldc >= n && lda >= (trans_a ? m : k) && ldb >= (trans_b ? k : n));
    gemm_args g = {.c = c, .a = a, .b = b, .ldc = ldc, .n = n, .k = k, .accumulate = accumulate};
    g.a_row = trans_a ? 1 : lda;
    g.a_col = trans_a ? lda : 1;
    g.b_row = trans_b ? 1 : ldb;
    g.b_col = trans_b ? ldb : 1;
    sc_parallel_for(m, gemm_row, &g);
}
