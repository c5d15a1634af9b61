/* SPDX-License-Identifier: MIT
 *
 * test_crc32.c - the check values, the examples of RFC 3720, B.4, and sums that go on.
 */
#include "support/support.h"

#include "core/crc32.h"

static void castagnoli(void **state)
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

/* Of 0 .. 255, whose nibbles are all pairs: what zlib's crc32 says. */
static void zip(void **state)
{
    (void)state;
    unsigned char bytes[256];
    assert_int_equal(sc_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(sc_crc32(0, "", 0), 0);
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(sc_crc32(0, bytes, 256), 0x29058c73);
    for (size_t cut = 0; cut <= 256; cut += 51)
        assert_int_equal(sc_crc32(sc_crc32(0, bytes, cut), bytes + cut, 256 - cut), 0x29058c73);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(castagnoli), cmocka_unit_test(zip)};
    return sct_run(tests);
}
