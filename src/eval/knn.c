/* SPDX-License-Identifier: MIT
 *
 * knn.c - exact nearest neighbours by cosine similarity, and classification by their vote.
 *
 *   sim(q, b) = <q, b> / (|q| |b|),   score_c(q) = sum over the k nearest b with label c of v(b),
 *   v = 1 (majority) or exp(sim / temperature) (weighted; Wu et al. 2018, section 3.4)
 *
 * A block of queries meets the bank block by block: one GEMM gives a tile of similarities, and each
 * query keeps its nearest of them (nearest.h).  A bank block is normalised again for every block of
 * queries, which costs less than a second bank in memory.
 */
#include "eval/knn.h"

#include <math.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "eval/nearest.h"

enum {
    QUERY_BLOCK = 2048, /* at most */
    BANK_BLOCK = 1024,  /* at most */
    ROW_PARTS = 64,
    LIST_BYTES = 1 << 26 /* of a block of queries; a large k makes the block smaller */
};

typedef struct {
    const sc_features *bank, *query;
    const sc_backend *backend;
    size_t k;
    bool exclude_self;
    sc_real *bank_scale; /* 1 / |row| of the whole bank */
    sc_real *q, *b;      /* normalised blocks */
    sc_real *tile;       /* (q_block, b_block) similarities */
    sc_nearest *found;   /* (q_block), sorted after search_block */
    sc_neighbour *lists; /* their candidates */
    size_t q_block, b_block;
    size_t q0, q_rows; /* the block of queries at work */
    size_t b0, b_rows; /* the block of the bank at work */
} search;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A row of zeros, or so small that 1 / |row| overflows, becomes zero: equally far from everything. */
static sc_real inverse_norm(const sc_real *x, size_t dim)
{
    double sum = 0.0;
    for (size_t j = 0; j < dim; j++) {
        sum += (double)x[j] * (double)x[j];
    }
    sc_real inverse = (sc_real)(1.0 / sqrt(sum));
    return isfinite(inverse) ? inverse : (sc_real)0;
}

static void scale_row(sc_real *out, const sc_real *x, sc_real scale, size_t dim)
{
    for (size_t j = 0; j < dim; j++) {
        out[j] = x[j] * scale;
    }
}

static void bank_norms_part(void *context, size_t part)
{
    search *s = context;
    size_t begin, end, dim = s->bank->dim;
    sc_part_range(&begin, &end, s->bank->n, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        s->bank_scale[i] = inverse_norm(s->bank->x + i * dim, dim);
    }
}

static void load_bank_part(void *context, size_t part)
{
    search *s = context;
    size_t begin, end, dim = s->bank->dim;
    sc_part_range(&begin, &end, s->b_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        size_t row = s->b0 + i;
        scale_row(s->b + i * dim, s->bank->x + row * dim, s->bank_scale[row], dim);
    }
}

static void load_query_part(void *context, size_t part)
{
    search *s = context;
    size_t begin, end, dim = s->query->dim;
    sc_part_range(&begin, &end, s->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        const sc_real *x = s->query->x + (s->q0 + i) * dim;
        scale_row(s->q + i * dim, x, inverse_norm(x, dim), dim);
    }
}

static void scan_part(void *context, size_t part)
{
    search *s = context;
    size_t begin, end;
    sc_part_range(&begin, &end, s->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        sc_real *tile = s->tile + i * s->b_block;
        size_t self = s->q0 + i;
        if (s->exclude_self && self >= s->b0 && self < s->b0 + s->b_rows) {
            tile[self - s->b0] = -(sc_real)INFINITY;
        }
        sc_nearest_offer(&s->found[i], tile, s->b0, s->b_rows);
    }
}

static void sort_part(void *context, size_t part)
{
    search *s = context;
    size_t begin, end;
    sc_part_range(&begin, &end, s->q_rows, ROW_PARTS, part);
    for (size_t i = begin; i < end; i++) {
        sc_nearest_sort(&s->found[i]);
    }
}

/* Fills found for the queries from q0 on, as many as fit a block. */
static void search_block(search *s, size_t q0)
{
    size_t dim = s->bank->dim;
    s->q0 = q0;
    s->q_rows = smaller(s->query->n - q0, s->q_block);
    sc_parallel_for(ROW_PARTS, load_query_part, s);
    for (size_t i = 0; i < s->q_rows; i++) {
        sc_nearest_begin(&s->found[i], s->lists + i * sc_nearest_room(s->k), s->k);
    }
    for (s->b0 = 0; s->b0 < s->bank->n; s->b0 += s->b_rows) {
        s->b_rows = smaller(s->bank->n - s->b0, s->b_block);
        sc_parallel_for(ROW_PARTS, load_bank_part, s);
        s->backend->gemm(s->tile, s->b_block, s->q, dim, false, s->b, dim, true, s->q_rows,
                         s->b_rows, dim, false);
        sc_parallel_for(ROW_PARTS, scan_part, s);
    }
    sc_parallel_for(ROW_PARTS, sort_part, s);
}

static void search_close(search *s)
{
    sc_free(s->bank_scale);
    sc_free(s->q);
    sc_free(s->b);
    sc_free(s->tile);
    sc_free(s->found);
    sc_free(s->lists);
}

