/* SPDX-License-Identifier: MIT
 *
 * duplicates.c - near-duplicates by blocks of similarities.
 *
 *   tile = Q B^T of normalised rows, for blocks B at and after Q;  i ~ j  where  tile[i][j] >= threshold
 *
 * A union-find joins the two rows of each such pair as it is met, so that no list of pairs is kept.
 */
#include "eval/duplicates.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "eval/knn_blocks.h"

enum { BLOCK = 1024, ROW_PARTS = 64 };

typedef struct {
    const sc_features *features;
    const sc_backend *backend;
    sc_real threshold;
    sc_real *scale;   /* (n) */
    sc_real *q, *b;   /* (BLOCK, dim) */
    sc_real *tile;    /* (BLOCK, BLOCK) */
    uint32_t *hits;   /* (BLOCK): of a row in the tile */
    uint32_t *parent; /* (n): of the union-find; a root is the earliest row of its group */
    sc_real *best;    /* (n): the largest similarity to a later row that counts; else -1 */
    size_t q0, q_rows, b0, b_rows;
} pairs;

/* ---- all pairs ---- */

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* i is the earlier row. */
static void join(pairs *p, size_t i, size_t j, sc_real similarity)
{
    uint32_t a = root_of(p->parent, (uint32_t)i), b = root_of(p->parent, (uint32_t)j);
    if (a != b) {
        p->parent[a > b ? a : b] = a > b ? b : a;
    }
    p->best[i] = similarity > p->best[i] ? similarity : p->best[i];
}

/* Columns of row i of the tile that count: in the block of the diagonal those to the right of it. */
static size_t first_column(const pairs *p, size_t i)
{
    return p->b0 == p->q0 ? i + 1 : 0;
}

static void count_part(void *context, size_t part)
{
    const pairs *p = context;
    size_t begin, end;
    sc_part_range(&begin, &end, p->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        const sc_real *row = p->tile + i * BLOCK;
        uint32_t hits = 0;
        for (size_t j = first_column(p, i); j < p->b_rows; j++) {
            hits += row[j] >= p->threshold;
        }
        p->hits[i] = hits;
    }
}

/* Few rows of a tile have hits, and those are joined one after the other. */
static void join_tile(pairs *p)
{
    sc_parallel_for(ROW_PARTS, count_part, p);
    for (size_t i = 0; i < p->q_rows; i++) {
        const sc_real *row = p->tile + i * BLOCK;
        for (size_t j = first_column(p, i); p->hits[i] > 0; j++) {
            if (row[j] >= p->threshold) {
                join(p, p->q0 + i, p->b0 + j, row[j]);
                p->hits[i]--;
            }
        }
    }
}

static int compare_all(pairs *p, const simclr_observer *observer, simclr_error *err)
{
    const sc_features *f = p->features;
    for (p->q0 = 0; p->q0 < f->n; p->q0 += BLOCK) {
        p->q_rows = sc_knn_smaller(f->n - p->q0, BLOCK);
        sc_knn_unit_rows(p->q, f, p->scale, p->q0, p->q_rows);
        for (p->b0 = p->q0; p->b0 < f->n; p->b0 += BLOCK) {
            p->b_rows = sc_knn_smaller(f->n - p->b0, BLOCK);
            sc_knn_unit_rows(p->b, f, p->scale, p->b0, p->b_rows);
            p->backend->gemm(p->tile, BLOCK, p->q, f->dim, false, p->b, f->dim, true, p->q_rows,
                             p->b_rows, f->dim, false);
            join_tile(p);
        }
        if (sc_stop_asked(observer)) {
            return sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while comparing images");
        }
        sc_say(observer, SIMCLR_PROGRESS, "comparing  %zu/%zu images", p->q0 + p->q_rows, f->n);
    }
    return 0;
}

static void pairs_close(pairs *p)
{
    sc_free(p->scale);
    sc_free(p->q);
    sc_free(p->b);
    sc_free(p->tile);
    sc_free(p->hits);
    sc_free(p->parent);
    sc_free(p->best);
}

/* To be closed also after a failure. */
static int pairs_open(pairs *p, simclr_error *err)
{
    size_t n = p->features->n, dim = p->features->dim;
    p->scale = sc_alloc(n, sizeof *p->scale, err);
    p->q = sc_alloc(BLOCK * dim, sizeof *p->q, err);
    p->b = sc_alloc(BLOCK * dim, sizeof *p->b, err);
    p->tile = sc_alloc((size_t)BLOCK * BLOCK, sizeof *p->tile, err);
    p->hits = sc_alloc(BLOCK, sizeof *p->hits, err);
    p->parent = sc_alloc(n, sizeof *p->parent, err);
    p->best = sc_alloc(n, sizeof *p->best, err);
    if (!p->scale || !p->q || !p->b || !p->tile || !p->hits || !p->parent || !p->best) {
        return SIMCLR_E_MEMORY;
    }
    sc_knn_scales(p->scale, p->features);
    for (size_t i = 0; i < n; i++) {
        p->parent[i] = (uint32_t)i;
        p->best[i] = -1;
    }
    return 0;
}

