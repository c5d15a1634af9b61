/* SPDX-License-Identifier: MIT
 *
 * check_passes.c - cases of kernelcheck: convolutions that make what they read and sum up what they write.
 *
 * What such a convolution stores must be what the passes one after the other store, to the bit.  Its sums
 * are added in another order: they are compared with the reference's, of the same map, in parts of the
 * largest.  Float sums of at most 64 pixels, then double: 1e-5 leaves room for sums that cancel.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernelcheck.h"

enum { MOST_CHANNELS = 272, VECTORS = 4, FOLDED = 7 };

typedef struct {
    const sc_conv_shape *s;
    const float *w, *x, *dy, *residual; /* of the input's or the output's size, as they are used */
    const float *base;
    float *vectors; /* mean_g and curve, or what is folded, twice */
    const float *unfolded;
    const float *mean, *invstd, *scale, *shift;
    const float *in_x, *in_y, *in_mean, *in_invstd, *in_scale, *in_shift; /* of the norm before */
    bool relu, add, in_place, sums;
} pass_context;

static size_t in_count(const sc_conv_shape *s)
{
    return s->n * s->h * s->w * s->c;
}

static size_t out_count(const sc_conv_shape *s)
{
    return s->n * s->p * s->q * s->k;
}

/* Where x is to be made: in its own place, or beside it. */
static sc_affine affine_of(const sc_backend *t, const pass_context *g, float *y)
{
    sc_affine of = {y, map_of(t, g->x), map_of(t, g->residual), g->scale, g->shift, g->relu};

    if (g->in_place) {
        t->map_copy(y, of.x, in_count(g->s));
        of.x = y;
    }
    return of;
}

/* out: x made before and y, x made meanwhile and y, whether they are the same. */
static void run_forward(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pass_context *g = context;
    const sc_conv_shape *s = g->s;
    sc_affine before = affine_of(t, g, out[0]), meanwhile = affine_of(t, g, out[2]);

    t->channel_affine(&before, s->n * s->h * s->w, s->c);
    t->conv2d_forward(out[1], SC_NO_STATS, out[0], NULL, g->w, s, scratch);
    t->conv2d_forward(out[3], SC_NO_STATS, out[2], &meanwhile, g->w, s, scratch);
    *out[4] =
        same_maps(t, out[0], out[2], in_count(s)) && same_maps(t, out[1], out[3], out_count(s));
}

/* The norm after the convolution, in seven vectors of k numbers, of `batches` the first alone. */
static sc_norm_fold fold_of(const pass_context *g, float *to)
{
    const sc_conv_shape *s = g->s;
    size_t k = s->k;

    memcpy(to, g->unfolded, FOLDED * k * sizeof *to);
    return (sc_norm_fold){.channels = k,
                          .rows = s->n * s->p * s->q,
                          .batch = true,
                          .statistics = true,
                          .update = g->relu,
                          .eps = 1e-5,
                          .momentum = g->add ? -1 : 0.1,
                          .gamma = g->w,
                          .beta = g->w,
                          .running_mean = to,
                          .running_var = to + k,
                          .batches = to + 2 * k,
                          .mean = to + 3 * k,
                          .invstd = to + 4 * k,
                          .scale = to + 5 * k,
                          .shift = to + 6 * k};
}

/* out: y, y of which the statistics were folded at once, whether all is the same. */
static void run_folded(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pass_context *g = context;
    const sc_conv_shape *s = g->s;
    const sc_map *x = map_of(t, g->x);
    float *after = g->vectors, *once = after + FOLDED * s->k;
    sc_norm_fold fold = fold_of(g, after);

    t->conv2d_forward(out[0], (sc_channel_stats){fold.mean, fold.invstd, NULL}, x, NULL, g->w, s,
                      scratch);
    t->norm_fold(&fold);
    fold = fold_of(g, once);
    t->conv2d_forward(out[1], (sc_channel_stats){fold.mean, fold.invstd, &fold}, x, NULL, g->w, s,
                      scratch);
    *out[2] = same_maps(t, out[0], out[1], out_count(s)) &&
              memcmp(after, once, FOLDED * s->k * sizeof *once) == 0;
}

