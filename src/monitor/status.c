/* SPDX-License-Identifier: MIT
 *
 * status.c - writes and reads STATUS.json.
 */
#include "monitor/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/json.h"

enum { STATUS_MAX = 65536 };

int sc_status_write(const char *run, const sc_status *status, simclr_error *err)
{
    char path[SC_PATH_MAX];
    char *text;
    int rc = sc_path_join(path, run, "STATUS.json", err);
    if (rc < 0)
        return rc;
    sc_json *json = sc_json_new_object();
    sc_json_set_string(json, "phase", status->phase);
    sc_json_set_integer(json, "step", (int64_t)status->step);
    sc_json_set_integer(json, "pid", status->pid);
    if (status->exited)
        sc_json_set_integer(json, "exit", status->exit_code);
    else
        sc_json_set_number(json, "exit", NAN); /* null */
    rc = sc_json_dump(&text, json, false, err);
    sc_json_free(json);
    if (rc < 0)
        return rc;
    size_t length = strlen(text);
    text[length] = '\n';
    rc = sc_fs_write_atomic(path, text, length + 1, err);
    sc_free(text);
    return rc;
}

int sc_status_read(sc_status *out, const char *run, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    sc_json *json;
    int64_t step, exit_code;
    memset(out, 0, sizeof *out);
    int rc = sc_path_join(path, run, "STATUS.json", err);
    if (rc == 0)
        rc = sc_fs_read(&text, &size, path, STATUS_MAX, err);
    if (rc < 0)
        return rc;
    rc = sc_json_parse(&json, text, size, path, err);
    sc_free(text);
    if (rc < 0)
        return rc;
    const char *phase = sc_json_string(sc_json_get(json, "phase"));
    if (phase != NULL && sc_json_integer(&step, sc_json_get(json, "step")) && step >= 0 &&
        sc_json_integer(&out->pid, sc_json_get(json, "pid"))) {
        snprintf(out->phase, sizeof out->phase, "%s", phase);
        out->step = (uint64_t)step;
        out->exited = sc_json_integer(&exit_code, sc_json_get(json, "exit"));
        out->exit_code = out->exited ? (int)exit_code : 0;
    } else {
        rc = sc_fail(err, SIMCLR_E_FORMAT, "%s: phase, step or pid is missing", path);
    }
    sc_json_free(json);
    return rc;
}
