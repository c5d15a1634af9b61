/* SPDX-License-Identifier: MIT
 *
 * resnet_block.h - units (convolution, norm, activation) and the residual blocks made of them.
 *
 *   basic:      y = f(bn2(conv2(f(bn1(conv1(x))))) + skip(x))
 *   bottleneck: y = f(bn3(conv3(f(bn2(conv2(f(bn1(conv1(x)))))))) + skip(x)), stride on conv2
 *
 * Memory: a block keeps each convolution's output and its own; the activations between are computed
 * again in the backward pass from those, bit for bit.  Four shared buffers hold the rest.
 */
#ifndef SC_MODEL_RESNET_BLOCK_H
#define SC_MODEL_RESNET_BLOCK_H

#include "nn/layers.h"

/* Shared by all units of an encoder.  The sizes are found first, see sc_*_need. */
typedef struct {
    size_t a_count, b_count, c_count, y_count, v_count; /* elements per image */
    size_t conv_bytes;
    sc_map *a; /* gradient of the current block's output, then of its input */
    sc_map *b; /* gradients within a block */
    sc_map *c;
    sc_map *y; /* activation between two units, computed again in the backward pass */
    sc_map *v; /* value before an activation that is not ReLU; NULL when all are */
    void *conv;
} sc_workspace;

typedef struct {
    sc_conv2d conv;
    sc_norm norm;
    sc_act act;
    size_t p, q, k; /* output (p,q,k) of one image */
    sc_map *u;      /* (max_n,p,q,k): the convolution's output */
} sc_unit;

typedef struct {
    sc_conv2d_options conv;
    const sc_norm_options *norm;
    sc_act act;
    const char *conv_name, *norm_name;
} sc_unit_options;

int sc_unit_init(sc_unit *unit, sc_nn nn, const sc_unit_options *options, size_t height,
                 size_t width, simclr_error *err);
void sc_unit_plan(sc_unit *unit, size_t max_n, sc_arena *arena);
/* Raises the sizes in ws to what this unit needs for n images. */
void sc_unit_need(sc_workspace *ws, const sc_unit *unit, size_t max_n);
/* y (n,p,q,k) = act(norm(conv(x)) + residual); residual may be NULL. */
sc_input sc_unit_forward(sc_map *y, sc_input x, const sc_map *residual, size_t n, bool training,
                         sc_workspace *ws, sc_unit *unit);
/* y of the last forward again. */
sc_input sc_unit_again(sc_map *y, const sc_map *residual, size_t n, sc_unit *unit);
/* y, after it was made if need be. */
const sc_map *sc_unit_made(sc_input y, size_t n, const sc_unit *unit);
/* Whether sc_unit_backward_norm reads what y holds, where there was no residual: batch norm finds
 * ReLU's mask in its own input. */
bool sc_unit_reads_output(const sc_unit *unit);
/* What the convolution that makes dy, the gradient of y, is to sum up, or NULL. */
const sc_batchnorm *sc_unit_sums(const sc_map *dy, const sc_map *y, bool residual, sc_unit *unit);
/* du = gradient before the norm, from dy; y and residual as in the forward pass.  dresidual = that
 * before the sum, or NULL; it may be dy, and is made with du.  du may be dy when dresidual is NULL.
 * summed: the sums of dy were taken. */
sc_gradient sc_unit_backward_norm(sc_map *du, sc_map *dresidual, const sc_map *dy, bool summed,
                                  const sc_map *y, const sc_map *residual, size_t n,
                                  sc_workspace *ws, sc_unit *unit);

typedef struct {
    sc_unit unit[3];
    size_t units; /* 2 basic, 3 bottleneck */
    bool has_skip;
    sc_unit skip;               /* downsample: 1x1 convolution and norm */
    size_t in_count, out_count; /* elements of one image */
    sc_map *out;                /* (max_n,p,q,k) */
} sc_block;

typedef struct {
    const char *name; /* "layer1.0" */
    bool bottleneck;
    size_t in_channels, planes, out_channels, stride, dilation;
    bool reflect, zero_init_residual;
    const sc_norm_options *norm;
    sc_act act;
} sc_block_options;

int sc_block_init(sc_block *block, sc_nn nn, const sc_block_options *options, size_t height,
                  size_t width, simclr_error *err);
void sc_block_plan(sc_block *block, size_t max_n, sc_arena *arena);
void sc_block_need(sc_workspace *ws, const sc_block *block, size_t max_n);
/* block->out = the output for x (n, in). */
sc_input sc_block_forward(sc_input x, size_t n, bool training, sc_workspace *ws, sc_block *block);
/* What the convolution that makes dy, the gradient of block->out, is to sum up, or NULL. */
const sc_batchnorm *sc_block_sums(const sc_map *dy, sc_block *block);
/* ws->a: gradient of block->out on entry, of x on return.  summed: the sums of the first were taken;
 * sums: those to take of the other, or NULL. */
void sc_block_backward(const sc_map *x, const sc_batchnorm *sums, bool summed, size_t n,
                       sc_workspace *ws, sc_block *block);
/* Multiply-adds of one image. */
double sc_unit_macs(const sc_unit *unit);
double sc_block_macs(const sc_block *block);

#endif
