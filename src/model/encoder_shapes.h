/* SPDX-License-Identifier: MIT
 *
 * encoder_shapes.h - sizes of an encoder's stages, found before anything is allocated.
 */
#ifndef SC_MODEL_ENCODER_SHAPES_H
#define SC_MODEL_ENCODER_SHAPES_H

#include "model/encoder.h"

enum { SC_SHAPES_STAGES = 8 }; /* input, conv1, pool, layer1 .. layer4, conv_last */

typedef struct {
    const char *name;
    size_t height, width, channels;
    bool present;
} sc_stage_shape;

typedef struct {
    sc_stage_shape stage[SC_SHAPES_STAGES];
    int bad; /* first stage that is not possible, else -1 */
    const char *reason;
} sc_encoder_stages;

/* Fills in what is left to the stem: strides, kernels, dilations. */
sc_encoder_options sc_encoder_resolve(const sc_encoder_options *options);
bool sc_encoder_has_pool(const sc_encoder_options *resolved);
size_t sc_encoder_planes(const sc_encoder_options *options, int stage); /* stage 0 .. 3 */
/* Blocks of a stage. */
size_t sc_encoder_depth(const sc_encoder_options *options, int stage);
/* Whether its blocks are bottlenecks: 1x1, 3x3, 1x1, four times as wide at their ends. */
bool sc_encoder_bottleneck(const sc_encoder_options *options);

void sc_encoder_stages_of(sc_encoder_stages *out, const sc_encoder_options *resolved, size_t height,
                          size_t width);
/* Options in range, and every map large enough. */
int sc_encoder_check(const sc_encoder_options *options, size_t height, size_t width,
                     simclr_error *err);

#endif
