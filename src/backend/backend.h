/* SPDX-License-Identifier: MIT
 *
 * backend.h - one table of kernels.  ref/ implements all of it in short plain C and is the
 * specification; cpu/ starts as a copy of that table and overrides what it does faster.
 *
 * Tensors are dense, activations NHWC: x[((n * H + h) * W + w) * C + c].  Convolution weights are
 * KCRS, exactly as PyTorch stores them; kernels pack what they need.  Destination first, sources
 * const.  Parameter gradients accumulate (+=), activation gradients overwrite (=).
 *
 * Activations inside the encoder and their gradients are maps (sc_map), whose elements the table
 * chooses: float, or bfloat16 (the upper half of a float, rounded to nearest even) with precision
 * bf16.  Everything else, parameters and their gradients, statistics, h, z and the loss, is sc_real
 * in every precision; sums are float or double.
 * A kernel asserts its preconditions, allocates nothing and cannot fail; scratch comes in as an
 * argument, 64-byte aligned.  Results do not depend on the number of threads.
 *
 * The pointers of a table with a device (device.h) are into that device's memory.
 */
#ifndef SC_BACKEND_BACKEND_H
#define SC_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"

/* How fast tables may compute 3x3 convolutions.  Of stride 1, Winograd's F(4x4) needs a quarter of
 * the multiplications, F(2x2) less than half, F(4,3) along the lines alone, which FASTEST may choose, half; of
 * stride 2, F(4,2) over the phases of the pixels 9 of 16, with FASTEST alone.  They round more, in bf16
 * by about 1.2, 0.4, 0.5 and 1 % (rms) of the output, where the direct sum errs by 0.2 %. */
typedef enum { SC_CONV_FASTEST, SC_CONV_WINOGRAD2, SC_CONV_DIRECT } sc_conv_algorithm;

/* y[n,p,q,k] = sum_{r,s,c} w[k,c,r,s] x[n, p*stride + r*dilation - pad, q*stride + s*dilation - pad, c]
 * x (n,h,w,c)  w (k,c,r,s)  y (n,p,q,k);  pixels outside x count as zero. */
typedef struct {
    size_t n, h, w, c; /* input */
    size_t k, r, s;    /* filters */
    size_t p, q;       /* output, = (h + 2 pad - dilation (r-1) - 1) / stride + 1 */
    size_t stride, pad, dilation;
    sc_conv_algorithm algorithm;
} sc_conv_shape;

/* Pooling window over (n,h,w,c) -> (n,p,q,c), as torch.nn.MaxPool2d / AvgPool2d
 * (count_include_pad=True: the average divides by window * window always). */
typedef struct {
    size_t n, h, w, c;
    size_t p, q;
    size_t window, stride, pad;
} sc_pool_shape;

/* torch.nn activations; `param` is negative_slope, alpha, ... of PyTorch's defaults or arguments. */
typedef enum {
    SC_ACT_IDENTITY,
    SC_ACT_RELU,
    SC_ACT_LEAKY_RELU, /* param: negative_slope 0.01 */
    SC_ACT_ELU,        /* param: alpha 1 */
    SC_ACT_SELU,
    SC_ACT_SILU,
    SC_ACT_GELU, /* exact, erf */
    SC_ACT_TANH,
    SC_ACT_SIGMOID,
    SC_ACT_SOFTPLUS, /* param: beta 1; linear above beta x > 20 as PyTorch */
    SC_ACT_HARDSWISH,
    SC_ACT_MISH
} sc_act_kind;

/* Elements of a map: table->map_bytes each.  Only kernels look inside. */
typedef void sc_map;

/* y = f(x scale[c] + shift[c] + residual), f = ReLU if `relu`; residual may be NULL, y may be x or
 * residual. */
typedef struct {
    sc_map *y;
    const sc_map *x, *residual;
    const sc_real *scale, *shift;
    bool relu;
} sc_affine;

