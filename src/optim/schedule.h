/* SPDX-License-Identifier: MIT
 *
 * schedule.h - the learning rate of a step: linear warm-up, then cosine, step, exponential or
 * constant.  A function of the step number alone; nothing to save.
 *
 *   warm-up:  lr (s + 1) / warmup                         s < warmup
 *   cosine:   min + (lr - min) (1 + cos(pi p)) / 2,       p = (s - warmup) / (total - warmup)
 *   step:     lr gamma^floor((s - warmup) / step_size)
 *   exponential: lr gamma^((s - warmup) / step_size)
 */
#ifndef SC_OPTIM_SCHEDULE_H
#define SC_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "core/error.h"

typedef enum {
    SC_SCHEDULE_CONSTANT,
    SC_SCHEDULE_COSINE,
    SC_SCHEDULE_STEP,
    SC_SCHEDULE_EXPONENTIAL
} sc_schedule_kind;

typedef enum { SC_LR_SCALE_NONE, SC_LR_SCALE_LINEAR, SC_LR_SCALE_SQRT } sc_lr_scale;

typedef struct {
    sc_schedule_kind kind;
    double lr;          /* peak, already scaled */
    double min_lr;      /* where cosine ends; the others do not fall below it */
    uint64_t warmup;    /* steps */
    uint64_t total;     /* steps */
    uint64_t step_size; /* steps per factor gamma; 0 counts as 1 */
    double gamma;
} sc_schedule;

/* step = 0 is the first. */
double sc_schedule_lr(const sc_schedule *schedule, uint64_t step);

/* linear: lr batch / 256.  sqrt: lr sqrt(batch / 256); the paper's 0.075 sqrt(batch) is
 * lr = 1.2 here. */
double sc_lr_scaled(double lr, double batch, sc_lr_scale rule);

#endif
