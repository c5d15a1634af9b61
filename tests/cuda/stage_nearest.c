/* SPDX-License-Identifier: MIT
 *
 * stage_nearest.c - the nearest rows of a bank by the device's kernels against the processor's.
 *
 * Where products are exact, neighbours must be the same ones in the same order.  Else both round: rows
 * are normalised alike, and a sum of d products of unit rows errs by less than d 2^-24.
 *
 * label: slow
 */
#include "feature_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/knn.h"

static sc_device device;
static sc_knn_place host, there;

/* Directions of which many are equal, all of length 1 and 2 times a power of 2: cosines are multiples
 * of 1/4.  Every tenth row is 0, or so small that 1 / |row| overflows. */
static void fill_few_directions(set *s)
{
    size_t dim = s->features.dim;
    for (size_t i = 0; i < s->features.n; i++) {
        sc_real *x = s->x + i * dim, size = ldexpf(1, (int)sct_below(21) - 10);
        size_t entries = dim >= 4 && sct_below(2) ? 4 : 1, at = sct_below(dim >= 4 ? 2 : dim);
        memset(x, 0, dim * sizeof *x);
        for (size_t e = 0; e < entries && i % 10 != 3; e++)
            x[(at + e * (dim / entries)) % dim] = sct_below(2) ? size : -size;
        if (i % 20 == 13)
            x[dim - 1] = 1e-42F;
    }
}

typedef struct {
    uint32_t *index;
    sc_real *similarity;
} lists;

static lists search(const set *bank, const set *query, size_t k, bool self,
                    const sc_knn_place *place)
{
    const sc_knn_search_options options = {k, self};
    size_t count = query->features.n * k;
    simclr_error err;
    lists l = {sc_alloc(count, sizeof *l.index, NULL), sc_alloc(count, sizeof *l.similarity, NULL)};
    assert_true(l.index && l.similarity);
    sct_assert_ok(sc_knn_search(l.index, l.similarity, &bank->features, &query->features, &options,
                                place, &err),
                  &err);
    return l;
}

static void close_lists(lists *l)
{
    sc_free(l->index);
    sc_free(l->similarity);
}

static bool follows(const lists *l, size_t i)
{
    return l->similarity[i] < l->similarity[i - 1] ||
           (l->similarity[i] <= l->similarity[i - 1] && l->index[i] > l->index[i - 1]);
}

/* Lists that fall, by index where they do not, whose similarities are those of their indices and as
 * large as the processor's: only neighbours nearly as far as each other may have changed places. */
static void near_lists(const lists *got, const lists *want, const set *bank, const set *query,
                       size_t k, bool self)
{
    double room = 6e-8 * (double)bank->features.dim + 2e-7;
    for (size_t i = 0; i < query->features.n * k; i++) {
        double s = (double)got->similarity[i];
        assert_true(got->index[i] < bank->features.n);
        assert_false(self && got->index[i] == i / k);
        assert_true(i % k == 0 || follows(got, i));
        double exact = sct_cosine(&query->features, i / k, &bank->features, got->index[i]);
        if (!(fabs(s - exact) <= room) || !(fabs(s - (double)want->similarity[i]) <= room))
            fail_msg("query %zu, place %zu: row %u at %.9g, which is at %.9g; row %u at %.9g",
                     i / k, i % k, got->index[i], s, exact, want->index[i],
                     (double)want->similarity[i]);
    }
}

/* One kernel more: cuda_on_cpu runs the threads of every second launch in falling order, and a search
 * is two launches. */
static void turn_order(void)
{
    sc_real *x = rig_send(NULL, sizeof *x), *y = rig_send(NULL, sizeof *y);
    device.reals->map_store(y, x, 1);
    sc_cuda_free(x);
    sc_cuda_free(y);
}

