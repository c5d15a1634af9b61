/* SPDX-License-Identifier: MIT
 *
 * encoder_pool.h - the pooling between an encoder's stem and its stages (options.down).
 */
#ifndef SC_MODEL_ENCODER_POOL_H
#define SC_MODEL_ENCODER_POOL_H

#include "model/encoder.h"

/* encoder->pool_out = the pool of x, the stem's output. */
void sc_encoder_pool_forward(sc_input x, sc_encoder *encoder);
/* ws.a, the gradient of pool_out, -> ws.b; ws.y holds the pool's input if it is a convolution.  sums: of
 * ws.b, for the stem's norm, or NULL. */
void sc_encoder_pool_backward(const sc_batchnorm *sums, sc_encoder *encoder);

#endif
