/* SPDX-License-Identifier: MIT
 *
 * api_train.c - public functions: training (part 5).
 */
#include "api/api.h"

#include "core/alloc.h"
#include "dist/dist_load.h"

static void fill_status(simclr_train_status *out, const sc_trainer *t, const sc_step_stats *stats)
{
    *out = (simclr_train_status){
        .step = t->step.step,
        .epoch = t->steps_per_epoch > 0 ? (double)t->step.step / (double)t->steps_per_epoch : 0,
        .loss = stats->loss,
        .lr = stats->lr,
        .images_per_s = t->log.images_per_s,
        .knn_top1 = t->log.knn_top1,
        .raw_pixels_top1 = t->log.raw_pixels_top1,
        .untrained_top1 = t->log.untrained_top1,
    };
}

int simclr_train(simclr_train_status *out, const simclr_config *config, const char *run,
                 const simclr_observer *observer, simclr_error *err)
{
    sc_config fallback;
    const sc_group *group;
    if (run == NULL || run[0] == '\0')
        return sc_fail(
            err, SIMCLR_E_USAGE,
            "the run's directory has no name; expected a path such as runs/a (-o runs/a)");
    sc_trainer *t = sc_alloc(1, sizeof *t, err);
    if (t == NULL)
        return SIMCLR_E_MEMORY;
    int rc = sc_dist_join(&group, err);
    if (rc == 0)
        rc = sc_trainer_open_in(t, sc_api_config(config, &fallback), run, NULL, group, observer,
                                err);
    if (rc == 0)
        rc = sc_trainer_run(t, err);
    if (t->together && group != NULL)
        group->leave();
    if (t->together && rc < 0 && !sc_group_first(group) && err != NULL)
        err->text[0] = '\0'; /* the first has the same to tell */
    if (out != NULL)
        fill_status(out, t, &t->last);
    sc_trainer_close(t);
    sc_free(t);
    return sc_api_result(rc, err);
}

int simclr_processes(int *rank, int *count, simclr_error *err)
{
    const sc_group *group;
    int rc = sc_dist_join(&group, err);
    *rank = group == NULL ? 0 : group->rank;
    *count = group == NULL ? 1 : group->size;
    return rc;
}

int simclr_trainer_open(simclr_trainer **out, const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    *out = NULL;
    simclr_trainer *trainer = sc_alloc(1, sizeof *trainer, err);
    if (trainer == NULL)
        return SIMCLR_E_MEMORY;
    int rc =
        sc_trainer_open(&trainer->trainer, sc_api_config(config, &fallback), NULL, NULL, NULL, err);
    if (rc < 0)
        simclr_trainer_close(trainer);
    else
        *out = trainer;
    return sc_api_result(rc, err);
}

int simclr_trainer_step(simclr_train_status *out, simclr_trainer *trainer, simclr_error *err)
{
    sc_trainer *t = &trainer->trainer;
    int rc = sc_trainer_step(&t->last, t, err);
    if (rc == 0 && out != NULL)
        fill_status(out, t, &t->last);
    return rc;
}

void simclr_trainer_close(simclr_trainer *trainer)
{
    if (trainer != NULL)
        sc_trainer_close(&trainer->trainer);
    sc_free(trainer);
}
