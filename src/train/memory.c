/* SPDX-License-Identifier: MIT
 *
 * memory.c - what a run takes of memory, and the largest batch that fits into what is free.
 */
#include "train/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/ram.h"
#include "train/setup.h"

static const double MIB = 1048576.0, GIB = 1073741824.0;
static const char SMALLER[] = "lower image_size or model.width";

/* More than before, after the device's libraries found too little. */
static const size_t LEFT_FREE = (size_t)512 << 20;

sc_network_options sc_run_network(const sc_trainer *t, size_t batch)
{
    size_t images = sc_dataset_count(t->train);
    size_t ranks = sc_step_group_rows(1, t->step.group.group);
    size_t most = sc_loader_largest(images, batch, t->cfg.data.drop_last);
    return (sc_network_options){
        .encoder = sc_setup_encoder(&t->cfg, t->size),
        .projector = sc_setup_projector(&t->cfg),
        .height = t->size,
        .width = t->size,
        .max_rows = 2 * ((most + ranks - 1) / ranks),
        .precision = sc_setup_precision(&t->cfg),
        .seed = t->cfg.train.seed,
        .tables = t->tables,
    };
}

void sc_run_plan(sc_step *step, size_t rows, sc_arena *arena)
{
    sc_step *s = step;
    const sc_network *net = &s->network;
    size_t all = sc_step_group_rows(rows, s->group.group);
    s->h = sc_arena_take(arena, rows * net->dim_h, sizeof *s->h);
    s->own_z = s->z = sc_arena_take(arena, all * net->dim_z, sizeof *s->z);
    sc_ntxent_plan(&s->ntxent, arena);
    if (net->device != NULL)
        return; /* the others are in its memory */
    s->x = sc_arena_take(arena, rows * net->height * net->width * net->channels, sizeof *s->x);
    s->dh = sc_arena_take(arena, rows * net->dim_h, sizeof *s->dh);
    s->own_dz = s->dz = sc_arena_take(arena, all * net->dim_z, sizeof *s->dz);
    if (all == rows)
        return;
    s->own_z = sc_arena_take(arena, rows * net->dim_z, sizeof *s->own_z);
    s->own_dz = sc_arena_take(arena, rows * net->dim_z, sizeof *s->own_dz);
    sc_step_group_plan(&s->group, rows, net->dim_z, arena);
}

/* What a block of so many bytes takes of the device's memory. */
static size_t block(const sc_device *device, const sc_arena *measured)
{
    return (measured->used + device->granule - 1) / device->granule * device->granule;
}

/* Of a step whose network is measured and whose views are open. */
static size_t step_bytes(sc_step *s, const sc_trainer *t, size_t rows)
{
    const sc_network *net = &s->network;
    const sc_device *device = net->device;
    sc_arena host = {0};
    if (device != NULL) {
        sc_step_device_measure(&s->there, s, t->train, rows);
        return block(device, &net->params.memory_there) + block(device, &net->arena) +
               block(device, &s->there.arena) + block(device, &s->there.staging.store);
    }
    size_t all = sc_step_group_rows(rows, s->group.group);
    if (sc_ntxent_init(&s->ntxent, net->backend, all, net->dim_z, t->cfg.temperature, NULL) < 0)
        return SIZE_MAX;
    sc_run_plan(s, rows, &host);
    return net->params.memory_here.used + net->arena.used + host.used;
}

size_t sc_run_loader_bytes(const sc_trainer *t, size_t batch)
{
    const sc_views_options *views = &t->step.views.options;
    uint32_t height, width;
    bool equal;
    if (t->tables.maps->device != NULL || sc_dataset_resident(t->train))
        return 0;
    sc_dataset_extent(t->train, &height, &width, &equal);
    return sc_loader_bytes(t->train, batch, sc_drawer_bytes(views), t->drawer.threads) +
           (size_t)t->drawer.threads * sc_views_scratch_bytes(views, height, width);
}

