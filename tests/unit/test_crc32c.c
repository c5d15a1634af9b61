/* SPDX-License-Identifier: MIT
 *
 * test_crc32c.c - the check value and the examples of RFC 3720, B.4.
 */
#include "support/support.h"

#include "core/crc32c.h"

static void known_answers(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(sc_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(sc_crc32c("", 0), 0);
    assert_int_equal(sc_crc32c(bytes, 32), 0x8a9136aa);
    for (int i = 0; i < 32; i++)
        bytes[i] = 0xff;
    assert_int_equal(sc_crc32c(bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(sc_crc32c(bytes, 32), 0x46dd794e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
    return sct_run(tests);
}
