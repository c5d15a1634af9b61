/* SPDX-License-Identifier: MIT
 *
 * norm.c - batch, group and instance normalisation, or only a bias; ReLU and a sum fused in.
 *
 *   y = f(gamma (x - mean) / sqrt(var + eps) + beta + residual)
 *
 * BatchNorm (Ioffe and Szegedy 2015): mean, var of a channel over the batch; running statistics
 * with the unbiased variance, as PyTorch.  GroupNorm (Wu and He 2018): over a group of channels of
 * one image.  InstanceNorm2d is GroupNorm with one channel per group.
 */
#include "nn/layers.h"

#include <assert.h>
#include <stdio.h>

sc_norm_options sc_norm_defaults(sc_norm_kind kind)
{
    return (sc_norm_options){.kind = kind,
                             .eps = 1e-5,
                             .momentum = 0.1,
                             .affine = kind != SC_NORM_INSTANCE,
                             .track_running_stats = kind == SC_NORM_BATCH,
                             .num_groups = 32};
}

static int check(const sc_norm_options *o, size_t channels, const char *name, simclr_error *err)
{
    if (!(o->eps >= 0) || !(o->momentum <= 1)) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: eps must be >= 0 and momentum <= 1", name);
    }
    if (o->kind == SC_NORM_GROUP && (o->num_groups == 0 || channels % o->num_groups != 0)) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: %zu groups do not divide %zu channels; choose a divisor", name,
                       o->num_groups, channels);
    }
    if (o->kind == SC_NORM_INSTANCE && o->track_running_stats) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: InstanceNorm2d with track_running_stats is not available; leave it out",
                       name);
    }
    return 0;
}

static int add_entry(sc_norm *norm, const char *name, const char *part, unsigned flags,
                     sc_init_kind init, simclr_error *err)
{
    sc_param entry = {.shape = {norm->channels}, .ndim = 1, .flags = flags, .init = init};

    if (flags & SC_PARAM_COUNTER) {
        entry.ndim = 0;
    }
    snprintf(entry.name, sizeof entry.name, "%s.%s", name, part);
    return sc_params_add(norm->nn.params, &entry, err);
}

int sc_norm_init(sc_norm *norm, sc_nn nn, const char *name, const sc_norm_options *options,
                 size_t channels, simclr_error *err)
{
    const sc_norm_options *o = options;
    int rc = check(o, channels, name, err);

    if (rc < 0) {
        return rc;
    }
    *norm = (sc_norm){.nn = nn, .options = *o, .channels = channels, .groups = 1};
    norm->weight = norm->bias = norm->running_mean = norm->running_var = norm->batches = -1;
    if (o->kind == SC_NORM_GROUP || o->kind == SC_NORM_INSTANCE) {
        norm->groups = o->kind == SC_NORM_GROUP ? o->num_groups : channels;
    }
    if (o->kind != SC_NORM_NONE && o->affine) {
        rc = norm->weight = add_entry(norm, name, "weight", 0, SC_INIT_ONE, err);
    }
    if (rc >= 0 && (o->kind == SC_NORM_NONE || o->affine)) {
        rc = norm->bias = add_entry(norm, name, "bias", 0, SC_INIT_ZERO, err);
    }
    if (rc >= 0 && o->kind == SC_NORM_BATCH && o->track_running_stats) {
        rc = norm->running_mean =
            add_entry(norm, name, "running_mean", SC_PARAM_BUFFER, SC_INIT_ZERO, err);
        if (rc >= 0) {
            rc = norm->running_var =
                add_entry(norm, name, "running_var", SC_PARAM_BUFFER, SC_INIT_ONE, err);
        }
        if (rc >= 0) {
            rc = norm->batches = add_entry(norm, name, "num_batches_tracked",
                                           SC_PARAM_BUFFER | SC_PARAM_COUNTER, SC_INIT_ZERO, err);
        }
    }
    return rc < 0 ? rc : 0;
}

