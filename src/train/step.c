/* SPDX-License-Identifier: MIT
 *
 * step.c - one optimisation step.  This is the whole algorithm; read it first.
 */
#include "train/step.h"

#include <math.h>

static size_t first_bad(const sc_params *params)
{
    size_t bad;
    sc_params_grad_norm(params, &bad);
    return bad;
}

int sc_step_check(const sc_step_stats *s, const sc_params *params, simclr_error *err)
{
    if (isfinite(s->loss) && isfinite(s->gradient_norm))
        return 0;
    size_t bad = isfinite(s->loss) ? first_bad(params) : params->entry_count;
    bool gradient = bad < params->entry_count;
    return sc_fail(err, SIMCLR_E_NUMERIC,
                   "step %llu (epoch %llu): the %s%s is not finite; the weights were left as they "
                   "were; lower the learning rate (now %g) or lengthen the warm-up",
                   (unsigned long long)s->step, (unsigned long long)s->epoch + 1,
                   gradient ? "gradient of " : "loss", gradient ? params->entry[bad].name : "",
                   s->lr);
}

/* The loader's threads have drawn the views of images that they decoded. */
int sc_step_views(sc_step *t, simclr_error *err)
{
    const sc_batch *b = &t->batch;
    if (b->drawn == NULL)
        return sc_views_make(t->x, b->image, b->index, b->count, b->epoch, &t->views, err);
    sc_drawer_normalise(t->x, b->drawn, b->count, &t->views);
    return 0;
}

int sc_train_step(sc_step_stats *out, sc_step *t, simclr_error *err)
{
    if (t->there.device != NULL)
        return sc_step_on_device(out, t, err);          /* the same, in its memory */
    int rc = sc_loader_next(&t->batch, t->loader, err); /* N images, u8                  */
    if (rc == 0)
        rc = sc_step_views(t, err); /* x (2N,H,W,C): view 0 of all, then view 1 */
    rc = sc_group_agree(rc, t->group.group, err);
    if (rc < 0)
        return rc;

    size_t n = t->batch.count, all = t->batch.total; /* N = all; alone n = N */
    sc_network *net = &t->network;
    sc_encoder_forward(t->h, t->x, 2 * n, true, &net->encoder); /* h (2n,D)               */
    sc_projector_set_step(&net->projector, t->step);
    sc_projector_forward(t->own_z, t->h, 2 * n, true, &net->projector); /* z (2n,d)               */
    sc_step_group_gather(t->z, t->own_z, n, all, &t->group);  /* z (2N,d) of all processes */
    out->loss = sc_ntxent_forward(&t->ntxent, t->z, 2 * all); /* eq. 1, mean over 2N    */

    sc_params_zero_grad(&net->params);
    sc_ntxent_backward(t->dz, &t->ntxent);
    sc_step_group_share(t->own_dz, t->dz, n, all, &t->group);
    sc_projector_backward(t->dh, t->own_dz, &net->projector);
    sc_encoder_backward(t->dh, &net->encoder); /* no gradient to the pixels      */
    sc_group_sum(net->params.grad, net->params.trained, t->group.sum, t->group.group);

    out->step = t->step;
    out->epoch = t->batch.epoch;
    out->images = all;
    out->lr = sc_schedule_lr(&t->schedule, t->step);
    out->gradient_norm = sc_params_grad_norm(&net->params, NULL);
    rc = sc_step_check(out, &net->params, err);
    if (rc < 0)
        return rc;
    sc_optim_step(&t->optim, out->lr);
    t->step++;
    return 0;
}
