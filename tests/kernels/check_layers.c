/* SPDX-License-Identifier: MIT
 *
 * check_layers.c - cases of kernelcheck: normalisation and pooling.
 *
 * Tolerances, relative to the largest output: statistics are double sums of float runs of 32 rows,
 * so a few ulp: 1e-5 leaves room for outputs that are differences of nearly equal numbers.
 */
#include <stdio.h>
#include <string.h>

#include "kernelcheck.h"

typedef struct {
    const float *x, *dy, *y, *scale, *shift, *mean, *invstd, *residual;
    size_t n, rows, c, groups;
    bool relu, in_place, with_residual, with_gamma;
    int fold;
    sc_pool_shape pool;
} layer_context;

static void run_stats(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->channel_stats(out[0], out[1], map_of(t, g->x), g->rows, g->c);
}

static void run_affine(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    sc_affine of = {
        out[0], g->in_place ? out[0] : map_of(t, g->x), map_of(t, g->residual), g->scale, g->shift,
        g->relu};
    t->channel_affine(&of, g->rows, g->c);
}

static void run_batchnorm(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    sc_map *first = g->y ? out[5] : out[0]; /* that is written over dy */
    sc_batchnorm norm = {.dy = g->in_place ? first : map_of(t, g->dy),
                         .x = map_of(t, g->x),
                         .mean = g->mean,
                         .invstd = g->invstd,
                         .scale = g->scale,
                         .shift = g->shift,
                         .relu = g->relu,
                         .y = map_of(t, g->y),
                         .g = g->y ? out[5] : NULL,
                         .mean_g = out[3],
                         .curve = out[4],
                         .dgamma = g->with_gamma ? out[1] : NULL,
                         .dbeta = g->with_gamma ? out[2] : NULL,
                         .dx = out[0]};
    t->batchnorm_sums(&norm, g->rows, g->c);
    if (g->y) {
        norm.dy = norm.g;
        norm.relu = false;
        norm.y = norm.g = NULL;
    }
    t->batchnorm_gradient(&norm, g->rows, g->c);
}

static void run_groupnorm(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->groupnorm_forward(out[0], out[1], out[2], map_of(t, g->x), g->scale, g->shift, g->n, g->rows,
                         g->c, g->groups, 1e-5);
}

static void run_groupnorm_backward(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->groupnorm_backward(out[0], out[1], out[2], map_of(t, g->dy), map_of(t, g->x), g->scale,
                          g->mean, g->invstd, g->n, g->rows, g->c, g->groups);
}

static void norm_cases(size_t rows, size_t c, int variant)
{
    layer_context g = {.rows = rows,
                       .c = c,
                       .relu = variant & 1,
                       .in_place = variant & 2,
                       .with_residual = variant & 4};
    kernel_case k = {.context = &g, .tolerance = 1e-5};
    size_t count = rows * c;

    snprintf(k.shape, sizeof k.shape, "rows=%zu c=%zu variant=%d", rows, c, variant);
    if (variant == 0 && wanted("channel_stats")) {
        float *x = fill(count, false);
        for (size_t i = 0; i < count; i++) {
            x[i] += (float)(i % c % 7) * 50; /* means far from zero */
        }
        k.op = "channel_stats";
        k.run = run_stats;
        g.x = x;
        k.out[0] = k.out[1] = (case_output){OUT_NEAR, c, NULL};
        check_case(&k);
    }
    if (wanted("channel_affine")) {
        k.op = "channel_affine";
        k.run = run_affine;
        g.x = fill(count, true);
        g.scale = fill(c, true);
        g.shift = fill(c, true);
        g.residual = g.with_residual ? fill(count, true) : NULL;
        k.out[1] = (case_output){OUT_EXACT, 0, NULL};
        k.out[0] = (case_output){MAP_EXACT, count, g.in_place ? g.x : NULL};
        check_case(&k);
    }
    if (wanted("batchnorm")) {
        k.op = "batchnorm";
        k.run = run_batchnorm;
        /* Whole numbers: exact where ReLU's argument is 0, and it often is. */
        g.x = fill(count, true);
        g.scale = fill(c, true);
        g.shift = fill(c, true);
        g.dy = fill(count, false);
        g.y = g.relu && g.with_residual ? fill(count, true) : NULL;
        g.with_gamma = !(variant & 8);
        g.mean = fill(c, false);
        g.invstd = fill_positive(c);
        const float *initial = g.in_place ? g.dy : NULL;
        k.out[0] = (case_output){MAP_NEAR, count, initial};
        k.out[1] = k.out[2] = (case_output){OUT_NEAR, c, fill(c, false)};
        k.out[3] = k.out[4] = (case_output){OUT_NEAR, c, NULL};
        k.out[5] = (case_output){MAP_EXACT, g.y ? count : 0, initial};
        check_case(&k);
    }
}

