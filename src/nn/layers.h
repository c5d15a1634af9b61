/* SPDX-License-Identifier: MIT
 *
 * layers.h - the layers: conv2d, norm, activation, linear.
 *
 * Every layer is a struct with init (registers its parameters), plan (takes its memory from an
 * arena; runs twice, see core/alloc.h), forward, backward.  Parameter gradients accumulate, those
 * of activations overwrite.  A layer keeps a pointer to the parameter table and indices into it,
 * so the table may not move.  Names and arithmetic are PyTorch's.
 */
#ifndef SC_NN_LAYERS_H
#define SC_NN_LAYERS_H

#include "backend/backend.h"
#include "core/alloc.h"
#include "nn/params.h"

/* Where a layer gets its parameters and kernels from.  The maps of a layer are of its backend's
 * precision; linear works on sc_real, so that its backend must be SC_FP32. */
typedef struct {
    sc_params *params;
    const sc_backend *backend;
    sc_conv_algorithm convolution; /* what conv2d may use */
} sc_nn;

/* Maps that may still have to be made, by a pass that the convolution which reads them first does as it
 * goes; `make` is NULL for what is there. */
typedef struct {
    const sc_map *map;
    const sc_affine *make; /* make->y == map */
} sc_input;

typedef struct {
    const sc_map *map;
    const sc_batchnorm *make; /* make->dx == map */
} sc_gradient;

/* ---- conv2d.c ---- */

typedef struct {
    sc_nn nn;
    sc_conv_shape shape; /* n = 1; h, w include the border when `reflect` */
    bool reflect;        /* pad by reflection first, then convolve without padding */
    size_t reflect_pad;
    size_t in_h, in_w; /* of the unpadded input */
    int weight;        /* (K,C,R,S) */
} sc_conv2d;

typedef struct {
    size_t in_channels, out_channels, kernel, stride, pad, dilation;
    bool reflect;
    double init_std;
} sc_conv2d_options;

/* Output rows for an input of `size`; 0 when the window does not fit. */
size_t sc_conv2d_out(size_t size, size_t kernel, size_t stride, size_t pad, size_t dilation);
int sc_conv2d_init(sc_conv2d *conv, sc_nn nn, const char *name, const sc_conv2d_options *options,
                   size_t height, size_t width, simclr_error *err);
/* Bytes of scratch for n images or fewer. */
size_t sc_conv2d_scratch(const sc_conv2d *conv, size_t n);
/* y (n,p,q,K) = conv(x (n,h,w,C)); stats: of y, for the norm that follows (sc_norm_wants) or none */
void sc_conv2d_forward(sc_map *y, sc_channel_stats stats, sc_input x, size_t n, void *scratch,
                       const sc_conv2d *conv);
/* dw += ..., and dx (n,h,w,C) = base + ... unless NULL; dx must be neither x nor dy, base.map may be dx.
 * sums: of dx, for the norm before (sc_norm_sums), or NULL. */
void sc_conv2d_backward(sc_map *dx, const sc_batchnorm *sums, sc_gradient dy, sc_input x,
                        sc_base base, size_t n, void *scratch, const sc_conv2d *conv);
/* The same of a 1x1 convolution without padding, whose gradient is zero but at the pixels that it reads:
 * these, (n,p,q,C), go to dx, to be added to the gradient of a convolution of the same stride. */
sc_base sc_conv2d_backward_apart(sc_map *dx, sc_gradient dy, sc_input x, size_t n, void *scratch,
                                 const sc_conv2d *conv);
/* Whether its gradient may be added to that of `other`, of the same input. */
bool sc_conv2d_is_apart(const sc_conv2d *conv, const sc_conv2d *other);

/* ---- norm.c ---- */

typedef enum {
    SC_NORM_NONE,    /* only a bias */
    SC_NORM_BATCH,   /* BatchNorm1d, BatchNorm2d */
    SC_NORM_GROUP,   /* GroupNorm */
    SC_NORM_INSTANCE /* InstanceNorm2d: without parameters unless affine */
} sc_norm_kind;

typedef struct {
    sc_norm_kind kind;
    double eps;      /* 1e-5 */
    double momentum; /* 0.1: running += momentum * (batch - running); negative: cumulative mean */
    bool affine;     /* gamma and beta */
    bool track_running_stats; /* BatchNorm: evaluation uses running statistics */
    size_t num_groups;        /* GroupNorm; must divide the channels */
} sc_norm_options;

