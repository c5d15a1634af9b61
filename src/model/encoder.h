/* SPDX-License-Identifier: MIT
 *
 * encoder.h - f: a view to its features, h = f(x).  ResNet-18, 34, 50 (He et al. 2015; stride of a
 * bottleneck on its 3x3 convolution, as torchvision), under torchvision's parameter names.
 *
 *   conv1 -> bn1 -> act -> pool -> layer1 .. layer4 -> [conv_last -> bn_last] -> global pool -> h
 */
#ifndef SC_MODEL_ENCODER_H
#define SC_MODEL_ENCODER_H

#include "model/resnet_block.h"

typedef enum { SC_STEM_CIFAR, SC_STEM_IMAGENET } sc_stem;
typedef enum { SC_DOWN_MAXPOOL, SC_DOWN_AVGPOOL, SC_DOWN_CONV, SC_DOWN_NONE } sc_down;
typedef enum { SC_LAST_POOL_AVG, SC_LAST_POOL_MAX } sc_last_pool;

typedef struct {
    int arch;     /* 18, 34, 50, 101, 152, 200 */
    double width; /* multiplies the channels; each rounded to a multiple of 8, at least 8 */
    sc_stem stem; /* cifar: 3x3 stride 1, no pool; imagenet: 7x7 and 3x3 pool, stride 2 */
    size_t in_channels;
    size_t out_channels; /* conv_last 1x1 + bn_last (no activation) before the pool; 0: none */
    sc_norm_options norm;
    sc_act act;
    size_t strides[6];   /* conv1, pool, stage 1..4; each 0: of the stem */
    size_t dilations[4]; /* of all 3x3 convolutions of a stage; 0: 1 */
    sc_down down;        /* the pool after conv1; without effect when the stem has none */
    sc_last_pool last_pool;
    bool reflect;                  /* padding by reflection instead of zeros */
    size_t stem_kernel;            /* 0: of the stem */
    size_t pool_kernel;            /* 0: 3; padding is (kernel - 1) / 2 */
    bool zero_init_residual;       /* gamma of each block's last norm starts at 0 */
    sc_conv_algorithm convolution; /* how, not what: the same function but for rounding */
} sc_encoder_options;

enum { SC_ENCODER_BLOCKS = 66 }; /* at most: of ResNet-200 */

typedef struct {
    sc_encoder_options options; /* with the defaults filled in */
    sc_nn nn;
    size_t height, width, max_rows, rows; /* rows: of the last forward */
    size_t dim;                           /* D, of h */
    sc_unit stem, last;
    sc_map *stem_out; /* when there is no pool */
    bool has_pool, has_last;
    sc_pool_shape pool;  /* n = 1 */
    sc_conv2d pool_conv; /* SC_DOWN_CONV, with its bias */
    int pool_bias;
    sc_map *pool_out;
    uint32_t *pool_argmax, *last_argmax;
    sc_block block[SC_ENCODER_BLOCKS];
    size_t blocks;
    size_t last_rows, last_channels; /* of the map that is pooled: h*w, C */
    const sc_map *x;                 /* of the last forward: the caller's, or in bf16 x_map */
    sc_map *x_map;                   /* (max_rows,H,W,C): x rounded to bf16; NULL in fp32 */
    sc_workspace stem_ws, last_ws;
    size_t first, count; /* its entries in the table of parameters */
} sc_encoder;

/* ResNet-18, width 1, cifar stem, 3 channels, BatchNorm, ReLU, zero padding. */
sc_encoder_options sc_encoder_defaults(void);

/* Registers the parameters; nothing else is allocated.  SIMCLR_E_USAGE when an option is out of
 * range, or when a map vanishes or reflection does not fit: then the text has the sizes of every
 * stage.  max_rows: most views at once.  The maps are of the backend's precision. */
int sc_encoder_init(sc_encoder *encoder, const sc_encoder_options *options, size_t height,
                    size_t width, size_t max_rows, sc_params *params, const sc_backend *backend,
                    simclr_error *err);

/* Activations and scratch; see core/alloc.h. */
void sc_encoder_plan(sc_encoder *encoder, sc_arena *arena);

/* h (rows,D) = f(x (rows,H,W,C)); in fp32 x is read again by the backward pass.  rows <= max_rows. */
void sc_encoder_forward(sc_real *h, const sc_real *x, size_t rows, bool training,
                        sc_encoder *encoder);
/* Gradients of all parameters (added) from dh (rows,D) of the last training forward. */
void sc_encoder_backward(const sc_real *dh, sc_encoder *encoder);

/* Text, one line per stage: name and size.  Also for options that are refused.  The number of
 * characters written, as snprintf. */
int sc_encoder_shapes(char *text, size_t size, const sc_encoder_options *options, size_t height,
                      size_t width);
double sc_encoder_macs(const sc_encoder *encoder); /* multiply-adds of one view */

#endif
