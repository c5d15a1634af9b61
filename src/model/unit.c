/* SPDX-License-Identifier: MIT
 *
 * unit.c - convolution, norm and activation, forward and backward.
 *
 *   u = conv(x), v = norm(u) + residual, y = f(v)      dv = dy f'(v), du = the norm's gradient of dv
 */
#include "model/unit.h"

static void raise_to(size_t *most, size_t count)
{
    *most = count > *most ? count : *most;
}

size_t sc_workspace_plan(sc_workspace *ws, sc_map *a, size_t max_n, size_t map_bytes,
                         sc_arena behind)
{
    ws->a = a;
    ws->b = sc_arena_take(&behind, max_n * ws->b_count, map_bytes);
    ws->c = sc_arena_take(&behind, max_n * ws->c_count, map_bytes);
    ws->y = sc_arena_take(&behind, max_n * ws->y_count, map_bytes);
    ws->v = ws->v_count ? sc_arena_take(&behind, max_n * ws->v_count, map_bytes) : NULL;
    ws->conv = sc_arena_take(&behind, ws->conv_bytes, 1);
    return behind.used;
}

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

size_t sc_unit_out(const sc_unit *unit)
{
    return unit->p * unit->q * unit->k;
}

size_t sc_unit_in(const sc_unit *unit)
{
    return unit->conv.in_h * unit->conv.in_w * unit->conv.shape.c;
}

static bool is_relu(const sc_unit *unit)
{
    return unit->act.kind == SC_ACT_RELU;
}

bool sc_unit_is_smooth(const sc_unit *unit)
{
    return !is_relu(unit) && unit->act.kind != SC_ACT_IDENTITY;
}

void sc_unit_plan(sc_unit *unit, size_t max_n, sc_arena *arena)
{
    unit->u = sc_arena_take(arena, max_n * sc_unit_out(unit), unit->conv.nn.backend->map_bytes);
    sc_norm_plan(&unit->norm, max_n, arena);
}

void sc_unit_need(sc_workspace *ws, const sc_unit *unit, size_t max_n)
{
    raise_to(&ws->conv_bytes, sc_conv2d_scratch(&unit->conv, max_n));
    if (sc_unit_is_smooth(unit)) {
        raise_to(&ws->v_count, sc_unit_out(unit));
    }
}

const sc_map *sc_unit_made(sc_input y, size_t n, const sc_unit *unit)
{
    return sc_norm_made(y, n, unit->p * unit->q, &unit->norm);
}

/* y = act(v), v the norm's output: where y stands. */
static sc_input apply_act(sc_map *y, sc_input v, size_t n, const sc_unit *unit)
{
    if (!sc_unit_is_smooth(unit)) {
        return v;
    }
    unit->conv.nn.backend->act_forward(y, sc_unit_made(v, n, unit), n * sc_unit_out(unit),
                                       unit->act.kind, unit->act.param);
    return (sc_input){y, NULL};
}

void sc_unit_convolve(sc_input x, size_t n, bool training, sc_workspace *ws, sc_unit *unit)
{
    sc_channel_stats stats = sc_norm_wants(n, unit->p * unit->q, training, &unit->norm);

    sc_conv2d_forward(unit->u, stats, x, n, ws->conv, &unit->conv);
}

sc_input sc_unit_finish(sc_map *y, const sc_map *residual, size_t n, bool training, sc_unit *unit)
{
    sc_input v = sc_norm_measured(y, unit->u, residual, is_relu(unit), n, unit->p * unit->q,
                                  training, &unit->norm);
    return apply_act(y, v, n, unit);
}

sc_input sc_unit_forward(sc_map *y, sc_input x, const sc_map *residual, size_t n, bool training,
                         sc_workspace *ws, sc_unit *unit)
{
    sc_unit_convolve(x, n, training, ws, unit);
    return sc_unit_finish(y, residual, n, training, unit);
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

const sc_batchnorm *sc_unit_sums(const sc_map *dy, const sc_map *y, sc_map *dresidual,
                                 sc_unit *unit)
{
    if (sc_unit_is_smooth(unit)) {
        return NULL;
    }
    return sc_norm_sums(dy, unit->u, is_relu(unit) ? y : NULL, dresidual, &unit->norm);
}

sc_gradient sc_unit_backward_norm(sc_map *du, sc_map *dresidual, const sc_map *dy, bool summed,
                                  const sc_map *y, const sc_map *residual, size_t n,
                                  sc_workspace *ws, sc_unit *unit)
{
    size_t rows = unit->p * unit->q;

    if (!sc_unit_is_smooth(unit)) {
        return sc_norm_backward(du, dresidual, dy, summed, unit->u, is_relu(unit) ? y : NULL, n,
                                rows, &unit->norm);
    }
    sc_map *dv = dresidual ? dresidual : du;
    sc_input v = sc_norm_again(ws->v, unit->u, residual, false, n, rows, &unit->norm);
    unit->conv.nn.backend->act_backward(dv, dy, sc_unit_made(v, n, unit), n * sc_unit_out(unit),
                                        unit->act.kind, unit->act.param);
    return sc_norm_backward(du, NULL, dv, false, unit->u, NULL, n, rows, &unit->norm);
}

double sc_unit_macs(const sc_unit *unit)
{
    const sc_conv_shape *s = &unit->conv.shape;
    return (double)sc_unit_out(unit) * (double)(s->c * s->r * s->s);
}
