/* SPDX-License-Identifier: MIT
 *
 * test_page.c - the page of a report: nothing of its names is markup, its policy knows its own script and
 * style, its pictures are whole.
 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"
#include "report/page.h"

static const char hostile[] = "</script><img src=x onerror=alert(1)>\"&amp;";
static const uint8_t png[] = {0x89, 'P', 'N', 'G', 0, 255, 254, 1}; /* 8: two digits are padding */

static char *write_page(void)
{
    simclr_error err;
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    sc_json *data = sc_json_new_object();
    sc_json_set_string(data, "name", hostile);
    const sc_page_picture picture[] = {
        {"one", png, sizeof png}, {"two", png, 3}, {"three", png, 4}};
    const sc_page page = {
        .title = hostile, .version = "1.2", .data = data, .picture = picture, .pictures = 3};
    sct_assert_ok(sc_path_join(path, sct_scratch(), "page.html", &err), &err);
    sct_assert_ok(sc_page_write(path, &page, &err), &err);
    sct_assert_ok(sc_fs_read(&text, &size, path, 1 << 22, &err), &err);
    assert_int_equal(strlen(text), size); /* no zero byte of an array of ours */
    sc_json_free(data);
    sct_scratch_remove();
    return text;
}

static const char *after(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    if (at == NULL)
        fail_msg("the page lacks: %s", mark);
    return at + strlen(mark);
}

static void test_names_are_no_markup(void **state)
{
    (void)state;
    simclr_error err;
    char *page = write_page();
    assert_null(strstr(page, "<img src=x"));
    assert_null(strstr(page, "{{"));
    const char *json = after(page, "id=\"data\">"), *end = strstr(json, "</script>");
    sc_json *data;
    sct_assert_ok(sc_json_parse(&data, json, (size_t)(end - json), "data", &err), &err);
    assert_string_equal(sc_json_string(sc_json_get(data, "name")), hostile);
    sc_json_free(data);
    const char *title = after(page, "<title>");
    assert_memory_equal(title, "&lt;/script>&lt;img src=x onerror=alert(1)>&quot;&amp;amp;", 58);
    sc_free(page);
}

static unsigned digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? 64 : (unsigned)(at - digits);
}

/* Of base64 up to the first character that is none; the bytes. */
static size_t decode(uint8_t *out, size_t room, const char *text)
{
    size_t bytes = 0;
    unsigned bits = 0, value = 0;
    for (; digit(*text) < 64; text++) {
        value = (value << 6 | digit(*text)) & 0xffffff;
        if ((bits += 6) >= 8) {
            assert_true(bytes < room);
            out[bytes++] = (uint8_t)(value >> (bits -= 8));
        }
    }
    return bytes;
}

static void check_hash(const char *page, const char *policy, const char *open, const char *close)
{
    simclr_error err;
    char hex[SC_SHA256_HEX], found[SC_SHA256_HEX] = "";
    uint8_t bytes[33];
    const char *text = after(page, open), *end = strstr(text, close);
    sct_assert_ok(sc_sha256(hex, text, (size_t)(end - text), &err), &err);
    assert_int_equal(decode(bytes, sizeof bytes, after(page, policy)), 32);
    for (int i = 0; i < 32; i++)
        snprintf(found + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(found, hex);
}

static void test_policy_knows_the_page(void **state)
{
    (void)state;
    char *page = write_page();
    check_hash(page, "script-src 'sha256-", "<script>", "</script>");
    check_hash(page, "style-src 'sha256-", "<style>", "</style>");
    after(page, "default-src 'none'");
    sc_free(page);
}

static void test_pictures_are_whole(void **state)
{
    (void)state;
    static const char *const mark[] = {"id=\"one\" hidden alt=\"\" src=\"data:image/png;base64,",
                                       "id=\"two\" hidden alt=\"\" src=\"data:image/png;base64,",
                                       "id=\"three\" hidden alt=\"\" src=\"data:image/png;base64,"};
    static const size_t size[] = {sizeof png, 3, 4};
    uint8_t bytes[16];
    char *page = write_page();
    for (int i = 0; i < 3; i++) {
        const char *text = after(page, mark[i]);
        assert_int_equal(decode(bytes, sizeof bytes, text), size[i]);
        assert_memory_equal(bytes, png, size[i]);
        assert_int_equal((strchr(text, '"') - text) % 4, 0);
    }
    sc_free(page);
}

/* More than one group of bytes. */
static void test_large_picture(void **state)
{
    (void)state;
    enum { SIZE = 10000 };
    static uint8_t large[SIZE], again[SIZE + 1];
    simclr_error err;
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    for (size_t i = 0; i < SIZE; i++)
        large[i] = (uint8_t)(i * 7 + i / 256);
    sc_json *data = sc_json_new_object();
    const sc_page_picture picture = {"large", large, SIZE};
    const sc_page page = {
        .title = "", .version = "", .data = data, .picture = &picture, .pictures = 1};
    sct_assert_ok(sc_path_join(path, sct_scratch(), "page.html", &err), &err);
    sct_assert_ok(sc_page_write(path, &page, &err), &err);
    sct_assert_ok(sc_fs_read(&text, &size, path, 1 << 22, &err), &err);
    assert_int_equal(decode(again, sizeof again, after(text, "base64,")), SIZE);
    assert_memory_equal(again, large, SIZE);
    sc_free(text);
    sc_json_free(data);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_no_markup),
        cmocka_unit_test(test_policy_knows_the_page),
        cmocka_unit_test(test_pictures_are_whole),
        cmocka_unit_test(test_large_picture),
    };
    return sct_run(tests);
}
