/* SPDX-License-Identifier: MIT
 *
 * ref.h - the tables of the reference backend.  ref_*.h hold its kernels, written once over the
 * element of elem.h; ref_fp32.c and ref_bf16.c compile them for their precision.
 */
#ifndef SC_REF_REF_H
#define SC_REF_REF_H

#include "backend/backend.h"

const sc_backend *sc_ref_table_fp32(void);
const sc_backend *sc_ref_table_bf16(void); /* NULL with SC_REAL_DOUBLE */

/* These know only sc_real: the same ones in both tables. */
void sc_ref_gemm(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate);
void sc_ref_norm_fold(const sc_norm_fold *fold);
void sc_ref_dropout(sc_real *x, size_t rows, size_t c, double rate, uint64_t seed,
                    const uint64_t *step, uint32_t layer);

#endif
