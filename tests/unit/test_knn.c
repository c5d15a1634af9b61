/* SPDX-License-Identifier: MIT
 *
 * test_knn.c - k-NN against double loops, against scikit-learn, and at its edges: ties, k too
 * large, rows without a label, any number of threads.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/eval.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/knn.h"
#include "support/support.h"

static sc_knn_place place; /* the processor's reference */

typedef struct {
    sc_real *x;
    int32_t *label;
    sc_features features;
} set;

static set make_set(size_t n, size_t dim, int classes, double distance, uint32_t seed)
{
    set s = {malloc(n * dim * sizeof(sc_real)), malloc(n * sizeof(int32_t)), {0}};
    sc_rng rng = sc_rng_at(seed, 0, 0, 0, SC_RNG_PROBE);
    for (size_t i = 0; i < n; i++) {
        s.label[i] = (int32_t)sc_rng_below(&rng, (uint32_t)classes);
        for (size_t j = 0; j < dim; j++) {
            s.x[i * dim + j] = (sc_real)sc_rng_normal(&rng);
        }
        s.x[i * dim + (size_t)s.label[i] % dim] += (sc_real)distance;
    }
    s.features = (sc_features){s.x, s.label, n, dim};
    return s;
}

static void free_set(set *s)
{
    free(s->x);
    free(s->label);
}

/* The list is right when its similarities are right, fall, and none left out is clearly larger. */
static void check_list(const uint32_t *index, const sc_real *similarity, size_t query,
                       const sc_features *bank, const sc_features *queries, size_t k, bool self)
{
    size_t larger = 0;
    for (size_t j = 0; j < k; j++) {
        assert_true(index[j] < bank->n);
        double exact = sct_cosine(queries, query, bank, index[j]);
        assert_true(fabs(exact - (double)similarity[j]) < 1e-5);
        assert_true(j == 0 || similarity[j] < similarity[j - 1] ||
                    (!(similarity[j] > similarity[j - 1]) && index[j] > index[j - 1]));
        assert_false(self && index[j] == query);
    }
    for (size_t b = 0; b < bank->n; b++) {
        larger += !(self && b == query) &&
                  sct_cosine(queries, query, bank, b) > (double)similarity[k - 1] + 1e-5;
    }
    assert_true(larger < k);
}

static void compare_search(size_t n, size_t m, size_t dim, size_t k, bool self)
{
    set bank = make_set(n, dim, 4, 1.0, 1), other = make_set(m, dim, 4, 1.0, 2);
    const sc_features *query = self ? &bank.features : &other.features;
    uint32_t *index = malloc(query->n * k * sizeof *index);
    sc_real *similarity = malloc(query->n * k * sizeof *similarity);
    sc_knn_search_options options = {k, self};
    simclr_error err;
    assert_int_equal(
        sc_knn_search(index, similarity, &bank.features, query, &options, &place, &err), 0);
    for (size_t i = 0; i < query->n; i += 1 + query->n / 40) {
        check_list(index + i * k, similarity + i * k, i, &bank.features, query, k, self);
    }
    free(index);
    free(similarity);
    free_set(&bank);
    free_set(&other);
}

static void test_search_brute_force(void **state)
{
    (void)state;
    compare_search(1, 3, 4, 1, false);
    compare_search(2, 1, 3, 1, true);
    compare_search(37, 11, 5, 37, false);
    compare_search(37, 0, 5, 36, true);
    compare_search(2100, 2060, 9, 20, false); /* more than one block of each */
    compare_search(2100, 0, 9, 200, true);
    compare_search(5000, 900, 3, 4900, false); /* long lists: smaller blocks of queries */
}

static int32_t slow_vote(const sc_features *bank, const sc_features *query, size_t q, size_t k,
                         double temperature)
{
    bool *used = calloc(bank->n, sizeof *used);
    double votes[16] = {0};
    int32_t order[16] = {0};
    size_t met = 0;
    for (size_t j = 0; j < k; j++) {
        size_t best = bank->n;
        for (size_t b = 0; b < bank->n; b++) {
            if (!used[b] && (best == bank->n ||
                             sct_cosine(query, q, bank, b) > sct_cosine(query, q, bank, best))) {
                best = b;
            }
        }
        used[best] = true;
        int32_t label = bank->label[best];
        double similarity = sct_cosine(query, q, bank, best);
        met += votes[label] > 0.0 ? 0 : 1;
        if (!(votes[label] > 0.0)) {
            order[met - 1] = label;
        }
        votes[label] += temperature > 0.0 ? exp(similarity / temperature) : 1.0;
    }
    free(used);
    int32_t best = order[0];
    for (size_t i = 1; i < met; i++) {
        best = votes[order[i]] > votes[best] ? order[i] : best;
    }
    return best;
}