static void run_weight(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pass_context *g = context;
    const sc_conv_shape *s = g->s;
    size_t filters = s->k * s->c * s->r * s->s;
    const sc_map *dy = map_of(t, g->dy);
    sc_affine before = affine_of(t, g, out[0]), meanwhile = affine_of(t, g, out[2]);

    t->channel_affine(&before, s->n * s->h * s->w, s->c);
    t->conv2d_backward_weight(out[1], dy, NULL, out[0], NULL, s, scratch);
    t->conv2d_backward_weight(out[3], dy, NULL, out[2], &meanwhile, s, scratch);
    *out[4] = same_maps(t, out[0], out[2], in_count(s)) &&
              memcmp(out[1], out[3], filters * sizeof(float)) == 0;
}

/* The norm after the convolution: its gradient dx is the convolution's dy.  With a residual ReLU is in dy
 * already. */
static sc_batchnorm norm_of(const sc_backend *t, const pass_context *g, float *dx)
{
    size_t k = g->s->k;
    sc_batchnorm of = {.dy = map_of(t, g->dy),
                       .x = map_of(t, g->x),
                       .mean = g->mean,
                       .invstd = g->invstd,
                       .scale = g->scale,
                       .shift = g->shift,
                       .relu = g->relu && !g->add,
                       .mean_g = g->vectors,
                       .curve = g->vectors + k,
                       .dx = dx};

    if (g->in_place) {
        t->map_copy(dx, of.dy, out_count(g->s));
        of.dy = dx;
    }
    return of;
}

/* The norm before it, whose sums are taken of the convolution's dx, which becomes g with a residual. */
static sc_batchnorm norm_before(const sc_backend *t, const pass_context *g, float *vectors,
                                float *dx)
{
    size_t c = g->s->c;
    return (sc_batchnorm){.dy = dx,
                          .x = map_of(t, g->in_x),
                          .mean = g->in_mean,
                          .invstd = g->in_invstd,
                          .scale = g->in_scale,
                          .shift = g->in_shift,
                          .relu = g->relu,
                          .y = g->add && g->relu ? map_of(t, g->in_y) : NULL,
                          .g = g->add && g->relu ? dx : NULL,
                          .mean_g = vectors,
                          .curve = vectors + c,
                          .dgamma = vectors + 2 * c,
                          .dbeta = vectors + 3 * c};
}

/* out: dy made before and dx, those made meanwhile, deviations of the sums, whether the maps are the same. */
static void run_data(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pass_context *g = context;
    const sc_conv_shape *s = g->s;
    sc_base base = {map_of(t, g->base), g->in_place ? s->stride : 1}; /* either kind */
    float want[VECTORS * MOST_CHANNELS] = {0};
    sc_batchnorm before = norm_of(t, g, out[0]), meanwhile = norm_of(t, g, out[2]);
    sc_batchnorm sums = norm_before(t, g, out[4], out[3]);
    sc_batchnorm wanted_sums = norm_before(t, g, want, out[1]);
    size_t y = out_count(s), pixels = s->n * s->h * s->w;

    memset(out[4], 0, VECTORS * s->c * sizeof(float)); /* dgamma and dbeta accumulate */
    t->batchnorm_sums(&before, s->n * s->p * s->q, s->k);
    t->batchnorm_gradient(&before, s->n * s->p * s->q, s->k);
    t->conv2d_backward_data(out[1], NULL, out[0], NULL, g->w, base, s, scratch);
    t->conv2d_backward_data(out[3], &sums, out[2], &meanwhile, g->w, base, s, scratch);
    sc_backend_ref(t->precision)->batchnorm_sums(&wanted_sums, pixels, s->c);
    deviations(out[4], want, VECTORS, s->c);
    *out[5] = same_maps(t, out[0], out[2], y) && same_maps(t, out[1], out[3], in_count(s));
}

/* The weights alone, whose dy is to be made.  out: dy made before and dw, those made meanwhile, whether they
 * are the same. */
