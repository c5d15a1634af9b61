/* SPDX-License-Identifier: MIT
 *
 * tfevents.h - TensorBoard event files: protobuf Events in TFRecord frames, append only.
 *
 * Every start opens a new file whose first data event is SessionLog START at the step resumed from;
 * TensorBoard then drops what earlier files say about that step and later ones.
 * Each event is one write(2): nothing is buffered, and a reader tolerates a cut tail.
 */
#ifndef SC_MONITOR_TFEVENTS_H
#define SC_MONITOR_TFEVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct sc_tfevents sc_tfevents;

typedef struct {
    const char *run;       /* run directory */
    uint64_t start_step;   /* first step this process will log */
    double (*clock)(void); /* NULL: sc_wall_clock */
} sc_tfevents_options;

int sc_tfevents_open(sc_tfevents **out, const sc_tfevents_options *options, simclr_error *err);
int sc_tfevents_close(sc_tfevents *events, simclr_error *err); /* NULL is fine */
const char *sc_tfevents_path(const sc_tfevents *events);

int sc_tfevents_scalar(sc_tfevents *events, const char *tag, uint64_t step, double value,
                       simclr_error *err);

typedef struct {
    const void *png;
    size_t size;
    uint32_t height, width, channels; /* 1, 3 or 4 */
} sc_tfevents_png;
int sc_tfevents_image(sc_tfevents *events, const char *tag, uint64_t step,
                      const sc_tfevents_png *image, simclr_error *err);

/* 30 equal buckets between minimum and maximum of the finite values. */
int sc_tfevents_histogram(sc_tfevents *events, const char *tag, uint64_t step, const float *values,
                          size_t count, simclr_error *err);

/* One hyperparameter: text when `text` is given, else the number. */
typedef struct {
    const char *name, *text;
    double number;
} sc_tfevents_hparam;
/* Experiment (names, and the scalar tags to show as results) and the start of this session. */
int sc_tfevents_hparams(sc_tfevents *events, const sc_tfevents_hparam *list, size_t count,
                        const char *const *metric_tags, size_t metric_count, simclr_error *err);

#endif
