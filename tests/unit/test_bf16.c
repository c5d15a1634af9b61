/* SPDX-License-Identifier: MIT
 *
 * test_bf16.c - rounding to bfloat16, against its definition: the nearest, of two the even one.
 */
#include "support/support.h"

#include <float.h>
#include <math.h>

#include "backend/bf16.h"

static void every_bf16_comes_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= 0xffff; bits++) {
        float x = sc_bf16_to_float((sc_bf16)bits);
        if (isnan(x))
            assert_true(isnan(sc_bf16_to_float(sc_bf16_from_float(x))));
        else
            assert_int_equal(sc_bf16_from_float(x), bits);
    }
}

/* Between neighbours lo and hi: below the middle lo, above it hi, at it the even one. */
static void the_nearest(void **state)
{
    (void)state;
    for (uint32_t bits = 0x0080; bits < 0x7f7f; bits++) {
        float lo = sc_bf16_to_float((sc_bf16)bits), hi = sc_bf16_to_float((sc_bf16)(bits + 1));
        float middle = lo + (hi - lo) / 2; /* exact: a float has 16 bits more */
        assert_int_equal(sc_bf16_from_float(nextafterf(middle, 0)), bits);
        assert_int_equal(sc_bf16_from_float(nextafterf(middle, INFINITY)), bits + 1);
        assert_int_equal(sc_bf16_from_float(middle), bits + bits % 2);
        assert_int_equal(sc_bf16_from_float(-middle), 0x8000 | (bits + bits % 2));
    }
}

static void the_ends(void **state)
{
    (void)state;
    assert_int_equal(sc_bf16_from_float(1), 0x3f80);
    assert_int_equal(sc_bf16_from_float(-0.0F), 0x8000);
    assert_int_equal(sc_bf16_from_float(INFINITY), 0x7f80);
    assert_int_equal(sc_bf16_from_float(FLT_MAX), 0x7f80);
    assert_int_equal(sc_bf16_from_float(-FLT_MAX), 0xff80);
    uint32_t low_nan = 0x7f800001; /* its payload is cut off: it must not become infinity */
    float x;
    memcpy(&x, &low_nan, sizeof x);
    assert_true(isnan(sc_bf16_to_float(sc_bf16_from_float(x))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bf16_comes_back),
        cmocka_unit_test(the_nearest),
        cmocka_unit_test(the_ends),
    };
    return sct_run(tests);
}