static int search_open(search *s, simclr_error *err)
{
    size_t dim = s->bank->dim, largest = s->bank->n - (s->exclude_self ? 1 : 0);
    if (s->query->dim != dim) {
        return sc_fail(err, SIMCLR_E_USAGE, "k-NN: the bank has %zu features, the queries %zu", dim,
                       s->query->dim);
    }
    if (s->k < 1 || s->k > largest) {
        return sc_fail(err, SIMCLR_E_USAGE, "k-NN: k = %zu; with this bank it is 1 to %zu", s->k,
                       largest);
    }
    if (s->exclude_self && s->query->n > s->bank->n) {
        return sc_fail(err, SIMCLR_E_USAGE, "k-NN: %zu queries cannot all be rows of a bank of %zu",
                       s->query->n, s->bank->n);
    }
    size_t room = sc_nearest_room(s->k), lists = LIST_BYTES / (room * sizeof *s->lists);
    s->b_block = smaller(s->bank->n, BANK_BLOCK);
    s->q_block = smaller(smaller(s->query->n, QUERY_BLOCK), lists > 0 ? lists : 1);
    s->bank_scale = sc_alloc(s->bank->n, sizeof *s->bank_scale, err);
    s->q = sc_alloc(s->q_block * dim, sizeof *s->q, err);
    s->b = sc_alloc(s->b_block * dim, sizeof *s->b, err);
    s->tile = sc_alloc(s->q_block * s->b_block, sizeof *s->tile, err);
    s->found = sc_alloc(s->q_block, sizeof *s->found, err);
    s->lists = sc_alloc(s->q_block * room, sizeof *s->lists, err);
    if (!s->bank_scale || !s->q || !s->b || !s->tile || !s->found || !s->lists) {
        search_close(s);
        return SIMCLR_E_MEMORY;
    }
    sc_parallel_for(ROW_PARTS, bank_norms_part, s);
    return SIMCLR_OK;
}

int sc_knn_search(uint32_t *index, sc_real *similarity, const sc_features *bank,
                  const sc_features *query, const sc_knn_search_options *options,
                  const sc_backend *backend, simclr_error *err)
{
    search s = {.bank = bank,
                .query = query,
                .backend = backend,
                .k = options->k,
                .exclude_self = options->exclude_self};
    int rc = sc_features_check(bank, "k-NN bank", false, err);
    rc = rc ? rc : sc_features_check(query, "k-NN queries", false, err);
    rc = rc ? rc : search_open(&s, err);
    if (rc) {
        return rc;
    }
    for (size_t q0 = 0; q0 < query->n; q0 += s.q_block) {
        search_block(&s, q0);
        for (size_t i = 0; i < s.q_rows * s.k; i++) {
            const sc_neighbour *near = &s.found[i / s.k].list[i % s.k];
            index[q0 * s.k + i] = near->index;
            if (similarity) {
                similarity[q0 * s.k + i] = near->similarity;
            }
        }
    }
    search_close(&s);
    return SIMCLR_OK;
}

/* The class with most votes among near[0 .. k-1], best first; `votes` are zeros, and left so.
 * They are relative to the nearest, which changes no comparison and keeps exp in range. */
static int32_t vote(const sc_neighbour *near, double *votes, const sc_features *bank,
                    const sc_knn_options *options)
{
    double nearest = (double)near[0].similarity;
    bool weighted = options->vote == SC_KNN_WEIGHTED;
    for (size_t j = 0; j < options->k; j++) {
        double distance = (double)near[j].similarity - nearest;
        votes[bank->label[near[j].index]] += weighted ? exp(distance / options->temperature) : 1.0;
    }
    int32_t best = bank->label[near[0].index];
    for (size_t j = 1; j < options->k; j++) {
        int32_t label = bank->label[near[j].index];
        best = votes[label] > votes[best] ? label : best;
    }
    for (size_t j = 0; j < options->k; j++) {
        votes[bank->label[near[j].index]] = 0.0;
    }
    return best;
}

static int check_classify(const sc_features *bank, const sc_features *query,
                          const sc_knn_options *options, bool scored, simclr_error *err)
{
    int rc = sc_features_check(bank, "k-NN bank", true, err);
    rc = rc ? rc : sc_features_check(query, "k-NN queries", scored, err);
    if (!rc && options->vote == SC_KNN_WEIGHTED &&
        !(options->temperature > 0.0 && isfinite(options->temperature))) {
        return sc_fail(err, SIMCLR_E_USAGE, "k-NN: temperature %g; it must be above 0",
                       options->temperature);
    }
    return rc;
}

int sc_knn_classify(double *top1, int32_t *prediction, const sc_features *bank,
                    const sc_features *query, const sc_knn_options *options,
                    const sc_backend *backend, simclr_error *err)
{
    search s = {.bank = bank, .query = query, .backend = backend, .k = options->k};
    int rc = check_classify(bank, query, options, top1 != NULL, err);
    rc = rc ? rc : search_open(&s, err);
    if (rc) {
        return rc;
    }
    double *votes = sc_alloc(sc_features_classes(bank), sizeof *votes, err);
    if (!votes) {
        search_close(&s);
        return SIMCLR_E_MEMORY;
    }
    size_t hits = 0;
    for (size_t q0 = 0; q0 < query->n; q0 += s.q_block) {
        search_block(&s, q0);
        for (size_t i = 0; i < s.q_rows; i++) {
            int32_t guess = vote(s.found[i].list, votes, bank, options);
            hits += top1 && guess == query->label[q0 + i];
            if (prediction) {
                prediction[q0 + i] = guess;
            }
        }
    }
    if (top1) {
        *top1 = 100.0 * (double)hits / (double)query->n;
    }
    sc_free(votes);
    search_close(&s);
    return SIMCLR_OK;
}
