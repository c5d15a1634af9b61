/* SPDX-License-Identifier: MIT
 *
 * projector.c - the projection head, z = g(h).
 *
 *   u = y W^T + b,  v = norm(u),  y' = dropout(act(v))       h = y of layer 0's input, z = y' last
 *
 * Backward in reverse: dropout (same mask), act (from v), norm (from u), linear (from y).
 */
#include "model/projector.h"

#include <assert.h>
#include <stdio.h>

sc_projector_options sc_projector_defaults(void)
{
    return (sc_projector_options){.hidden = {512},
                                  .hidden_count = 1,
                                  .out = 128,
                                  .bias = true,
                                  .last_bias = true,
                                  .norm = sc_norm_defaults(SC_NORM_NONE),
                                  .act = {SC_ACT_RELU, 0},
                                  .last_act = {SC_ACT_IDENTITY, 0}};
}

static int check(const sc_projector_options *o, simclr_error *err)
{
    if (o->hidden_count >= SC_PROJECTOR_LAYERS) {
        return sc_fail(err, SIMCLR_E_USAGE, "projector: %zu hidden layers; at most %d",
                       o->hidden_count, SC_PROJECTOR_LAYERS - 1);
    }
    if (!(o->drop_rate >= 0 && o->drop_rate < 1)) {
        return sc_fail(err, SIMCLR_E_USAGE, "projector: drop_rate must be in [0, 1)");
    }
    if (o->norm.kind == SC_NORM_INSTANCE) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "projector: InstanceNorm has nothing to average over in a vector; use "
                       "BatchNorm1d, GroupNorm or None");
    }
    for (size_t i = 0; i <= o->hidden_count; i++) {
        size_t out = i < o->hidden_count ? o->hidden[i] : o->out;
        if (out < 1 || out > 65536) {
            return sc_fail(err, SIMCLR_E_USAGE, "projector: layer %zu has %zu outputs; 1..65536", i,
                           out);
        }
    }
    return 0;
}

/* Adds layer i; *module counts the modules of the torch.nn.Sequential it would be. */
static int add_layer(sc_projector *p, size_t i, size_t in, int *module, simclr_error *err)
{
    const sc_projector_options *o = &p->options;
    sc_projector_layer *l = &p->layer[i];
    bool last = i == o->hidden_count;
    char name[32];

    l->out = last ? o->out : o->hidden[i];
    l->act = last ? o->last_act : o->act;
    l->has_norm = o->norm.kind != SC_NORM_NONE && (!last || o->last_norm);
    l->has_act = !last || l->act.kind != SC_ACT_IDENTITY;
    /* The tutorial has `>` here, so that its dropout never happens. */
    l->has_dropout = !last && o->drop_rate > 0 && i + o->drop_layers >= o->hidden_count;
    snprintf(name, sizeof name, "projector.%d", (*module)++);
    int rc =
        sc_linear_init(&l->linear, p->nn, name, in, l->out, last ? o->last_bias : o->bias, err);
    if (rc == 0 && l->has_norm) {
        snprintf(name, sizeof name, "projector.%d", (*module)++);
        rc = sc_norm_init(&l->norm, p->nn, name, &o->norm, l->out, err);
    }
    *module += (l->act.kind != SC_ACT_IDENTITY) + l->has_dropout;
    return rc;
}

int sc_projector_init(sc_projector *projector, const sc_projector_options *options, size_t in,
                      size_t max_rows, sc_params *params, const sc_backend *backend,
                      simclr_error *err)
{
    sc_projector *p = projector;
    int module = 0, rc = check(options, err);

    if (rc < 0) {
        return rc;
    }
    *p = (sc_projector){.options = *options,
                        .nn = {params, backend, SC_CONV_FASTEST},
                        .in = in,
                        .max_rows = max_rows,
                        .layers = options->hidden_count + 1,
                        .first = params->entry_count};
    for (size_t i = 0; rc == 0 && i < p->layers; i++) {
        rc = add_layer(p, i, i == 0 ? in : p->layer[i - 1].out, &module, err);
    }
    p->count = params->entry_count - p->first;
    return rc;
}

