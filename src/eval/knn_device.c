/* SPDX-License-Identifier: MIT
 *
 * knn_device.c - k-NN on a device: the bank is sent once, the queries a block at a time, each with room
 * for its similarities to the whole bank.
 */
#include "core/alloc.h"
#include "eval/knn_blocks.h"

/* Of a block's similarities. */
static const size_t PRODUCT_BYTES = (size_t)256 << 20;

/* As many queries as fit, at least one. */
static size_t queries_of_block(const sc_knn_blocks *s)
{
    size_t products = PRODUCT_BYTES / (s->bank->n * sizeof(sc_real));
    size_t lists = SC_KNN_LIST_BYTES / (s->k * sizeof(sc_neighbour));
    size_t fit = sc_knn_smaller(sc_knn_smaller(products, lists), SC_KNN_QUERIES);
    return sc_knn_smaller(s->query->n, fit > 0 ? fit : 1);
}

static void plan(sc_knn_blocks *s)
{
    sc_knn_device *d = &s->there;
    size_t dim = s->bank->dim, rows = s->q_block;
    d->bank = sc_arena_take(&d->arena, s->bank->n * dim, sizeof *d->bank);
    d->query = sc_arena_take(&d->arena, rows * dim, sizeof *d->query);
    d->ask = (sc_device_nearest){
        .query = d->query,
        .bank = d->bank,
        .b_rows = s->bank->n,
        .dim = dim,
        .k = s->k,
        .product = sc_arena_take(&d->arena, rows * s->bank->n, sizeof *d->ask.product),
        .near = sc_arena_take(&d->arena, rows * s->k, sizeof *d->ask.near),
    };
}

static void send(sc_knn_device *d, sc_real *to, const sc_features *features, size_t first,
                 size_t rows)
{
    for (size_t i = 0, some; i < rows; i += some) {
        some = sc_knn_smaller(rows - i, d->at_once);
        sc_knn_unit_rows(d->rows, features, NULL, first + i, some);
        d->device->upload(to + i * features->dim, d->rows, some * features->dim * sizeof *to);
    }
}

void sc_knn_device_close(sc_knn_blocks *s)
{
    sc_arena_close(&s->there.arena);
    sc_free(s->there.rows);
    sc_free(s->there.found);
}

int sc_knn_device_open(sc_knn_blocks *s, const sc_device *device, simclr_error *err)
{
    sc_knn_device *d = &s->there;
    *d = (sc_knn_device){.device = device,
                         .arena.memory = &device->memory,
                         .at_once = sc_knn_smaller(s->bank->n, SC_KNN_ROWS)};
    s->q_block = queries_of_block(s);
    s->stride = s->k;
    plan(s); /* measures */
    int rc = sc_arena_open(&d->arena, err);
    if (rc == 0) {
        plan(s);
        d->rows = sc_alloc(d->at_once * s->bank->dim, sizeof *d->rows, err);
        s->near = d->found = sc_alloc(s->q_block * s->k, sizeof *d->found, err);
        rc = !d->rows || !d->found ? SIMCLR_E_MEMORY : 0;
    }
    if (rc == 0) {
        send(d, d->bank, s->bank, 0, s->bank->n);
        rc = device->wait(err);
    }
    if (rc < 0)
        sc_knn_device_close(s);
    return rc;
}

int sc_knn_device_block(sc_knn_blocks *s, simclr_error *err)
{
    sc_knn_device *d = &s->there;
    send(d, d->query, s->query, s->q0, s->q_rows);
    d->ask.q_rows = s->q_rows;
    d->ask.self = s->exclude_self ? s->q0 : SC_NO_SELF;
    d->device->nearest(&d->ask);
    d->device->download(d->found, d->ask.near, s->q_rows * s->k * sizeof *d->found);
    return d->device->wait(err);
}