/* ---- groups ---- */

/* A row of a group, with what its place follows from. */
typedef struct {
    uint32_t size; /* of the group */
    sc_real pair;  /* similarity of the group's most similar pair */
    uint32_t root; /* the group */
    sc_real similarity;
    uint32_t row;
} member;

static int falling(double a, double b)
{
    return (a < b) - (a > b);
}

static int by_place(const void *x, const void *y)
{
    const member *a = x, *b = y;
    int order = falling(a->size, b->size);
    order = order ? order : falling((double)a->pair, (double)b->pair);
    order = order ? order : falling(b->root, a->root);
    order = order ? order : falling((double)a->similarity, (double)b->similarity);
    return order ? order : falling(b->row, a->row);
}

static sc_real cosine(const pairs *p, uint32_t i, uint32_t j)
{
    size_t dim = p->features->dim;
    const sc_real *a = p->features->x + i * dim, *b = p->features->x + j * dim;
    double sum = 0.0;
    for (size_t k = 0; k < dim; k++) {
        sum += (double)a[k] * (double)b[k];
    }
    return (sc_real)(sum * (double)p->scale[i] * (double)p->scale[j]);
}

/* size and first (n) of the root of each group: how many rows, the earlier of its most similar pair. */
static void measure_groups(pairs *p, uint32_t *size, uint32_t *first)
{
    for (size_t i = 0; i < p->features->n; i++) {
        uint32_t root = root_of(p->parent, (uint32_t)i);
        if (size[root]++ == 0 || p->best[i] > p->best[first[root]]) {
            first[root] = (uint32_t)i;
        }
    }
}

static size_t list_members(member *list, pairs *p, const uint32_t *size, const uint32_t *first)
{
    size_t count = 0;
    for (size_t i = 0; i < p->features->n; i++) {
        uint32_t root = root_of(p->parent, (uint32_t)i), row = (uint32_t)i;
        if (size[root] < 2) {
            continue;
        }
        /* Above every cosine, rounded ones included, so that the first is the first. */
        sc_real similarity = row == first[root] ? 2 : cosine(p, first[root], row);
        list[count++] = (member){size[root], p->best[first[root]], root, similarity, row};
    }
    return count;
}

static int list_groups(sc_duplicate *out, size_t *sizes, size_t *groups, pairs *p,
                       simclr_error *err)
{
    size_t n = p->features->n;
    uint32_t *size = sc_alloc(n, sizeof *size, err), *first = sc_alloc(n, sizeof *first, err);
    member *list = sc_alloc(n, sizeof *list, err);
    int rc = size && first && list ? 0 : SIMCLR_E_MEMORY;
    *groups = 0;
    if (rc == 0) {
        measure_groups(p, size, first);
        size_t count = list_members(list, p, size, first);
        qsort(list, count, sizeof *list, by_place);
        for (size_t i = 0; i < count; i++) {
            bool begins = list[i].row == first[list[i].root];
            out[i] = (sc_duplicate){list[i].row, begins ? 1 : list[i].similarity};
            if (begins) {
                sizes[(*groups)++] = list[i].size;
            }
        }
    }
    sc_free(list);
    sc_free(first);
    sc_free(size);
    return rc;
}

int sc_duplicates(sc_duplicate *out, size_t *size, size_t *groups, const sc_features *features,
                  double threshold, const sc_backend *backend, const simclr_observer *observer,
                  simclr_error *err)
{
    *groups = 0;
    if (!(threshold > 0.0 && threshold <= 1.0)) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "duplicates: threshold %g; expected a cosine above 0, up to 1", threshold);
    }
    int rc = sc_features_check(features, "duplicates", false, err);
    if (rc < 0) {
        return rc;
    }
    pairs p = {.features = features,
               .backend = backend,
               .threshold = (sc_real)(threshold - SC_DUPLICATES_ROUNDING)};
    rc = pairs_open(&p, err);
    if (rc == 0) {
        rc = compare_all(&p, observer, err);
    }
    if (rc == 0) {
        rc = list_groups(out, size, groups, &p, err);
    }
    pairs_close(&p);
    return rc;
}