void sc_projector_plan(sc_projector *projector, sc_arena *arena)
{
    sc_projector *p = projector;
    size_t most = p->in;

    for (size_t i = 0; i < p->layers; i++) {
        sc_projector_layer *l = &p->layer[i];
        size_t count = p->max_rows * l->out;
        l->u = l->has_norm || l->has_act ? sc_arena_take(arena, count, sizeof(sc_real)) : NULL;
        l->v = l->u;
        if (l->has_norm) {
            l->v = l->has_act ? sc_arena_take(arena, count, sizeof(sc_real)) : NULL;
            sc_norm_plan(&l->norm, p->max_rows, arena);
        }
        l->y = NULL;
        if (i + 1 < p->layers) {
            l->y = sc_arena_take(arena, count, sizeof(sc_real));
        }
        most = l->out > most ? l->out : most;
    }
    p->a = sc_arena_take(arena, p->max_rows * most, sizeof(sc_real));
    p->b = sc_arena_take(arena, p->max_rows * most, sizeof(sc_real));
}

void sc_projector_set_step(sc_projector *projector, uint64_t step)
{
    projector->step = step;
}

static void dropout(sc_real *x, size_t i, const sc_projector *p)
{
    p->nn.backend->dropout(x, p->rows, p->layer[i].out, p->options.drop_rate, p->options.seed,
                           p->step_at != NULL ? p->step_at : &p->step, (uint32_t)i);
}

/* GroupNorm normalises each row on its own, BatchNorm each column over the rows. */
static size_t norm_images(const sc_projector_layer *l, size_t rows)
{
    return l->norm.options.kind == SC_NORM_GROUP ? rows : 1;
}

void sc_projector_forward(sc_real *z, const sc_real *h, size_t rows, bool training,
                          sc_projector *projector)
{
    sc_projector *p = projector;
    const sc_real *in = h;

    assert(rows >= 1 && rows <= p->max_rows);
    p->h = h;
    p->rows = rows;
    for (size_t i = 0; i < p->layers; i++) {
        sc_projector_layer *l = &p->layer[i];
        sc_real *y = i + 1 < p->layers ? l->y : z;
        sc_real *v = l->has_act ? l->v : z, *u = l->has_norm ? l->u : v;
        sc_linear_forward(u, in, rows, &l->linear);
        if (l->has_norm) {
            size_t n = norm_images(l, rows);
            sc_norm_forward(v, u, NULL, false, n, rows / n, training, &l->norm);
        }
        if (l->has_act) {
            p->nn.backend->act_forward(y, v, rows * l->out, l->act.kind, l->act.param);
        }
        if (training && l->has_dropout) {
            dropout(y, i, p);
        }
        in = y;
    }
}

void sc_projector_backward(sc_real *dh, const sc_real *dz, sc_projector *projector)
{
    sc_projector *p = projector;
    const sc_real *dy = dz; /* a layer's: of its output, before its activation, before its norm */
    sc_real *dv = p->a, *dx = p->b;

    for (size_t i = p->layers; i-- > 0;) {
        sc_projector_layer *l = &p->layer[i];
        const sc_real *in = i > 0 ? p->layer[i - 1].y : p->h;
        if (l->has_dropout) {
            dropout(dx, i, p); /* dy, the gradient of this layer's output, is dx here */
        }
        if (l->has_act) {
            p->nn.backend->act_backward(dv, dy, l->v, p->rows * l->out, l->act.kind, l->act.param);
            dy = dv;
        }
        if (l->has_norm) {
            size_t n = norm_images(l, p->rows);
            size_t each = p->rows / n;
            sc_gradient du = sc_norm_backward(dv, NULL, dy, false, l->u, NULL, n, each, &l->norm);
            dy = sc_norm_made_gradient(du, n, each, &l->norm);
        }
        sc_linear_backward(i > 0 ? dx : dh, dy, in, p->rows, &l->linear);
        dy = dx;
    }
}