static bool per_channel(const sc_norm *norm)
{
    return norm->options.kind == SC_NORM_BATCH || norm->options.kind == SC_NORM_NONE;
}

void sc_norm_plan(sc_norm *norm, size_t max_n, sc_arena *arena)
{
    size_t stats = per_channel(norm) ? norm->channels : max_n * norm->groups;

    norm->mean = sc_arena_take(arena, stats, sizeof(sc_real));
    norm->invstd = sc_arena_take(arena, stats, sizeof(sc_real));
    norm->scale = sc_arena_take(arena, norm->channels, sizeof(sc_real));
    norm->shift = sc_arena_take(arena, norm->channels, sizeof(sc_real));
    norm->mean_g = sc_arena_take(arena, norm->channels, sizeof(sc_real));
    norm->curve = sc_arena_take(arena, norm->channels, sizeof(sc_real));
}

static const sc_real *value_or_null(const sc_norm *norm, int index)
{
    return index < 0 ? NULL : sc_params_value(norm->nn.params, index);
}

static sc_real *grad_or_null(const sc_norm *norm, int index)
{
    return index < 0 ? NULL : sc_params_grad(norm->nn.params, index);
}

static sc_real *running_or_null(const sc_norm *norm, int index)
{
    return index < 0 ? NULL : sc_params_value(norm->nn.params, index);
}

static bool takes_statistics(const sc_norm *norm, bool training)
{
    return norm->options.kind == SC_NORM_BATCH && (training || norm->running_mean < 0);
}

/* y = x scale + shift, so that one pass normalises, adds and clips. */
static const sc_norm_fold *fold(size_t rows, bool training, sc_norm *norm)
{
    bool batch = norm->options.kind == SC_NORM_BATCH;

    norm->fold = (sc_norm_fold){
        .channels = norm->channels,
        .rows = rows,
        .batch = batch,
        .statistics = takes_statistics(norm, training),
        .update = batch && training && norm->running_mean >= 0,
        .eps = norm->options.eps,
        .momentum = norm->options.momentum,
        .gamma = value_or_null(norm, norm->weight),
        .beta = value_or_null(norm, norm->bias),
        .running_mean = running_or_null(norm, norm->running_mean),
        .running_var = running_or_null(norm, norm->running_var),
        .batches = running_or_null(norm, norm->batches),
        .mean = norm->mean,
        .invstd = norm->invstd,
        .scale = norm->scale,
        .shift = norm->shift,
    };
    return &norm->fold;
}

/* The variance stands in invstd until it is folded. */
sc_channel_stats sc_norm_wants(size_t n, size_t rows, bool training, sc_norm *norm)
{
    if (!takes_statistics(norm, training)) {
        return SC_NO_STATS;
    }
    return (sc_channel_stats){norm->mean, norm->invstd, fold(n * rows, training, norm)};
}

void sc_norm_forward(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                     size_t rows, bool training, sc_norm *norm)
{
    const sc_backend *be = norm->nn.backend;
    sc_channel_stats stats = sc_norm_wants(n, rows, training, norm);

    if (stats.mean != NULL) {
        be->channel_stats(stats.mean, stats.var, x, n * rows, norm->channels);
        be->norm_fold(stats.fold);
    }
    sc_norm_made(sc_norm_measured(y, x, residual, relu, n, rows, training, norm), n, rows, norm);
}

sc_input sc_norm_measured(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                          size_t rows, bool training, sc_norm *norm)
{
    if (per_channel(norm) && !takes_statistics(norm, training)) {
        norm->nn.backend->norm_fold(fold(n * rows, training, norm));
    }
    return sc_norm_again(y, x, residual, relu, n, rows, norm);
}

