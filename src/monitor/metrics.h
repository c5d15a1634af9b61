/* SPDX-License-Identifier: MIT
 *
 * metrics.h - RUN/metrics.jsonl: one JSON object per line, {"step": 12, "epoch": 1, "loss": ...}.
 *
 * Each line is one append.  A run resumed at step s first drops, atomically, all lines with a later
 * step and a line cut short, so that the file of an interrupted run equals that of an unbroken one.
 */
#ifndef SC_MONITOR_METRICS_H
#define SC_MONITOR_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/json.h"

typedef struct {
    const char *name;
    double value; /* whole numbers are written without a point, non-finite ones as null */
} sc_metric;

typedef struct sc_metrics sc_metrics;

/* Keeps the lines with step <= resume_step of an existing file. */
int sc_metrics_open(sc_metrics **out, const char *run, uint64_t resume_step, simclr_error *err);
int sc_metrics_append(sc_metrics *metrics, uint64_t step, const sc_metric *list, size_t count,
                      simclr_error *err);
int sc_metrics_close(sc_metrics *metrics, simclr_error *err); /* NULL is fine */

/* Calls fn for each whole line of RUN/metrics.jsonl; lines that are not JSON are passed over.
 * A missing file has no lines. Stops at the first negative result of fn and returns it. */
int sc_metrics_each(const char *run, int (*fn)(void *context, uint64_t step, const sc_json *line),
                    void *context, simclr_error *err);

#endif
