/* SPDX-License-Identifier: MIT
 *
 * encoder.c - the ResNet encoder, h = f(x): stem, residual stages, pooling.
 *
 *   x (rows,H,W,C) -> conv1, bn1, act -> pool -> layer1..4 -> [conv_last, bn_last] -> h (rows,D)
 *
 * Backward walks the same list in reverse; `a` carries the gradient from block to block.
 */
#include "model/encoder.h"

#include <assert.h>
#include <stdio.h>

#include "model/encoder_pool.h"
#include "model/encoder_shapes.h"

static int add_stem(sc_encoder *e, const sc_encoder_stages *s, simclr_error *err)
{
    const sc_encoder_options *o = &e->options;
    size_t planes = sc_encoder_planes(o, 0), pad = (o->pool_kernel - 1) / 2;
    sc_unit_options stem = {
        .conv = {o->in_channels, planes, o->stem_kernel, o->strides[0], (o->stem_kernel - 1) / 2, 1,
                 o->reflect, sc_he_std(o->act, planes, o->stem_kernel)},
        .norm = &o->norm,
        .act = o->act,
        .conv_name = "conv1",
        .norm_name = "bn1",
    };
    int rc = sc_unit_init(&e->stem, e->nn, &stem, e->height, e->width, err);

    e->has_pool = s->stage[2].present;
    if (rc < 0 || !e->has_pool) {
        return rc;
    }
    e->pool = (sc_pool_shape){.n = 1,
                              .h = e->stem.p,
                              .w = e->stem.q,
                              .c = planes,
                              .p = s->stage[2].height,
                              .q = s->stage[2].width,
                              .window = o->pool_kernel,
                              .stride = o->strides[1],
                              .pad = pad};
    if (o->down == SC_DOWN_CONV) { /* with a bias and nothing else, as the tutorial has it */
        sc_conv2d_options conv = {
            planes, planes, o->pool_kernel, o->strides[1],
            pad,    1,      o->reflect,     sc_he_std(o->act, planes, o->pool_kernel)};
        sc_param bias = {.name = "pool.bias", .shape = {planes}, .ndim = 1};
        rc = sc_conv2d_init(&e->pool_conv, e->nn, "pool", &conv, e->stem.p, e->stem.q, err);
        if (rc == 0) {
            rc = e->pool_bias = sc_params_add(e->nn.params, &bias, err);
        }
    }
    return rc < 0 ? rc : 0;
}

static int add_stage(sc_encoder *e, int stage, const sc_stage_shape *in, const sc_stage_shape *out,
                     simclr_error *err)
{
    const sc_encoder_options *o = &e->options;
    char name[40];
    sc_block_options block = {
        .name = name,
        .bottleneck = sc_encoder_bottleneck(o),
        .in_channels = in->channels,
        .planes = sc_encoder_planes(o, stage),
        .out_channels = out->channels,
        .stride = o->strides[stage + 2],
        .dilation = o->dilations[stage],
        .reflect = o->reflect,
        .zero_init_residual = o->zero_init_residual,
        .norm = &o->norm,
        .act = o->act,
    };
    size_t height = in->height, width = in->width;

    for (size_t i = 0; i < sc_encoder_depth(o, stage); i++) {
        snprintf(name, sizeof name, "layer%d.%zu", stage + 1, i);
        int rc = sc_block_init(&e->block[e->blocks++], e->nn, &block, height, width, err);
        if (rc < 0) {
            return rc;
        }
        block.in_channels = out->channels;
        block.stride = 1;
        height = out->height;
        width = out->width;
    }
    return 0;
}

static int add_last(sc_encoder *e, const sc_stage_shape *in, simclr_error *err)
{
    const sc_encoder_options *o = &e->options;
    sc_unit_options last = {
        .conv = {in->channels, o->out_channels, 1, 1, 0, 1, false,
                 sc_he_std(o->act, o->out_channels, 1)},
        .norm = &o->norm,
        .act = {SC_ACT_IDENTITY, 0},
        .conv_name = "conv_last",
        .norm_name = "bn_last",
    };

    e->has_last = o->out_channels > 0;
    e->last_rows = in->height * in->width;
    e->dim = e->last_channels = e->has_last ? o->out_channels : in->channels;
    return e->has_last ? sc_unit_init(&e->last, e->nn, &last, in->height, in->width, err) : 0;
}