size_t sc_run_bytes(const sc_trainer *t, size_t batch)
{
    sc_step s = {.views = t->step.views, .group.group = t->step.group.group};
    sc_network_options options = sc_run_network(t, batch);
    if (sc_network_measure(&s.network, &options, NULL) < 0)
        return SIZE_MAX;
    size_t bytes = step_bytes(&s, t, options.max_rows);
    if (bytes != SIZE_MAX)
        bytes += sc_run_loader_bytes(t, batch);
    sc_network_close(&s.network);
    return bytes;
}

size_t sc_run_free(const sc_trainer *t)
{
    const sc_device *device = t->tables.maps->device;
    return device != NULL ? device->free_bytes() : sc_ram_here().free;
}

void sc_run_amount(char *out, size_t size, double bytes, double scale)
{
    snprintf(out, size, "%.1f %s", bytes / scale, scale < GIB ? "MiB" : "GiB");
}

/* The batches that are proposed, in order: 2 .. 64, then multiples of 8. */
static size_t proposal(size_t i)
{
    return i < 63 ? i + 2 : 64 + 8 * (i - 62);
}

/* The largest proposal below `batch` that fits; 0: none. */
static size_t largest_fit(const sc_trainer *t, size_t batch, size_t free_bytes)
{
    size_t low = 0, high = 0; /* all before low fit, none from high on */
    while (proposal(high) < batch)
        high++;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sc_run_bytes(t, proposal(middle)) <= free_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? proposal(low - 1) : 0;
}

/* The batch of a step, no larger than the data set. */
static size_t batch_of(const sc_trainer *t)
{
    size_t images = sc_dataset_count(t->train), wanted = (size_t)t->cfg.train.batch;
    return wanted < images ? wanted : images;
}

int sc_run_too_large(const sc_trainer *t, size_t free_bytes, simclr_error *err)
{
    const sc_device *device = t->tables.maps->device;
    size_t batch = batch_of(t), bytes = sc_run_bytes(t, batch);
    char where[64] = "of memory", needs[32], has[32], advice[96];
    if (bytes <= free_bytes || bytes == SIZE_MAX || free_bytes == 0)
        return SIMCLR_E_MEMORY; /* it is another memory that is short: err tells of it */
    size_t fits = largest_fit(t, batch, free_bytes);
    double scale = (double)(bytes - free_bytes) < GIB / 10 ? MIB : GIB; /* that tells them apart */
    sc_run_amount(needs, sizeof needs, (double)bytes, scale);
    sc_run_amount(has, sizeof has, (double)free_bytes, scale);
    if (device != NULL)
        snprintf(where, sizeof where, "on %.*s", (int)strcspn(device->name, ","), device->name);
    if (fits > 0)
        snprintf(advice, sizeof advice, "batch=%zu fits", fits);
    else
        snprintf(advice, sizeof advice, "not even batch=2 fits: %s", SMALLER);
    return sc_fail(err, SIMCLR_E_MEMORY, "batch=%zu needs %s %s, %s are free; %s", batch, needs,
                   where, has, advice);
}

int sc_run_ran_out(const sc_trainer *t, simclr_error *err)
{
    size_t batch = batch_of(t), bytes = sc_run_bytes(t, batch);
    char text[sizeof err->text], left[32];
    bool some = bytes != SIZE_MAX && bytes > LEFT_FREE;
    size_t fits = some ? largest_fit(t, batch, bytes - LEFT_FREE) : 0;
    snprintf(text, sizeof text, "%s", err != NULL ? err->text : "");
    sc_run_amount(left, sizeof left, (double)LEFT_FREE, MIB);
    if (fits == 0)
        return sc_fail(err, SIMCLR_E_MEMORY, "%s; %s", text, SMALLER);
    return sc_fail(err, SIMCLR_E_MEMORY, "%s; batch=%zu leaves %s more than batch=%zu", text, fits,
                   left, batch);
}
