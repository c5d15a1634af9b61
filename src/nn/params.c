/* SPDX-License-Identifier: MIT
 *
 * params.c - the table of parameters and its flat buffers.
 *
 *   value: [ trainable entries | buffers ]     grad, m, v: [ trainable entries ]
 *
 * Each entry starts at a multiple of 64 bytes; the padding between stays zero, so that whole-buffer
 * operations (zeroing, a norm) need no table.
 */
#include "nn/params.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "backend/device.h"
#include "core/parallel.h"
#include "core/rng.h"

enum { ALIGN = 64 / sizeof(sc_real) };

static size_t padded(size_t count)
{
    return (count + ALIGN - 1) / ALIGN * ALIGN;
}

static int grow(sc_params *params, simclr_error *err)
{
    size_t capacity = params->entry_capacity ? 2 * params->entry_capacity : 64;
    sc_param *entry = sc_alloc(capacity, sizeof *entry, err);

    if (entry == NULL) {
        return SIMCLR_E_MEMORY;
    }
    if (params->entry_count > 0) {
        memcpy(entry, params->entry, params->entry_count * sizeof *entry);
    }
    sc_free(params->entry);
    params->entry = entry;
    params->entry_capacity = capacity;
    return 0;
}

int sc_params_add(sc_params *params, const sc_param *like, simclr_error *err)
{
    assert(params->value == NULL && like->ndim >= 0 && like->ndim <= 4);
    if (memchr(like->name, 0, SC_PARAM_NAME) == NULL || like->name[0] == 0 ||
        sc_params_find(params, like->name) >= 0) {
        return sc_fail(err, SIMCLR_E_INTERNAL, "parameter %.90s: name taken or too long",
                       like->name);
    }
    if (params->entry_count == params->entry_capacity) {
        int rc = grow(params, err);
        if (rc < 0) {
            return rc;
        }
    }
    sc_param *p = &params->entry[params->entry_count];
    *p = *like;
    p->count = 1;
    for (int i = 0; i < p->ndim; i++) {
        if (__builtin_mul_overflow(p->count, p->shape[i], &p->count)) {
            return sc_fail(err, SIMCLR_E_USAGE, "parameter %s: too many elements", p->name);
        }
    }
    return (int)params->entry_count++;
}

static void plan(sc_param_buffers *b, sc_arena *arena, const sc_params *params)
{
    b->value = sc_arena_take(arena, params->total, sizeof(sc_real));
    b->grad = sc_arena_take(arena, params->trained, sizeof(sc_real));
    b->m = sc_arena_take(arena, params->trained, sizeof(sc_real));
    b->v = sc_arena_take(arena, params->trained, sizeof(sc_real));
}

static int open_buffers(sc_param_buffers *b, sc_arena *measured, const sc_params *params,
                        simclr_error *err)
{
    int rc = sc_arena_open(measured, err);
    if (rc == 0) {
        plan(b, measured, params);
    }
    return rc;
}

void sc_params_measure(sc_params *params)
{
    sc_param_buffers none;
    size_t at = 0;

    for (int buffers = 0; buffers <= 1; buffers++) {
        for (size_t i = 0; i < params->entry_count; i++) {
            sc_param *p = &params->entry[i];
            if ((p->flags & SC_PARAM_BUFFER) == (buffers ? SC_PARAM_BUFFER : 0u)) {
                p->offset = at;
                at += padded(p->count);
            }
        }
        if (!buffers) {
            params->trained = at;
        }
    }
    params->total = at;
    params->memory_here = params->memory_there = (sc_arena){0};
    plan(&none, &params->memory_here, params);
    if (params->device != NULL) {
        params->memory_there.memory = &params->device->memory;
        plan(&none, &params->memory_there, params);
    }
}

int sc_params_alloc(sc_params *params, simclr_error *err)
{
    sc_param_buffers here;
    sc_params_measure(params);
    int rc = open_buffers(&here, &params->memory_here, params, err);
    if (rc == 0 && params->device != NULL) {
        rc = open_buffers(&params->there, &params->memory_there, params, err);
    }
    if (rc < 0) {
        sc_arena_close(&params->memory_here);
        return rc;
    }
    params->value = here.value;
    params->grad = here.grad;
    params->m = here.m;
    params->v = here.v;
    return 0;
}

void sc_params_close(sc_params *params)
{
    sc_free(params->entry);
    sc_arena_close(&params->memory_here);
    sc_arena_close(&params->memory_there);
    memset(params, 0, sizeof *params);
}

void sc_params_push(const sc_params *params)
{
    const sc_device *device = params->device;

    if (device != NULL) {
        device->upload(params->there.value, params->value, params->total * sizeof(sc_real));
        device->upload(params->there.m, params->m, params->trained * sizeof(sc_real));
        device->upload(params->there.v, params->v, params->trained * sizeof(sc_real));
    }
}

int sc_params_pull(const sc_params *params, simclr_error *err)
{
    const sc_device *device = params->device;

    if (device == NULL) {
        return 0;
    }
    device->download(params->value, params->there.value, params->total * sizeof(sc_real));
    device->download(params->m, params->there.m, params->trained * sizeof(sc_real));
    device->download(params->v, params->there.v, params->trained * sizeof(sc_real));
    return device->wait(err);
}