int sc_encoder_init(sc_encoder *encoder, const sc_encoder_options *options, size_t height,
                    size_t width, size_t max_rows, sc_params *params, const sc_backend *backend,
                    simclr_error *err)
{
    sc_encoder *e = encoder;
    sc_encoder_stages s;
    int rc = sc_encoder_check(options, height, width, err);

    if (rc < 0) {
        return rc;
    }
    assert(max_rows >= 1);
    *e = (sc_encoder){.options = sc_encoder_resolve(options),
                      .nn = {params, backend, options->convolution},
                      .height = height,
                      .width = width,
                      .max_rows = max_rows,
                      .first = params->entry_count};
    sc_encoder_stages_of(&s, &e->options, height, width);
    rc = add_stem(e, &s, err);
    for (int i = 0; rc == 0 && i < 4; i++) {
        rc = add_stage(e, i, &s.stage[i == 0 && !e->has_pool ? 1 : i + 2], &s.stage[i + 3], err);
    }
    if (rc == 0) {
        rc = add_last(e, &s.stage[6], err);
    }
    e->count = params->entry_count - e->first;
    return rc;
}

static size_t stem_count(const sc_encoder *e)
{
    return e->stem.p * e->stem.q * e->stem.k;
}

static size_t at_least(size_t count, size_t least)
{
    return count > least ? count : least;
}

/* Elements of an image's largest map between two blocks. */
static size_t largest_between(const sc_encoder *e)
{
    size_t most = 0;

    for (size_t i = 0; i < e->blocks; i++) {
        most = at_least(at_least(most, e->block[i].in_count), e->block[i].out_count);
    }
    return most;
}

static sc_workspace stem_workspace(const sc_encoder *e)
{
    sc_workspace ws = {0};

    sc_unit_need(&ws, &e->stem, e->max_rows);
    if (e->has_pool) {
        ws.y_count = ws.b_count = stem_count(e);
        if (e->options.down == SC_DOWN_CONV) {
            ws.conv_bytes = at_least(ws.conv_bytes, sc_conv2d_scratch(&e->pool_conv, e->max_rows));
        }
    }
    return ws;
}

static sc_workspace last_workspace(const sc_encoder *e)
{
    sc_workspace ws = {0};

    sc_unit_need(&ws, &e->last, e->max_rows);
    ws.y_count = ws.b_count = e->last_rows * e->last_channels;
    return ws;
}

void sc_encoder_plan(sc_encoder *encoder, sc_arena *arena)
{
    sc_encoder *e = encoder;
    size_t n = e->max_rows, bytes = e->nn.backend->map_bytes, end;
    sc_map *a = sc_arena_take(arena, n * largest_between(e), bytes);

    if (e->nn.backend->precision != SC_FP32) {
        e->x_map = sc_arena_take(arena, n * e->height * e->width * e->options.in_channels, bytes);
    }
    sc_unit_plan(&e->stem, n, arena);
    if (e->has_pool) {
        size_t count = n * e->pool.p * e->pool.q * e->pool.c;
        e->pool_out = sc_arena_take(arena, count, bytes);
        if (e->options.down == SC_DOWN_MAXPOOL) {
            e->pool_argmax = sc_arena_take(arena, count, sizeof(uint32_t));
        }
    } else {
        e->stem_out = sc_arena_take(arena, n * stem_count(e), bytes);
    }
    e->stem_ws = stem_workspace(e);
    end = sc_workspace_plan(&e->stem_ws, a, n, bytes, *arena);
    for (size_t i = 0; i < e->blocks; i++) {
        end = at_least(end, sc_block_plan(&e->block[i], a, n, arena));
    }
    if (e->options.last_pool == SC_LAST_POOL_MAX) {
        e->last_argmax = sc_arena_take(arena, n * e->dim, sizeof(uint32_t));
    }
    if (e->has_last) {
        sc_unit_plan(&e->last, n, arena);
        e->last_ws = last_workspace(e);
        end = at_least(end, sc_workspace_plan(&e->last_ws, a, n, bytes, *arena));
    }
    arena->used = at_least(arena->used, end);
}