static void test_classify_brute_force(void **state)
{
    (void)state;
    set bank = make_set(300, 6, 5, 1.0, 3), query = make_set(60, 6, 5, 1.0, 4);
    const sc_knn_options options[] = {
        {10, SC_KNN_MAJORITY, 0.1}, {50, SC_KNN_WEIGHTED, 0.1}, {3, SC_KNN_WEIGHTED, 0.3}};
    int32_t guess[3][60];
    double top1[3];
    simclr_error err;
    assert_int_equal(
        sc_knn_classify(top1, guess[0], &bank.features, &query.features, options, 3, &place, &err),
        0);
    for (size_t v = 0; v < 3; v++) {
        bool weighted = options[v].vote == SC_KNN_WEIGHTED;
        double hits = 0.0;
        for (size_t i = 0; i < 60; i++) {
            assert_int_equal(guess[v][i],
                             slow_vote(&bank.features, &query.features, i, options[v].k,
                                       weighted ? options[v].temperature : 0.0));
            hits += guess[v][i] == query.label[i];
        }
        assert_true(fabs(top1[v] - 100.0 * hits / 60.0) < 1e-9);
    }
    free_set(&bank);
    free_set(&query);
}

static void test_ties(void **state)
{
    (void)state;
    /* Rows 1 and 3 are the same direction at different lengths (powers of 2: exactly equal). */
    const sc_real x[] = {0, 1, 1, 0, 0, -1, 4, 0, -1, 0}, q[] = {2, 0};
    const int32_t label[] = {0, 2, 3, 1, 2}, unknown[] = {-1};
    sc_features bank = {x, label, 5, 2}, query = {q, unknown, 1, 2};
    uint32_t index[5];
    sc_real similarity[5];
    int32_t guess;
    simclr_error err;
    sc_knn_search_options options = {5, false};
    assert_int_equal(sc_knn_search(index, similarity, &bank, &query, &options, &place, &err), 0);
    const uint32_t expected[] = {1, 3, 0, 2, 4};
    assert_memory_equal(index, expected, sizeof expected);
    /* One vote each: the nearest wins, and of equally near ones the smaller index. */
    sc_knn_options vote = {4, SC_KNN_MAJORITY, 0.0};
    assert_int_equal(sc_knn_classify(NULL, &guess, &bank, &query, &vote, 1, &place, &err), 0);
    assert_int_equal(guess, 2);
    vote.k = 2;
    vote.vote = SC_KNN_WEIGHTED;
    vote.temperature = 1e-4; /* exp(1 / T) alone would overflow */
    assert_int_equal(sc_knn_classify(NULL, &guess, &bank, &query, &vote, 1, &place, &err), 0);
    assert_int_equal(guess, 2);
}

/* A row so small that 1 / |row| overflows is equally far from everything, like a row of zeros. */
static void test_tiny_rows(void **state)
{
    (void)state;
    const sc_real x[] = {1e-42f, 0, -1, 0, 1, 0, 0, 0}, q[] = {1, 0, 1e-42f, 0};
    sc_features bank = {x, NULL, 4, 2}, query = {q, NULL, 2, 2};
    uint32_t index[8];
    sc_real similarity[8];
    simclr_error err;
    sc_knn_search_options options = {4, false};
    assert_int_equal(sc_knn_search(index, similarity, &bank, &query, &options, &place, &err), 0);
    const uint32_t expected[] = {2, 0, 3, 1, 0, 1, 2, 3};
    assert_memory_equal(index, expected, sizeof expected);
    assert_true(isfinite(similarity[1]) && isfinite(similarity[4]));
}

static void test_golden(void **state)
{
    (void)state;
    sc_real x[GOLDEN_N * GOLDEN_DIM], u[GOLDEN_M * GOLDEN_DIM];
    uint32_t index[GOLDEN_M * GOLDEN_K];
    sc_real similarity[GOLDEN_M * GOLDEN_K];
    int32_t guess[GOLDEN_M];
    simclr_error err;
    for (size_t i = 0; i < GOLDEN_N * GOLDEN_DIM; i++) {
        x[i] = (sc_real)golden_x[i];
    }
    for (size_t i = 0; i < GOLDEN_M * GOLDEN_DIM; i++) {
        u[i] = (sc_real)golden_u[i];
    }
    sc_features bank = {x, golden_y, GOLDEN_N, GOLDEN_DIM};
    sc_features query = {u, golden_v, GOLDEN_M, GOLDEN_DIM};
    sc_knn_search_options options = {GOLDEN_K, false};
    assert_int_equal(sc_knn_search(index, similarity, &bank, &query, &options, &place, &err), 0);
    assert_memory_equal(index, golden_index, sizeof index);
    for (size_t i = 0; i < GOLDEN_M * GOLDEN_K; i++) {
        assert_true(fabs((double)similarity[i] - golden_similarity[i]) < 1e-6);
    }
    sc_knn_options vote = {GOLDEN_K, SC_KNN_MAJORITY, GOLDEN_TEMPERATURE};
    assert_int_equal(sc_knn_classify(NULL, guess, &bank, &query, &vote, 1, &place, &err), 0);
    assert_memory_equal(guess, golden_majority, sizeof guess);
    vote.vote = SC_KNN_WEIGHTED;
    assert_int_equal(sc_knn_classify(NULL, guess, &bank, &query, &vote, 1, &place, &err), 0);
    assert_memory_equal(guess, golden_weighted, sizeof guess);
}

