/* SPDX-License-Identifier: MIT
 *
 * schedule.c - the learning rate of a step.
 *
 *   cosine: min + (lr - min) (1 + cos(pi p)) / 2     (Loshchilov and Hutter 2017, no restarts)
 */
#include "optim/schedule.h"

#include <math.h>

static double pi(void)
{
    return acos(-1);
}

double sc_schedule_lr(const sc_schedule *schedule, uint64_t step)
{
    const sc_schedule *s = schedule;

    if (step < s->warmup) {
        return s->lr * (double)(step + 1) / (double)s->warmup;
    }
    double after = (double)(step - s->warmup);
    double size = s->step_size ? (double)s->step_size : 1, lr = s->lr;
    switch (s->kind) {
    case SC_SCHEDULE_CONSTANT:
        break;
    case SC_SCHEDULE_COSINE: {
        double whole = s->total > s->warmup ? (double)(s->total - s->warmup) : 1;
        double p = after < whole ? after / whole : 1;
        return s->min_lr + (s->lr - s->min_lr) * (1 + cos(pi() * p)) / 2;
    }
    case SC_SCHEDULE_STEP:
        lr *= pow(s->gamma, floor(after / size));
        break;
    case SC_SCHEDULE_EXPONENTIAL:
        lr *= pow(s->gamma, after / size);
        break;
    }
    return lr < s->min_lr ? s->min_lr : lr;
}

double sc_lr_scaled(double lr, double batch, sc_lr_scale rule)
{
    switch (rule) {
    case SC_LR_SCALE_LINEAR:
        return lr * batch / 256;
    case SC_LR_SCALE_SQRT:
        return lr * sqrt(batch / 256);
    default:
        return lr;
    }
}
