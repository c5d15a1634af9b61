/* SPDX-License-Identifier: MIT
 *
 * test_safetensors.c - the golden bytes of the reference, a round trip, and a corpus of hostile
 * headers, each built here: every one must be refused, and none may read outside the file.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/safetensors.h"
#include "core/alloc.h"
#include "core/fs.h"

static const char golden_json[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ";

static void test_golden(void **state)
{
    (void)state;
    char path[SC_PATH_MAX];
    simclr_error err;
    const float values[2] = {1, -2};
    sc_tensor_desc t = {
        .name = "a", .dtype = SC_DTYPE_F32, .ndim = 1, .shape = {2}, .data = values};
    sc_string_pair pt = {"format", "pt"};
    void *bytes;
    size_t size;
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.safetensors", &err), &err);
    sct_assert_ok(sc_safetensors_write(path, &t, 1, &pt, 1, &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 1000, &err), &err);
    assert_int_equal(size, 8 + 88 + 8);
    assert_memory_equal(bytes, "\x58\0\0\0\0\0\0\0", 8);
    assert_memory_equal((char *)bytes + 8, golden_json, 88);
    assert_memory_equal((char *)bytes + 96, "\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);
    sc_free(bytes);
    sct_scratch_remove();
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[SC_PATH_MAX];
    simclr_error err;
    const float w[6] = {1, 2, 3, 4, 5, 6};
    const int64_t n[1] = {42};
    const int32_t k[2] = {7, -7};
    sc_tensor_desc list[] = {
        {.name = "z", .dtype = SC_DTYPE_F32, .ndim = 2, .shape = {2, 3}, .data = w},
        {.name = "b", .dtype = SC_DTYPE_F32, .ndim = 1, .shape = {0}},
        {.name = "tracked", .dtype = SC_DTYPE_I64, .ndim = 0, .data = n},
        {.name = "i \"quoted\"\n\xc3\xa9",
         .dtype = SC_DTYPE_I32,
         .ndim = 1,
         .shape = {2},
         .data = k}};
    sc_safetensors *st;
    sc_tensor_desc t;
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.safetensors", &err), &err);
    sct_assert_ok(sc_safetensors_write(path, list, 4, NULL, 0, &err), &err);
    sct_assert_ok(sc_safetensors_open(&st, path, &err), &err);
    assert_int_equal(sc_safetensors_count(st), 4);
    assert_string_equal(sc_safetensors_at(st, 0)->name, "tracked"); /* I64 before F32 before I32 */
    assert_null(sc_safetensors_at(st, 4));
    sct_assert_ok(sc_safetensors_find(st, "z", &t, &err), &err);
    assert_int_equal(t.size, sizeof w);
    assert_int_equal(t.shape[1], 3);
    assert_memory_equal(t.data, w, sizeof w);
    sct_assert_ok(sc_safetensors_find(st, list[3].name, &t, &err), &err);
    assert_memory_equal(t.data, k, sizeof k);
    sct_assert_ok(sc_safetensors_find(st, "tracked", &t, &err), &err);
    assert_int_equal(t.ndim, 0);
    assert_memory_equal(t.data, n, sizeof n);
    sct_assert_error(sc_safetensors_find(st, "no", &t, &err), &err, SIMCLR_E_NOT_FOUND, "no");
    assert_null(sc_safetensors_metadata(st, "format"));
    sc_safetensors_close(st);
    list[1].name = "z";
    sct_assert_error(sc_safetensors_write(path, list, 4, NULL, 0, &err), &err, SIMCLR_E_INTERNAL,
                     "one name");
    sct_scratch_remove();
}

/* Parses header + `data` zero bytes out of a block that ends at an unmapped page. */
static int parse(const char *json, size_t data, uint64_t length, simclr_error *err)
{
    size_t n = strlen(json), size = 8 + n + data;
    unsigned char *block = sct_guard_alloc(size);
    sc_safetensors *st;
    memset(block, 0, size);
    for (unsigned i = 0; i < 8; i++)
        block[i] = (unsigned char)(length >> (8 * i));
    memcpy(block + 8, json, n);
    int rc = sc_safetensors_parse(&st, block, size, "hostile", err);
    sc_safetensors_close(st);
    sct_guard_free(block, size);
    return rc;
}

/* A file of torch.save is called by its name, whatever its first 8 bytes are as a length; a safetensors
 * file with a header of that length is not. */
static void test_torch(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        const char *rest, *text;
    } CASES[] = {
        {0x0808000004034b50, "\0\0", "torch.save, not safetensors; in Python:\n  import torch"},
        {0x0000000004034b50, "\0\0", "torch.save"},
        {0x469cfc6c0a8a0280, "\xa5\x6a", "torch.load(FILE, map_location='cpu', weights_only=True)"},
        {0x0000000004034b50, "{}", "cut short"},
        {0x0808000004034b51, "..", "not a safetensors file?"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        simclr_error err;
        sct_assert_error(parse(CASES[i].rest, 0, CASES[i].length, &err), &err, SIMCLR_E_CHECKPOINT,
                         CASES[i].text);
    }
}