static void run_weight_alone(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pass_context *g = context;
    const sc_conv_shape *s = g->s;
    const sc_map *x = map_of(t, g->in_x);
    sc_batchnorm before = norm_of(t, g, out[0]), meanwhile = norm_of(t, g, out[2]);
    size_t filters = s->k * s->c * s->r * s->s;

    t->batchnorm_gradient(&before, s->n * s->p * s->q, s->k);
    t->conv2d_backward_weight(out[1], out[0], NULL, x, NULL, s, scratch);
    t->conv2d_backward_weight(out[3], out[2], &meanwhile, x, NULL, s, scratch);
    *out[4] = same_maps(t, out[0], out[2], out_count(s)) &&
              memcmp(out[1], out[3], filters * sizeof(float)) == 0;
}

enum { FORWARD, DATA, WEIGHT, WEIGHT_ALONE, FOLD, VARIANTS = 8, FOLD_VARIANTS = 4 };

static void fill_context(pass_context *g, int direction)
{
    const sc_conv_shape *s = g->s;
    bool after = direction == DATA || direction == WEIGHT_ALONE; /* the norm */
    size_t map = after ? out_count(s) : in_count(s), channels = after ? s->k : s->c;

    g->w = fill(s->k * s->c * s->r * s->s, false);
    g->x = fill_short(map);
    g->residual = g->add ? fill(map, false) : NULL;
    g->dy = fill(out_count(s), false);
    g->base = g->add ? fill(in_count(s), false) : NULL;
    g->vectors = fill(2 * channels, false);
    g->mean = fill(channels, false);
    g->invstd = fill_positive(channels);
    g->scale = fill_short(channels);
    g->shift = fill(channels, false);
    g->in_x = fill_short(in_count(s));
    g->in_y = fill(in_count(s), false);
    g->in_mean = fill(s->c, false);
    g->in_invstd = fill_positive(s->c);
    g->in_scale = fill_short(s->c);
    g->in_shift = fill(s->c, false);
}

static void pass_case(const sc_conv_shape *s, int direction, int variant)
{
    static const char *const op[] = {"conv2d_forward", "conv2d_backward_data",
                                     "conv2d_backward_weight", "conv2d_backward_weight",
                                     "conv2d_forward"};
    pass_context g = {.s = s, .relu = variant & 1, .add = variant & 2, .in_place = variant & 4};
    kernel_case c = {.op = op[direction], .context = &g, .conv = s, .tolerance = 1e-5};
    size_t x = in_count(s), y = out_count(s), w = s->k * s->c * s->r * s->s;
    size_t to = direction == WEIGHT ? 2 * w : y; /* the weights are floats even of maps of bf16 */

    if (!wanted(op[direction])) {
        return;
    }
    fill_context(&g, direction);
    if (direction == DATA) {
        c.run = run_data;
        c.out[0] = c.out[2] = (case_output){MAP_ANY, y, NULL};
        c.out[1] = c.out[3] = (case_output){MAP_ANY, x, NULL};
        c.out[4] = (case_output){OUT_NEAR, VECTORS * s->c, NULL};
        c.out[5] = (case_output){OUT_TRUE, 1, NULL};
    } else if (direction == WEIGHT_ALONE) {
        c.run = run_weight_alone;
        c.out[0] = c.out[2] = (case_output){MAP_ANY, y, NULL};
        c.out[1] = c.out[3] = (case_output){MAP_ANY, 2 * w, fill(2 * w, true)};
        c.out[4] = (case_output){OUT_TRUE, 1, NULL};
    } else if (direction == FOLD) {
        c.run = run_folded;
        g.unfolded = fill_positive(FOLDED * s->k);
        g.vectors = fill(2 * FOLDED * s->k, false);
        c.out[0] = c.out[1] = (case_output){MAP_ANY, y, NULL};
        c.out[2] = (case_output){OUT_TRUE, 1, NULL};
    } else {
        const float *initial = direction == WEIGHT ? fill(to, true) : NULL;
        c.run = direction == FORWARD ? run_forward : run_weight;
        c.out[0] = c.out[2] = (case_output){MAP_ANY, x, NULL};
        c.out[1] = c.out[3] = (case_output){MAP_ANY, to, initial};
        c.out[4] = (case_output){OUT_TRUE, 1, NULL};
    }
    snprintf(
        c.shape, sizeof c.shape,
        "passes%s n=%zu h=%zu w=%zu c=%zu k=%zu r=%zu stride=%zu pad=%zu algorithm=%d variant=%d",
        direction == WEIGHT_ALONE ? " of dy"
        : direction == FOLD       ? " folded"
                                  : "",
        s->n, s->h, s->w, s->c, s->k, s->r, s->stride, s->pad, (int)s->algorithm, variant);
    check_case(&c);
}

