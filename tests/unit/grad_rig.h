/* SPDX-License-Identifier: MIT
 *
 * grad_rig.h - what the tests of whole steps share: directions among all parameters, and the quotient of
 * differences along one.
 */
#ifndef SCT_UNIT_GRAD_RIG_H
#define SCT_UNIT_GRAD_RIG_H

#include "nn_rig.h"

#include <math.h>

/* (f(at + h d) - f(at - h d)) / 2h; the weights are `at` again. */
static inline double grad_quotient(sc_params *p, const sc_real *at, const sc_real *direction,
                                   double h, double (*f)(void *context), void *context)
{
    double value[2];

    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < p->trained; i++)
            p->value[i] = (sc_real)((double)at[i] + (side ? -h : h) * (double)direction[i]);
        value[side] = f(context);
    }
    memcpy(p->value, at, p->trained * sizeof *at);
    return (value[0] - value[1]) / (2 * h);
}

/* One parameter of a random entry, so that small tensors are seen as often as large ones; or all. */
static inline void grad_pick(const sc_params *p, sc_real *direction, bool single)
{
    memset(direction, 0, p->trained * sizeof *direction);
    if (single) {
        const sc_param *e;
        do
            e = &p->entry[sct_below(p->entry_count)];
        while (e->flags & SC_PARAM_BUFFER);
        direction[e->offset + sct_below(e->count)] = 1;
        return;
    }
    sct_fill_normal(direction, p->trained);
    double norm = sqrt(rig_dot(direction, direction, p->trained));
    for (size_t i = 0; i < p->trained; i++)
        direction[i] = (sc_real)((double)direction[i] / norm);
}

#endif
