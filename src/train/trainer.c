/* SPDX-License-Identifier: MIT
 *
 * trainer.c - a training run from its first step to the end.
 */
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

#include "train/memory.h"
#include "train/online.h"

static int save(sc_trainer *t, simclr_error *err)
{
    sc_state_identity id = {.run = t->run, .cfg = &t->cfg, .data_digest = t->data_digest};
    return sc_state_save(&t->warned_of_links, &t->step, &id, t->observer, err);
}

static bool checkpoint_due(const sc_trainer *t, double since)
{
    const sc_config_train *c = &t->cfg.train;
    return (c->checkpoint_steps > 0 && t->step.step % c->checkpoint_steps == 0) ||
           (c->checkpoint_seconds > 0 && sc_clock() - since >= c->checkpoint_seconds);
}

static bool evaluation_due(const sc_trainer *t)
{
    uint64_t every = (uint64_t)t->cfg.eval.every * t->steps_per_epoch;
    return t->step.step == t->stop_at || (every > 0 && t->step.step % every == 0);
}

int sc_trainer_step(sc_step_stats *out, sc_trainer *t, simclr_error *err)
{
    int rc = sc_train_step(out, &t->step, err);
    const sc_device *device = t->step.network.device;
    t->together = rc < 0; /* a step fails on all processes */
    bool ran_out = rc < 0 && device != NULL && device->wait(NULL) == SIMCLR_E_MEMORY;
    return ran_out ? sc_run_ran_out(t, err) : rc;
}

/* Appends to the text of an error that ended the run where it left off. */
static int save_before_end(sc_trainer *t, int why, simclr_error *err)
{
    if (save(t, NULL) < 0 || err == NULL) /* an older checkpoint is there, or none */
        return why;
    return sc_fail(err, why, "%s; the state after %llu steps is saved in %s", err->text,
                   (unsigned long long)t->step.step, t->run);
}

static int write_figures(void *context, simclr_error *err)
{
    sc_trainer *t = context;
    return sc_logbook_figures(&t->log, &t->step, err);
}

/* A device does the next step meanwhile, unless they may end the run. */
static void choose_when_to_write(sc_trainer *t)
{
    bool later = t->step.network.device != NULL && !t->cfg.train.strict;
    t->step.meanwhile = later ? write_figures : NULL;
    t->step.meanwhile_context = t;
}

/* A step, and what is said of it.  Unreadable data and a collapse leave the state of the last step, and
 * that is saved.  Not so a loss that is not finite: the running statistics have seen that batch; nor do
 * data on a device, which updates the weights while the next batch is read. */
static int one_step(sc_trainer *t, bool began, simclr_error *err)
{
    int rc = sc_trainer_step(&t->last, t, err);
    if (rc == SIMCLR_E_DATA && began && t->step.network.device == NULL)
        return save_before_end(t, rc, err);
    if (rc < 0)
        return rc;
    rc = sc_logbook_step(&t->log, &t->last, &t->step, err);
    if (rc == 0 && t->step.meanwhile == NULL)
        rc = write_figures(t, err);
    return rc == SIMCLR_E_NUMERIC ? save_before_end(t, rc, err) : rc;
}

static int run_steps(sc_trainer *t, simclr_error *err)
{
    double saved = sc_clock();
    uint64_t first = t->step.step;
    /* A run killed between its last checkpoint and the end of the evaluation makes up for it. */
    int late = t->step.step > 0 && evaluation_due(t) && t->log.evaluated != (int64_t)t->step.step
                   ? sc_online_evaluate(t, err)
                   : 0;
    if (late < 0)
        return late;
    choose_when_to_write(t);
    while (t->step.step < t->stop_at) {
        int rc = one_step(t, t->step.step > first, err);
        if (rc < 0)
            return rc;
        double stepped = sc_clock();
        bool stop = sc_group_any(sc_stop_asked(t->observer), t->step.group.group);
        t->together = stop;
        bool evaluate = !stop && evaluation_due(t);
        if (stop || evaluate || checkpoint_due(t, saved)) {
            rc = write_figures(t, err); /* a checkpoint has all lines up to its step */
            if (rc == 0)
                rc = save(t, err);
            saved = sc_clock();
        }
        if (rc == 0 && evaluate)
            rc = sc_online_evaluate(t, err);
        if (rc == 0 && stop)
            rc = sc_fail(err, SIMCLR_E_INTERRUPTED, "stopped at step %llu, state saved in %s",
                         (unsigned long long)t->step.step, t->run);
        if (rc < 0)
            return rc;
        sc_logbook_pause(&t->log, sc_clock() - stepped);
    }
    return 0;
}

static bool was_finished(const sc_trainer *t)
{
    sc_status status;
    return t->step.step >= t->stop_at && sc_status_read(&status, t->run, NULL) == 0 &&
           strcmp(status.phase, "finished") == 0 && status.step == t->step.step;
}

int sc_trainer_write_skipped(const sc_trainer *t, simclr_error *err)
{
    char path[SC_PATH_MAX], name[SC_PATH_MAX], line[SC_PATH_MAX + 512];
    sc_fs_writer *w;
    int rc = sc_path_join(path, t->run, "skipped.tsv", err);
    if (rc == 0)
        rc = sc_fs_writer_open(&w, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(w, "file\treason\n", 12, err);
    for (size_t j = 0; rc == 0 && j < sc_dataset_skipped(t->train); j++) {
        const char *file, *reason;
        sc_dataset_skip_reason(t->train, j, &file, &reason);
        sc_printable(name, sizeof name, file);
        int length = snprintf(line, sizeof line, "%s\t%s\n", name, reason);
        rc = sc_fs_writer_write(w, line, (size_t)length, err);
    }
    if (rc < 0) {
        sc_fs_writer_abandon(w);
        return rc;
    }
    return sc_fs_writer_commit(w, err);
}

int sc_trainer_run(sc_trainer *t, simclr_error *err)
{
    if (!sc_group_first(t->step.group.group))
        return sc_trainer_follow(t, err);
    if (was_finished(t)) {
        sc_say(t->observer, SIMCLR_NOTE, "%s is finished: %llu steps", t->run,
               (unsigned long long)t->step.step);
        t->together = true;
        return 0;
    }
    int rc = sc_logbook_phase(&t->log, "training", t->step.step, -1, err);
    if (rc == 0 && t->step.step == 0 && t->log.evaluated != 0)
        rc = sc_online_begin(t, err);
    if (rc == 0)
        rc = run_steps(t, err);
    if (rc == 0)
        rc = sc_online_draw_curves(t, err);
    sc_loader_close(t->step.loader); /* its threads may be noting images as bad */
    t->step.loader = NULL;
    simclr_error late = {0};
    int rc_skipped = sc_trainer_write_skipped(t, rc < 0 ? &late : err); /* with those met since */
    rc = rc < 0 ? rc : rc_skipped;
    const char *phase = rc == 0                      ? "finished"
                        : rc == SIMCLR_E_INTERRUPTED ? "interrupted"
                                                     : "failed";
    int rc_phase =
        sc_logbook_phase(&t->log, phase, t->step.step, sc_exit_code(rc), rc < 0 ? &late : err);
    rc = rc < 0 ? rc : rc_phase;
    t->together = t->together || rc == 0;
    return rc;
}
