/* SPDX-License-Identifier: MIT
 *
 * schedule.c - the learning rate of a step.
 *
 *   cosine: min + (lr - min) (1 + cos(pi p)) / 2     (Loshchilov and Hutter 2017, no restarts)
 */
#include "optim/schedule.h"

#include <math.h>
#include <strings.h>

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

int sc_schedule_from_name(sc_schedule_kind *out, const char *name, simclr_error *err)
{
    static const struct {
        const char *name;
        sc_schedule_kind kind;
    } table[] = {
        {"constant", SC_SCHEDULE_CONSTANT},
        {"None", SC_SCHEDULE_CONSTANT},
        {"ConstantLR", SC_SCHEDULE_CONSTANT},
        {"cosine", SC_SCHEDULE_COSINE},
        {"CosineAnnealingLR", SC_SCHEDULE_COSINE},
        {"step", SC_SCHEDULE_STEP},
        {"StepLR", SC_SCHEDULE_STEP},
        {"exponential", SC_SCHEDULE_EXPONENTIAL},
        {"ExponentialLR", SC_SCHEDULE_EXPONENTIAL},
    };
    char shown[64];

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcasecmp(name, table[i].name) == 0) {
            *out = table[i].kind;
            return 0;
        }
    }
    sc_printable(shown, sizeof shown, name);
    return sc_fail(err, SIMCLR_E_USAGE,
                   "unknown schedule '%s'; there are constant, cosine, step, exponential", shown);
}
