/* SPDX-License-Identifier: MIT
 *
 * knn.c - exact nearest neighbours by cosine similarity, and classification by their vote.
 *
 *   sim(q, b) = <q, b> / (|q| |b|),   score_c(q) = sum over the k nearest b with label c of v(b),
 *   v = 1 (majority) or exp(sim / temperature) (weighted; Wu et al. 2018, section 3.4)
 */
#include "eval/knn.h"

#include <math.h>

#include "core/alloc.h"
#include "eval/knn_blocks.h"

/* ---- search ---- */

static int check_search(const sc_knn_blocks *s, simclr_error *err)
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
    return SIMCLR_OK;
}

/* bank, query, k and exclude_self are set. */
static int search_open(sc_knn_blocks *s, const sc_knn_place *place, simclr_error *err)
{
    simclr_error why = {0};
    int rc = check_search(s, err);
    if (rc == 0 && place->device != NULL) {
        s->on_device = sc_knn_device_open(s, place->device, &why) == 0;
        if (s->on_device) {
            return SIMCLR_OK;
        }
        if (why.code != SIMCLR_E_MEMORY) {
            return sc_fail(err, why.code, "%s", why.text);
        }
        sc_say(place->observer, SIMCLR_WARNING, "k-NN on the processor: %s", why.text);
    }
    return rc ? rc : sc_knn_host_open(s, place->backend, err);
}

static void search_close(sc_knn_blocks *s)
{
    if (s->on_device) {
        sc_knn_device_close(s);
    } else {
        sc_knn_host_close(s);
    }
}

/* The neighbours of the queries from q0 on, as many as fit a block. */
static int search_block(sc_knn_blocks *s, size_t q0, simclr_error *err)
{
    s->q0 = q0;
    s->q_rows = sc_knn_smaller(s->query->n - q0, s->q_block);
    if (s->on_device) {
        return sc_knn_device_block(s, err);
    }
    sc_knn_host_block(s);
    return SIMCLR_OK;
}

int sc_knn_search(uint32_t *index, sc_real *similarity, const sc_features *bank,
                  const sc_features *query, const sc_knn_search_options *options,
                  const sc_knn_place *place, simclr_error *err)
{
    sc_knn_blocks s = {
        .bank = bank, .query = query, .k = options->k, .exclude_self = options->exclude_self};
    int rc = sc_features_check(bank, "k-NN bank", false, err);
    rc = rc ? rc : sc_features_check(query, "k-NN queries", false, err);
    rc = rc ? rc : search_open(&s, place, err);
    if (rc) {
        return rc;
    }
    for (size_t q0 = 0; q0 < query->n && rc == 0; q0 += s.q_block) {
        rc = search_block(&s, q0, err);
        for (size_t i = 0; i < s.q_rows * s.k && rc == 0; i++) {
            const sc_neighbour *near = &s.near[i / s.k * s.stride + i % s.k];
            index[q0 * s.k + i] = near->index;
            if (similarity) {
                similarity[q0 * s.k + i] = near->similarity;
            }
        }
        if (rc == 0 && sc_stop_asked(place->observer)) {
            rc = sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while looking for neighbours");
        }
    }
    search_close(&s);
    return rc;
}

/* ---- classification ---- */

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
                          const sc_knn_options *options, size_t votings, bool scored,
                          simclr_error *err)
{
    int rc = sc_features_check(bank, "k-NN bank", true, err);
    rc = rc ? rc : sc_features_check(query, "k-NN queries", scored, err);
    for (size_t v = 0; v < votings && !rc; v++) {
        double temperature = options[v].temperature;
        if (options[v].vote == SC_KNN_WEIGHTED && !(temperature > 0.0 && isfinite(temperature))) {
            rc = sc_fail(err, SIMCLR_E_USAGE, "k-NN: temperature %g; it must be above 0",
                         temperature);
        }
    }
    return rc;
}

/* The k nearest of a list are the first k of a longer one: the longest serves every vote.  0, which
 * the search refuses, if one of them is. */
static size_t longest_k(const sc_knn_options *options, size_t votings)
{
    size_t k = options[0].k;
    for (size_t v = 1; v < votings && k > 0; v++) {
        k = options[v].k == 0 || options[v].k > k ? options[v].k : k;
    }
    return k;
}

/* Votes on the block at work; hits are counted where the queries are labelled and top1 is asked for. */
static void vote_on_block(size_t *hits, int32_t *prediction, const sc_knn_blocks *s, double *votes,
                          const sc_knn_options *options, bool scored)
{
    for (size_t i = 0; i < s->q_rows; i++) {
        int32_t guess = vote(s->near + i * s->stride, votes, s->bank, options);
        *hits += scored && guess == s->query->label[s->q0 + i];
        if (prediction) {
            prediction[s->q0 + i] = guess;
        }
    }
}

int sc_knn_classify(double *top1, int32_t *prediction, const sc_features *bank,
                    const sc_features *query, const sc_knn_options *options, size_t votings,
                    const sc_knn_place *place, simclr_error *err)
{
    sc_knn_blocks s = {.bank = bank, .query = query, .k = longest_k(options, votings)};
    int rc = check_classify(bank, query, options, votings, top1 != NULL, err);
    rc = rc ? rc : search_open(&s, place, err);
    if (rc) {
        return rc;
    }
    double *votes = sc_alloc(sc_features_classes(bank), sizeof *votes, err);
    size_t *hits = sc_alloc(votings, sizeof *hits, err);
    rc = votes && hits ? 0 : SIMCLR_E_MEMORY;
    for (size_t q0 = 0; q0 < query->n && rc == 0; q0 += s.q_block) {
        rc = search_block(&s, q0, err);
        for (size_t v = 0; v < votings && rc == 0; v++) {
            int32_t *guesses = prediction ? prediction + v * query->n : NULL;
            vote_on_block(&hits[v], guesses, &s, votes, &options[v], top1 != NULL);
        }
    }
    for (size_t v = 0; v < votings && rc == 0 && top1; v++) {
        top1[v] = 100.0 * (double)hits[v] / (double)query->n;
    }
    sc_free(votes);
    sc_free(hits);
    search_close(&s);
    return rc;
}
