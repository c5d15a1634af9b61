/* SPDX-License-Identifier: MIT
 *
 * device_update.c - an optimiser's options, pieces and rates for a device.
 */
#include "optim/device_update.h"

#include <math.h>

static const sc_update_kind kinds[] = {[SC_OPTIM_SGD] = SC_UPDATE_SGD,
                                       [SC_OPTIM_ADAM] = SC_UPDATE_ADAM,
                                       [SC_OPTIM_ADAMW] = SC_UPDATE_ADAMW,
                                       [SC_OPTIM_LARS] = SC_UPDATE_LARS};

void sc_optim_describe(sc_device_update *out, const sc_optim *optim)
{
    const sc_optim_options *o = &optim->options;
    const sc_params *params = optim->params;
    bool there = params->device != NULL;

    *out = (sc_device_update){.kind = kinds[o->kind],
                              .nesterov = o->nesterov,
                              .momentum = o->momentum,
                              .beta1 = o->beta1,
                              .beta2 = o->beta2,
                              .eps = o->eps,
                              .trust = o->trust,
                              .w = there ? params->there.value : params->value,
                              .m = there ? params->there.m : params->m,
                              .v = there ? params->there.v : params->v,
                              .g = there ? params->there.grad : params->grad,
                              .pieces = optim->chunk_count,
                              .entries = params->entry_count};
}

void sc_optim_pieces(sc_update_piece *piece, const sc_optim *optim)
{
    for (size_t i = 0; i < optim->chunk_count; i++) {
        const sc_optim_chunk *c = &optim->chunk[i];
        const sc_param *p = &optim->params->entry[c->entry];
        bool decays = optim->options.decay_all || (p->flags & SC_PARAM_DECAY);
        piece[i] = (sc_update_piece){.begin = p->offset + c->begin,
                                     .end = p->offset + c->end,
                                     .entry = (uint32_t)c->entry,
                                     .adapts = (p->flags & SC_PARAM_ADAPT) != 0,
                                     .decay = decays ? (float)optim->options.weight_decay : 0};
    }
}

void sc_optim_rates(sc_step_input *in, const sc_optim *optim, double lr)
{
    const sc_optim_options *o = &optim->options;
    double t = (double)optim->steps + 1;

    in->lr = lr;
    in->adam_rate = lr / (1 - pow(o->beta1, t));
    in->adam_root = sqrt(1 - pow(o->beta2, t));
}
