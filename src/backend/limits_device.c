/* SPDX-License-Identifier: MIT
 *
 * limits_device.c - the measured peak and bandwidth of a device.
 *
 * Its peak is the rate of the largest products that its table offers: gemm in fp32, and convolutions
 * 1x1 and 3x3 in the precision of the table, whichever is fastest.  Sizes grow until they take long
 * enough.  Numbers are random: zeros cost less power, and so run faster.
 */
#include "backend/limits.h"

#include "backend/device.h"
#include "core/fs.h"
#include "core/rng.h"

enum {
    SMALLEST = 128, /* side of a product; 8192^3 takes 1.4 ms at 790 TFLOP/s */
    LARGEST = 8192,
    GROWTH = 8,
    CALLS = 4, /* queued before the device is waited for */
    TRIES = 10,
    BLOCK = 1 << 18, /* random numbers, used again and again */
    COPY_SMALLEST = 1 << 18,
    COPY_LARGEST = 1 << 26 /* 256 MiB: several times a cache */
};
static const double LONG_ENOUGH = 1e-3, TRYING = 0.2; /* seconds: of one call, of all tries */

/* Fills reals in the device's memory. */
static int fill_random(sc_real *to, size_t count, const sc_device *device, simclr_error *err)
{
    sc_real *block = sc_alloc(BLOCK, sizeof *block, err);
    sc_rng rng = sc_rng_at(0, 0, 0, 0, SC_RNG_PROBE);
    if (block == NULL)
        return SIMCLR_E_MEMORY;
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (sc_real)(sc_rng_uniform(&rng) - 0.5);
    for (size_t at = 0; at < count; at += BLOCK)
        device->upload(to + at, block, (count - at < BLOCK ? count - at : BLOCK) * sizeof *block);
    int rc = device->wait(err);
    sc_free(block);
    return rc;
}

/* Seconds of one call, the best of several tries after one for warming up. */
static int time_call(double *seconds, void (*call)(const void *context), const void *context,
                     const sc_device *device, simclr_error *err)
{
    double begin = 0;
    *seconds = 0;
    for (int i = 0; i <= TRIES && (i < 2 || sc_clock() - begin < TRYING); i++) {
        double start = sc_clock();
        for (int k = 0; k < (i == 0 ? 1 : CALLS); k++)
            call(context);
        int rc = device->wait(err);
        if (rc < 0)
            return rc;
        double one = (sc_clock() - start) / CALLS;
        if (i == 0)
            begin = sc_clock();
        else if (i == 1 || one < *seconds)
            *seconds = one;
    }
    return 0;
}

/* ---- products ---- */

typedef enum { GEMM, CONV_1X1, CONV_3X3, PRODUCTS } product_kind;

typedef struct {
    const sc_backend *table;
    product_kind kind;
    sc_conv_shape shape; /* gemm: y (n h w, k) = x (n h w, c) w^T */
    size_t x_count, w_count;
    sc_real *x, *w;
    sc_map *x_map, *y;
    void *scratch;
} product;

/* The 3x3 one of an eighth of the channels and twice the pixels: where filters are packed that is
 * little beside the product. */
static sc_conv_shape shape_of(product_kind kind, size_t side)
{
    bool wide = kind == CONV_3X3;
    size_t channels = wide ? side / 8 : side, pixels = wide ? 2 * side : side, edge = 8;
    return (sc_conv_shape){.n = pixels / (edge * edge),
                           .h = edge,
                           .w = edge,
                           .c = channels,
                           .k = channels,
                           .r = wide ? 3 : 1,
                           .s = wide ? 3 : 1,
                           .p = edge,
                           .q = edge,
                           .stride = 1,
                           .pad = wide ? 1 : 0,
                           .dilation = 1,
                           .algorithm = SC_CONV_DIRECT};
}

static void plan(product *p, sc_arena *arena)
{
    const sc_conv_shape *s = &p->shape;
    size_t element = p->table->map_bytes;
    p->x = sc_arena_take(arena, p->x_count, sizeof *p->x);
    p->w = sc_arena_take(arena, p->w_count, sizeof *p->w);
    p->x_map = sc_arena_take(arena, p->x_count, element);
    p->y = sc_arena_take(arena, s->n * s->p * s->q * s->k, element);
    p->scratch = sc_arena_take(arena, p->table->conv2d_scratch(s), 1);
}

