/* SPDX-License-Identifier: MIT
 *
 * test_latent.c - the picture of the curves: what of metrics.jsonl is in it.
 */
#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "monitor/metrics.h"
#include "train/latent.h"

typedef struct {
    double epoch, loss, ceiling;
} point;

/* The picture of a run with these lines; the caller's. */
static void *picture(size_t *size, const char *run, const point *points, size_t count)
{
    simclr_error err;
    sc_metrics *m;
    char path[SC_PATH_MAX];
    void *png;
    sct_assert_ok(sc_metrics_open(&m, run, 0, &err), &err); /* drops the lines of before */
    for (size_t i = 0; i < count; i++) {
        const sc_metric list[] = {{"epoch", points[i].epoch},
                                  {"loss", points[i].loss},
                                  {"loss_ceiling", points[i].ceiling}};
        sct_assert_ok(sc_metrics_append(m, i + 1, list, 3, &err), &err);
    }
    sct_assert_ok(sc_metrics_close(m, &err), &err);
    sct_assert_ok(sc_path_join(path, run, "curves.png", &err), &err);
    sct_assert_ok(sc_latent_write_curves(path, run, &err), &err);
    sct_assert_ok(sc_fs_read(&png, size, path, 1 << 24, &err), &err);
    return png;
}

static void test_full_batches_only(void **state)
{
    (void)state;
    static const point full[] = {{0.5, 5, 6}, {1.5, 4, 6}, {2, 3.5, 6}};
    static const point with_last_batch[] = {{0.5, 5, 6}, {1, 2, 3}, {1.5, 4, 6}, {2, 3.5, 6}};
    static const point other[] = {{0.5, 5, 6}, {1, 2, 6}, {1.5, 4, 6}, {2, 3.5, 6}};
    const char *run = sct_scratch();
    size_t size[3];
    void *png[3];
    png[0] = picture(&size[0], run, full, 3);
    png[1] = picture(&size[1], run, with_last_batch, 4);
    png[2] = picture(&size[2], run, other, 4);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(png[0], png[1], size[0]);
    assert_false(size[0] == size[2] && memcmp(png[0], png[2], size[0]) == 0);
    for (int i = 0; i < 3; i++) {
        sc_free(png[i]);
    }
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_batches_only),
    };
    return sct_run(tests);
}
