/* SPDX-License-Identifier: MIT
 *
 * softmax_xent.h - cross-entropy of a softmax over class scores, with its gradient:
 *
 *   loss_i = log sum_c exp(s_ic) - s_i,y_i,      dloss_i/ds_ic = softmax(s_i)_c - [c = y_i]
 *
 * The largest score is subtracted first, so that nothing overflows.
 */
#ifndef SC_LOSS_SOFTMAX_XENT_H
#define SC_LOSS_SOFTMAX_XENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/real.h"

/* Sum (not mean) of the losses of rows; scores (rows, classes), labels 0 .. classes-1.
 * dscores, if not NULL, = scale * the gradient of each row's loss; it may be scores. */
double sc_softmax_xent(sc_real *dscores, const sc_real *scores, const int32_t *labels, size_t rows,
                       size_t classes, double scale);

/* Rows whose label is among the k largest scores; of equal scores the smaller class goes first. */
size_t sc_topk_hits(const sc_real *scores, const int32_t *labels, size_t rows, size_t classes,
                    size_t k);

#endif
