/* SPDX-License-Identifier: MIT
 *
 * test_shapes.c - the generated data set: same for the same seed, balanced, and pixels that say
 * little: 10-nearest-neighbour accuracy on raw pixels stays under 40 %.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"

enum { PIXELS = 32 * 32 * 3, K = 10 };

static sc_dataset *open_shapes(const char *spec, const char *split, uint64_t seed)
{
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = split;
    options.seed = seed;
    assert_int_equal(sc_dataset_open(&ds, spec, &options, NULL), 0);
    return ds;
}

static const uint8_t *pixels(const sc_dataset *ds, size_t i)
{
    sc_image image;
    assert_int_equal(sc_dataset_read(&image, ds, i, NULL), 0);
    assert_false(image.owned);
    return image.pixels;
}

static void pure_function(void **state)
{
    (void)state;
    sc_dataset *a = open_shapes("shapes:120", "train", 1), *b = open_shapes("shapes:60", "all", 1);
    sc_dataset *c = open_shapes("shapes:60", "train", 2), *t = open_shapes("shapes:60", "test", 1);
    assert_int_equal(sc_dataset_count(a), 120);
    assert_int_equal(sc_dataset_count(b), 70);
    assert_int_equal(sc_dataset_count(t), 10);
    assert_memory_equal(pixels(a, 59), pixels(b, 59), PIXELS);
    assert_memory_equal(pixels(b, 60), pixels(t, 0), PIXELS);
    assert_memory_not_equal(pixels(a, 0), pixels(c, 0), PIXELS);
    assert_memory_not_equal(pixels(a, 0), pixels(t, 0), PIXELS);
    assert_int_equal(sc_dataset_label(a, 27), 7);
    assert_string_equal(sc_dataset_class_name(a, 7), "checker");
    sc_dataset_close(a);
    sc_dataset_close(b);
    sc_dataset_close(c);
    sc_dataset_close(t);
}

static void default_sizes(void **state)
{
    (void)state;
    sc_dataset *test = open_shapes("shapes", "test", 0);
    assert_int_equal(sc_dataset_count(test), 1000);
    sc_dataset_close(test);
    sc_dataset *ds;
    assert_int_equal(sc_dataset_open(&ds, "shapes:many", NULL, NULL), SIMCLR_E_USAGE);
}

static long distance(const uint8_t *a, const uint8_t *b)
{
    long sum = 0;
    for (int i = 0; i < PIXELS; i++) {
        int d = a[i] - b[i];
        sum += d * d;
    }
    return sum;
}

static int vote(const sc_dataset *train, const uint8_t *query)
{
    long best[K];
    int label[K], votes[10] = {0}, winner = 0;
    for (int k = 0; k < K; k++) {
        best[k] = -1;
    }
    for (size_t i = 0; i < sc_dataset_count(train); i++) {
        long d = distance(pixels(train, i), query);
        int at = K;
        while (at > 0 && (best[at - 1] < 0 || best[at - 1] > d)) {
            at--;
        }
        if (at < K) {
            memmove(best + at + 1, best + at, (size_t)(K - 1 - at) * sizeof *best);
            memmove(label + at + 1, label + at, (size_t)(K - 1 - at) * sizeof *label);
            best[at] = d;
            label[at] = sc_dataset_label(train, i);
        }
    }
    for (int k = 0; k < K; k++) {
        votes[label[k]]++;
    }
    for (int c = 1; c < 10; c++) {
        winner = votes[c] > votes[winner] ? c : winner;
    }
    return winner;
}

static void pixels_say_little(void **state)
{
    (void)state;
    sc_dataset *train = open_shapes("shapes:3000", "train", 0);
    sc_dataset *test = open_shapes("shapes:1200", "test", 0);
    size_t right = 0, n = sc_dataset_count(test);
    for (size_t i = 0; i < n; i++) {
        right += vote(train, pixels(test, i)) == sc_dataset_label(test, i);
    }
    print_message("raw-pixel 10-NN: %.1f %%\n", 100.0 * (double)right / (double)n);
    assert_true(right * 100 <= n * 40);
    sc_dataset_close(train);
    sc_dataset_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pure_function),
        cmocka_unit_test(default_sizes),
        cmocka_unit_test(pixels_say_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
