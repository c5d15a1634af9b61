/* SPDX-License-Identifier: MIT
 *
 * resnet_block.h - residual blocks of units (unit.h).
 *
 *   basic:      y = f(bn2(conv2(f(bn1(conv1(x))))) + skip(x))
 *   bottleneck: y = f(bn3(conv3(f(bn2(conv2(f(bn1(conv1(x)))))))) + skip(x)), stride on conv2
 *
 * Memory: a block keeps each convolution's output and its own; the activations between are computed
 * again in the backward pass from those, bit for bit.  On a device they are kept, too: there that would be
 * a pass of its own, which a processor's convolutions do as they read.  The rest is a workspace.
 */
#ifndef SC_MODEL_RESNET_BLOCK_H
#define SC_MODEL_RESNET_BLOCK_H

#include "model/unit.h"

typedef struct {
    sc_unit unit[3];
    size_t units; /* 2 basic, 3 bottleneck */
    bool has_skip;
    sc_unit skip;               /* downsample: 1x1 convolution and norm */
    size_t in_count, out_count; /* elements of one image */
    sc_map *out;                /* (max_n,p,q,k) */
    sc_map *y[2];               /* the units' but the last: kept, or in the workspace */
    sc_workspace ws;
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
/* a: of its workspace, of in_count and out_count elements per image.  Returns where the workspace ends. */
size_t sc_block_plan(sc_block *block, sc_map *a, size_t max_n, sc_arena *arena);
/* block->out = the output for x (n, in). */
sc_input sc_block_forward(sc_input x, size_t n, bool training, sc_block *block);
/* What the convolution that makes dy, the gradient of block->out, is to sum up, or NULL; dy becomes that of
 * the skip. */
const sc_batchnorm *sc_block_sums(sc_map *dy, sc_block *block);
/* ws.a: gradient of block->out on entry, of x on return.  summed: the sums of the first were taken;
 * sums: those to take of the other, or NULL. */
void sc_block_backward(const sc_map *x, const sc_batchnorm *sums, bool summed, size_t n,
                       sc_block *block);
/* Multiply-adds of one image. */
double sc_block_macs(const sc_block *block);

#endif
