/* SPDX-License-Identifier: MIT
 *
 * test_sha256.c - FIPS 180 examples, of memory and of files.
 */
#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"

static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_million_a[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void of_memory(void **state)
{
    (void)state;
    simclr_error err;
    char hex[SC_SHA256_HEX];
    sct_assert_ok(sc_sha256(hex, "abc", 3, &err), &err);
    assert_string_equal(hex, of_abc);
    sct_assert_ok(sc_sha256(hex, NULL, 0, &err), &err);
    assert_string_equal(hex, of_nothing);
}

static void of_files(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    simclr_error err;
    char hex[SC_SHA256_HEX], path[SC_PATH_MAX];
    char *a = sc_alloc(MILLION, 1, &err);
    memset(a, 'a', MILLION);
    sct_assert_ok(sc_path_join(path, sct_scratch(), "million", &err), &err);
    sct_assert_ok(sc_fs_write_atomic(path, a, MILLION, &err), &err);
    sct_assert_ok(sc_sha256_file(hex, path, &err), &err);
    assert_string_equal(hex, of_million_a);
    sc_free(a);
    sct_assert_error(sc_sha256_file(hex, "/no/such", &err), &err, SIMCLR_E_NOT_FOUND, "/no/such");
    sct_assert_error(sc_sha256_file(hex, sct_scratch(), &err), &err, SIMCLR_E_IO, "regular");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_memory),
        cmocka_unit_test(of_files),
    };
    return sct_run(tests);
}
