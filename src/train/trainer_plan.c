/* SPDX-License-Identifier: MIT
 *
 * trainer_plan.c - what a training run will take: said before its first step.
 */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>

#include "backend/device_load.h"
#include "core/parallel.h"
#include "model/encoder_shapes.h"
#include "train/memory.h"
#include "train/setup.h"

static const double MIB = 1048576.0;

/* Where a device finds the images; nothing to say without one. */
static void where_images_are(char *text, size_t size, const sc_step_device *there)
{
    double bytes = (double)there->staging.images.size;
    text[0] = '\0';
    if (there->device != NULL && bytes > 0)
        snprintf(text, size, ", data set in device memory, %.0f MiB", ceil(bytes / MIB));
    else if (there->device != NULL)
        snprintf(text, size, ", images sent step by step");
}

static void say_plan(const sc_trainer *t)
{
    char images[64];
    size_t batch = sc_loader_max_batch(t->step.loader);
    const sc_network *net = &t->step.network;
    double memory = (double)(net->arena.size + t->arena.size + t->step.there.arena.size) +
                    (double)t->step.there.staging.store.size +
                    4.0 * (double)net->params.total * sizeof(sc_real) +
                    (double)sc_run_loader_bytes(t, batch);
    where_images_are(images, sizeof images, &t->step.there);
    sc_say(t->observer, SIMCLR_NOTE,
           "model     h %zu, z %zu, %.2f M parameters, %.1f M multiply-adds a view of %ux%u",
           net->dim_h, net->dim_z, (double)net->encoder_parameters / 1e6,
           sc_encoder_macs(&net->encoder) / 1e6, t->size, t->size);
    sc_say(t->observer, SIMCLR_NOTE,
           "engine    %s%s, %s, %d threads, %.0f MiB for network and batch%s",
           net->device != NULL ? net->device->name : "cpu/",
           net->device != NULL ? "" : net->encoder.nn.backend->name, sc_network_precision(net),
           sc_parallel_threads(), memory / MIB, images);
    sc_say(
        t->observer, SIMCLR_NOTE,
        "loss      from %.2f (nothing learnt) down to at best %.2f at this batch and temperature",
        sc_ntxent_ceiling(batch), sc_ntxent_floor(batch, t->cfg.temperature));
}

/* A few steps whose traces are wiped: what will an epoch take?  The first ones are not like the others,
 * on a device that finds its plans and records the step. */
static int dry_run(sc_trainer *t, simclr_error *err)
{
    sc_step *s = &t->step;
    sc_step_stats stats;
    double start = 0;
    int steps = s->there.device != NULL ? 5 : 2;
    for (int i = 0; i < steps; i++) {
        start = sc_clock();
        int rc = sc_trainer_step(&stats, t, err);
        if (rc < 0)
            return rc;
    }
    double seconds = sc_clock() - start;
    s->step = 0;
    s->optim.steps = 0;
    sc_params_reset(&s->network.params, t->cfg.train.seed);
    char epoch[32], all[32];
    sc_progress_time(epoch, sizeof epoch, seconds * (double)t->steps_per_epoch);
    sc_progress_time(all, sizeof all, seconds * (double)t->stop_at);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    sc_say(t->observer, SIMCLR_NOTE,
           "estimate  %s an epoch of %llu steps, %s for %llu steps, without evaluations; %.0f "
           "images/s; %.0f MiB in use",
           epoch, (unsigned long long)t->steps_per_epoch, all, (unsigned long long)t->stop_at,
           (double)stats.images / seconds, (double)usage.ru_maxrss / 1024.0);
    const char *note = sc_device_note(s->there.device);
    if (note[0] != '\0')
        sc_say(t->observer, SIMCLR_WARNING, "%s", note);
    return 0;
}

int sc_trainer_plan(sc_trainer *t, simclr_error *err)
{
    say_plan(t);
    return dry_run(t, err);
}
