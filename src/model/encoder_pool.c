/* SPDX-License-Identifier: MIT
 *
 * encoder_pool.c - what halves the stem's map before the stages: a maximum, an average, or the tutorial's
 * convolution with a bias.
 */
#include "model/encoder_pool.h"

void sc_encoder_pool_forward(sc_input x, sc_encoder *encoder)
{
    sc_encoder *e = encoder;
    const sc_backend *be = e->nn.backend;
    sc_pool_shape shape = e->pool;

    shape.n = e->rows;
    switch (e->options.down) {
    case SC_DOWN_MAXPOOL:
        be->maxpool_forward(e->pool_out, e->pool_argmax, x.map, x.make, &shape);
        break;
    case SC_DOWN_AVGPOOL:
        be->avgpool_forward(e->pool_out, sc_unit_made(x, e->rows, &e->stem), &shape);
        break;
    default:
        sc_conv2d_forward(e->pool_out, SC_NO_STATS, x, e->rows, e->stem_ws.conv, &e->pool_conv);
        be->bias_forward(e->pool_out, sc_params_value(e->nn.params, e->pool_bias),
                         e->rows * shape.p * shape.q, shape.c);
    }
}

void sc_encoder_pool_backward(const sc_batchnorm *sums, sc_encoder *encoder)
{
    sc_encoder *e = encoder;
    const sc_backend *be = e->nn.backend;
    sc_pool_shape shape = e->pool;

    shape.n = e->rows;
    switch (e->options.down) {
    case SC_DOWN_MAXPOOL:
        be->maxpool_backward(e->stem_ws.b, sums, e->stem_ws.a, e->pool_argmax, &shape);
        break;
    case SC_DOWN_AVGPOOL:
        be->avgpool_backward(e->stem_ws.b, e->stem_ws.a, &shape);
        if (sums != NULL) {
            be->batchnorm_sums(sums, shape.n * shape.h * shape.w, shape.c);
        }
        break;
    default:
        be->bias_backward(sc_params_grad(e->nn.params, e->pool_bias), e->stem_ws.a,
                          e->rows * shape.p * shape.q, shape.c);
        sc_conv2d_backward(e->stem_ws.b, sums, (sc_gradient){e->stem_ws.a, NULL},
                           (sc_input){e->stem_ws.y, NULL}, SC_NO_BASE, e->rows, e->stem_ws.conv,
                           &e->pool_conv);
    }
}
