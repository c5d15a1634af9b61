/* SPDX-License-Identifier: MIT
 *
 * status.h - RUN/STATUS.json: what the run is doing, for scripts and schedulers.
 *
 * {"phase": "training", "step": 120, "pid": 4711, "exit": null}, replaced atomically.
 */
#ifndef SC_MONITOR_STATUS_H
#define SC_MONITOR_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

typedef struct {
    char phase[32]; /* "starting", "training", "interrupted", "finished", "failed" */
    uint64_t step;
    int64_t pid;
    bool exited;
    int exit_code; /* when exited */
} sc_status;

int sc_status_write(const char *run, const sc_status *status, simclr_error *err);
int sc_status_read(sc_status *out, const char *run, simclr_error *err);

#endif