sc_input sc_norm_again(sc_map *y, const sc_map *x, const sc_map *residual, bool relu, size_t n,
                       size_t rows, sc_norm *norm)
{
    const sc_backend *be = norm->nn.backend;
    size_t channels = norm->channels, count = n * rows * channels;

    if (per_channel(norm)) {
        norm->affine = (sc_affine){y, x, residual, norm->scale, norm->shift, relu};
        return (sc_input){y, &norm->affine};
    }
    assert(y != x && y != residual);
    be->groupnorm_forward(y, norm->mean, norm->invstd, x, value_or_null(norm, norm->weight),
                          value_or_null(norm, norm->bias), n, rows, channels, norm->groups,
                          norm->options.eps);
    if (residual != NULL) {
        be->add(y, y, residual, count);
    }
    if (relu) {
        be->act_forward(y, y, count, SC_ACT_RELU, 0);
    }
    return (sc_input){y, NULL};
}

const sc_map *sc_norm_made(sc_input y, size_t n, size_t rows, const sc_norm *norm)
{
    if (y.make != NULL) {
        norm->nn.backend->channel_affine(y.make, n * rows, norm->channels);
    }
    return y.map;
}

const sc_batchnorm *sc_norm_sums(const sc_map *dy, const sc_map *x, const sc_map *y,
                                 sc_map *dresidual, sc_norm *norm)
{
    if (norm->options.kind != SC_NORM_BATCH) {
        return NULL;
    }
    norm->batch = (sc_batchnorm){.dy = dy,
                                 .x = x,
                                 .mean = norm->mean,
                                 .invstd = norm->invstd,
                                 .scale = norm->scale,
                                 .shift = norm->shift,
                                 .relu = y != NULL,
                                 .y = dresidual ? y : NULL,
                                 .g = y ? dresidual : NULL,
                                 .mean_g = norm->mean_g,
                                 .curve = norm->curve,
                                 .dgamma = grad_or_null(norm, norm->weight),
                                 .dbeta = grad_or_null(norm, norm->bias)};
    return &norm->batch;
}

sc_gradient sc_norm_backward(sc_map *dx, sc_map *dresidual, const sc_map *dy, bool summed,
                             const sc_map *x, const sc_map *y, size_t n, size_t rows, sc_norm *norm)
{
    const sc_backend *be = norm->nn.backend;
    size_t channels = norm->channels, count = n * rows * channels;
    sc_real *dgamma = grad_or_null(norm, norm->weight), *dbeta = grad_or_null(norm, norm->bias);

    assert(dresidual == NULL || dx != dresidual);
    if (y == NULL && dresidual != NULL && dresidual != dy) {
        be->map_copy(dresidual, dy, count);
    }
    if (sc_norm_sums(dy, x, y, dresidual, norm) != NULL) {
        sc_batchnorm *of = &norm->batch;
        if (!summed) {
            be->batchnorm_sums(of, n * rows, channels);
        }
        if (of->g != NULL) {
            of->dy = of->g;
            of->relu = false;
            of->y = of->g = NULL;
        }
        of->dx = dx;
        return (sc_gradient){dx, of};
    }
    const sc_map *g = dy; /* gradient before the ReLU and the sum */
    sc_map *to = dresidual ? dresidual : dx;
    if (y != NULL) {
        be->act_backward(to, dy, y, count, SC_ACT_RELU, 0); /* y > 0 where its argument is */
        g = to;
    }
    if (norm->options.kind != SC_NORM_NONE) {
        be->groupnorm_backward(dx, dgamma, dbeta, g, x, value_or_null(norm, norm->weight),
                               norm->mean, norm->invstd, n, rows, channels, norm->groups);
        return (sc_gradient){dx, NULL};
    }
    be->bias_backward(dbeta, g, n * rows, channels);
    if (dx != g) {
        be->map_copy(dx, g, count);
    }
    return (sc_gradient){dx, NULL};
}

const sc_map *sc_norm_made_gradient(sc_gradient dx, size_t n, size_t rows, const sc_norm *norm)
{
    if (dx.make != NULL) {
        norm->nn.backend->batchnorm_gradient(dx.make, n * rows, norm->channels);
    }
    return dx.map;
}
