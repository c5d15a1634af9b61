/* SPDX-License-Identifier: MIT
 *
 * knn_host.c - k-NN on the processor.
 *
 * A block of queries meets the bank block by block: one GEMM gives a tile of similarities, and each
 * query keeps its nearest of them (nearest.h).  A bank block is normalised again for every block of
 * queries, which costs less than a second bank in memory.
 */
#include <math.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "eval/knn_blocks.h"

enum { ROW_PARTS = 64 };

/* ---- normalised rows ---- */

typedef struct {
    sc_real *out;
    const sc_features *features;
    const sc_real *scale;
    size_t first, rows;
} unit_rows;

static sc_real inverse_norm(const sc_real *x, size_t dim)
{
    double sum = 0.0;
    for (size_t j = 0; j < dim; j++) {
        sum += (double)x[j] * (double)x[j];
    }
    sc_real inverse = (sc_real)(1.0 / sqrt(sum));
    return isfinite(inverse) ? inverse : (sc_real)0;
}

static void scales_part(void *context, size_t part)
{
    const unit_rows *u = context;
    size_t begin, end, dim = u->features->dim;
    sc_part_range(&begin, &end, u->features->n, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        u->out[i] = inverse_norm(u->features->x + i * dim, dim);
    }
}

void sc_knn_scales(sc_real *scale, const sc_features *features)
{
    unit_rows u = {.out = scale, .features = features};
    sc_parallel_for(ROW_PARTS, scales_part, &u);
}

static void unit_part(void *context, size_t part)
{
    const unit_rows *u = context;
    size_t begin, end, dim = u->features->dim;
    sc_part_range(&begin, &end, u->rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        size_t row = u->first + i;
        const sc_real *x = u->features->x + row * dim;
        sc_real scale = u->scale ? u->scale[row] : inverse_norm(x, dim);
        for (size_t j = 0; j < dim; j++) {
            u->out[i * dim + j] = x[j] * scale;
        }
    }
}

void sc_knn_unit_rows(sc_real *out, const sc_features *features, const sc_real *scale, size_t first,
                      size_t rows)
{
    unit_rows u = {out, features, scale, first, rows};
    sc_parallel_for(ROW_PARTS, unit_part, &u);
}

/* ---- the search ---- */

static void scan_part(void *context, size_t part)
{
    sc_knn_blocks *s = context;
    sc_knn_host *h = &s->host;
    size_t begin, end;
    sc_part_range(&begin, &end, s->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        sc_real *tile = h->tile + i * h->b_block;
        size_t self = s->q0 + i;
        if (s->exclude_self && self >= h->b0 && self < h->b0 + h->b_rows) {
            tile[self - h->b0] = -(sc_real)INFINITY;
        }
        sc_nearest_offer(&h->found[i], tile, h->b0, h->b_rows);
    }
}

static void sort_part(void *context, size_t part)
{
    sc_knn_blocks *s = context;
    size_t begin, end;
    sc_part_range(&begin, &end, s->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        sc_nearest_sort(&s->host.found[i]);
    }
}

void sc_knn_host_block(sc_knn_blocks *s)
{
    sc_knn_host *h = &s->host;
    size_t dim = s->bank->dim;
    sc_knn_unit_rows(h->q, s->query, NULL, s->q0, s->q_rows);
    for (size_t i = 0; i < s->q_rows; i++) {
        sc_nearest_begin(&h->found[i], h->lists + i * s->stride, s->k);
    }
    for (h->b0 = 0; h->b0 < s->bank->n; h->b0 += h->b_rows) {
        h->b_rows = sc_knn_smaller(s->bank->n - h->b0, h->b_block);
        sc_knn_unit_rows(h->b, s->bank, h->bank_scale, h->b0, h->b_rows);
        h->backend->gemm(h->tile, h->b_block, h->q, dim, false, h->b, dim, true, s->q_rows,
                         h->b_rows, dim, false);
        sc_parallel_for(ROW_PARTS, scan_part, s);
    }
    sc_parallel_for(ROW_PARTS, sort_part, s);
}

void sc_knn_host_close(sc_knn_blocks *s)
{
    sc_knn_host *h = &s->host;
    sc_free(h->bank_scale);
    sc_free(h->q);
    sc_free(h->b);
    sc_free(h->tile);
    sc_free(h->found);
    sc_free(h->lists);
}

int sc_knn_host_open(sc_knn_blocks *s, const sc_backend *backend, simclr_error *err)
{
    size_t dim = s->bank->dim, room = sc_nearest_room(s->k);
    size_t fit = SC_KNN_LIST_BYTES / (room * sizeof(sc_neighbour));
    sc_knn_host *h = &s->host;
    *h = (sc_knn_host){.backend = backend, .b_block = sc_knn_smaller(s->bank->n, SC_KNN_ROWS)};
    s->q_block = sc_knn_smaller(sc_knn_smaller(s->query->n, SC_KNN_QUERIES), fit > 0 ? fit : 1);
    s->stride = room;
    h->bank_scale = sc_alloc(s->bank->n, sizeof *h->bank_scale, err);
    h->q = sc_alloc(s->q_block * dim, sizeof *h->q, err);
    h->b = sc_alloc(h->b_block * dim, sizeof *h->b, err);
    h->tile = sc_alloc(s->q_block * h->b_block, sizeof *h->tile, err);
    h->found = sc_alloc(s->q_block, sizeof *h->found, err);
    s->near = h->lists = sc_alloc(s->q_block * room, sizeof *h->lists, err);
    if (!h->bank_scale || !h->q || !h->b || !h->tile || !h->found || !h->lists) {
        sc_knn_host_close(s);
        return SIMCLR_E_MEMORY;
    }
    sc_knn_scales(h->bank_scale, s->bank);
    return SIMCLR_OK;
}
