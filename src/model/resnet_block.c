/* SPDX-License-Identifier: MIT
 *
 * resnet_block.c - one residual block, forward and backward.
 *
 *   y = f(norm(conv(... f(norm(conv(x))) ...)) + skip(x)),   skip = identity or 1x1 conv and norm
 *
 * Backward, g = dy f'(.): the branch gives dx, the skip adds its own.  The activation between two units
 * was kept, or is made again in ws->y from the convolution's output kept in the forward pass.
 */
#include "model/resnet_block.h"

#include <stdio.h>

static void raise_to(size_t *most, size_t count)
{
    *most = count > *most ? count : *most;
}

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

static bool keeps_inner(const sc_block *block)
{
    return block->unit[0].conv.nn.backend->device != NULL;
}

static sc_workspace workspace_of(const sc_block *block, size_t max_n)
{
    sc_workspace need = {0}, *ws = &need;

    for (size_t i = 0; i < block->units; i++) {
        const sc_unit *unit = &block->unit[i];
        sc_unit_need(ws, unit, max_n);
        raise_to(&ws->b_count, sc_unit_out(unit));
        raise_to(&ws->b_count, sc_unit_in(unit));
        raise_to(&ws->c_count, sc_unit_out(unit));
        raise_to(&ws->c_count, sc_unit_in(unit));
        if (i + 1 < block->units && !keeps_inner(block)) {
            raise_to(&ws->y_count, sc_unit_out(unit));
        }
    }
    if (block->has_skip) {
        sc_unit_need(ws, &block->skip, max_n);
        if (sc_unit_is_smooth(&block->unit[block->units - 1])) {
            raise_to(&ws->y_count, block->out_count);
        }
    }
    return need;
}

size_t sc_block_plan(sc_block *block, sc_map *a, size_t max_n, sc_arena *arena)
{
    size_t bytes = block->unit[0].conv.nn.backend->map_bytes;

    for (size_t i = 0; i < block->units; i++) {
        sc_unit_plan(&block->unit[i], max_n, arena);
    }
    if (block->has_skip) {
        sc_unit_plan(&block->skip, max_n, arena);
    }
    block->out = sc_arena_take(arena, max_n * block->out_count, bytes);
    for (size_t i = 0; i + 1 < block->units && keeps_inner(block); i++) {
        block->y[i] = sc_arena_take(arena, max_n * sc_unit_out(&block->unit[i]), bytes);
    }
    block->ws = workspace_of(block, max_n);
    size_t end = sc_workspace_plan(&block->ws, a, max_n, bytes, *arena);
    for (size_t i = 0; i + 1 < block->units && !keeps_inner(block); i++) {
        block->y[i] = block->ws.y;
    }
    return end;
}

sc_input sc_block_forward(sc_input x, size_t n, bool training, sc_block *block)
{
    sc_workspace *ws = &block->ws;
    sc_unit *last = &block->unit[block->units - 1];
    const sc_map *residual = x.map;
    sc_input in = x;

    for (size_t i = 0; i + 1 < block->units; i++) {
        in = sc_unit_forward(block->y[i], in, NULL, n, training, ws, &block->unit[i]);
    }
    sc_unit_convolve(in, n, training, ws, last);
    /* x is there: the first unit has read it.  What the skip gives may be read by the next block, which makes
     * this one's output: it must not lie in this one's workspace, and gradients come later. */
    if (block->has_skip) {
        in = sc_unit_forward(ws->a, (sc_input){x.map, NULL}, NULL, n, training, ws, &block->skip);
        residual = sc_unit_made(in, n, &block->skip);
    }
    return sc_unit_finish(block->out, residual, n, training, last);
}

const sc_batchnorm *sc_block_sums(sc_map *dy, sc_block *block)
{
    return sc_unit_sums(dy, block->out, dy, &block->unit[block->units - 1]);
}

/* The gradient of x by way of the skip, to dx, from that of its output in ws->a. */
static sc_base skip_backward(sc_map *dx, sc_input x, size_t n, sc_block *block)
{
    sc_workspace *ws = &block->ws;
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
                       sc_block *block)
{
    sc_workspace *ws = &block->ws;
    sc_unit *last = &block->unit[block->units - 1];
    sc_map *now = ws->c, *next = ws->b; /* gradient after, before a convolution */
    const sc_map *residual = x;
    const sc_input in = {x, NULL};

    if (block->has_skip && sc_unit_is_smooth(last)) {
        residual = sc_unit_made(sc_unit_again(ws->y, NULL, n, &block->skip), n, &block->skip);
    }
    sc_gradient du =
        sc_unit_backward_norm(now, ws->a, ws->a, summed, block->out, residual, n, ws, last);
    for (size_t i = block->units - 1; i >= 1; i--) {
        sc_unit *before = &block->unit[i - 1];
        sc_map *y = block->y[i - 1];
        sc_input made =
            keeps_inner(block) ? (sc_input){y, NULL} : sc_unit_again(y, NULL, n, before);
        const sc_batchnorm *inner = sc_unit_sums(next, y, NULL, before);
        sc_conv2d_backward(next, inner, du, made, SC_NO_BASE, n, ws->conv, &block->unit[i].conv);
        du = sc_unit_backward_norm(next, NULL, next, inner != NULL, y, NULL, n, ws, before);
        sc_map *after = now;
        now = next;
        next = after;
    }
    /* What the skip gives dx; without a convolution it is there already. */
    sc_base other = block->has_skip ? skip_backward(next, in, n, block) : (sc_base){ws->a, 1};
    sc_conv2d_backward(ws->a, sums, du, in, other, n, ws->conv, &block->unit[0].conv);
}

double sc_block_macs(const sc_block *block)
{
    double sum = block->has_skip ? sc_unit_macs(&block->skip) : 0;

    for (size_t i = 0; i < block->units; i++) {
        sum += sc_unit_macs(&block->unit[i]);
    }
    return sum;
}
