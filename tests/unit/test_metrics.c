/* SPDX-License-Identifier: MIT
 *
 * test_metrics.c - lines of metrics.jsonl, what a resume cuts away, and STATUS.json.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "monitor/metrics.h"
#include "monitor/status.h"

static void log_steps(const char *run, uint64_t resume, uint64_t first, uint64_t last)
{
    simclr_error err;
    sc_metrics *m;
    sct_assert_ok(sc_metrics_open(&m, run, resume, &err), &err);
    for (uint64_t s = first; s <= last; s++) {
        sc_metric list[] = {{"epoch", 1}, {"loss", 5.25 + (double)s}, {"knn", NAN}};
        sct_assert_ok(sc_metrics_append(m, s, list, 3, &err), &err);
    }
    sct_assert_ok(sc_metrics_close(m, &err), &err);
}

static int add(void *context, uint64_t step, const sc_json *line)
{
    double loss;
    assert_true(sc_json_number(&loss, sc_json_get(line, "loss")));
    assert_true(loss == 5.25 + (double)step);
    *(uint64_t *)context = *(uint64_t *)context * 10 + step;
    return 0;
}

static void test_resume_cuts(void **state)
{
    (void)state;
    simclr_error err;
    const char *run = sct_scratch();
    char path[SC_PATH_MAX];
    sc_fs_log *log;
    uint64_t seen = 0;
    void *text;
    size_t size;
    sct_assert_ok(sc_metrics_each(run, add, &seen, &err), &err);
    log_steps(run, 0, 1, 5);
    sct_assert_ok(sc_path_join(path, run, "metrics.jsonl", &err), &err);
    sct_assert_ok(sc_fs_log_open(&log, path, &err), &err);
    sct_assert_ok(sc_fs_log_append(log, "{\"step\": 2, \"lo", 14, &err), &err); /* a crash */
    sct_assert_ok(sc_fs_log_close(log, &err), &err);
    log_steps(run, 3, 4, 6);
    sct_assert_ok(sc_metrics_each(run, add, &seen, &err), &err);
    assert_int_equal(seen, 123456);
    sct_assert_ok(sc_fs_read(&text, &size, path, 10000, &err), &err);
    static const char first[] = "{\"step\": 1, \"epoch\": 1, \"loss\": 6.25, \"knn\": null}\n";
    assert_memory_equal(text, first, sizeof first - 1);
    sc_free(text);
    sct_scratch_remove();
}

static void test_status(void **state)
{
    (void)state;
    simclr_error err;
    const char *run = sct_scratch();
    sc_status s = {"training", 12, 4711, false, 0}, back;
    sct_assert_ok(sc_status_write(run, &s, &err), &err);
    sct_assert_ok(sc_status_read(&back, run, &err), &err);
    assert_string_equal(back.phase, "training");
    assert_false(back.exited);
    s.exited = true;
    s.exit_code = 75;
    sct_assert_ok(sc_status_write(run, &s, &err), &err);
    sct_assert_ok(sc_status_read(&back, run, &err), &err);
    assert_true(back.exited && back.exit_code == 75 && back.step == 12 && back.pid == 4711);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume_cuts),
                                       cmocka_unit_test(test_status)};
    return sct_run(tests);
}
