/* SPDX-License-Identifier: MIT
 *
 * test_params.c - the table of parameters: layout, lookup, initial values, norm of the gradient.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "nn/params.h"

static sc_params three_entries(void)
{
    sc_params p = {0};
    simclr_error err;
    static const sc_param a = {.name = "a.weight",
                               .shape = {8, 3, 5, 5},
                               .ndim = 4,
                               .flags = SC_PARAM_DECAY | SC_PARAM_ADAPT,
                               .init = SC_INIT_NORMAL,
                               .init_scale = 0.5};
    static const sc_param b = {.name = "a.running_var",
                               .shape = {7},
                               .ndim = 1,
                               .flags = SC_PARAM_BUFFER,
                               .init = SC_INIT_ONE};
    static const sc_param c = {
        .name = "b.bias", .shape = {5}, .ndim = 1, .init = SC_INIT_UNIFORM, .init_scale = 0.25};
    static const sc_param d = {.name = "a.num_batches_tracked",
                               .flags = SC_PARAM_BUFFER | SC_PARAM_COUNTER};

    assert_int_equal(sc_params_add(&p, &a, &err), 0);
    assert_int_equal(sc_params_add(&p, &b, &err), 1);
    assert_int_equal(sc_params_add(&p, &c, &err), 2);
    assert_int_equal(sc_params_add(&p, &d, &err), 3);
    sct_assert_error(sc_params_add(&p, &a, &err), &err, SIMCLR_E_INTERNAL, "a.weight");
    sct_assert_ok(sc_params_alloc(&p, &err), &err);
    return p;
}

static void layout(void **state)
{
    (void)state;
    sc_params p = three_entries();

    assert_int_equal(p.entry[0].count, 600);
    assert_int_equal(p.entry[3].count, 1);
    assert_true(p.entry[2].offset < p.trained && p.entry[1].offset >= p.trained);
    for (size_t i = 0; i < p.entry_count; i++) {
        assert_int_equal(p.entry[i].offset * sizeof(sc_real) % 64, 0);
        assert_int_equal((uintptr_t)sc_params_value(&p, (int)i) % 64, 0);
        assert_true(p.entry[i].offset + p.entry[i].count <= p.total);
    }
    assert_null(sc_params_grad(&p, 1));
    assert_int_equal(sc_params_find(&p, "b.bias"), 2);
    assert_int_equal(sc_params_find(&p, "b.bia"), -1);
    assert_int_equal(sc_params_count(&p, 0, 4), 605);
    sc_params_close(&p);
}

static void initial_values(void **state)
{
    (void)state;
    sc_params p = three_entries(), q = three_entries();
    double mean = 0, square = 0;

    sc_parallel_set_threads(1);
    sc_params_reset(&p, 42);
    sc_parallel_set_threads(2);
    sc_params_reset(&q, 42);
    sct_assert_equal_bits("threads", q.value, p.value, p.total);
    for (size_t i = 0; i < 600; i++) {
        mean += (double)p.value[i] / 600;
        square += (double)p.value[i] * (double)p.value[i] / 600;
    }
    /* standard error of the mean 0.5 / sqrt 600 = 0.02, of the deviation 0.0144: five of them */
    assert_true(fabs(mean) < 0.1 && fabs(sqrt(square) - 0.5) < 0.072);
    for (size_t i = 0; i < 7; i++)
        assert_true(sc_params_value(&p, 1)[i] == 1);
    for (size_t i = 0; i < 5; i++)
        assert_true(fabs((double)sc_params_value(&p, 2)[i]) <= 0.25);
    sc_params_reset(&q, 43);
    assert_memory_not_equal(p.value, q.value, 600 * sizeof(sc_real));
    sc_params_close(&p);
    sc_params_close(&q);
}

static void gradient_norm(void **state)
{
    (void)state;
    sc_params p = three_entries();
    double sum = 0, one, two;
    size_t bad;

    for (int i = 0; i <= 2; i += 2) {
        sct_fill_normal(sc_params_grad(&p, i), p.entry[i].count);
        for (size_t j = 0; j < p.entry[i].count; j++)
            sum += pow((double)sc_params_grad(&p, i)[j], 2);
    }
    sc_parallel_set_threads(1);
    one = sc_params_grad_norm(&p, &bad);
    sc_parallel_set_threads(2);
    two = sc_params_grad_norm(&p, NULL);
    assert_true(fabs(one - sqrt(sum)) < 1e-12 * sqrt(sum));
    assert_memory_equal(&one, &two, sizeof one);
    assert_int_equal(bad, p.entry_count);
    sc_params_grad(&p, 2)[3] = (sc_real)NAN;
    assert_true(isnan(sc_params_grad_norm(&p, &bad)));
    assert_int_equal(bad, 2);
    sc_params_zero_grad(&p);
    assert_true(sc_params_grad_norm(&p, &bad) == 0);
    sc_params_close(&p);
}

static void no_memory(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        sc_params p = {0};
        simclr_error err = {0};
        sc_param entry = {.name = "w", .shape = {4}, .ndim = 1};
        sc_alloc_fail_at(n);
        int rc = sc_params_add(&p, &entry, &err);
        if (rc >= 0)
            rc = sc_params_alloc(&p, &err);
        sc_alloc_fail_at(0);
        sct_assert_error(rc, &err, SIMCLR_E_MEMORY, NULL);
        sc_params_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(initial_values),
        cmocka_unit_test(gradient_norm),
        cmocka_unit_test(no_memory),
    };
    return sct_run(tests);
}