void sc_encoder_forward(sc_real *h, const sc_real *x, size_t rows, bool training,
                        sc_encoder *encoder)
{
    sc_encoder *e = encoder;
    const sc_backend *be = e->nn.backend;
    const sc_unit *last = &e->stem; /* whose output map is */
    sc_input map;

    assert(rows >= 1 && rows <= e->max_rows);
    e->x = x;
    e->rows = rows;
    if (e->x_map != NULL) {
        be->map_store(e->x_map, x, rows * e->height * e->width * e->options.in_channels);
        e->x = e->x_map;
    }
    map = sc_unit_forward(e->has_pool ? e->stem_ws.y : e->stem_out, (sc_input){e->x, NULL}, NULL,
                          rows, training, &e->stem_ws, &e->stem);
    if (e->has_pool) {
        sc_encoder_pool_forward(map, e);
        map = (sc_input){e->pool_out, NULL};
    }
    for (size_t i = 0; i < e->blocks; i++) {
        map = sc_block_forward(map, rows, training, &e->block[i]);
        last = &e->block[i].unit[e->block[i].units - 1];
    }
    if (e->has_last) {
        map = sc_unit_forward(e->last_ws.y, map, NULL, rows, training, &e->last_ws, &e->last);
        last = &e->last;
    }
    const sc_map *made = sc_unit_made(map, rows, last);
    if (e->options.last_pool == SC_LAST_POOL_MAX) {
        be->global_maxpool_forward(h, e->last_argmax, made, rows, e->last_rows, e->last_channels);
    } else {
        be->global_avgpool_forward(h, made, rows, e->last_rows, e->last_channels);
    }
}

/* dh -> the gradient of the last block's output; whether its sums were taken. */
static bool last_backward(const sc_real *dh, sc_encoder *e)
{
    const sc_backend *be = e->nn.backend;
    sc_block *block = &e->block[e->blocks - 1];
    sc_workspace *ws = e->has_last ? &e->last_ws : &block->ws;
    sc_map *dmap = e->has_last ? ws->b : ws->a;

    if (e->options.last_pool == SC_LAST_POOL_MAX) {
        be->global_maxpool_backward(dmap, dh, e->last_argmax, e->rows, e->last_rows,
                                    e->last_channels);
    } else {
        be->global_avgpool_backward(dmap, dh, e->rows, e->last_rows, e->last_channels);
    }
    if (!e->has_last) {
        return false;
    }
    const sc_batchnorm *sums = sc_block_sums(ws->a, block);
    sc_gradient du =
        sc_unit_backward_norm(dmap, NULL, dmap, false, NULL, NULL, e->rows, ws, &e->last);
    sc_conv2d_backward(ws->a, sums, du, (sc_input){block->out, NULL}, SC_NO_BASE, e->rows, ws->conv,
                       &e->last.conv);
    return sums != NULL;
}

/* What block i is to sum up of the gradient of its input, for the norm before it. */
static const sc_batchnorm *sums_before(sc_encoder *e, size_t i)
{
    if (i > 0) {
        return sc_block_sums(e->stem_ws.a, &e->block[i - 1]);
    }
    return e->has_pool ? NULL : sc_unit_sums(e->stem_ws.a, e->stem_out, NULL, &e->stem);
}

void sc_encoder_backward(const sc_real *dh, sc_encoder *encoder)
{
    sc_encoder *e = encoder;
    sc_workspace *ws = &e->stem_ws;
    sc_map *dstem = ws->a, *stem = e->stem_out;
    bool summed = last_backward(dh, e);

    for (size_t i = e->blocks; i-- > 0;) {
        const sc_map *before = e->has_pool ? e->pool_out : e->stem_out;
        const sc_batchnorm *sums = sums_before(e, i);
        sc_block_backward(i > 0 ? e->block[i - 1].out : before, sums, summed, e->rows,
                          &e->block[i]);
        summed = sums != NULL;
    }
    if (e->has_pool) {
        if (e->options.down == SC_DOWN_CONV || sc_unit_reads_output(&e->stem)) {
            sc_unit_made(sc_unit_again(ws->y, NULL, e->rows, &e->stem), e->rows, &e->stem);
        }
        dstem = ws->b;
        stem = ws->y;
        const sc_batchnorm *sums = sc_unit_sums(dstem, stem, NULL, &e->stem);
        sc_encoder_pool_backward(sums, e);
        summed = sums != NULL;
    }
    sc_gradient du =
        sc_unit_backward_norm(dstem, NULL, dstem, summed, stem, NULL, e->rows, ws, &e->stem);
    sc_conv2d_backward(NULL, NULL, du, (sc_input){e->x, NULL}, SC_NO_BASE, e->rows, ws->conv,
                       &e->stem.conv);
}

double sc_encoder_macs(const sc_encoder *encoder)
{
    const sc_encoder *e = encoder;
    double sum = sc_unit_macs(&e->stem) + (e->has_last ? sc_unit_macs(&e->last) : 0);

    if (e->has_pool && e->options.down == SC_DOWN_CONV) {
        const sc_conv_shape *s = &e->pool_conv.shape;
        sum += (double)(s->p * s->q * s->k) * (double)(s->c * s->r * s->s);
    }
    for (size_t i = 0; i < e->blocks; i++) {
        sum += sc_block_macs(&e->block[i]);
    }
    return sum;
}
