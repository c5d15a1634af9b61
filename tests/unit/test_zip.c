/* SPDX-License-Identifier: MIT
 *
 * test_zip.c - stored archives read back by another reader: contents, checksums, alignment, equal bytes for
 * equal contents, and what does not fit.
 */
#include "zip_reader.h"

#include "export/zip.h"

static char path[SC_PATH_MAX];

static void place(void)
{
    simclr_error err;
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.zip", &err), &err);
}

/* Members of 0, 1, 63 ... bytes, the last in three parts, under names that move the alignment. */
static void write_some(const unsigned char *bytes)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000};
    simclr_error err;
    sc_zip *zip;
    char name[40] = "";
    sct_assert_ok(sc_zip_open(&zip, path, &err), &err);
    for (size_t i = 0; i < 6; i++) {
        const sc_zip_part part = {bytes, sizes[i]};
        strcat(name, i % 2 ? "ab" : "/aaaaaaaaaa");
        sct_assert_ok(sc_zip_add(zip, name, &part, 1, &err), &err);
    }
    const sc_zip_part parts[] = {{bytes, 7}, {NULL, 0}, {bytes + 7, 500}};
    sct_assert_ok(sc_zip_add(zip, "parts", parts, 3, &err), &err);
    sct_assert_ok(sc_zip_commit(zip, "{\"a\": 1}", &err), &err);
}

static void contents(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 507};
    unsigned char bytes[1000];
    void *again;
    size_t size;
    simclr_error err;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)sct_random();
    place();
    write_some(bytes);
    zip_file z = zip_read(path);
    assert_int_equal(z.members, 7);
    assert_string_equal(z.comment, "{\"a\": 1}");
    for (size_t i = 0; i < z.members; i++) {
        zip_member m = zip_at(&z, i);
        assert_int_equal(m.size, sizes[i]);
        assert_int_equal(m.offset % 64, 0);
        assert_memory_equal(m.data, bytes, m.size);
    }
    assert_string_equal(zip_at(&z, 1).name, "/aaaaaaaaaaab");
    assert_string_equal(zip_at(&z, 6).name, "parts");
    /* The same contents are the same bytes. */
    write_some(bytes);
    sct_assert_ok(sc_fs_read(&again, &size, path, 1 << 20, &err), &err);
    assert_int_equal(size, z.size);
    assert_memory_equal(again, z.bytes, size);
    sc_free(again);
    zip_free(&z);
    sct_scratch_remove();
}

static sc_zip *opened(void)
{
    simclr_error err;
    sc_zip *zip;
    sct_assert_ok(sc_zip_open(&zip, path, &err), &err);
    return zip;
}

/* What is refused leaves neither the file nor a part of it. */
static void refusals(void **state)
{
    (void)state;
    simclr_error err;
    sc_fs_list list;
    sc_zip *zip;
    static char name[300], comment[70000];
    const sc_zip_part large = {name, 0xffffffff}, half = {name, 0x7fffffff}, none = {NULL, 0};
    const sc_zip_part halves[] = {half, half, half};
    memset(name, 'n', sizeof name - 1);
    memset(comment, 'c', sizeof comment - 1);
    place();
    zip = opened();
    sct_assert_error(sc_zip_add(zip, "large", &large, 1, &err), &err, SIMCLR_E_USAGE, "4 GiB");
    sct_assert_error(sc_zip_add(zip, "sum", halves, 3, &err), &err, SIMCLR_E_USAGE, "safetensors");
    sct_assert_error(sc_zip_add(zip, name, &none, 1, &err), &err, SIMCLR_E_INTERNAL, "too long");
    sc_zip_abandon(zip);
    sct_assert_error(sc_zip_commit(opened(), comment, &err), &err, SIMCLR_E_INTERNAL, "comment");
    zip = opened();
    for (int i = 0; i < 65534; i++)
        sct_assert_ok(sc_zip_add(zip, "m", &none, 1, &err), &err);
    sct_assert_error(sc_zip_add(zip, "m", &none, 1, &err), &err, SIMCLR_E_USAGE, NULL);
    sc_zip_abandon(zip);
    sc_zip_abandon(NULL);
    sct_assert_ok(sc_fs_list_dir(&list, sct_scratch(), &err), &err);
    assert_int_equal(list.count, 0);
    sc_fs_list_free(&list);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(contents), cmocka_unit_test(refusals)};
    return sct_run(tests);
}