static void check(size_t n, size_t m, size_t dim, size_t k, bool self, bool exact)
{
    set bank = open_set(n, dim), query = open_set(m, dim);
    if (exact) {
        fill_few_directions(&bank);
        fill_few_directions(&query);
    }
    if (self)
        memcpy(query.x, bank.x, m * dim * sizeof *query.x);
    lists want = search(&bank, &query, k, self, &host),
          got = search(&bank, &query, k, self, &there);
    turn_order();
    lists again = search(&bank, &query, k, self, &there);
    print_message("bank %zu, %zu queries, dim %zu, k %zu%s%s\n", n, m, dim, k,
                  self ? ", without itself" : "", exact ? ", ties" : "");
    if (exact) {
        assert_memory_equal(got.index, want.index, m * k * sizeof *got.index);
        for (size_t i = 0; i < m * k; i++)
            assert_true(got.similarity[i] == want.similarity[i]);
    } else {
        near_lists(&got, &want, &bank, &query, k, self);
    }
    assert_memory_equal(got.index, again.index, m * k * sizeof *got.index);
    sct_assert_equal_bits("twice", again.similarity, got.similarity, m * k);
    close_lists(&want);
    close_lists(&got);
    close_lists(&again);
    close_set(&bank);
    close_set(&query);
}

static void against_host(void **state)
{
    static const size_t BANKS[] = {1, 2, 129, 700}, DIMS[] = {3, 64, 513};
    (void)state;
    for (size_t b = 0; b < 4; b++)
        for (size_t d = 0; d < 3; d++) {
            size_t n = BANKS[b], ks[] = {1, 10, 200, n};
            for (size_t i = 0; i < 4; i++) {
                bool self = (b + d + i) % 2 == 0;
                size_t k = ks[i] - (ks[i] == n && self), m = self ? n - n / 4 : 5;
                if (k >= 1 && k <= n - self)
                    check(n, m < 12 ? m : 12, DIMS[d], k, self, (i + d) % 2 == 0);
            }
        }
    check(129, 1, 3, 129, false, true);
    check(2200, 3, 5, 2048, false, false); /* the longest list that shared memory holds */
    check(2200, 3, 5, 2049, false, false);
    check(2200, 3, 5, 2199, true, true);
}

/* More queries than a block has: the second block's own rows begin further down. */
static void two_blocks(void **state)
{
    enum { N = 2060, K = 3 };
    set rows = open_set(N, 2);
    lists want = search(&rows, &rows, K, true, &host), got = search(&rows, &rows, K, true, &there);
    (void)state;
    near_lists(&got, &want, &rows, &rows, K, true);
    close_lists(&want);
    close_lists(&got);
    close_set(&rows);
}

/* ---- the device's call ---- */

typedef struct {
    sc_real product;
    uint32_t index;
} candidate;

static int best_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->product > y->product || x->product < y->product)
        return x->product > y->product ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* By a sort of all products, which are exact. */
static void want_nearest(sc_neighbour *near, const sc_real *q, const sc_real *bank, size_t n,
                         size_t dim, size_t k, size_t self)
{
    candidate *all = sc_alloc(n, sizeof *all, NULL);
    assert_non_null(all);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t d = 0; d < dim; d++)
            sum += (double)q[d] * (double)bank[i * dim + d];
        all[i] = (candidate){i == self ? -INFINITY : (sc_real)sum, (uint32_t)i};
    }
    qsort(all, n, sizeof *all, best_first);
    for (size_t i = 0; i < k; i++)
        near[i] = (sc_neighbour){all[i].product, all[i].index};
    sc_free(all);
}

/* `rows` queries in one call. */
static sc_neighbour *call(const sc_real *q, const sc_real *bank, size_t n, size_t dim, size_t rows,
                          size_t k, size_t self)
{
    sc_device_nearest t = {.query = rig_send(q, rows * dim * sizeof *q),
                           .bank = rig_send(bank, n * dim * sizeof *bank),
                           .q_rows = rows,
                           .b_rows = n,
                           .dim = dim,
                           .k = k,
                           .self = self,
                           .product = rig_send(NULL, rows * n * sizeof *q),
                           .near = rig_send(NULL, rows * k * sizeof *t.near)};
    device.nearest(&t);
    sc_neighbour *near = rig_fetch(t.near, rows * k * sizeof *near);
    sc_cuda_free((void *)t.query);
    sc_cuda_free((void *)t.bank);
    sc_cuda_free(t.product);
    sc_cuda_free(t.near);
    return near;
}