/* The backward pass of a batch normalisation y = f(x scale + shift + residual), scale = gamma invstd,
 * shift = beta - mean scale, in two passes over the pixels.  g = dy, with relu only where y > 0 and else 0.
 * Without a residual that is where x scale + shift > 0, as computed, so that y need not be read; should y
 * have become 0 there by underflow, dy counts. */
typedef struct {
    const sc_map *dy;
    const sc_map *x;
    const sc_real *mean, *invstd, *scale, *shift;
    bool relu;       /* f */
    const sc_map *y; /* with relu and a residual; else NULL */
    sc_map *g; /* with y: the first pass stores g there, the gradient of the residual; may be dy */
    /* First pass: mean_g = mean(g), curve = scale invstd mean(g xhat), xhat = (x - mean) invstd, of each
     * channel.  dgamma += sum g xhat, dbeta += sum g, unless NULL, together. */
    sc_real *mean_g, *curve, *dgamma, *dbeta;
    /* Second pass: dx = scale (g - mean_g) - curve (x - mean); may be dy.  It finds ReLU's mask in x alone:
     * what the first pass stored as g is its dy, without relu and y. */
    sc_map *dx;
} sc_batchnorm;

/* What a gradient is added to: a map (n,ceil(h/step),ceil(w/step),c) of the pixels whose row and column are
 * multiples of `step`; the others of (n,h,w,c) are zero.  map NULL: nothing. */
typedef struct {
    const sc_map *map;
    size_t step;
} sc_base;
#define SC_NO_BASE ((sc_base){NULL, 1})

/* Statistics and parameters of a norm's channels, to be folded into y = x scale + shift.  batch: a
 * BatchNorm; else only beta is used.  statistics: mean and invstd hold mean and variance of this pass
 * over `rows` pixels, else they are taken from the running ones.  update: running statistics move, the
 * variance unbiased: running += momentum (batch - running), momentum < 0: the cumulative mean, *batches
 * being their number.  gamma, beta and, if they are not asked for, the running ones may be NULL. */
typedef struct {
    size_t channels, rows;
    bool batch, statistics, update;
    double eps, momentum;
    const sc_real *gamma, *beta;
    sc_real *running_mean, *running_var, *batches;
    sc_real *mean, *invstd; /* in: mean and variance; out: mean and 1 / sqrt(variance + eps) */
    sc_real *scale, *shift;
} sc_norm_fold;

/* Where statistics of a map's channels go: mean[c] and var[c] (biased: divided by the number of
 * pixels); both NULL: not wanted.  fold: NULL, or what norm_fold then makes of them, its mean and invstd
 * being mean and var. */
typedef struct {
    sc_real *mean, *var;
    const sc_norm_fold *fold;
} sc_channel_stats;
#define SC_NO_STATS ((sc_channel_stats){NULL, NULL, NULL})

typedef enum {
    SC_FP32, /* maps of sc_real */
    SC_BF16
} sc_precision;

struct sc_device;