void check_passes(void)
{
    static const struct {
        size_t of[10]; /* n h w c k r s stride pad dilation */
        sc_conv_algorithm algorithm;
    } shapes[] = {
        {{5, 8, 8, 16, 32, 3, 3, 1, 1, 1}, SC_CONV_FASTEST},   /* F(4x4), fewer images than slots */
        {{19, 12, 8, 32, 16, 3, 3, 1, 1, 1}, SC_CONV_FASTEST}, /* blocks that end within an image */
        {{5, 3, 64, 16, 32, 3, 3, 1, 1, 1},
         SC_CONV_FASTEST}, /* a line is a part, also between images */
        {{3, 7, 28, 24, 40, 3, 3, 1, 1, 1}, SC_CONV_FASTEST}, /* lines of seven tiles */
        {{6, 9, 6, 24, 40, 3, 3, 1, 1, 1}, SC_CONV_FASTEST},  /* tiles cut at the edges */
        {{3, 7, 6, 16, 32, 3, 3, 1, 0, 1}, SC_CONV_FASTEST},  /* without a border of zeros */
        {{7, 6, 8, 32, 48, 3, 3, 1, 1, 1}, SC_CONV_WINOGRAD2},
        {{2, 4, 4, 272, 264, 3, 3, 1, 1, 1}, SC_CONV_FASTEST}, /* filters past the caches */
        {{18, 8, 16, 32, 48, 3, 3, 2, 1, 1}, SC_CONV_FASTEST}, /* phases */
        {{3, 6, 5, 16, 16, 3, 3, 1, 1, 1}, SC_CONV_DIRECT},
        {{17, 20, 20, 8, 16, 3, 3, 1, 1, 1}, SC_CONV_DIRECT}, /* image by image, in parts */
        {{16, 43, 39, 4, 8, 5, 5, 2, 1, 1}, SC_CONV_FASTEST}, /* and with a stride */
        {{3, 1, 1, 16, 32, 3, 3, 2, 1, 1}, SC_CONV_FASTEST},  /* phases without a pixel */
        {{3, 1, 1, 16, 32, 1, 1, 2, 0, 1}, SC_CONV_FASTEST},
        {{3, 8, 6, 18, 35, 1, 1, 2, 0, 1}, SC_CONV_FASTEST}, /* pixels that nobody reads are made */
        {{3, 38, 14, 3, 36, 7, 7, 2, 3, 1}, SC_CONV_FASTEST},   /* few channels, blocks of lines */
        {{2, 5, 101, 4, 16, 3, 3, 1, 1, 1}, SC_CONV_FASTEST},   /* several runs of a line */
        {{17, 4, 544, 32, 32, 3, 3, 2, 1, 1}, SC_CONV_FASTEST}, /* in place, slots of two chunks */
        {{3, 4, 8, 64, 32, 3, 3, 1, 1, 1}, SC_CONV_DIRECT},
        {{5, 4, 4, 256, 192, 3, 3, 1, 1, 1}, SC_CONV_FASTEST}, /* weights by slabs of channels */
    };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        sc_conv_shape s = conv_shape(shapes[i].of);
        s.algorithm = shapes[i].algorithm;
        if (!affordable(conv_work(&s))) {
            continue;
        }
        for (int variant = 0; variant < VARIANTS; variant++) {
            for (int direction = FORWARD; direction <= WEIGHT_ALONE; direction++) {
                pass_case(&s, direction, variant);
            }
            if (variant < FOLD_VARIANTS) {
                pass_case(&s, FOLD, variant);
            }
        }
    }
}