enum { RUNNING_MEAN, RUNNING_VAR, BATCHES, MEAN, INVSTD, SCALE, SHIFT, FOLD_OUTPUTS };

/* variant: bits of what a fold may be */
enum { FOLD_BATCH = 1, FOLD_STATISTICS = 2, FOLD_UPDATE = 4, FOLD_BARE = 8, FOLD_CUMULATIVE = 16 };

static void run_fold(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->norm_fold(&(sc_norm_fold){
        .channels = g->c,
        .rows = g->rows,
        .batch = g->fold & FOLD_BATCH,
        .statistics = g->fold & FOLD_STATISTICS,
        .update = g->fold & FOLD_UPDATE,
        .eps = 1e-5,
        .momentum = g->fold & FOLD_CUMULATIVE ? -1 : 0.1,
        .gamma = g->scale,
        .beta = g->shift,
        .running_mean = out[RUNNING_MEAN],
        .running_var = out[RUNNING_VAR],
        .batches = out[BATCHES],
        .mean = out[MEAN],
        .invstd = out[INVSTD],
        .scale = out[SCALE],
        .shift = out[SHIFT],
    });
}

static void fold_cases(size_t rows, size_t c)
{
    layer_context g = {.rows = rows, .c = c};
    kernel_case k = {.op = "norm_fold", .run = run_fold, .context = &g, .tolerance = 1e-6};

    for (g.fold = 0; wanted("norm_fold") && g.fold < 32; g.fold++) {
        if (g.fold & FOLD_UPDATE && !(g.fold & FOLD_STATISTICS)) {
            continue; /* there is nothing to move to */
        }
        g.scale = g.fold & FOLD_BARE ? NULL : fill(c, false);
        g.shift = g.fold & FOLD_BARE ? NULL : fill(c, false);
        for (int i = 0; i < FOLD_OUTPUTS; i++) {
            k.out[i] = (case_output){OUT_NEAR, c, i < SCALE ? fill_positive(c) : NULL};
        }
        k.out[BATCHES] = (case_output){OUT_EXACT, 1, fill(1, true)};
        snprintf(k.shape, sizeof k.shape, "rows=%zu c=%zu variant=%d", rows, c, g.fold);
        check_case(&k);
    }
}

static void groupnorm_cases(size_t n, size_t rows, size_t c, size_t groups)
{
    layer_context g = {.n = n, .rows = rows, .c = c, .groups = groups};
    kernel_case k = {
        .op = "groupnorm_forward", .run = run_groupnorm, .context = &g, .tolerance = 1e-5};

    if (!wanted("groupnorm")) {
        return;
    }
    snprintf(k.shape, sizeof k.shape, "n=%zu rows=%zu c=%zu groups=%zu", n, rows, c, groups);
    g.x = fill(n * rows * c, false);
    g.scale = fill(c, false);
    g.shift = fill(c, false);
    k.out[0] = (case_output){MAP_NEAR, n * rows * c, NULL};
    k.out[1] = k.out[2] = (case_output){OUT_NEAR, n * groups, NULL};
    check_case(&k);
    k.op = "groupnorm_backward";
    k.run = run_groupnorm_backward;
    g.x = fill(n * rows * c, false);
    g.dy = fill(n * rows * c, false);
    g.scale = fill(c, false);
    g.mean = fill(n * groups, false);
    g.invstd = fill_positive(n * groups);
    k.out[1] = k.out[2] = (case_output){OUT_NEAR, c, fill(c, false)};
    check_case(&k);
}

void check_norms(void)
{
    static const size_t shape[][2] = {{1, 1},    {2, 3},     {5, 8},    {33, 16},  {100, 13},
                                      {257, 64}, {1000, 24}, {70, 300}, {17, 512}, {4096, 7}};

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        for (int variant = 0; variant < 16; variant++) {
            norm_cases(shape[i][0], shape[i][1], variant);
        }
    }
    fold_cases(1, 1);
    fold_cases(2, 13);
    fold_cases(4096, 64);
    fold_cases(100, 700); /* more channels than a block has threads */
    groupnorm_cases(2, 9, 12, 4);
    groupnorm_cases(3, 16, 8, 8);
    groupnorm_cases(1, 5, 6, 1);
    groupnorm_cases(2, 200, 24, 3);
}

static void run_maxpool(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->maxpool_forward(out[0], (uint32_t *)out[1], map_of(t, g->x), NULL, &g->pool);
    t->maxpool_backward(out[2], NULL, map_of(t, g->dy), (const uint32_t *)out[1], &g->pool);
}

static void run_avgpool(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    (void)scratch;
    t->avgpool_forward(out[0], map_of(t, g->x), &g->pool);
    t->avgpool_backward(out[1], map_of(t, g->dy), &g->pool);
}