static void check_call(const sc_real *q, const sc_real *bank, size_t n, size_t dim, size_t k,
                       size_t self)
{
    sc_neighbour *got = call(q, bank, n, dim, 1, k, self);
    sc_neighbour *want = sc_alloc(k, sizeof *want, NULL);
    assert_non_null(want);
    want_nearest(want, q, bank, n, dim, k, self);
    for (size_t i = 0; i < k; i++) {
        if (got[i].index != want[i].index || got[i].similarity != want[i].similarity)
            fail_msg("%zu rows, place %zu of %zu: row %u at %.9g, want row %u at %.9g", n, i, k,
                     got[i].index, (double)got[i].similarity, want[i].index,
                     (double)want[i].similarity);
    }
    sc_free(got);
    sc_free(want);
}

/* Products of every size and sign, both zeros, and none but one: ties are then told by all digits of
 * the index. */
static void products_of_all_kinds(void **state)
{
    enum { N = 70000 };
    sc_real *bank = sc_alloc(N, sizeof *bank, NULL), one = 1;
    (void)state;
    assert_non_null(bank);
    sct_fill_extremes(bank, N);
    for (size_t i = 0; i < N; i++)
        bank[i] = isfinite(bank[i]) ? bank[i] : 0;
    for (size_t k = 1; k < 300; k += 23)
        check_call(&one, bank, 300, 1, k, k % 2 ? SC_NO_SELF : k);
    check_call(&one, bank, 300, 1, 299, 7);
    for (size_t i = 0; i < N; i++)
        bank[i] = -3;
    bank[N - 2] = 2;
    check_call(&one, bank, N, 1, 3, SC_NO_SELF);
    check_call(&one, bank, N, 1, 66000, N - 2);
    sc_free(bank);
}

static void cut_into_calls(void **state)
{
    enum { N = 200, DIM = 37, K = 9, FIRST = 70 };
    set bank = open_set(N, DIM);
    sc_neighbour *whole = call(bank.x, bank.x, N, DIM, N, K, 0);
    sc_neighbour *first = call(bank.x, bank.x, N, DIM, FIRST, K, 0);
    sc_neighbour *second = call(bank.x + (size_t)FIRST * DIM, bank.x, N, DIM, N - FIRST, K, FIRST);
    (void)state;
    assert_memory_equal(whole, first, FIRST * K * sizeof *whole);
    assert_memory_equal(whole + FIRST * K, second, (N - FIRST) * K * sizeof *whole);
    sc_free(whole);
    sc_free(first);
    sc_free(second);
    close_set(&bank);
}

/* Products of features are exact here and their sums are not, so that each order of them has bits of its own. */
static void sums_in_the_order_of_features(void **state)
{
    enum { N = 5, DIM = 1024 };
    sc_real *rows = sc_alloc((size_t)N * DIM, sizeof *rows, NULL);
    (void)state;
    assert_non_null(rows);
    for (size_t i = 0; i < (size_t)N * DIM; i++)
        rows[i] = (sc_real)(2048 + sct_below(2048)) * (sct_below(2) ? 1 : -1);
    sc_neighbour *near = call(rows, rows, N, DIM, N, N, SC_NO_SELF);
    for (size_t i = 0; i < (size_t)N * N; i++) {
        const sc_real *q = rows + i / N * DIM, *b = rows + near[i].index * (size_t)DIM;
        sc_real sum = 0;
        for (size_t d = 0; d < DIM; d++)
            sum += q[d] * b[d];
        assert_true(near[i].similarity == sum);
    }
    sc_free(near);
    sc_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_host),
        cmocka_unit_test(two_blocks),
        cmocka_unit_test(products_of_all_kinds),
        cmocka_unit_test(cut_into_calls),
        cmocka_unit_test(sums_in_the_order_of_features),
    };
    sc_cuda_device(&device);
    host.backend = there.backend = sc_backend_ref(SC_FP32);
    there.device = &device;
    return sct_run(tests);
}