typedef struct {
    sc_nn nn;
    sc_norm_options options;
    size_t channels, groups;
    int weight, bias, running_mean, running_var, batches; /* -1: none */
    sc_real *mean, *invstd;  /* (C), or (max_n, groups): of the last forward */
    sc_real *scale, *shift;  /* (C): y = x * scale + shift */
    sc_real *mean_g, *curve; /* (C): of the last backward */
    sc_norm_fold fold;       /* of the last forward's statistics, */
    sc_affine affine;        /* how it makes y, */
    sc_batchnorm batch;      /* and the last backward dx */
} sc_norm;

/* kind, affine and track_running_stats as PyTorch's constructor of that kind would default. */
sc_norm_options sc_norm_defaults(sc_norm_kind kind);
int sc_norm_init(sc_norm *norm, sc_nn nn, const char *name, const sc_norm_options *options,
                 size_t channels, simclr_error *err);
void sc_norm_plan(sc_norm *norm, size_t max_n, sc_arena *arena);
/* y = f(norm(x) + residual), f = ReLU if `relu`; x, y, residual (n, rows, C); residual may be NULL.
 * y may be x only for BatchNorm and none.  training: batch statistics, running ones updated. */
void sc_norm_forward(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                     size_t rows, bool training, sc_norm *norm);
/* Where this norm wants the statistics of its x (n, rows, C), if it does, and what is made of them; then
 * sc_norm_measured is sc_norm_forward without either, and without making y where that can be left to the
 * convolution that reads it.  So the convolution that makes x can take them as it goes. */
sc_channel_stats sc_norm_wants(size_t n, size_t rows, bool training, sc_norm *norm);
sc_input sc_norm_measured(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                          size_t rows, bool training, sc_norm *norm);
/* The y of the last forward again, same bits, statistics untouched. */
sc_input sc_norm_again(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                       size_t rows, sc_norm *norm);
/* y, after it was made if need be. */
const sc_map *sc_norm_made(sc_input y, size_t n, size_t rows, const sc_norm *norm);
/* What the convolution that makes dy is to sum up, or NULL; x and y of the last training forward, y not
 * NULL: f was ReLU, and with a residual dresidual is made, too.  dresidual: as of sc_norm_backward. */
const sc_batchnorm *sc_norm_sums(const sc_map *dy, const sc_map *x, const sc_map *y,
                                 sc_map *dresidual, sc_norm *norm);
/* Of the last training forward.  y not NULL: f was ReLU and y its output.  dresidual = dy where y > 0;
 * it may be dy, and is NULL if and only if residual was.  dx may be dy.  summed: whether the sums of dy
 * were taken.  dx may still have to be made, from dy or dresidual. */
sc_gradient sc_norm_backward(sc_map *dx, sc_map *dresidual, const sc_map *dy, bool summed,
                             const sc_map *x, const sc_map *y, size_t n, size_t rows,
                             sc_norm *norm);

/* dx, after it was made if need be. */
const sc_map *sc_norm_made_gradient(sc_gradient dx, size_t n, size_t rows, const sc_norm *norm);

/* ---- act.c ---- */

typedef struct {
    sc_act_kind kind;
    double param;
} sc_act;

/* torch.nn.init.calculate_gain; sqrt 2 for the smooth relatives of ReLU. */
double sc_act_gain(sc_act act);
/* Standard deviation of kaiming_normal_(mode="fan_out"): gain / sqrt(K R S). */
double sc_he_std(sc_act act, size_t filters, size_t kernel);

/* ---- linear.c ---- */

typedef struct {
    sc_nn nn;
    size_t in, out;
    int weight, bias; /* (out,in), (out) or -1 */
} sc_linear;

int sc_linear_init(sc_linear *linear, sc_nn nn, const char *name, size_t in, size_t out, bool bias,
                   simclr_error *err);
/* y (rows,out) = x (rows,in) W^T + b */
void sc_linear_forward(sc_real *y, const sc_real *x, size_t rows, const sc_linear *linear);
/* dx (rows,in) unless NULL; dW, db accumulate. */
void sc_linear_backward(sc_real *dx, const sc_real *dy, const sc_real *x, size_t rows,
                        const sc_linear *linear);

#endif
