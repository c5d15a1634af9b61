/* SPDX-License-Identifier: MIT
 *
 * nn_rig.h - what the tests of layers share: a parameter table, an arena planned twice, and the
 * scalar sum(r y) with random r, whose gradient with respect to y is r.
 */
#ifndef SCT_UNIT_NN_RIG_H
#define SCT_UNIT_NN_RIG_H

#include "support/support.h"

#include <string.h>

#include "nn/layers.h"

typedef struct {
    sc_params params;
    sc_arena arena;
    simclr_error err;
} rig;

static inline sc_nn rig_nn(rig *g)
{
    memset(g, 0, sizeof *g);
    return (sc_nn){&g->params, sc_backend_ref(SC_FP32), SC_CONV_FASTEST};
}

/* Parameters with values that are not special: gamma is not 1, beta not 0. */
static inline void rig_alloc(rig *g)
{
    sct_assert_ok(sc_params_alloc(&g->params, &g->err), &g->err);
    sc_params_reset(&g->params, 7);
    for (size_t i = 0; i < g->params.entry_count; i++) {
        const sc_param *p = &g->params.entry[i];
        for (size_t j = 0; j < p->count && !(p->flags & SC_PARAM_BUFFER); j++)
            g->params.value[p->offset + j] = (sc_real)(sct_uniform(-1, 1) + (p->ndim == 1));
    }
}

static inline void rig_plan(rig *g, void (*plan)(void *what, sc_arena *arena), void *what)
{
    plan(what, &g->arena);
    sct_assert_ok(sc_arena_open(&g->arena, &g->err), &g->err);
    plan(what, &g->arena);
}

static inline void rig_close(rig *g)
{
    sc_arena_close(&g->arena);
    sc_params_close(&g->params);
}

static inline sc_real *rig_new(size_t count)
{
    simclr_error err;
    sc_real *x = sc_alloc(count, sizeof *x, &err);
    assert_non_null(x);
    sct_fill_normal(x, count);
    return x;
}

/* With PyTorch's default as its parameter. */
static inline sc_act rig_act(sc_act_kind kind)
{
    return (sc_act){kind, kind == SC_ACT_LEAKY_RELU ? 0.01 : 1};
}

static inline double rig_dot(const sc_real *a, const sc_real *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

#endif