#define T(name, dtype, shape, offsets)                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *what, *json;
    size_t data;
} hostile[] = {
    {"no object", "[]", 0},
    {"leading space", " {}", 0},
    {"leading BOM", "\xef\xbb\xbf{}", 0},
    {"not JSON", "{\"a\":", 0},
    {"two objects", "{}{}", 0},
    {"bad UTF-8", "{\"\xff\":1}", 0},
    {"lone surrogate", "{\"\\ud800\":1}", 0},
    {"hole at the start", "{" T("a", "F32", "[1]", "[4,8]") "}", 8},
    {"hole between", "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[8,12]") "}", 12},
    {"overlap", "{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[4,12]") "}", 12},
    {"the same place", "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[0,4]") "}", 4},
    {"duplicate name", "{" T("a", "F32", "[1]", "[0,4]") "," T("a", "F32", "[1]", "[4,8]") "}", 8},
    {"duplicate member",
     "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]}}",
     4},
    {"shape overflows", "{" T("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0},
    {"bits overflow", "{" T("a", "F64", "[4611686018427387904]", "[0,0]") "}", 0},
    {"shape too small", "{" T("a", "F32", "[1]", "[0,8]") "}", 8},
    {"shape too large", "{" T("a", "F32", "[3]", "[0,8]") "}", 8},
    {"negative dimension", "{" T("a", "F32", "[-2]", "[0,8]") "}", 8},
    {"fractional dimension", "{" T("a", "F32", "[2.0]", "[0,8]") "}", 8},
    {"dimension 1e400", "{" T("a", "F32", "[1e400]", "[0,8]") "}", 8},
    {"dimension beyond int64", "{" T("a", "F32", "[18446744073709551617]", "[0,4]") "}", 4},
    {"shape is null", "{" T("a", "F32", "null", "[0,4]") "}", 4},
    {"shape is an object", "{" T("a", "F32", "{}", "[0,4]") "}", 4},
    {"shape is a number", "{" T("a", "F32", "1", "[0,4]") "}", 4},
    {"nine dimensions", "{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1},
    {"negative offset", "{" T("a", "F32", "[1]", "[-4,0]") "}", 4},
    {"offsets reversed", "{" T("a", "F32", "[1]", "[4,0]") "}", 4},
    {"offset a float", "{" T("a", "F32", "[1]", "[0,4.0]") "}", 4},
    {"three offsets", "{" T("a", "F32", "[1]", "[0,4,8]") "}", 4},
    {"offsets a string", "{" T("a", "F32", "[1]", "\"0,4\"") "}", 4},
    {"end behind the file", "{" T("a", "F32", "[2]", "[0,8]") "}", 4},
    {"end of 2^63-1", "{" T("a", "U8", "[9223372036854775807]", "[0,9223372036854775807]") "}", 8},
    {"trailing junk", "{" T("a", "F32", "[1]", "[0,4]") "}", 5},
    {"data without tensors", "{}", 1},
    {"unknown dtype", "{" T("a", "F31", "[1]", "[0,4]") "}", 4},
    {"dtype a number", "{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
    {"half a byte", "{" T("a", "F4", "[1]", "[0,0]") "}", 0},
    {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4},
    {"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4},
    {"extra member", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4},
    {"tensor a string", "{\"a\":\"F32\"}", 0},
    {"tensor an array", "{\"a\":[1,2,3]}", 0},
    {"metadata with a number", "{\"__metadata__\":{\"a\":1}}", 0},
    {"metadata an array", "{\"__metadata__\":[]}", 0},
    {"metadata a number", "{\"__metadata__\":3}", 0},
    {"metadata null", "{\"__metadata__\":null}", 0},
};

static void test_hostile(void **state)
{
    (void)state;
    simclr_error err;
    size_t count = sizeof hostile / sizeof *hostile;
    for (size_t i = 0; i < count; i++) {
        int rc = parse(hostile[i].json, hostile[i].data, strlen(hostile[i].json), &err);
        if (rc != SIMCLR_E_CHECKPOINT)
            print_error("%s: result %d\n", hostile[i].what, rc);
        sct_assert_error(rc, &err, SIMCLR_E_CHECKPOINT, NULL);
    }
    assert_true(count >= 40);
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    simclr_error err;
    static const uint64_t lengths[] = {
        3,          1000,       100000000,      100000001, 1ull << 31, 1ull << 32,
        1ull << 63, UINT64_MAX, UINT64_MAX - 7, 0,         1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        sct_assert_error(parse("{}", 0, lengths[i], &err), &err, SIMCLR_E_CHECKPOINT, "hostile");
    sct_assert_ok(parse("{}", 0, 2, &err), &err);
    sct_assert_ok(parse("{}      ", 0, 8, &err), &err);
    /* A bomb of nested arrays, and every cut of a good file. */
    char *bomb = sc_alloc(200001, 1, NULL);
    memset(bomb, '[', 200000);
    memcpy(bomb, "{\"a\":", 5);
    sct_assert_error(parse(bomb, 0, 200000, &err), &err, SIMCLR_E_CHECKPOINT, NULL);
    sc_free(bomb);
    unsigned char file[104] = {0x58};
    memcpy(file + 8, golden_json, 88);
    for (size_t size = 0; size <= sizeof file; size++) {
        unsigned char *block = sct_guard_alloc(size);
        sc_safetensors *st;
        memcpy(block, file, size);
        int rc = sc_safetensors_parse(&st, block, size, "cut", &err);
        assert_int_equal(rc, size == sizeof file ? 0 : SIMCLR_E_CHECKPOINT);
        sc_safetensors_close(st);
        sct_guard_free(block, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),          cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_torch),           cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_hostile_lengths),
    };
    return sct_run(tests);
}
