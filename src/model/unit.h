/* SPDX-License-Identifier: MIT
 *
 * unit.h - units, each a convolution, a norm and an activation, and the workspace they need.
 *
 *   y = f(norm(conv(x)) + residual)
 *
 * A unit keeps its convolution's output u; y can be computed again from that in the backward pass, bit for
 * bit.
 */
#ifndef SC_MODEL_UNIT_H
#define SC_MODEL_UNIT_H

#include "nn/layers.h"

/* What a block needs while it runs.  But for `a`, which is the same of all blocks, it lies behind what the block
 * keeps, where later blocks keep theirs: in the forward pass that is not yet there, in the backward pass
 * nobody reads it any more.  The sizes are found first, see sc_*_need. */
typedef struct {
    size_t b_count, c_count, y_count, v_count; /* elements per image */
    size_t conv_bytes;
    sc_map *a; /* gradient of the block's output, then of its input */
    sc_map *b; /* gradients within a block */
    sc_map *c;
    sc_map *y; /* activation between two units that is computed again in the backward pass */
    sc_map *v; /* value before an activation that is not ReLU; NULL when all are */
    void *conv;
} sc_workspace;

/* Lays it out behind what is taken of the arena, of which it takes nothing: returns where it ends. */
size_t sc_workspace_plan(sc_workspace *ws, sc_map *a, size_t max_n, size_t map_bytes,
                         sc_arena behind);

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
/* Its two halves: u = conv(x), with the statistics that the norm wants; y from u. */
void sc_unit_convolve(sc_input x, size_t n, bool training, sc_workspace *ws, sc_unit *unit);
sc_input sc_unit_finish(sc_map *y, const sc_map *residual, size_t n, bool training, sc_unit *unit);
/* y of the last forward again. */
sc_input sc_unit_again(sc_map *y, const sc_map *residual, size_t n, sc_unit *unit);
/* y, after it was made if need be. */
const sc_map *sc_unit_made(sc_input y, size_t n, const sc_unit *unit);
/* Whether sc_unit_backward_norm reads what y holds, where there was no residual: batch norm finds
 * ReLU's mask in its own input. */
bool sc_unit_reads_output(const sc_unit *unit);
/* What the convolution that makes dy, the gradient of y, is to sum up, or NULL; dresidual as below. */
const sc_batchnorm *sc_unit_sums(const sc_map *dy, const sc_map *y, sc_map *dresidual,
                                 sc_unit *unit);
/* du = gradient before the norm, from dy; y and residual as in the forward pass.  dresidual = that
 * before the sum, or NULL; it may be dy.  du may be dy when dresidual is NULL.
 * summed: the sums of dy were taken. */
sc_gradient sc_unit_backward_norm(sc_map *du, sc_map *dresidual, const sc_map *dy, bool summed,
                                  const sc_map *y, const sc_map *residual, size_t n,
                                  sc_workspace *ws, sc_unit *unit);

/* Elements of an image's output (p,q,k) and input. */
size_t sc_unit_out(const sc_unit *unit);
size_t sc_unit_in(const sc_unit *unit);
/* Whether its activation is neither ReLU nor none: its derivative needs its argument. */
bool sc_unit_is_smooth(const sc_unit *unit);
/* Multiply-adds of one image. */
double sc_unit_macs(const sc_unit *unit);

#endif
