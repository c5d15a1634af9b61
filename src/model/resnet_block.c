/* SPDX-License-Identifier: MIT
 *
 * resnet_block.c - one residual block, forward and backward.
 *
 *   y = f(norm(conv(... f(norm(conv(x))) ...)) + skip(x)),   skip = identity or 1x1 conv and norm
 *
 * Backward, g = dy f'(.): the branch gives dx, the skip adds its own.  ws->y holds the activation
 * between two units, made again from the convolution's output kept in the forward pass.
 */
#include "model/resnet_block.h"

#include <stdio.h>

static void raise_to(size_t *most, size_t count)
{
    *most = count > *most ? count : *most;
}

/* ---- unit: convolution, norm, activation ---- */

int sc_unit_init(sc_unit *unit, sc_nn nn, const sc_unit_options *options, size_t height,
                 size_t width, simclr_error *err)
{
    const sc_unit_options *o = options;
    /* Without a norm the bias is the convolution's, as PyTorch would name it. */
    const char *name = o->norm->kind == SC_NORM_NONE ? o->conv_name : o->norm_name;
    int rc = sc_conv2d_init(&unit->conv, nn, o->conv_name, &o->conv, height, width, err);

    if (rc < 0) {
        return rc;
    }
    unit->act = o->act;
    unit->p = unit->conv.shape.p;
    unit->q = unit->conv.shape.q;
    unit->k = o->conv.out_channels;
    return sc_norm_init(&unit->norm, nn, name, o->norm, unit->k, err);
}

static size_t unit_out(const sc_unit *unit)
{
    return unit->p * unit->q * unit->k;
}

static size_t unit_in(const sc_unit *unit)
{
    return unit->conv.in_h * unit->conv.in_w * unit->conv.shape.c;
}

static bool is_relu(const sc_unit *unit)
{
    return unit->act.kind == SC_ACT_RELU;
}

/* An activation whose derivative needs its argument. */
static bool is_smooth(const sc_unit *unit)
{
    return !is_relu(unit) && unit->act.kind != SC_ACT_IDENTITY;
}

void sc_unit_plan(sc_unit *unit, size_t max_n, sc_arena *arena)
{
    unit->u = sc_arena_take(arena, max_n * unit_out(unit), unit->conv.nn.backend->map_bytes);
    sc_norm_plan(&unit->norm, max_n, arena);
}

void sc_unit_need(sc_workspace *ws, const sc_unit *unit, size_t max_n)
{
    raise_to(&ws->conv_bytes, sc_conv2d_scratch(&unit->conv, max_n));
    if (is_smooth(unit)) {
        raise_to(&ws->v_count, unit_out(unit));
    }
}

const sc_map *sc_unit_made(sc_input y, size_t n, const sc_unit *unit)
{
    return sc_norm_made(y, n, unit->p * unit->q, &unit->norm);
}

/* y = act(v), v the norm's output: where y stands. */
static sc_input apply_act(sc_map *y, sc_input v, size_t n, const sc_unit *unit)
{
    if (!is_smooth(unit)) {
        return v;
    }
    unit->conv.nn.backend->act_forward(y, sc_unit_made(v, n, unit), n * unit_out(unit),
                                       unit->act.kind, unit->act.param);
    return (sc_input){y, NULL};
}

/* u = conv(x), with the statistics that the norm wants. */
static void convolve(sc_input x, size_t n, bool training, sc_workspace *ws, sc_unit *unit)
{
    sc_conv2d_forward(unit->u, sc_norm_wants(&unit->norm, training), x, n, ws->conv, &unit->conv);
}

/* y = act(norm(u) + residual) */
static sc_input finish(sc_map *y, const sc_map *residual, size_t n, bool training, sc_unit *unit)
{
    sc_input v = sc_norm_measured(y, unit->u, residual, is_relu(unit), n, unit->p * unit->q,
                                  training, &unit->norm);
    return apply_act(y, v, n, unit);
}

sc_input sc_unit_forward(sc_map *y, sc_input x, const sc_map *residual, size_t n, bool training,
                         sc_workspace *ws, sc_unit *unit)
{
    convolve(x, n, training, ws, unit);
    return finish(y, residual, n, training, unit);
}

sc_input sc_unit_again(sc_map *y, const sc_map *residual, size_t n, sc_unit *unit)
{
    sc_input v =
        sc_norm_again(y, unit->u, residual, is_relu(unit), n, unit->p * unit->q, &unit->norm);
    return apply_act(y, v, n, unit);
}

bool sc_unit_reads_output(const sc_unit *unit)
{
    return is_relu(unit) && unit->norm.options.kind != SC_NORM_BATCH;
}

const sc_batchnorm *sc_unit_sums(const sc_map *dy, const sc_map *y, bool residual, sc_unit *unit)
{
    if (is_smooth(unit)) {
        return NULL;
    }
    return sc_norm_sums(dy, unit->u, is_relu(unit) ? y : NULL, residual, &unit->norm);
}