static void multiply(const void *context)
{
    const product *p = context;
    const sc_conv_shape *s = &p->shape;
    size_t rows = s->n * s->h * s->w;
    if (p->kind == GEMM)
        p->table->gemm(p->y, s->k, p->x, s->c, false, p->w, s->c, true, rows, s->k, s->c, false);
    else
        p->table->conv2d_forward(p->y, SC_NO_STATS, p->x_map, NULL, p->w, s, p->scratch);
}

static int time_product(double *seconds, double *flops, product *p, size_t side, simclr_error *err)
{
    const sc_device *device = p->table->device;
    sc_arena arena = {.memory = &device->memory};
    const sc_conv_shape *s = &p->shape;
    p->shape = shape_of(p->kind, side);
    p->x_count = s->n * s->h * s->w * s->c;
    p->w_count = s->k * s->c * s->r * s->s;
    *flops = 2.0 * (double)(s->n * s->p * s->q) * (double)p->w_count;
    plan(p, &arena); /* measures */
    int rc = sc_arena_open(&arena, err);
    if (rc == 0) {
        plan(p, &arena);
        rc = fill_random(p->x, p->x_count, device, err);
    }
    if (rc == 0)
        rc = fill_random(p->w, p->w_count, device, err);
    if (rc == 0) {
        p->table->map_store(p->x_map, p->x, p->x_count);
        rc = time_call(seconds, multiply, p, device, err);
    }
    sc_arena_close(&arena);
    return rc;
}

int sc_limits_device_peak(double *flops_per_s, const sc_backend *table, simclr_error *err)
{
    *flops_per_s = 0;
    for (product_kind kind = table->precision == SC_FP32 ? GEMM : CONV_1X1; kind < PRODUCTS;
         kind++) {
        product p = {.table = table, .kind = kind};
        double seconds = 0, flops, rate = 0;
        for (size_t side = SMALLEST; side <= LARGEST && seconds < LONG_ENOUGH; side *= GROWTH) {
            int rc = time_product(&seconds, &flops, &p, side, err);
            if (rc == SIMCLR_E_MEMORY && rate > 0)
                break; /* a smaller product must do */
            if (rc < 0)
                return rc;
            rate = flops / seconds;
        }
        *flops_per_s = rate > *flops_per_s ? rate : *flops_per_s;
    }
    return 0;
}

/* ---- copies ---- */

typedef struct {
    const sc_backend *table;
    sc_real *to, *from;
    size_t count;
} copy_task;

static void copy(const void *context)
{
    const copy_task *c = context;
    c->table->map_copy(c->to, c->from, c->count * sizeof *c->to / c->table->map_bytes);
}

static int time_copy(double *seconds, copy_task *c, simclr_error *err)
{
    const sc_device *device = c->table->device;
    sc_arena arena = {.used = 0, .memory = &device->memory};
    for (int real = 0; real < 2; real++) {
        int rc = real ? sc_arena_open(&arena, err) : 0;
        if (rc < 0)
            return rc;
        c->to = sc_arena_take(&arena, c->count, sizeof *c->to);
        c->from = sc_arena_take(&arena, c->count, sizeof *c->from);
    }
    int rc = fill_random(c->from, c->count, device, err);
    if (rc == 0)
        rc = time_call(seconds, copy, c, device, err);
    sc_arena_close(&arena);
    return rc;
}

int sc_limits_device_copy(double *bytes_per_s, const sc_backend *table, simclr_error *err)
{
    copy_task c = {.table = table};
    double seconds = 0;
    *bytes_per_s = 0;
    for (c.count = COPY_SMALLEST; c.count <= COPY_LARGEST && seconds < LONG_ENOUGH;
         c.count *= 2 * GROWTH) {
        int rc = time_copy(&seconds, &c, err);
        if (rc == SIMCLR_E_MEMORY && *bytes_per_s > 0)
            break; /* a smaller copy must do */
        if (rc < 0)
            return rc;
        *bytes_per_s = 2.0 * (double)(c.count * sizeof *c.to) / seconds;
    }
    return 0;
}
