/* SPDX-License-Identifier: MIT
 *
 * step_device.c - one optimisation step on a device: the line of step.c, in the device's memory.
 *
 * Views are drawn here, by the same code as on the host, and made there.  While the device computes a
 * step, the host stages the next batch.
 */
#include "train/step_device.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "optim/device_update.h"
#include "train/step.h"
#include "views/device_views.h"

/* ---- memory ---- */

static void plan(sc_step_device *d, sc_arena *arena, const sc_step *t, size_t rows)
{
    const sc_network *net = &t->network;
    const sc_params *params = &net->params;
    size_t pixels = net->height * net->width * net->channels;

    d->x = sc_arena_take(arena, rows * pixels, sizeof *d->x);
    d->h = sc_arena_take(arena, rows * net->dim_h, sizeof *d->h);
    d->dh = sc_arena_take(arena, rows * net->dim_h, sizeof *d->dh);
    d->z = sc_arena_take(arena, rows * net->dim_z, sizeof *d->z);
    d->dz = sc_arena_take(arena, rows * net->dim_z, sizeof *d->dz);
    d->ntxent = (sc_device_ntxent){
        .z = d->z,
        .dz = d->dz,
        .dim = net->dim_z,
        .temperature = t->ntxent.temperature,
        .unit = sc_arena_take(arena, rows * net->dim_z, sizeof(sc_real)),
        .inv_norm = sc_arena_take(arena, rows, sizeof(sc_real)),
        .lse = sc_arena_take(arena, rows, sizeof(sc_real)),
        .row_loss = sc_arena_take(arena, rows, sizeof(double)),
    };
    d->input = sc_arena_take(arena, 1, sizeof *d->input);
    d->output = sc_arena_take(arena, 1, sizeof *d->output);
    d->views = sc_arena_take(arena, 1, sizeof *d->views);
    d->update.piece = d->piece = sc_arena_take(arena, d->update.pieces, sizeof *d->piece);
    d->update.sum = sc_arena_take(arena, 3 * d->update.pieces, sizeof(double));
    d->update.ratio = sc_arena_take(arena, params->entry_count, sizeof(double));
}

int sc_step_device_open(sc_step *t, size_t max_rows, simclr_error *err)
{
    sc_step_device *d = &t->there;
    sc_optim_describe(&d->update, &t->optim);
    d->max_rows = max_rows;
    d->arena.memory = d->store.memory = &d->device->memory;
    plan(d, &d->arena, t, max_rows); /* measures */
    int rc = sc_arena_open(&d->arena, err);
    sc_update_piece *piece = rc == 0 ? sc_alloc(d->update.pieces, sizeof *piece, err) : NULL;
    if (piece == NULL)
        return SIMCLR_E_MEMORY;
    plan(d, &d->arena, t, max_rows);
    sc_optim_pieces(piece, &t->optim);
    sc_views_describe(&d->views_here, &t->views);
    d->device->upload(d->views, &d->views_here, sizeof *d->views);
    d->device->upload(d->piece, piece, d->update.pieces * sizeof *piece);
    sc_free(piece);
    t->network.projector.step_at = &d->input->step;
    return d->device->wait(err);
}

void sc_step_device_close(sc_step_device *d)
{
    if (d->device == NULL)
        return;
    d->device->forget();
    sc_arena_close(&d->arena);
    sc_arena_close(&d->store);
    sc_arena_close(&d->store_here);
    *d = (sc_step_device){.device = d->device};
}

/* ---- staging, on the host ---- */

static void plan_store(sc_step_device *d, sc_arena *here, sc_arena *there)
{
    d->pixels_here = sc_arena_take(here, d->pixel_bytes, 1);
    d->view_here = sc_arena_take(here, d->max_rows, sizeof *d->view_here);
    d->pixels = sc_arena_take(there, d->pixel_bytes, 1);
    d->view = sc_arena_take(there, d->max_rows, sizeof *d->view);
    d->scratch = sc_arena_take(
        there, d->device->views_scratch(&d->views_here, d->max_rows, d->max_height, d->max_width),
        1);
}

/* Room for this batch.  What was recorded used the old places. */
static int reserve(sc_step_device *d, const sc_batch *batch, simclr_error *err)
{
    size_t bytes = 0;
    uint32_t height = d->max_height, width = d->max_width;
    for (size_t i = 0; i < batch->count; i++) {
        const sc_image *image = &batch->image[i];
        bytes += (size_t)image->height * image->width * image->channels;
        height = image->height > height ? image->height : height;
        width = image->width > width ? image->width : width;
    }
    d->staged_bytes = bytes;
    if (d->store.base != NULL && bytes <= d->pixel_bytes && height == d->max_height &&
        width == d->max_width)
        return 0;
    int rc = d->device->wait(err);
    if (rc < 0)
        return rc;
    d->device->forget();
    d->recordings = 0;
    sc_arena_close(&d->store);
    sc_arena_close(&d->store_here);
    d->pixel_bytes = bytes > d->pixel_bytes ? bytes + bytes / 4 : d->pixel_bytes;
    d->max_height = height;
    d->max_width = width;
    d->store.memory = &d->device->memory;
    plan_store(d, &d->store_here, &d->store); /* measures */
    rc = sc_arena_open(&d->store_here, err);
    if (rc == 0)
        rc = sc_arena_open(&d->store, err);
    if (rc == 0)
        plan_store(d, &d->store_here, &d->store);
    return rc;
}

