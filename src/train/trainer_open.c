/* SPDX-License-Identifier: MIT
 *
 * trainer_open.c - a training run before its first step: data, device, network, views, the run's
 * directory.
 */
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

#include "backend/device_load.h"
#include "backend/group_table.h"
#include "core/alloc.h"
#include "core/parallel.h"
#include "model/encoder_shapes.h"
#include "train/memory.h"
#include "train/setup.h"

static int open_split(sc_dataset **out, const sc_trainer *t, const char *split, simclr_error *err)
{
    sc_dataset_options options = sc_setup_dataset(&t->cfg, split);
    return sc_dataset_open(out, sc_setup_dataset_spec(&t->cfg), &options, err);
}

/* Where the size is given, maps that vanish are found before any image is read. */
static int check_stages(const sc_config *cfg, simclr_error *err)
{
    size_t size = (size_t)cfg->data.image_size;
    sc_encoder_options encoder = sc_setup_encoder(cfg, (uint32_t)size);
    return size == 0 ? 0 : sc_encoder_check(&encoder, size, size, err);
}

static void close_bank(sc_trainer *t)
{
    if (t->bank != t->train)
        sc_dataset_close(t->bank);
    t->bank = NULL;
}

/* Images with a label, counted up to two. */
static int labelled(const sc_dataset *ds)
{
    int found = 0;
    for (size_t i = 0; found < 2 && i < sc_dataset_count(ds); i++)
        found += sc_dataset_label(ds, i) >= 0;
    return found;
}

/* Bank and queries of k-NN; without labels there are none.  What is learnt from may include the
 * test images, the bank never does: each would find itself. */
static int open_bank(sc_trainer *t, const char *split, simclr_error *err)
{
    const char *spec = sc_setup_dataset_spec(&t->cfg);
    bool mixed = strcmp(split, "all") == 0 || strcmp(split, "test") == 0;
    bool apart = (mixed || strcmp(split, "train+unlabeled") == 0) &&
                 sc_dataset_has_split(spec, "train") &&
                 (!mixed || sc_dataset_has_split(spec, "test"));
    int rc = apart ? open_split(&t->bank, t, "train", err) : 0;
    if (rc == 0 && !apart)
        t->bank = t->train;
    if (rc == 0 && labelled(t->bank) < 2) { /* one in the bank, one that asks */
        close_bank(t);
        return 0;
    }
    if (rc == 0 && (apart || !mixed) && sc_dataset_has_split(spec, "test"))
        rc = open_split(&t->test, t, "test", err);
    if (rc == 0 && t->test != NULL && labelled(t->test) == 0) {
        sc_say(t->observer, SIMCLR_WARNING,
               "%s: the test images have no labels; k-NN is measured on every tenth labelled "
               "training image",
               spec);
        sc_dataset_close(t->test);
        t->test = NULL;
    }
    return rc;
}

/* The size of the views is settled here, so that config.yaml and checkpoints hold it: the run can
 * then be used on images of any size.  So is the batch. */
static int open_data(sc_trainer *t, simclr_error *err)
{
    const char *spec = sc_setup_dataset_spec(&t->cfg);
    const char *split = t->cfg.data.split;
    if (split[0] == '\0')
        split = sc_dataset_has_split(spec, "train+unlabeled") ? "train+unlabeled" : "train";
    int rc = open_split(&t->train, t, split, err);
    if (rc == 0)
        rc = open_bank(t, split, err);
    if (rc == 0)
        rc = sc_dataset_fingerprint(t->data_digest, t->train, err);
    if (rc == 0)
        rc = sc_dataset_older_fingerprint(t->older_digest, t->train, err);
    if (rc < 0)
        return rc;
    t->size = sc_setup_image_size(&t->cfg, t->train);
    t->cfg.data.image_size = (int)t->size;
    sc_say(t->observer, SIMCLR_NOTE, "data      %s: %zu images (%s), %d classes, %zu skipped", spec,
           sc_dataset_count(t->train), split, sc_dataset_classes(t->train),
           sc_dataset_skipped(t->train));
    return sc_setup_settle_training(&t->cfg, sc_dataset_count(t->train), t->run, t->observer, err);
}

static int open_loader(sc_trainer *t, simclr_error *err)
{
    sc_loader_close(t->step.loader);
    t->step.loader = NULL;
    t->step.there.staging.staged = false;
    int rc = sc_loader_open(&t->step.loader, t->train, (size_t)t->cfg.train.batch,
                            t->cfg.train.seed, sc_setup_workers(&t->cfg), t->step.step, err);
    if (rc < 0)
        return rc;
    sc_loader_set_order(t->step.loader, t->cfg.data.shuffle, t->cfg.data.drop_last);
    rc = sc_trainer_group_loader(t, err);
    if (rc < 0)
        return rc;
    const sc_loader_draw draw = {.draw = sc_drawer_draw,
                                 .context = &t->drawer,
                                 .bytes = sc_drawer_bytes(&t->step.views.options)};
    bool device = t->tables.maps->device != NULL; /* it draws the views, from whole images */
    return device ? 0 : sc_loader_set_draw(t->step.loader, &draw, err);
}

