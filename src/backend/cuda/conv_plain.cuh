/* SPDX-License-Identifier: MIT
 *
 * conv_plain.cuh - convolutions of any shape by plain kernels, for shapes that the library of
 * convolutions has no plan for.
 *
 * Filters are KRSC and may be of more channels, w_c, than the map has; sums are float.
 */
#ifndef SC_CUDA_CONV_PLAIN_CUH
#define SC_CUDA_CONV_PLAIN_CUH

#include "backend/backend.h"

template <class E> void sc_cuda_plain_forward(E *y, const E *x, const E *w, const sc_conv_shape &s);
/* dx = base + the gradient; base.map may be dx. */
template <class E>
void sc_cuda_plain_data(E *dx, const E *dy, const E *w, size_t w_c, sc_base base,
                        const sc_conv_shape &s);
/* dw (KCRS) += the gradient */
template <class E>
void sc_cuda_plain_weight(sc_real *dw, const E *dy, const E *x, const sc_conv_shape &s);

#endif