sc_gradient sc_unit_backward_norm(sc_map *du, sc_map *dresidual, const sc_map *dy, bool summed,
                                  const sc_map *y, const sc_map *residual, size_t n,
                                  sc_workspace *ws, sc_unit *unit)
{
    size_t rows = unit->p * unit->q;

    if (!is_smooth(unit)) {
        return sc_norm_backward(du, dresidual, dy, summed, unit->u, is_relu(unit) ? y : NULL, n,
                                rows, &unit->norm);
    }
    sc_map *dv = dresidual ? dresidual : du;
    sc_input v = sc_norm_again(ws->v, unit->u, residual, false, n, rows, &unit->norm);
    unit->conv.nn.backend->act_backward(dv, dy, sc_unit_made(v, n, unit), n * unit_out(unit),
                                        unit->act.kind, unit->act.param);
    return sc_norm_backward(du, NULL, dv, false, unit->u, NULL, n, rows, &unit->norm);
}

/* ---- block ---- */

typedef struct {
    const sc_block_options *block;
    size_t height, width; /* of the next unit's input */
    size_t in_channels;
} build;

static int add_unit(sc_unit *unit, sc_nn nn, build *at, int number, size_t out, size_t kernel,
                    size_t stride, bool last, simclr_error *err)
{
    const sc_block_options *o = at->block;
    size_t dilation = kernel == 3 ? o->dilation : 1;
    char conv_name[SC_PARAM_NAME], norm_name[SC_PARAM_NAME];
    sc_unit_options options = {
        .conv = {.in_channels = at->in_channels,
                 .out_channels = out,
                 .kernel = kernel,
                 .stride = stride,
                 .pad = kernel == 3 ? dilation : 0,
                 .dilation = dilation,
                 .reflect = o->reflect},
        .norm = o->norm,
        .act = o->act,
        .conv_name = conv_name,
        .norm_name = norm_name,
    };

    snprintf(conv_name, sizeof conv_name, "%s.conv%d", o->name, number);
    snprintf(norm_name, sizeof norm_name, "%s.bn%d", o->name, number);
    options.conv.init_std = sc_he_std(o->act, out, kernel);
    int rc = sc_unit_init(unit, nn, &options, at->height, at->width, err);
    if (rc < 0) {
        return rc;
    }
    if (last && o->zero_init_residual && unit->norm.weight >= 0) {
        nn.params->entry[unit->norm.weight].init = SC_INIT_ZERO;
    }
    at->height = unit->p;
    at->width = unit->q;
    at->in_channels = out;
    return 0;
}

static int add_skip(sc_unit *skip, sc_nn nn, const sc_block_options *o, size_t height, size_t width,
                    simclr_error *err)
{
    char conv_name[SC_PARAM_NAME], norm_name[SC_PARAM_NAME];
    sc_unit_options options = {
        .conv = {.in_channels = o->in_channels,
                 .out_channels = o->out_channels,
                 .kernel = 1,
                 .stride = o->stride,
                 .dilation = 1,
                 .init_std = sc_he_std(o->act, o->out_channels, 1)},
        .norm = o->norm,
        .act = {SC_ACT_IDENTITY, 0},
        .conv_name = conv_name,
        .norm_name = norm_name,
    };

    snprintf(conv_name, sizeof conv_name, "%s.downsample.0", o->name);
    snprintf(norm_name, sizeof norm_name, "%s.downsample.1", o->name);
    return sc_unit_init(skip, nn, &options, height, width, err);
}

int sc_block_init(sc_block *block, sc_nn nn, const sc_block_options *options, size_t height,
                  size_t width, simclr_error *err)
{
    const sc_block_options *o = options;
    build at = {o, height, width, o->in_channels};
    int rc;

    block->units = o->bottleneck ? 3 : 2;
    block->has_skip = o->stride != 1 || o->in_channels != o->out_channels;
    if (o->bottleneck) {
        rc = add_unit(&block->unit[0], nn, &at, 1, o->planes, 1, 1, false, err);
        if (rc == 0) {
            rc = add_unit(&block->unit[1], nn, &at, 2, o->planes, 3, o->stride, false, err);
        }
        if (rc == 0) {
            rc = add_unit(&block->unit[2], nn, &at, 3, o->out_channels, 1, 1, true, err);
        }
    } else {
        rc = add_unit(&block->unit[0], nn, &at, 1, o->planes, 3, o->stride, false, err);
        if (rc == 0) {
            rc = add_unit(&block->unit[1], nn, &at, 2, o->out_channels, 3, 1, true, err);
        }
    }
    if (rc == 0 && block->has_skip) {
        rc = add_skip(&block->skip, nn, o, height, width, err);
    }
    block->in_count = height * width * o->in_channels;
    block->out_count = at.height * at.width * o->out_channels;
    return rc;
}

