/* SPDX-License-Identifier: MIT
 *
 * test_nearest.c - the k nearest of a stream against qsort: random, sorted, constant and tied
 * similarities, any cut of the stream into calls, and -infinity, which is nobody's neighbour.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "eval/nearest.h"

enum { MOST = 3000 };

static int by_nearness(const void *a, const void *b)
{
    const sc_neighbour *x = a, *y = b;
    if (x->similarity > y->similarity || x->similarity < y->similarity) {
        return x->similarity > y->similarity ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

/* Offers n similarities, `step` a call and then one more each time, and compares with qsort. */
static void compare(const sc_real *similarity, size_t n, size_t k, size_t step)
{
    sc_neighbour *all = calloc(n, sizeof *all), *list = calloc(sc_nearest_room(k), sizeof *list);
    sc_nearest nearest;
    sc_nearest_begin(&nearest, list, k);
    for (size_t first = 0; first < n; first += step, step++) {
        sc_nearest_offer(&nearest, similarity + first, first, n - first < step ? n - first : step);
    }
    sc_nearest_sort(&nearest);
    for (size_t i = 0; i < n; i++) {
        all[i] = (sc_neighbour){similarity[i], (uint32_t)i};
    }
    qsort(all, n, sizeof *all, by_nearness);
    for (size_t i = 0; i < k; i++) {
        assert_int_equal(list[i].index, all[i].index);
        assert_true(list[i].similarity >= all[i].similarity &&
                    list[i].similarity <= all[i].similarity);
    }
    free(all);
    free(list);
}

typedef sc_real (*draw)(sc_rng *rng, size_t i);

static sc_real random_value(sc_rng *rng, size_t i)
{
    (void)i;
    return (sc_real)(2 * sc_rng_uniform(rng) - 1);
}

static sc_real few_values(sc_rng *rng, size_t i)
{
    (void)i;
    return (sc_real)sc_rng_below(rng, 3) / 4;
}

static sc_real rising(sc_rng *rng, size_t i)
{
    (void)rng;
    return (sc_real)i / MOST;
}

static sc_real falling(sc_rng *rng, size_t i)
{
    (void)rng;
    return -(sc_real)i / MOST;
}

static sc_real constant(sc_rng *rng, size_t i)
{
    (void)rng;
    (void)i;
    return (sc_real)-1;
}

static sc_real hill(sc_rng *rng, size_t i)
{
    (void)rng;
    return (sc_real)(i % 1000 < 500 ? i % 1000 : 1000 - i % 1000) / 500;
}

static void test_against_qsort(void **state)
{
    (void)state;
    static const draw draws[] = {random_value, few_values, rising, falling, constant, hill};
    static const size_t size[] = {1, 2, 15, 16, 17, 100, 333, MOST}, ks[] = {1, 2, 10, 100, 200};
    sc_real *similarity = calloc(MOST, sizeof *similarity);
    for (size_t d = 0; d < sizeof draws / sizeof *draws; d++) {
        sc_rng rng = sc_rng_at(1, (uint32_t)d, 0, 0, SC_RNG_PROBE);
        for (size_t i = 0; i < MOST; i++) {
            similarity[i] = draws[d](&rng, i);
        }
        for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
            for (size_t i = 0; i < sizeof ks / sizeof *ks && ks[i] <= size[s]; i++) {
                compare(similarity, size[s], ks[i], 1);
                compare(similarity, size[s], ks[i], MOST);
            }
            compare(similarity, size[s], size[s], 7); /* everybody is a neighbour */
        }
    }
    free(similarity);
}

static void test_minus_infinity_is_nobody(void **state)
{
    (void)state;
    sc_real similarity[40];
    sc_neighbour *list = calloc(sc_nearest_room(3), sizeof *list);
    sc_nearest nearest;
    for (size_t i = 0; i < 40; i++) {
        similarity[i] = i % 13 == 5 ? (sc_real)-1 : -(sc_real)INFINITY;
    }
    sc_nearest_begin(&nearest, list, 3);
    sc_nearest_offer(&nearest, similarity, 0, 40);
    sc_nearest_sort(&nearest);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(list[i].index, 5 + 13 * i);
    }
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_qsort),
        cmocka_unit_test(test_minus_infinity_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
