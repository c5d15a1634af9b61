/* SPDX-License-Identifier: MIT
 *
 * test_tfevents.c - the golden bytes that TensorBoard was seen to read, and the frames of all kinds
 * of events.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/crc32.h"
#include "core/fs.h"
#include "monitor/tfevents.h"
#include "monitor/tfrecord.h"

static double fake_time;

static double fake_clock(void)
{
    return fake_time;
}

static void hex_of(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void test_golden(void **state)
{
    (void)state;
    static const char head[] =
        "1800000000000000a37f4b220900000000000000001a0d627261696e2e4576656e743a32eedf28a3";
    static const char scalar[] =
        "1700000000000000e7cef81e09000000000000f03f10012a0a0a080a0161150000803fdb345003";
    simclr_error err;
    sc_tfevents *events;
    char path[SC_PATH_MAX], hex[512];
    void *bytes;
    size_t size;
    fake_time = 0;
    sc_tfevents_options options = {sct_scratch(), 5, fake_clock};
    sct_assert_ok(sc_tfevents_open(&events, &options, &err), &err);
    assert_non_null(strstr(sc_tfevents_path(events), "/events.out.tfevents.0000000000."));
    fake_time = 1;
    sct_assert_ok(sc_tfevents_scalar(events, "a", 1, 1.0, &err), &err);
    snprintf(path, sizeof path, "%s", sc_tfevents_path(events));
    sct_assert_ok(sc_tfevents_close(events, &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 200, &err), &err);
    hex_of(hex, bytes, size);
    assert_memory_equal(hex, head, sizeof head - 1);
    assert_string_equal(hex + 2 * size - (sizeof scalar - 1), scalar);
    /* Between them: SessionLog START at step 5. */
    assert_memory_equal((char *)bytes + 40 + 12 + 9, "\x10\x05\x3a\x02\x08\x01", 6);
    sc_free(bytes);
    sct_scratch_remove();
}

/* After the clock was set back TensorBoard must still read the new file last. */
static void test_order(void **state)
{
    (void)state;
    static const double times[] = {2000, 2000, 500, 3000};
    static const char *const names[] = {"0000002000", "0000002001", "0000002002", "0000003000"};
    simclr_error err;
    sc_tfevents_options options = {sct_scratch(), 0, fake_clock};
    for (size_t i = 0; i < 4; i++) {
        sc_tfevents *events;
        fake_time = times[i];
        sct_assert_ok(sc_tfevents_open(&events, &options, &err), &err);
        const char *name = strstr(sc_tfevents_path(events), "/events.out.tfevents.");
        assert_non_null(name);
        assert_memory_equal(name + 21, names[i], 10);
        sct_assert_ok(sc_tfevents_close(events, &err), &err);
    }
    sct_scratch_remove();
}

static size_t count_records(const unsigned char *b, size_t size)
{
    size_t n = 0, at = 0;
    while (at < size) {
        uint64_t length = 0;
        uint32_t crc = 0;
        for (unsigned i = 0; i < 8; i++)
            length |= (uint64_t)b[at + i] << (8 * i);
        assert_true(length <= size - at - 16);
        for (unsigned i = 0; i < 4; i++)
            crc |= (uint32_t)b[at + 12 + length + i] << (8 * i);
        assert_int_equal(crc, sc_tfrecord_mask(sc_crc32c(b + at + 12, length)));
        at += 16 + length;
        n++;
    }
    return n;
}

static void test_all_kinds(void **state)
{
    (void)state;
    simclr_error err;
    sc_tfevents *events, *second;
    char path[SC_PATH_MAX];
    void *bytes;
    size_t size;
    const float values[5] = {1, 2, 3, 0.0f / 1.0f, 5};
    const sc_tfevents_png png = {"not a png", 9, 2, 3, 3};
    const sc_tfevents_hparam h[] = {{"lr", NULL, 0.3}, {"arch", "resnet18", 0}};
    const char *tags[] = {"loss"};
    sc_tfevents_options options = {sct_scratch(), 0, NULL};
    sct_assert_ok(sc_tfevents_open(&events, &options, &err), &err);
    sct_assert_ok(sc_tfevents_open(&second, &options, &err), &err);
    assert_string_not_equal(sc_tfevents_path(events), sc_tfevents_path(second));
    sct_assert_ok(sc_tfevents_close(second, &err), &err);
    sct_assert_ok(sc_tfevents_image(events, "i", 1, &png, &err), &err);
    sct_assert_ok(sc_tfevents_histogram(events, "h", 1, values, 5, &err), &err);
    sct_assert_ok(sc_tfevents_histogram(events, "h0", 1, values, 0, &err), &err);
    sct_assert_ok(sc_tfevents_hparams(events, h, 2, tags, 1, &err), &err);
    snprintf(path, sizeof path, "%s", sc_tfevents_path(events));
    sct_assert_ok(sc_tfevents_close(events, &err), &err);
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 100000, &err), &err);
    assert_int_equal(count_records(bytes, size), 2 + 3 + 2);
    sc_free(bytes);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_all_kinds)};
    return sct_run(tests);
}
