/* SPDX-License-Identifier: MIT
 *
 * trainer_group.c - several processes, one training: what they settle before the first step, and what those
 * after the first one do.
 *
 * Only the first has the run's directory: it saves, measures and speaks.  The others wait for it in the next
 * step.
 */
#include "train/trainer.h"

#include <stdio.h>

int sc_trainer_group_agree(sc_trainer *t, int rc, simclr_error *err)
{
    rc = sc_group_agree(rc, t->step.group.group, err);
    t->together = rc < 0;
    return rc;
}

int sc_trainer_group_check(const sc_trainer *t, simclr_error *err)
{
    if (t->step.group.group == NULL || sc_config_device(t->cfg.train.device) < 0)
        return 0;
    return sc_fail(err, SIMCLR_E_USAGE,
                   "train.device: %s: several processes train on processors; leave it out",
                   t->cfg.train.device);
}

/* The first knows with which settings its run began. */
int sc_trainer_group_settle(sc_trainer *t, simclr_error *err)
{
    const sc_group *group = t->step.group.group;
    if (group == NULL)
        return 0;
    t->together = !sc_group_same(t->data_digest, group);
    if (t->together)
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: the %d processes have not the same images there; every machine needs "
                       "the same directory with the same contents",
                       t->cfg.data.dataset, group->size);
    group->share(&t->cfg, sizeof t->cfg, 0);
    sc_say(t->observer, SIMCLR_NOTE, "processes %d (%s), each with its share of every batch",
           group->size, group->name);
    return 0;
}

int sc_trainer_group_loader(sc_trainer *t, simclr_error *err)
{
    const sc_group *group = t->step.group.group;
    if (group == NULL)
        return 0;
    sc_loader_set_share(t->step.loader, group->rank, group->size);
    size_t least = sc_loader_least(t->step.loader);
    if (least >= (size_t)group->size)
        return 0;
    return sc_fail(err, SIMCLR_E_USAGE,
                   "%zu images in the last batch of an epoch are too few for %d processes; "
                   "data.drop_last=true leaves them out, another train.batch changes their number",
                   least, group->size);
}

void sc_trainer_group_state(sc_trainer *t)
{
    const sc_group *group = t->step.group.group;
    sc_params *params = &t->step.network.params;
    const size_t trained = params->trained * sizeof(sc_real);
    if (group == NULL)
        return;
    group->share(&t->step.step, sizeof t->step.step, 0);
    group->share(&t->step.optim.steps, sizeof t->step.optim.steps, 0);
    group->share(params->value, params->total * sizeof(sc_real), 0);
    group->share(params->m, trained, 0);
    group->share(params->v, trained, 0);
}

int sc_trainer_follow(sc_trainer *t, simclr_error *err)
{
    while (t->step.step < t->stop_at) {
        int rc = sc_trainer_step(&t->last, t, err);
        if (rc < 0)
            return rc;
        t->together = sc_group_any(sc_stop_asked(t->observer), t->step.group.group);
        if (t->together)
            return sc_fail(err, SIMCLR_E_INTERRUPTED, "stopped at step %llu",
                           (unsigned long long)t->step.step);
    }
    t->together = true;
    return 0;
}