static void run_global(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    const sc_pool_shape *s = &g->pool;
    (void)scratch;
    t->global_avgpool_forward(out[0], map_of(t, g->x), s->n, s->h * s->w, s->c);
    t->global_avgpool_backward(out[1], g->dy, s->n, s->h * s->w, s->c);
}

static void run_global_max(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    const sc_pool_shape *s = &g->pool;
    uint32_t *argmax = (uint32_t *)out[1];
    (void)scratch;
    t->global_maxpool_forward(out[0], argmax, map_of(t, g->x), s->n, s->h * s->w, s->c);
    t->global_maxpool_backward(out[2], g->dy, argmax, s->n, s->h * s->w, s->c);
}

static void run_reflect(const sc_backend *t, float **out, void *scratch, void *context)
{
    const layer_context *g = context;
    const sc_pool_shape *s = &g->pool;
    (void)scratch;
    t->reflect_pad_forward(out[0], map_of(t, g->x), s->n, s->h, s->w, s->c, s->pad);
    t->reflect_pad_backward(out[1], map_of(t, g->dy), NULL, s->n, s->h, s->w, s->c, s->pad);
    t->reflect_pad_backward(out[2], map_of(t, g->dy), map_of(t, g->x), s->n, s->h, s->w, s->c,
                            s->pad);
}

static void pool_cases(sc_pool_shape s)
{
    layer_context g = {.pool = s};
    kernel_case k = {.context = &g, .tolerance = 1e-6};
    size_t x = s.n * s.h * s.w * s.c, y = s.n * s.p * s.q * s.c;

    snprintf(k.shape, sizeof k.shape, "n=%zu h=%zu w=%zu c=%zu window=%zu stride=%zu pad=%zu", s.n,
             s.h, s.w, s.c, s.window, s.stride, s.pad);
    if (wanted("maxpool")) {
        k.op = "maxpool";
        k.run = run_maxpool;
        g.x = fill(x, true); /* small integers: many ties */
        g.dy = fill(y, true);
        k.out[0] = (case_output){MAP_EXACT, y, NULL};
        k.out[1] = (case_output){OUT_BITS, y, NULL};
        k.out[2] = (case_output){MAP_EXACT, x, NULL};
        check_case(&k);
    }
    k.out[2].count = 0;
    if (wanted("avgpool")) {
        k.op = "avgpool";
        k.run = run_avgpool;
        g.x = fill(x, false);
        g.dy = fill(y, false);
        k.out[0] = (case_output){MAP_NEAR, y, NULL};
        k.out[1] = (case_output){MAP_NEAR, x, NULL};
        check_case(&k);
    }
    if (wanted("global_avgpool")) {
        k.op = "global_avgpool";
        k.run = run_global;
        g.x = fill(x, false);
        g.dy = fill(s.n * s.c, false);
        k.out[0] = (case_output){OUT_NEAR, s.n * s.c, NULL};
        k.out[1] = (case_output){MAP_NEAR, x, NULL};
        check_case(&k);
    }
    if (wanted("global_maxpool")) {
        k.op = "global_maxpool";
        k.run = run_global_max;
        g.x = fill(x, true);
        g.dy = fill(s.n * s.c, true);
        k.out[0] = (case_output){OUT_EXACT, s.n * s.c, NULL};
        k.out[1] = (case_output){OUT_BITS, s.n * s.c, NULL};
        k.out[2] = (case_output){MAP_EXACT, x, NULL};
        check_case(&k);
    }
    k.out[2].count = 0;
    if (wanted("reflect_pad") && s.pad < s.h && s.pad < s.w) {
        size_t padded = s.n * (s.h + 2 * s.pad) * (s.w + 2 * s.pad) * s.c;
        k.op = "reflect_pad";
        k.run = run_reflect;
        g.x = fill(x, true);
        g.dy = fill(padded, true);
        k.out[0] = (case_output){MAP_EXACT, padded, NULL};
        k.out[1] = k.out[2] = (case_output){MAP_EXACT, x, NULL};
        check_case(&k);
    }
}

void check_pools(void)
{
    static const size_t shape[][7] = {
        /* n h w c window stride pad */
        {1, 1, 1, 1, 1, 1, 0},    {2, 7, 6, 5, 3, 2, 1}, {1, 16, 16, 64, 3, 2, 1},
        {3, 4, 4, 17, 2, 2, 0},   {2, 9, 8, 8, 3, 1, 1}, {1, 5, 5, 3, 5, 5, 2},
        {1, 33, 17, 70, 4, 3, 2},
    };

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const size_t *v = shape[i];
        sc_pool_shape s = {.n = v[0],
                           .h = v[1],
                           .w = v[2],
                           .c = v[3],
                           .window = v[4],
                           .stride = v[5],
                           .pad = v[6]};
        s.p = (s.h + 2 * s.pad - s.window) / s.stride + 1;
        s.q = (s.w + 2 * s.pad - s.window) / s.stride + 1;
        pool_cases(s);
    }
}
