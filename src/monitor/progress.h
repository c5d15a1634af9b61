/* SPDX-License-Identifier: MIT
 *
 * progress.h - the text of the progress line.
 *
 * epoch 3/100  41%|████▏     | 52/127 [00:31<00:45, 427 img/s, loss=5.31, wait 2%]
 * The time left follows a smoothed time per step: s = 0.9 s + 0.1 t.
 */
#ifndef SC_MONITOR_PROGRESS_H
#define SC_MONITOR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/events.h"

typedef struct {
    double start, last;      /* seconds of a monotonic clock */
    double seconds_per_step; /* smoothed; 0: none yet */
    uint64_t done;           /* steps done at `last` */
} sc_progress;

void sc_progress_start(sc_progress *p, double now, uint64_t done);
/* Seconds since the last update in which no step was made: an evaluation, a checkpoint. */
void sc_progress_pause(sc_progress *p, double seconds);
void sc_progress_update(sc_progress *p, double now, uint64_t done);
double sc_progress_left(const sc_progress *p, uint64_t total); /* seconds; negative: unknown */

typedef struct {
    uint64_t epoch, epochs; /* 1-based epoch */
    uint64_t step, steps;   /* within the epoch */
    double elapsed, left;   /* seconds; left < 0: unknown */
    double images_per_s;
    double loss;
    double wait; /* share of time waiting for data, 0..1; < 0: not shown */
} sc_progress_view;

/* Fills out with at most `width` columns (the bar shrinks, then the tail is dropped); ascii: no
 * characters beyond ASCII. */
void sc_progress_line(char *out, size_t out_size, const sc_progress_view *v, size_t width,
                      bool ascii);
/* To an observer, in the characters of the locale; the program cuts it to narrower terminals. */
void sc_progress_say(const simclr_observer *observer, const sc_progress_view *v);

/* "00:31", "1:02:03" or "3d 04:05"; "--:--" when negative or not finite. */
void sc_progress_time(char *out, size_t out_size, double seconds);

#endif