typedef struct sc_backend {
    const char *name; /* "ref", "base", "avx2", "avx512", "avx512bf16", "amx", "cuda" */
    const struct sc_device *device; /* NULL: the host */
    sc_precision precision;
    size_t map_bytes; /* of one element of a map */

    /* A map from reals, and back. */
    void (*map_store)(sc_map *y, const sc_real *x, size_t count);
    void (*map_load)(sc_real *y, const sc_map *x, size_t count);
    void (*map_copy)(sc_map *y, const sc_map *x, size_t count); /* y and x do not overlap */

    /* C (m,n; ldc) = op(A) op(B) + (accumulate ? C : 0).  op(A) is (m,k): A (m,k; lda), or with
     * trans_a A (k,m; lda) transposed; likewise op(B) (k,n).  Row-major. */
    void (*gemm)(sc_real *c, size_t ldc, const sc_real *a, size_t lda, bool trans_a,
                 const sc_real *b, size_t ldb, bool trans_b, size_t m, size_t n, size_t k,
                 bool accumulate);

    /* Bytes of scratch that the three convolutions below need at most for this shape.
     *
     * What they read may still have to be made, and what they write summed up, by a pass over the
     * pixels; they do it as they go, while the pixels are in the cache, with the same results. */
    size_t (*conv2d_scratch)(const sc_conv_shape *shape);
    /* stats: of y as it is stored, as channel_stats would find them, and folded.  make: NULL, or x (make->y) is made
     * first, as by channel_affine. */
    void (*conv2d_forward)(sc_map *y, sc_channel_stats stats, const sc_map *x,
                           const sc_affine *make, const sc_real *w, const sc_conv_shape *shape,
                           void *scratch);
    /* dx = the gradient with respect to x, + base, whose step is 1, and then base.map may be dx, or the
     * convolution's stride.  make: NULL, or dy (make->dx) is made first, as by batchnorm_gradient.  sums:
     * NULL, or batchnorm_sums of dx as it is stored (sums->dy). */
    void (*conv2d_backward_data)(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                 const sc_batchnorm *make, const sc_real *w, sc_base base,
                                 const sc_conv_shape *shape, void *scratch);
    /* dw += the gradient with respect to w; make_x as of conv2d_forward, make_dy of conv2d_backward_data */
    void (*conv2d_backward_weight)(sc_real *dw, const sc_map *dy, const sc_batchnorm *make_dy,
                                   const sc_map *x, const sc_affine *make_x,
                                   const sc_conv_shape *shape, void *scratch);

    /* y (rows,c) += b (c);   db (c) += sum of dy (rows,c) over rows. */
    void (*bias_forward)(sc_map *y, const sc_real *b, size_t rows, size_t c);
    void (*bias_backward)(sc_real *db, const sc_map *dy, size_t rows, size_t c);

    /* Per channel over rows = n*h*w: mean[c], var[c] (biased: divided by rows). */
    void (*channel_stats)(sc_real *mean, sc_real *var, const sc_map *x, size_t rows, size_t c);
    /* scale and shift from the statistics; see sc_norm_fold. */
    void (*norm_fold)(const sc_norm_fold *fold);
    void (*channel_affine)(const sc_affine *affine, size_t rows, size_t c);
    /* The two passes of the backward pass of batch normalisation. */
    void (*batchnorm_sums)(const sc_batchnorm *norm, size_t rows, size_t c);
    void (*batchnorm_gradient)(const sc_batchnorm *norm, size_t rows, size_t c);

    /* Group normalisation of (n, rows, c), rows = h*w, over rows and c/groups channels (torch.nn
     * GroupNorm; groups == c is InstanceNorm2d).  mean, invstd (n,groups) are written for the
     * backward; gamma, beta (c) may be NULL.  Backward as batch norm's, per group. */
    void (*groupnorm_forward)(sc_map *y, sc_real *mean, sc_real *invstd, const sc_map *x,
                              const sc_real *gamma, const sc_real *beta, size_t n, size_t rows,
                              size_t c, size_t groups, double eps);
    void (*groupnorm_backward)(sc_map *dx, sc_real *dgamma, sc_real *dbeta, const sc_map *dy,
                               const sc_map *x, const sc_real *gamma, const sc_real *mean,
                               const sc_real *invstd, size_t n, size_t rows, size_t c,
                               size_t groups);

    /* y = f(x); dx = f'(x) dy.  y may be x and dx may be dy. */
    void (*act_forward)(sc_map *y, const sc_map *x, size_t count, sc_act_kind kind, double param);
    void (*act_backward)(sc_map *dx, const sc_map *dy, const sc_map *x, size_t count,
                         sc_act_kind kind, double param);

    /* Max pooling keeps the position of the first maximum of each window: argmax = h * W + w.
     * make: NULL, or the maxima are of what channel_affine would make of it; it need not be stored: x
     * (make->y) may hold anything after, and of those that would be stored as equals any may count as the
     * first.  sums: as of conv2d_backward_data, without y. */
    void (*maxpool_forward)(sc_map *y, uint32_t *argmax, const sc_map *x, const sc_affine *make,
                            const sc_pool_shape *shape);
    void (*maxpool_backward)(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                             const uint32_t *argmax, const sc_pool_shape *shape);
    void (*avgpool_forward)(sc_map *y, const sc_map *x, const sc_pool_shape *shape);
    void (*avgpool_backward)(sc_map *dx, const sc_map *dy, const sc_pool_shape *shape);
    /* Global average: y (n,c) = mean of x (n,rows,c) over rows. */
    void (*global_avgpool_forward)(sc_real *y, const sc_map *x, size_t n, size_t rows, size_t c);
    void (*global_avgpool_backward)(sc_map *dx, const sc_real *dy, size_t n, size_t rows, size_t c);
    /* Global maximum, the first of equal ones: y (n,c), argmax (n,c) its row. */
    void (*global_maxpool_forward)(sc_real *y, uint32_t *argmax, const sc_map *x, size_t n,
                                   size_t rows, size_t c);
    void (*global_maxpool_backward)(sc_map *dx, const sc_real *dy, const uint32_t *argmax, size_t n,
                                    size_t rows, size_t c);
    /* Reflection padding (torch.nn.ReflectionPad2d): y (n,h+2pad,w+2pad,c); pad < h, w.
     * Backward: base as of conv2d_backward_data. */
    void (*reflect_pad_forward)(sc_map *y, const sc_map *x, size_t n, size_t h, size_t w, size_t c,
                                size_t pad);
    void (*reflect_pad_backward)(sc_map *dx, const sc_map *dy, const sc_map *base, size_t n,
                                 size_t h, size_t w, size_t c, size_t pad);

    /* y = a + b; y may be a or b. */
    void (*add)(sc_map *y, const sc_map *a, const sc_map *b, size_t count);

    /* x (rows,c) *= mask / (1 - rate), mask = 0 with probability rate: a function of (seed, *step, row,
     * layer) alone, so that the backward pass is the same call on the gradient.  Of reals only. */
    void (*dropout)(sc_real *x, size_t rows, size_t c, double rate, uint64_t seed,
                    const uint64_t *step, uint32_t layer);

    /* For measuring what a processor can do at most: `rounds` rounds of the multiply-adds that the
     * convolutions are made of, independent and in registers alone, on the calling thread.  Returns
     * the operations done, 2 a multiply-add. */
    double (*multiply_adds)(size_t rounds);
} sc_backend;

/* The tables of one network. */
typedef struct {
    const sc_backend *reals; /* SC_FP32: for all but the encoder */
    const sc_backend *maps;  /* for the encoder, of its precision */
} sc_tables;

/* The executable specification, always there.  In the test build with SC_REAL_DOUBLE its maps are
 * double, and there is no bf16. */
const sc_backend *sc_backend_ref(sc_precision precision);

/* The fastest table of this precision that this processor supports.  The environment variable
 * SIMCLR_CPU=ref|base|avx2|avx512|avx512bf16|amx caps it; an unknown or unsupported value is
 * SIMCLR_E_USAGE. */
int sc_backend_select(const sc_backend **out, sc_precision precision, simclr_error *err);

/* sc_backend_select for both tables of a network whose encoder has this precision. */
int sc_tables_select(sc_tables *out, sc_precision precision, simclr_error *err);

/* Whether bf16 is computed by instructions of the table that sc_backend_select would choose. */
bool sc_backend_bf16_native(void);

/* Table by name, or NULL when this processor or build lacks it; for the kernel harness.
 * "avx512bf16" and "amx" have tables of their own in bf16 and are "avx512" in fp32. */
const sc_backend *sc_backend_by_name(const char *name, sc_precision precision);

#endif