int sc_params_pull_grad(const sc_params *params, simclr_error *err)
{
    const sc_device *device = params->device;

    if (device == NULL) {
        return 0;
    }
    device->download(params->grad, params->there.grad, params->trained * sizeof(sc_real));
    return device->wait(err);
}

typedef struct {
    sc_params *params;
    uint64_t seed;
} reset_args;

static void reset_entry(void *context, size_t i)
{
    const reset_args *g = context;
    const sc_param *p = &g->params->entry[i];
    sc_real *value = g->params->value + p->offset;
    sc_rng rng = sc_rng_at(g->seed, 0, (uint32_t)i, 0, SC_RNG_INIT);

    for (size_t j = 0; j < p->count; j++) {
        switch (p->init) {
        case SC_INIT_ZERO:
            value[j] = 0;
            break;
        case SC_INIT_ONE:
            value[j] = 1;
            break;
        case SC_INIT_NORMAL:
            value[j] = (sc_real)(p->init_scale * sc_rng_normal(&rng));
            break;
        case SC_INIT_UNIFORM:
            value[j] = (sc_real)sc_rng_range(&rng, -p->init_scale, p->init_scale);
            break;
        }
    }
}

void sc_params_reset(sc_params *params, uint64_t seed)
{
    reset_args g = {params, seed};

    assert(params->value != NULL);
    sc_parallel_for(params->entry_count, reset_entry, &g);
    memset(params->grad, 0, params->trained * sizeof(sc_real));
    memset(params->m, 0, params->trained * sizeof(sc_real));
    memset(params->v, 0, params->trained * sizeof(sc_real));
    sc_params_push(params);
}

long sc_params_find(const sc_params *params, const char *name)
{
    for (size_t i = 0; i < params->entry_count; i++) {
        if (strcmp(params->entry[i].name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

sc_real *sc_params_value(const sc_params *params, int index)
{
    assert(index >= 0 && (size_t)index < params->entry_count && params->value != NULL);
    return (params->device ? params->there.value : params->value) + params->entry[index].offset;
}

sc_real *sc_params_grad(const sc_params *params, int index)
{
    assert(index >= 0 && (size_t)index < params->entry_count && params->grad != NULL);
    if (params->entry[index].flags & SC_PARAM_BUFFER) {
        return NULL;
    }
    return (params->device ? params->there.grad : params->grad) + params->entry[index].offset;
}

size_t sc_params_count(const sc_params *params, size_t first, size_t count)
{
    size_t sum = 0;

    assert(first + count <= params->entry_count);
    for (size_t i = first; i < first + count; i++) {
        if (!(params->entry[i].flags & SC_PARAM_BUFFER)) {
            sum += params->entry[i].count;
        }
    }
    return sum;
}

/* Pieces of the flat gradient, whose sums of squares are kept in slots on the stack. */
enum { SLOTS = 64 };

static void zero_part(void *context, size_t part)
{
    const sc_params *params = context;
    size_t begin, end;

    sc_part_range(&begin, &end, params->trained / ALIGN, SLOTS, part);
    memset(params->grad + begin * ALIGN, 0, (end - begin) * ALIGN * sizeof(sc_real));
}

void sc_params_zero_grad(sc_params *params)
{
    if (params->device != NULL) {
        params->device->zero(params->there.grad, params->trained * sizeof(sc_real));
    } else {
        sc_parallel_for(SLOTS, zero_part, params);
    }
}

typedef struct {
    const sc_real *grad;
    size_t count;
    double sum[SLOTS];
} norm_args;

static void norm_part(void *context, size_t part)
{
    norm_args *g = context;
    size_t begin, end;
    double sum[4] = {0, 0, 0, 0};

    sc_part_range(&begin, &end, g->count / ALIGN, SLOTS, part);
    for (size_t i = begin * ALIGN; i < end * ALIGN; i += 4) {
        for (size_t j = 0; j < 4; j++) {
            sum[j] += (double)g->grad[i + j] * (double)g->grad[i + j];
        }
    }
    g->sum[part] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static size_t first_bad(const sc_params *params)
{
    for (size_t i = 0; i < params->entry_count; i++) {
        const sc_param *p = &params->entry[i];
        for (size_t j = 0; !(p->flags & SC_PARAM_BUFFER) && j < p->count; j++) {
            if (!isfinite(params->grad[p->offset + j])) {
                return i;
            }
        }
    }
    return params->entry_count;
}

double sc_params_grad_norm(const sc_params *params, size_t *bad)
{
    norm_args g = {.grad = params->grad, .count = params->trained};
    double sum = 0;

    sc_parallel_for(SLOTS, norm_part, &g);
    for (size_t i = 0; i < SLOTS; i++) {
        sum += g.sum[i];
    }
    if (bad != NULL) {
        *bad = isfinite(sum) ? params->entry_count : first_bad(params);
    }
    return sqrt(sum);
}
