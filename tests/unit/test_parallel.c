/* SPDX-License-Identifier: MIT
 *
 * test_parallel.c - every part runs once, the same sums come out for any number of threads.
 */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/parallel.h"

enum { PARTS = 37, ITEMS = 10007 };

typedef struct {
    int calls[PARTS];
    float sum[PARTS];
    int index_bad;
} work;

static void inner_part(void *context, size_t part)
{
    (void)part;
    ++*(int *)context;
}

static void do_part(void *context, size_t part)
{
    work *w = context;
    size_t begin, end;
    int nested = 0;

    if (sc_parallel_index() < 0 || sc_parallel_index() >= sc_parallel_threads())
        w->index_bad = 1;
    sc_part_range(&begin, &end, ITEMS, PARTS, part);
    float sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += 1.0f / (float)(i + 1);
    w->sum[part] = sum;
    sc_parallel_for(5, inner_part, &nested); /* serial: no race on nested */
    w->calls[part] += nested / 5;
}

static void *run_with_threads(void *context)
{
    work *w = context;
    sc_parallel_set_threads(w->calls[0]);
    w->calls[0] = 0;
    sc_parallel_for(PARTS, do_part, w);
    return NULL;
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    float want[PARTS];
    for (int threads = 1; threads <= 8; threads++) {
        work w = {.calls = {threads}};
        run_with_threads(&w);
        assert_int_equal(sc_parallel_threads(), threads);
        assert_false(w.index_bad);
        for (int i = 0; i < PARTS; i++)
            assert_int_equal(w.calls[i], 1);
        if (threads == 1)
            memcpy(want, w.sum, sizeof want);
        assert_memory_equal(want, w.sum, sizeof want);
    }
}

static void each_calling_thread_has_its_own_setting(void **state)
{
    (void)state;
    work a = {.calls = {2}}, b = {.calls = {1}};
    pthread_t ta, tb;
    sc_parallel_set_threads(3);
    assert_int_equal(pthread_create(&ta, NULL, run_with_threads, &a), 0);
    assert_int_equal(pthread_create(&tb, NULL, run_with_threads, &b), 0);
    pthread_join(ta, NULL);
    pthread_join(tb, NULL);
    assert_int_equal(sc_parallel_threads(), 3);
    assert_memory_equal(a.sum, b.sum, sizeof a.sum);
    sc_parallel_set_threads(0);
    assert_int_equal(sc_parallel_threads(), 1);
}

enum { WAITED_MS = 20000 }; /* far longer than the other parts take */

/* The first part ends when all others have run, or after WAITED_MS. */
static void wait_in_first_part(void *context, size_t part)
{
    atomic_int *done = context;
    for (int i = 0; part == 0 && i < WAITED_MS && atomic_load(done) < PARTS - 1; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (part > 0 || atomic_load(done) == PARTS - 1)
        atomic_fetch_add(done, 1);
}

static void others_take_what_a_slow_thread_has_not_begun(void **state)
{
    (void)state;
    for (int threads = 2; threads <= 4; threads++) {
        atomic_int done = 0;
        sc_parallel_set_threads(threads);
        sc_parallel_for(PARTS, wait_in_first_part, &done);
        assert_int_equal(atomic_load(&done), PARTS);
    }
}

/* Also where there are fewer items than ranges, which threads take from either end. */
static void ranges_are_even_and_cover_all(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        for (size_t parts = 1; parts < 12; parts++) {
            size_t at = 0;
            for (size_t i = 0; i < parts; i++) {
                size_t begin, end;
                sc_part_range(&begin, &end, n, parts, i);
                assert_int_equal(begin, at);
                assert_int_equal(begin, n * i / parts);
                at = end;
            }
            assert_int_equal(at, n);
        }
    }
}

static void nothing_to_do(void **state)
{
    (void)state;
    sc_parallel_for(0, do_part, NULL);
    assert_true(sc_parallel_available() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(each_calling_thread_has_its_own_setting),
        cmocka_unit_test(others_take_what_a_slow_thread_has_not_begun),
        cmocka_unit_test(ranges_are_even_and_cover_all),
        cmocka_unit_test(nothing_to_do),
    };
    return sct_run(tests);
}
