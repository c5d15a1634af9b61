/* SPDX-License-Identifier: MIT
 *
 * test_npy.c - the bytes of numpy.save, a round trip, and headers that must be refused.
 */
#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "export/npy.h"

static void test_golden(void **state)
{
    (void)state;
    char path[SC_PATH_MAX];
    simclr_error err;
    const float x[6] = {0, 1, 2, 3, 4, 5};
    const uint64_t shape[2] = {2, 3};
    const char head[] = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, "
                        "'shape': (2, 3), }";
    void *bytes;
    size_t size;
    sc_npy_header h;
    sct_assert_ok(sc_path_join(path, sct_scratch(), "x.npy", &err), &err);
    sct_assert_ok(sc_npy_write(path, x, SC_NPY_F32, shape, 2, &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 1000, &err), &err);
    assert_int_equal(size, 128 + sizeof x);
    assert_memory_equal(bytes, head, sizeof head - 1);
    assert_int_equal(((char *)bytes)[127], '\n');
    assert_memory_equal((char *)bytes + 128, x, sizeof x);
    sct_assert_ok(sc_npy_parse(&h, bytes, size, path, &err), &err);
    assert_int_equal(h.type, SC_NPY_F32);
    assert_int_equal(h.ndim, 2);
    assert_int_equal(h.shape[1], 3);
    assert_int_equal(h.offset, 128);
    sct_assert_error(sc_npy_parse(&h, bytes, size - 1, path, &err), &err, SIMCLR_E_FORMAT, "shape");
    sc_free(bytes);
    sct_scratch_remove();
}

static int parse(const char *dict, size_t data, simclr_error *err)
{
    size_t n = strlen(dict), size = 10 + n + data;
    unsigned char *block = sct_guard_alloc(size);
    sc_npy_header h;
    memset(block, 0, size);
    memcpy(block, "\x93NUMPY\x01\x00", 8);
    block[8] = (unsigned char)n;
    memcpy(block + 10, dict, n);
    int rc = sc_npy_parse(&h, block, size, "x", err);
    sct_guard_free(block, size);
    return rc;
}

static void test_headers(void **state)
{
    (void)state;
    simclr_error err;
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[]",
        "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4 'fortran_order': False, 'shape': (1,)}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        sct_assert_error(parse(bad[i], 4, &err), &err, SIMCLR_E_FORMAT, NULL);
    sct_assert_ok(
        parse("{\"shape\": (1,), \"descr\": \"<f4\", \"fortran_order\": True}  \n", 4, &err), &err);
    sct_assert_ok(parse("{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", 8, &err),
                  &err);
    sc_npy_header h;
    sct_assert_error(sc_npy_parse(&h, "\x93NUMPY\x04\x00\0\0", 10, "x", &err), &err,
                     SIMCLR_E_FORMAT, "version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_headers)};
    return sct_run(tests);
}
