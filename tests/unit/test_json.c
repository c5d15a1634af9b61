/* SPDX-License-Identifier: MIT
 *
 * test_json.c - strict reading, ordered writing, short numbers.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/json.h"

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\":1,}",
        "[1,]",
        "{\"a\":1} x",
        "{\"a\":1,\"a\":2}",
        "{'a':1}",
        "[01]",
        "[1.]",
        "[.5]",
        "[NaN]",
        "[Infinity]",
        "[1e999]",
        "[\"\\ud800\"]",
        "[\"\\u0000\"]",
        "[\"\n\"]",
        "\xef\xbb\xbf{}",
        "[\"\xff\"]",
        "[9223372036854775808]",
        "nul",
        "// x\n1",
        "{\"a\" 1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        simclr_error err = {0};
        sc_json *json;
        int result = sc_json_parse(&json, bad[i], strlen(bad[i]), "x.json", &err);
        if (result == 0)
            fail_msg("accepted: %s", bad[i]);
        sct_assert_error(result, &err, SIMCLR_E_FORMAT, "x.json:");
        assert_null(json);
    }
}

static void refuses_depth_and_size(void **state)
{
    (void)state;
    simclr_error err;
    sc_json *json;
    char deep[6000];
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    sct_assert_error(sc_json_parse(&json, deep, sizeof deep, "deep", &err), &err, SIMCLR_E_FORMAT,
                     "depth");
    sct_assert_error(sc_json_parse(&json, "", (size_t)1 << 40, "huge", &err), &err, SIMCLR_E_FORMAT,
                     "limit");
    sct_assert_error(sc_json_parse(&json, "1\0002", 3, "nul", &err), &err, SIMCLR_E_FORMAT, NULL);
}

static int add_key(void *context, const char *key, const sc_json *value)
{
    (void)value;
    strcat(context, key);
    return strcmp(key, "stop") == 0 ? -5 : 0;
}

static void reads(void **state)
{
    (void)state;
    static const char text[] =
        "{\"z\": [1, 2.5, \"s\", true, null], \"a\": {}, \"stop\": 1, \"b\": 2}";
    simclr_error err;
    sc_json *json;
    int64_t integer;
    double number;
    sct_assert_ok(sc_json_parse(&json, text, strlen(text), "t", &err), &err);
    const sc_json *z = sc_json_get(json, "z");
    assert_int_equal(sc_json_size(z), 5);
    assert_true(sc_json_integer(&integer, sc_json_at(z, 0)) && integer == 1);
    assert_false(sc_json_integer(&integer, sc_json_at(z, 1)));
    assert_true(sc_json_number(&number, sc_json_at(z, 1)) && number == 2.5);
    assert_true(sc_json_number(&number, sc_json_at(z, 0)) && number == 1);
    assert_false(sc_json_number(&number, sc_json_at(z, 3)));
    assert_string_equal(sc_json_string(sc_json_at(z, 2)), "s");
    assert_null(sc_json_string(sc_json_at(z, 0)));
    assert_null(sc_json_at(z, 5));
    assert_null(sc_json_get(json, "none"));
    assert_null(sc_json_get(z, "z"));
    assert_int_equal(sc_json_size(sc_json_get(json, "a")), 0);
    /* Absent things can be asked on. */
    assert_null(sc_json_get(sc_json_get(json, "none"), "x"));
    assert_int_equal(sc_json_size(NULL), 0);
    assert_null(sc_json_string(NULL));
    assert_false(sc_json_integer(&integer, NULL));
    char keys[32] = "";
    assert_int_equal(sc_json_each(json, add_key, keys), -5);
    assert_string_equal(keys, "zastop");
    sc_json_free(json);
    sc_json_free(NULL);
}

static void writes(void **state)
{
    (void)state;
    simclr_error err;
    char *text;
    sc_json *json = sc_json_new_object();
    sc_json *array = sc_json_new_array();
    sc_json_set_number(json, "z", 0.1);
    sc_json_set_integer(json, "a", INT64_MIN);
    sc_json_set_string(json, "s", "1.10000000000000009 \"q\" \\ \n");
    sc_json_set_bool(json, "yes", true);
    sc_json_set_number(json, "nan", (double)NAN);
    sc_json_append_number(array, 3);
    sc_json_append_number(array, 63.45);
    sc_json_append_number(array, 1e300);
    sc_json_append_number(array, 1.0 / 3);
    sc_json_append_number(array, -(double)INFINITY);
    sc_json_append_integer(array, 10);
    sc_json_append_string(array, "caf\xe9");
    sc_json_set(json, "list", array);
    sct_assert_ok(sc_json_dump(&text, json, false, &err), &err);
    assert_string_equal(text, "{\"z\": 0.1, \"a\": -9223372036854775808, \"s\": "
                              "\"1.10000000000000009 \\\"q\\\" \\\\ \\n\", \"yes\": true, "
                              "\"nan\": null, \"list\": [3.0, 63.45, 1e+300, 0.3333333333333333, "
                              "null, 10, \"caf?\"]}");
    sc_json *again;
    sct_assert_ok(sc_json_parse(&again, text, strlen(text), "again", &err), &err);
    double third;
    assert_true(sc_json_number(&third, sc_json_at(sc_json_get(again, "list"), 3)));
    assert_true(third == 1.0 / 3);
    sc_free(text);
    sc_json_free(again);
    sc_json_free(json);
}

static void numbers_read_back_exactly(void **state)
{
    (void)state;
    simclr_error err;
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = (uint64_t)sct_random() << 32 | sct_random();
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (i % 2)
            value = (double)(float)sct_uniform(-100, 100);
        if (!isfinite(value))
            continue;
        sc_json *array = sc_json_new_array(), *again;
        char *text;
        sc_json_append_number(array, value);
        sct_assert_ok(sc_json_dump(&text, array, true, &err), &err);
        sct_assert_ok(sc_json_parse(&again, text, strlen(text), "n", &err), &err);
        assert_true(sc_json_number(&back, sc_json_at(again, 0)));
        assert_memory_equal(&back, &value, sizeof back);
        sc_free(text);
        sc_json_free(again);
        sc_json_free(array);
    }
}

static void failures_come_out_at_the_dump(void **state)
{
    (void)state;
    simclr_error err;
    char *text;
    sct_assert_error(sc_json_dump(&text, NULL, false, &err), &err, SIMCLR_E_MEMORY, NULL);
    sc_json_set_integer(NULL, "a", 1); /* an object that could not be made */
    sc_json_append_integer(NULL, 1);
    sc_json *json = sc_json_new_object();
    sc_json_set(json, "child", NULL); /* a child that could not be made */
    sc_json_set_integer(json, "after", 1);
    sct_assert_error(sc_json_dump(&text, json, false, &err), &err, SIMCLR_E_MEMORY, NULL);
    assert_null(text);
    sc_json *parent = sc_json_new_object();
    sc_json_set(parent, "poisoned", json); /* taken, and spoils the whole */
    sct_assert_error(sc_json_dump(&text, parent, false, &err), &err, SIMCLR_E_MEMORY, NULL);
    sc_json_free(parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(refuses_depth_and_size),
        cmocka_unit_test(reads),
        cmocka_unit_test(writes),
        cmocka_unit_test(numbers_read_back_exactly),
        cmocka_unit_test(failures_come_out_at_the_dump),
    };
    return sct_run(tests);
}