static int choose_tables(sc_trainer *t, const sc_tables *tables, simclr_error *err)
{
    const sc_group *group = t->step.group.group;
    sc_tables own = {0};
    int rc = 0;
    if (tables == NULL)
        rc = sc_setup_tables(&own, t->device, sc_setup_precision(&t->cfg), err);
    else
        own = *tables;
    if (rc == 0 && group != NULL)
        return sc_group_tables_open(&t->tables, &own, group, err);
    t->tables = own;
    return rc;
}

static int open_network(sc_trainer *t, simclr_error *err)
{
    sc_step *s = &t->step;
    sc_network_options options = sc_run_network(t, (size_t)t->cfg.train.batch);
    sc_optim_options optim = sc_setup_optim(&t->cfg);
    size_t rows = options.max_rows, all = sc_step_group_rows(rows, s->group.group);
    int rc = sc_network_open(&s->network, &options, err);
    if (rc == 0)
        rc = sc_ntxent_init(&s->ntxent, s->network.backend, all, s->network.dim_z,
                            t->cfg.temperature, err);
    if (rc == 0)
        rc = sc_optim_init(&s->optim, &optim, &s->network.params, err);
    if (rc < 0)
        return rc;
    sc_run_plan(s, rows, &t->arena);
    rc = sc_arena_open(&t->arena, err);
    if (rc < 0)
        return rc;
    sc_run_plan(s, rows, &t->arena);
    return s->network.device != NULL ? sc_step_device_open(s, t->train, rows, err) : 0;
}

/* All that grows with the batch; views are open. */
static int open_step(sc_trainer *t, simclr_error *err)
{
    size_t free_bytes = sc_run_free(t);
    int rc = open_network(t, err);
    return rc == SIMCLR_E_MEMORY ? sc_run_too_large(t, free_bytes, err) : rc;
}

static int open_views(sc_trainer *t, simclr_error *err)
{
    uint32_t height, width;
    bool equal;
    sc_dataset_extent(t->train, &height, &width, &equal);
    sc_views_options options = sc_setup_views(&t->cfg, t->size);
    int rc = sc_views_options_check(&options, err);
    if (rc == 0)
        rc = sc_drawer_open(&t->drawer, &options, sc_setup_workers(&t->cfg), err);
    return rc < 0 ? rc : sc_views_open(&t->step.views, &options, height, width, err);
}

/* What a process that was killed was writing. */
static int remove_leftovers(const char *run, simclr_error *err)
{
    char projector[SC_PATH_MAX];
    int rc = sc_fs_remove_leftovers(run, err);
    if (rc == 0)
        rc = sc_path_join(projector, run, "projector", err);
    return rc < 0 ? rc : sc_fs_remove_leftovers(projector, err);
}

static int open_run(sc_trainer *t, simclr_error *err)
{
    char path[SC_PATH_MAX];
    bool found;
    int rc = sc_fs_mkdirs(t->run, err);
    if (rc == 0)
        rc = sc_path_join(path, t->run, "lock", err);
    if (rc == 0)
        rc = sc_fs_lock_take(&t->lock, path, err);
    if (rc == 0)
        rc = remove_leftovers(t->run, err);
    const char *kind = sc_dataset_kind(t->train);
    bool files = strcmp(kind, "folder") == 0 || strcmp(kind, "list") == 0;
    sc_state_identity id = {
        .run = t->run,
        .cfg = &t->cfg,
        .data_digest = t->data_digest,
        .older_digest = t->older_digest,
        .may_drop = files && (sc_dataset_skipped(t->train) > 0 || !sc_dataset_resident(t->train)),
    };
    if (rc == 0)
        rc = sc_state_restore(&found, &t->step, &id, t->observer, err);
    if (rc < 0)
        return rc;
    if (found)
        sc_say(t->observer, SIMCLR_NOTE, "resume    %s at step %llu", t->run,
               (unsigned long long)t->step.step);
    rc = sc_state_write_config(&t->cfg, t->run, err);
    return rc < 0 ? rc : sc_trainer_write_skipped(t, err);
}

