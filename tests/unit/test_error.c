/* SPDX-License-Identifier: MIT
 *
 * test_error.c - texts of errors: complete, cut to size, harmless on a terminal.
 */
#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static void fills_code_and_text(void **state)
{
    (void)state;
    simclr_error err;
    assert_int_equal(sc_fail(&err, SIMCLR_E_DATA, "%s: record %d", "a.bin", 7), SIMCLR_E_DATA);
    assert_int_equal(err.code, SIMCLR_E_DATA);
    assert_string_equal(err.text, "a.bin: record 7");
    assert_int_equal(sc_fail(NULL, SIMCLR_E_IO, "x"), SIMCLR_E_IO);
    assert_int_equal(sc_fail_errno(NULL, SIMCLR_E_IO, ENOENT, "x"), SIMCLR_E_IO);
}

static void may_quote_itself(void **state)
{
    (void)state;
    simclr_error err;
    sc_fail(&err, SIMCLR_E_DATA, "inner");
    sc_fail(&err, SIMCLR_E_DATA, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
}

static void errno_chooses_code(void **state)
{
    (void)state;
    simclr_error err;
    assert_int_equal(sc_fail_errno(&err, SIMCLR_E_CHECKPOINT, ENOSPC, "f"), SIMCLR_E_IO);
    assert_string_equal(err.text, "f: disk full");
    assert_int_equal(sc_fail_errno(&err, SIMCLR_E_CHECKPOINT, EDQUOT, "f"), SIMCLR_E_IO);
    assert_non_null(strstr(err.text, "disk full"));
    assert_int_equal(sc_fail_errno(&err, SIMCLR_E_CHECKPOINT, EFBIG, "f"), SIMCLR_E_IO);
    assert_int_equal(sc_fail_errno(&err, SIMCLR_E_IO, ENOMEM, "f"), SIMCLR_E_MEMORY);
    assert_int_equal(sc_fail_errno(&err, SIMCLR_E_NOT_FOUND, ENOENT, "f"), SIMCLR_E_NOT_FOUND);
    assert_string_equal(err.text, "f: No such file or directory");
}

/* In the middle, and not within a character. */
static void long_text_is_cut(void **state)
{
    (void)state;
    simclr_error err;
    char name[4096];
    for (size_t length = 400; length < sizeof name; length += length < 600 ? 1 : 500) {
        static const char euro[] = "\xe2\x82\xac";
        for (size_t i = 0; i < length; i++)
            name[i] = i < length / 3 * 3 ? euro[i % 3] : 'a';
        name[length] = '\0';
        sc_fail_errno(&err, SIMCLR_E_IO, ENOENT, "%s", name);
        size_t text = strlen(err.text);
        bool whole = length + strlen(": No such file or directory") < sizeof err.text;
        assert_true(whole ? text == length + 27 : text >= sizeof err.text - 6);
        assert_string_equal(err.text + text - 27, ": No such file or directory");
        assert_true((strstr(err.text, "...") == NULL) == whole);
        assert_null(strstr(err.text, "\\x"));
        char again[sizeof err.text];
        sc_printable(again, sizeof again, err.text);
        assert_string_equal(again, err.text);
    }
}

static void control_bytes_are_shown(void **state)
{
    (void)state;
    char out[64];
    sc_printable(out, sizeof out, "a\x1b[31m\n\x7f");
    assert_string_equal(out, "a\\x1b[31m\\x0a\\x7f");
    sc_printable(out, sizeof out, "h\xc3\xa9llo \xe2\x82\xac");
    assert_string_equal(out, "h\xc3\xa9llo \xe2\x82\xac");
    sc_printable(out, sizeof out, "\xc2\x9b \xff \xe2\x82");
    assert_string_equal(out, "\\xc2\\x9b \\xff \\xe2\\x82");
    sc_printable(out, 6, "ab\x01z");
    assert_string_equal(out, "ab");
    simclr_error err;
    sc_fail(&err, SIMCLR_E_DATA, "%s: bad", "\x1b]0;x\x07.png");
    assert_string_equal(err.text, "\\x1b]0;x\\x07.png: bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_code_and_text),     cmocka_unit_test(may_quote_itself),
        cmocka_unit_test(errno_chooses_code),      cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(control_bytes_are_shown),
    };
    return sct_run(tests);
}