void sc_block_plan(sc_block *block, size_t max_n, sc_arena *arena)
{
    for (size_t i = 0; i < block->units; i++) {
        sc_unit_plan(&block->unit[i], max_n, arena);
    }
    if (block->has_skip) {
        sc_unit_plan(&block->skip, max_n, arena);
    }
    block->out =
        sc_arena_take(arena, max_n * block->out_count, block->unit[0].conv.nn.backend->map_bytes);
}

void sc_block_need(sc_workspace *ws, const sc_block *block, size_t max_n)
{
    raise_to(&ws->a_count, block->in_count);
    raise_to(&ws->a_count, block->out_count);
    for (size_t i = 0; i < block->units; i++) {
        const sc_unit *unit = &block->unit[i];
        sc_unit_need(ws, unit, max_n);
        raise_to(&ws->b_count, unit_out(unit));
        raise_to(&ws->b_count, unit_in(unit));
        raise_to(&ws->c_count, unit_out(unit));
        raise_to(&ws->c_count, unit_in(unit));
        if (i + 1 < block->units) {
            raise_to(&ws->y_count, unit_out(unit));
        }
    }
    if (block->has_skip) {
        sc_unit_need(ws, &block->skip, max_n);
        raise_to(&ws->y_count, block->out_count);
    }
}

sc_input sc_block_forward(sc_input x, size_t n, bool training, sc_workspace *ws, sc_block *block)
{
    sc_unit *last = &block->unit[block->units - 1];
    const sc_map *residual = x.map;
    sc_input in = x;

    for (size_t i = 0; i + 1 < block->units; i++) {
        in = sc_unit_forward(ws->y, in, NULL, n, training, ws, &block->unit[i]);
    }
    convolve(in, n, training, ws, last);
    if (block->has_skip) { /* x is there: the first unit has read it */
        in = sc_unit_forward(ws->y, (sc_input){x.map, NULL}, NULL, n, training, ws, &block->skip);
        residual = sc_unit_made(in, n, &block->skip);
    }
    return finish(block->out, residual, n, training, last);
}

const sc_batchnorm *sc_block_sums(const sc_map *dy, sc_block *block)
{
    return sc_unit_sums(dy, block->out, true, &block->unit[block->units - 1]);
}

/* The gradient of x by way of the skip, to dx, from that of its output in ws->a. */
static sc_base skip_backward(sc_map *dx, sc_input x, size_t n, sc_workspace *ws, sc_block *block)
{
    sc_conv2d *conv = &block->skip.conv;
    sc_gradient ds =
        sc_unit_backward_norm(ws->a, NULL, ws->a, false, NULL, NULL, n, ws, &block->skip);

    if (sc_conv2d_is_apart(conv, &block->unit[0].conv)) {
        return sc_conv2d_backward_apart(dx, ds, x, n, ws->conv, conv);
    }
    sc_conv2d_backward(dx, NULL, ds, x, SC_NO_BASE, n, ws->conv, conv);
    return (sc_base){dx, 1};
}

void sc_block_backward(const sc_map *x, const sc_batchnorm *sums, bool summed, size_t n,
                       sc_workspace *ws, sc_block *block)
{
    sc_unit *last = &block->unit[block->units - 1];
    sc_map *now = ws->c, *next = ws->b; /* gradient after, before a convolution */
    const sc_map *residual = x;
    const sc_input in = {x, NULL};

    if (block->has_skip && is_smooth(last)) {
        residual = sc_unit_made(sc_unit_again(ws->y, NULL, n, &block->skip), n, &block->skip);
    }
    sc_gradient du =
        sc_unit_backward_norm(now, ws->a, ws->a, summed, block->out, residual, n, ws, last);
    for (size_t i = block->units - 1; i >= 1; i--) {
        sc_unit *before = &block->unit[i - 1];
        sc_input y = sc_unit_again(ws->y, NULL, n, before);
        const sc_batchnorm *inner = sc_unit_sums(next, ws->y, false, before);
        sc_conv2d_backward(next, inner, du, y, SC_NO_BASE, n, ws->conv, &block->unit[i].conv);
        du = sc_unit_backward_norm(next, NULL, next, inner != NULL, ws->y, NULL, n, ws, before);
        sc_map *after = now;
        now = next;
        next = after;
    }
    /* What the skip gives dx; without a convolution it is there since the last unit's du was made. */
    sc_base other = block->has_skip ? skip_backward(next, in, n, ws, block) : (sc_base){ws->a, 1};
    sc_conv2d_backward(ws->a, sums, du, in, other, n, ws->conv, &block->unit[0].conv);
}

double sc_unit_macs(const sc_unit *unit)
{
    const sc_conv_shape *s = &unit->conv.shape;
    return (double)unit_out(unit) * (double)(s->c * s->r * s->s);
}

double sc_block_macs(const sc_block *block)
{
    double sum = block->has_skip ? sc_unit_macs(&block->skip) : 0;

    for (size_t i = 0; i < block->units; i++) {
        sum += sc_unit_macs(&block->unit[i]);
    }
    return sum;
}