/* Settings, data and where it computes, as far as one process can tell. */
static int settle(sc_trainer *t, const sc_tables *tables, simclr_error *err)
{
    int rc = sc_config_check(&t->cfg, err);
    if (rc == 0)
        rc = check_stages(&t->cfg, err);
    if (rc == 0)
        rc = sc_trainer_group_check(t, err);
    if (rc == 0 && t->run[0] != '\0')
        rc = sc_state_check_place(t->run, err);
    if (rc == 0)
        rc = open_data(t, err);
    if (rc == 0 && tables == NULL && t->step.group.group == NULL)
        rc = sc_setup_device(&t->device, &t->cfg, t->observer, err);
    if (rc == 0)
        sc_setup_settle_precision(&t->cfg, t->device, t->run);
    return rc;
}

/* All that is laid out for these settings. */
static int lay_out(sc_trainer *t, const sc_tables *tables, simclr_error *err)
{
    int rc = choose_tables(t, tables, err);
    if (rc == 0)
        rc = open_views(t, err);
    if (rc == 0)
        rc = open_loader(t, err);
    if (rc == 0)
        rc = open_step(t, err);
    if (rc < 0)
        return rc;
    t->steps_per_epoch = sc_loader_steps_per_epoch(t->step.loader);
    t->total_steps = (uint64_t)t->cfg.train.epochs * t->steps_per_epoch;
    t->stop_at = t->cfg.train.steps > 0 && t->cfg.train.steps < t->total_steps ? t->cfg.train.steps
                                                                               : t->total_steps;
    t->step.schedule = sc_setup_schedule(&t->cfg, t->steps_per_epoch);
    return 0;
}

/* The run's directory, its state and its logs; the first of several processes has them. */
static int begin_run(sc_trainer *t, simclr_error *err)
{
    const bool first = sc_group_first(t->step.group.group);
    int rc = sc_trainer_plan(t, err);
    if (rc == 0)
        rc = sc_trainer_group_agree(t, first ? open_run(t, err) : 0, err);
    if (rc == 0)
        sc_trainer_group_state(t);
    if (rc == 0)
        rc = open_loader(t, err); /* from the step resumed at */
    if (rc < 0 || !first)
        return rc;
    rc = sc_logbook_open(&t->log, t->run, &t->cfg, t->step.step, t->observer, err);
    t->last.loss = t->log.last_loss;
    t->last.lr = t->log.last_lr;
    t->log.steps_per_epoch = t->steps_per_epoch;
    t->log.total_steps = t->stop_at;
    return rc;
}

int sc_trainer_open_in(sc_trainer *t, const sc_config *cfg, const char *run,
                       const sc_tables *tables, const sc_group *group,
                       const simclr_observer *observer, simclr_error *err)
{
    const bool first = sc_group_first(group), has_run = run != NULL && run[0] != '\0';
    memset(t, 0, sizeof *t);
    t->cfg = *cfg;
    t->step.group.group = group;
    t->observer = observer;
    if (!first) {
        t->quiet = observer != NULL ? *observer : (simclr_observer){0};
        t->quiet.message = NULL;
        t->observer = &t->quiet;
    }
    t->log.raw_pixels_top1 = t->log.untrained_top1 = t->log.knn_top1 = -1;
    snprintf(t->run, sizeof t->run, "%s", first && has_run ? run : "");
    sc_parallel_set_threads(sc_setup_threads(cfg));
    int rc = sc_trainer_group_agree(t, settle(t, tables, err), err);
    if (rc == 0)
        rc = sc_trainer_group_settle(t, err);
    if (rc == 0)
        rc = sc_trainer_group_agree(t, lay_out(t, tables, err), err);
    return rc < 0 || !has_run ? rc : begin_run(t, err);
}

int sc_trainer_open(sc_trainer *t, const sc_config *cfg, const char *run, const sc_tables *tables,
                    const simclr_observer *observer, simclr_error *err)
{
    return sc_trainer_open_in(t, cfg, run, tables, NULL, observer, err);
}

void sc_trainer_close(sc_trainer *t)
{
    if (t->run[0] != '\0')
        sc_logbook_close(&t->log, NULL);
    sc_step_device_close(&t->step.there);
    sc_loader_close(t->step.loader);
    sc_drawer_close(&t->drawer);
    sc_views_close(&t->step.views);
    sc_optim_close(&t->step.optim);
    sc_network_close(&t->step.network);
    if (t->device != NULL)
        sc_device_close();
    if (t->step.group.group != NULL && t->tables.maps != NULL)
        sc_group_tables_close();
    sc_arena_close(&t->arena);
    close_bank(t);
    sc_dataset_close(t->test);
    sc_dataset_close(t->train);
    sc_fs_lock_release(t->lock);
    memset(t, 0, sizeof *t);
}
