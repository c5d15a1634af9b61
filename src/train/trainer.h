/* SPDX-License-Identifier: MIT
 *
 * trainer.h - a training run: open everything, estimate, resume, then step after step with
 * evaluations and checkpoints in between.
 */
#ifndef SC_TRAIN_TRAINER_H
#define SC_TRAIN_TRAINER_H

#include "core/events.h"
#include "core/fs.h"
#include "config/config.h"
#include "core/sha256.h"
#include "train/logbook.h"
#include "train/state.h"
#include "train/step.h"

typedef struct {
    sc_config cfg;
    char run[SC_PATH_MAX]; /* "" without a directory: nothing is written */
    const simclr_observer *observer;
    sc_fs_lock *lock;
    sc_dataset *train; /* what is learnt from */
    sc_dataset *bank;  /* labelled images for k-NN: `train`, or the split of that name; or NULL */
    sc_dataset *test;  /* NULL: held out from the bank */
    char data_digest[SC_SHA256_HEX], older_digest[SC_SHA256_HEX];
    uint32_t size;           /* side of a view, px */
    const sc_device *device; /* NULL: the processor */
    sc_tables tables;        /* of where it computes */
    sc_drawer drawer;        /* of the loader's threads, without a device */
    sc_step step;
    sc_arena arena; /* x, h, z, their gradients, NT-Xent */
    sc_logbook log;
    sc_step_stats last; /* of the last step */
    uint64_t steps_per_epoch, total_steps, stop_at;
    bool warned_of_links;
    simclr_observer quiet; /* of every process but the first: it says nothing */
    bool together;         /* with several processes: all of them came to this end */
} sc_trainer;

/* Opens data, network and (with a run) lock, logs and the newest checkpoint.  tables NULL:
 * those of train.device.  The trainer must not be moved.  Close it also after a failure. */
int sc_trainer_open(sc_trainer *t, const sc_config *cfg, const char *run, const sc_tables *tables,
                    const simclr_observer *observer, simclr_error *err);
/* The same for one process of a group, NULL: alone.  All call it alike; the first has the directory, and the
 * others its settings and its state.  They train on processors.  SIMCLR_E_USAGE: they have not the same images,
 * or fewer in a batch than there are processes. */
int sc_trainer_open_in(sc_trainer *t, const sc_config *cfg, const char *run,
                       const sc_tables *tables, const sc_group *group,
                       const simclr_observer *observer, simclr_error *err);
/* Says what network, engine and an epoch are like, the last by steps whose traces are wiped. */
int sc_trainer_plan(sc_trainer *t, simclr_error *err);
/* sc_train_step of its step; where a device's memory runs out, err names a smaller batch. */
int sc_trainer_step(sc_step_stats *out, sc_trainer *t, simclr_error *err);
/* Until train.epochs or train.steps are done, or a stop is asked for (SIMCLR_E_INTERRUPTED). */
int sc_trainer_run(sc_trainer *t, simclr_error *err);
/* RUN/skipped.tsv: every image that was not trained on, and why. */
int sc_trainer_write_skipped(const sc_trainer *t, simclr_error *err);
void sc_trainer_close(sc_trainer *t); /* zeroed is fine */

/* ---- trainer_group.c, for a trainer of several processes ---- */

/* rc, where all processes have 0; else the error of the first that has one. */
int sc_trainer_group_agree(sc_trainer *t, int rc, simclr_error *err);
/* Before anything is opened; then once data and settings are settled; with the loader; and when the first has its
 * state. */
int sc_trainer_group_check(const sc_trainer *t, simclr_error *err);
int sc_trainer_group_settle(sc_trainer *t, simclr_error *err);
int sc_trainer_group_loader(sc_trainer *t, simclr_error *err);
void sc_trainer_group_state(sc_trainer *t);
/* What sc_trainer_run is on the others: the steps. */
int sc_trainer_follow(sc_trainer *t, simclr_error *err);

#endif