static void draw_part(void *context, size_t part)
{
    sc_step *t = context;
    sc_step_device *d = &t->there;
    size_t n = d->next.count, i = part % n, view = part / n;
    const sc_image *image = &d->next.image[i];
    sc_view_key key = {.seed = t->views.options.seed,
                       .epoch = (uint32_t)d->next.epoch,
                       .image = d->next.index[i],
                       .view = (uint32_t)view};
    sc_view_params params;
    sc_view_draw(&params, &t->views.options.view[view], image->height, image->width, key);
    sc_view_describe(&d->view_here[part], &params, (int)view, d->view_here[part].pixels,
                     image->height, image->width);
}

static int stage(sc_step *t, simclr_error *err)
{
    sc_step_device *d = &t->there;
    int rc = sc_loader_next(&d->next, t->loader, err);
    if (rc == 0)
        rc = reserve(d, &d->next, err);
    if (rc < 0)
        return rc;
    size_t at = 0;
    for (size_t i = 0; i < d->next.count; i++) {
        const sc_image *image = &d->next.image[i];
        size_t bytes = (size_t)image->height * image->width * image->channels;
        memcpy(d->pixels_here + at, image->pixels, bytes);
        d->view_here[i].pixels = d->view_here[d->next.count + i].pixels = at;
        at += bytes;
    }
    sc_parallel_for(2 * d->next.count, draw_part, t);
    d->staged = true;
    return 0;
}

/* ---- the step ---- */

/* As in step.c. */
static void record(void *context)
{
    sc_step *t = context;
    sc_step_device *d = &t->there;
    const sc_device *device = d->device;
    sc_network *net = &t->network;
    size_t rows = 2 * d->images;

    device->views(d->x, d->pixels, d->view, rows, d->views, &d->views_here, d->max_height,
                  d->max_width, d->scratch);
    sc_encoder_forward(d->h, d->x, rows, true, &net->encoder);
    sc_projector_forward(d->z, d->h, rows, true, &net->projector);
    d->ntxent.rows = rows;
    device->ntxent_forward(d->output, &d->ntxent);

    sc_params_zero_grad(&net->params);
    device->ntxent_backward(&d->ntxent);
    sc_projector_backward(d->dh, d->dz, &net->projector);
    sc_encoder_backward(d->dh, &net->encoder);

    device->update(d->output, d->input, &d->update);
}

/* The key of steps with so many images; recordings of too many kinds begin anew. */
static size_t key_of(sc_step_device *d)
{
    for (size_t i = 0; i < d->recordings; i++) {
        if (d->recorded[i] == d->images)
            return i;
    }
    if (d->recordings == SC_DEVICE_KEYS) {
        d->device->forget();
        d->recordings = 0;
    }
    d->recorded[d->recordings] = d->images;
    return d->recordings++;
}

static void upload(sc_step_device *d, const sc_step_input *input)
{
    d->device->upload(d->pixels, d->pixels_here, d->staged_bytes);
    d->device->upload(d->view, d->view_here, 2 * d->images * sizeof *d->view);
    d->device->upload(d->input, input, sizeof *input);
}

int sc_step_on_device(sc_step_stats *out, sc_step *t, simclr_error *err)
{
    sc_step_device *d = &t->there;
    sc_step_output output;
    sc_step_input input;
    int rc = d->staged ? 0 : stage(t, err);
    if (rc < 0)
        return rc;
    t->batch = d->next; /* its images are not read again */
    d->staged = false;
    d->images = t->batch.count;
    out->step = t->step;
    out->epoch = t->batch.epoch;
    out->images = d->images;
    out->lr = sc_schedule_lr(&t->schedule, t->step);
    sc_optim_rates(&input, &t->optim, out->lr);
    input.step = t->step;
    upload(d, &input);
    d->device->play(key_of(d), record, t);
    rc = stage(t, err); /* meanwhile */
    d->device->download(&output, d->output, sizeof output);
    int rc_device = d->device->wait(rc < 0 ? NULL : err);
    if (rc < 0 || rc_device < 0)
        return rc < 0 ? rc : rc_device;
    out->loss = output.loss;
    out->gradient_norm = output.gradient_norm;
    if (!output.updated)
        sc_params_pull_grad(&t->network.params);
    rc = sc_step_check(out, &t->network.params, err);
    if (rc < 0)
        return rc;
    t->optim.steps++;
    t->step++;
    return 0;
}

void sc_step_look(sc_step *t)
{
    sc_step_device *d = &t->there;
    size_t rows = 2 * t->batch.count;
    if (d->device == NULL)
        return;
    d->device->download(t->h, d->h, rows * t->network.dim_h * sizeof *t->h);
    d->device->download(t->z, d->z, rows * t->network.dim_z * sizeof *t->z);
    sc_ntxent_forward(&t->ntxent, t->z, rows);
}