static int classify(const sc_features *bank, const sc_features *query, sc_knn_options options,
                    simclr_error *err)
{
    double top1;
    return sc_knn_classify(&top1, NULL, bank, query, &options, 1, &place, err);
}

static void test_refusals(void **state)
{
    (void)state;
    set bank = make_set(8, 3, 2, 1.0, 5), query = make_set(4, 3, 2, 1.0, 6);
    sc_features b = bank.features, q = query.features;
    sc_knn_options k3 = {3, SC_KNN_WEIGHTED, 0.1}, k9 = k3, k0 = k3, cold = k3;
    sc_knn_search_options self = {8, true};
    uint32_t index[64];
    double top1[3];
    simclr_error err;
    k9.k = 9;
    k0.k = 0;
    cold.temperature = 0.0;
    assert_int_equal(classify(&b, &q, k3, &err), 0);
    assert_int_equal(classify(&b, &q, k9, &err), SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "1 to 8"));
    assert_int_equal(classify(&b, &q, k0, &err), SIMCLR_E_USAGE);
    assert_int_equal(classify(&b, &q, cold, &err), SIMCLR_E_USAGE);
    const sc_knn_options some[] = {k3, k0, k3};
    assert_int_equal(sc_knn_classify(top1, NULL, &b, &q, some, 3, &place, &err), SIMCLR_E_USAGE);
    assert_non_null(strstr(err.text, "k = 0"));
    assert_int_equal(sc_knn_search(index, NULL, &b, &b, &self, &place, &err), SIMCLR_E_USAGE);
    q.dim = 2;
    assert_int_equal(classify(&b, &q, k3, &err), SIMCLR_E_USAGE);
    q.dim = 3;
    bank.label[5] = -1;
    assert_int_equal(classify(&b, &q, k3, &err), SIMCLR_E_DATA);
    assert_non_null(strstr(err.text, "row 5 has no label"));
    bank.label[5] = 0;
    q.label = NULL;
    assert_int_equal(classify(&b, &q, k3, &err), SIMCLR_E_DATA);
    q.n = 0;
    assert_int_equal(classify(&b, &q, k3, &err), SIMCLR_E_DATA);
    q = query.features;
    query.x[7] = (sc_real)NAN;
    assert_int_equal(classify(&b, &q, k3, &err), SIMCLR_E_NUMERIC);
    free_set(&bank);
    free_set(&query);
}

static void test_separable_and_chance(void **state)
{
    (void)state;
    set bank = make_set(2000, 8, 4, 30.0, 7), query = make_set(1000, 8, 4, 30.0, 8);
    sc_knn_options options = {10, SC_KNN_MAJORITY, 0.1};
    double top1;
    simclr_error err;
    assert_int_equal(
        sc_knn_classify(&top1, NULL, &bank.features, &query.features, &options, 1, &place, &err),
        0);
    assert_true(top1 > 99.99);
    free_set(&bank);
    free_set(&query);
    bank = make_set(2000, 8, 4, 0.0, 9);
    query = make_set(1000, 8, 4, 0.0, 10);
    assert_int_equal(
        sc_knn_classify(&top1, NULL, &bank.features, &query.features, &options, 1, &place, &err),
        0);
    assert_true(top1 > 19.0 && top1 < 31.0); /* 25 +- 4.4 standard deviations */
    free_set(&bank);
    free_set(&query);
}

static void test_threads_bit_equal(void **state)
{
    (void)state;
    enum { N = 2500, K = 17 };
    set bank = make_set(N, 24, 4, 1.0, 11);
    size_t count = (size_t)N * K;
    uint32_t *index = malloc(2 * count * sizeof *index);
    sc_real *similarity = malloc(2 * count * sizeof *similarity);
    sc_knn_search_options options = {K, true};
    simclr_error err;
    int before = sc_parallel_threads();
    for (int threads = 1; threads <= 5; threads += 2) {
        size_t at = threads == 1 ? 0 : count;
        sc_parallel_set_threads(threads);
        assert_int_equal(sc_knn_search(index + at, similarity + at, &bank.features, &bank.features,
                                       &options, &place, &err),
                         0);
        if (threads > 1) {
            assert_memory_equal(index, index + count, count * sizeof *index);
            assert_memory_equal(similarity, similarity + count, count * sizeof *similarity);
        }
    }
    sc_parallel_set_threads(before);
    free(index);
    free(similarity);
    free_set(&bank);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_brute_force),
        cmocka_unit_test(test_classify_brute_force),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_tiny_rows),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_separable_and_chance),
        cmocka_unit_test(test_threads_bit_equal),
    };
    place.backend = sc_backend_ref(SC_FP32);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
