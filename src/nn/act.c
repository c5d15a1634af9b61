/* SPDX-License-Identifier: MIT
 *
 * act.c - gains of activations, for initialisation.
 *
 *   kaiming_normal, fan_out:  std = gain / sqrt(K R S)     (He et al. 2015)
 *
 * The arithmetic y = f(x), dx = f'(x) dy is a kernel of the backend.
 */
#include "nn/layers.h"

#include <math.h>

double sc_act_gain(sc_act act)
{
    switch (act.kind) {
    case SC_ACT_IDENTITY:
    case SC_ACT_SIGMOID:
        return 1;
    case SC_ACT_TANH:
        return 5.0 / 3;
    case SC_ACT_SELU:
        return 0.75;
    case SC_ACT_LEAKY_RELU:
        return sqrt(2 / (1 + act.param * act.param));
    default: /* ReLU, and what is close to it: PyTorch has no gain for SiLU, GELU, ELU, ... */
        return sqrt(2);
    }
}

double sc_he_std(sc_act act, size_t filters, size_t kernel)
{
    return sc_act_gain(act) / sqrt((double)(filters * kernel * kernel));
}
