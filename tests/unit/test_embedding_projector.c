/* SPDX-License-Identifier: MIT
 *
 * test_embedding_projector.c - the files TensorBoard's projector reads, and the size of the sprite.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/image.h"
#include "monitor/embedding_projector.h"

static const char *class_name(void *context, size_t i)
{
    (void)context;
    return i == 0 ? "cat\tand\ndog" : NULL;
}

static int thumb(uint8_t *rgb, void *context, size_t i, simclr_error *err)
{
    (void)err;
    memset(rgb, (int)i + 1, *(uint32_t *)context * *(uint32_t *)context * 3);
    return 0;
}

static char *read_text(const char *name)
{
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    simclr_error err;
    sct_assert_ok(sc_path_join(path, sct_scratch(), name, &err), &err);
    sct_assert_ok(sc_fs_read(&data, &size, path, 1 << 24, &err), &err);
    return data;
}

static void test_files(void **state)
{
    (void)state;
    simclr_error err;
    const float x[6] = {1, -2.5f, 0, 0, 1e-7f, 3};
    uint32_t side = 4;
    sc_embedding_projector p = {x, 3, 2, class_name, NULL, thumb, side, &side};
    sct_assert_ok(sc_embedding_projector_write(sct_scratch(), &p, &err), &err);
    char *text = read_text("projector/features.tsv");
    assert_string_equal(text, "1\t-2.5\n0\t0\n1e-07\t3\n");
    sc_free(text);
    text = read_text("projector/metadata.tsv");
    assert_string_equal(text, "index\tclass\tname\n0\tcat\\x09and\\x0adog\t-\n1\t-\t-\n2\t-\t-\n");
    sc_free(text);
    text = read_text("projector_config.pbtxt");
    assert_non_null(strstr(text, "tensor_shape: 3\n  tensor_shape: 2"));
    assert_non_null(strstr(text, "single_image_dim: 4"));
    sc_free(text);
    sct_scratch_remove();
}

static void test_sprite_size(void **state)
{
    (void)state;
    assert_int_equal(sc_sprite_columns(1), 1);
    assert_int_equal(sc_sprite_columns(4), 2);
    assert_int_equal(sc_sprite_columns(5), 3);
    assert_int_equal(sc_sprite_columns(65536), 256);
    assert_int_equal(sc_sprite_thumb_side(65536, 32), 32);
    assert_int_equal(sc_sprite_thumb_side(65537, 32), 31);
    assert_int_equal(sc_sprite_thumb_side(100000, 32), 25);
    for (size_t n = 1; n < 3000; n++) {
        size_t c = sc_sprite_columns(n);
        assert_true(c * c >= n && (c - 1) * (c - 1) < n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_sprite_size)};
    return sct_run(tests);
}
