/* SPDX-License-Identifier: MIT
 *
 * metrics.c - appends lines to metrics.jsonl, and cuts it back to the step of a resumed run.
 */
#include "monitor/metrics.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"

struct sc_metrics {
    sc_fs_log *log;
};

static int read_file(void **data, size_t *size, char path[SC_PATH_MAX], const char *run,
                     simclr_error *err)
{
    simclr_error local;
    *data = NULL;
    *size = 0;
    int rc = sc_path_join(path, run, "metrics.jsonl", err);
    if (rc < 0)
        return rc;
    rc = sc_fs_read(data, size, path, SIZE_MAX / 4, &local);
    if (rc == SIMCLR_E_NOT_FOUND)
        return 0;
    if (rc < 0 && err != NULL)
        *err = local;
    return rc;
}

/* The step of one line without its newline; false when it is not a line of this file. */
static bool line_step(uint64_t *step, sc_json **json, const char *line, size_t size)
{
    int64_t value;
    if (sc_json_parse(json, line, size, "metrics.jsonl", NULL) < 0)
        return false;
    if (sc_json_integer(&value, sc_json_get(*json, "step")) && value >= 0) {
        *step = (uint64_t)value;
        return true;
    }
    sc_json_free(*json);
    return false;
}

/* Moves the lines to keep to the front of data; the new size. */
static size_t keep_lines(char *data, size_t size, uint64_t resume_step)
{
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        char *newline = memchr(data + at, '\n', size - at);
        if (newline == NULL)
            break; /* cut short by a crash */
        size_t length = (size_t)(newline - (data + at));
        sc_json *json;
        uint64_t step;
        if (line_step(&step, &json, data + at, length)) {
            sc_json_free(json);
            if (step <= resume_step) {
                memmove(data + kept, data + at, length + 1);
                kept += length + 1;
            }
        }
        at += length + 1;
    }
    return kept;
}

int sc_metrics_open(sc_metrics **out, const char *run, uint64_t resume_step, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    *out = NULL;
    int rc = read_file(&data, &size, path, run, err);
    if (rc < 0)
        return rc;
    if (size > 0) {
        size_t kept = keep_lines(data, size, resume_step);
        if (kept != size)
            rc = sc_fs_write_atomic(path, data, kept, err);
    }
    sc_free(data);
    if (rc < 0)
        return rc;
    sc_metrics *metrics = sc_alloc(1, sizeof *metrics, err);
    if (metrics == NULL)
        return SIMCLR_E_MEMORY;
    rc = sc_fs_log_open(&metrics->log, path, err);
    if (rc < 0)
        sc_free(metrics);
    else
        *out = metrics;
    return rc;
}

int sc_metrics_append(sc_metrics *metrics, uint64_t step, const sc_metric *list, size_t count,
                      simclr_error *err)
{
    char *text;
    sc_json *line = sc_json_new_object();
    sc_json_set_integer(line, "step", (int64_t)step);
    for (size_t i = 0; i < count; i++) {
        double value = list[i].value;
        if (value == floor(value) && fabs(value) < 9e15)
            sc_json_set_integer(line, list[i].name, (int64_t)value);
        else
            sc_json_set_number(line, list[i].name, value);
    }
    int rc = sc_json_dump(&text, line, false, err);
    sc_json_free(line);
    if (rc < 0)
        return rc;
    size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the terminating zero: appended by length */
    rc = sc_fs_log_append(metrics->log, text, length + 1, err);
    sc_free(text);
    return rc;
}

int sc_metrics_close(sc_metrics *metrics, simclr_error *err)
{
    if (metrics == NULL)
        return 0;
    int rc = sc_fs_log_close(metrics->log, err);
    sc_free(metrics);
    return rc;
}

int sc_metrics_each(const char *run, int (*fn)(void *context, uint64_t step, const sc_json *line),
                    void *context, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *data;
    size_t size;
    int rc = read_file(&data, &size, path, run, err);
    const char *at = data, *end = at ? at + size : NULL;
    while (rc >= 0 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            break;
        sc_json *json;
        uint64_t step;
        if (line_step(&step, &json, at, (size_t)(newline - at))) {
            rc = fn(context, step, json);
            sc_json_free(json);
        }
        at = newline + 1;
    }
    sc_free(data);
    return rc < 0 ? rc : 0;
}
