/* SPDX-License-Identifier: MIT
 *
 * step_device.c - one optimisation step on a device: the line of step.c, in the device's memory.
 *
 * Views are drawn on the host and made there.  While the device computes a step, the host does what is
 * left of the last one (sc_step.meanwhile) and stages the next batch (staging.h).
 */
#include "train/step_device.h"

#include "optim/device_update.h"
#include "train/step.h"

/* ---- memory ---- */

static void plan(sc_step_device *d, sc_arena *arena, const sc_step *t, size_t rows)
{
    const sc_network *net = &t->network;
    const sc_params *params = &net->params;
    size_t pixels = net->height * net->width * net->channels;
    size_t pieces = sc_optim_chunks(params);

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
    d->update.piece = d->piece = sc_arena_take(arena, pieces, sizeof *d->piece);
    d->update.sum = sc_arena_take(arena, 3 * pieces, sizeof(double));
    d->update.ratio = sc_arena_take(arena, params->entry_count, sizeof(double));
}

void sc_step_device_measure(sc_step_device *d, const sc_step *t, const sc_dataset *data,
                            size_t max_rows)
{
    const sc_device *device = t->network.device;
    *d = (sc_step_device){.device = device, .arena = {.memory = &device->memory}};
    plan(d, &d->arena, t, max_rows);
    sc_staging_measure(&d->staging, device, &t->views, data, max_rows);
}

/* What does not change from step to step. */
static int send_constants(sc_step *t, simclr_error *err)
{
    sc_step_device *d = &t->there;
    sc_update_piece *piece = sc_alloc(d->update.pieces, sizeof *piece, err);
    if (piece == NULL)
        return SIMCLR_E_MEMORY;
    sc_optim_pieces(piece, &t->optim);
    d->device->upload(d->views, &d->staging.options, sizeof *d->views);
    d->device->upload(d->piece, piece, d->update.pieces * sizeof *piece);
    sc_free(piece);
    return d->device->wait(err);
}

int sc_step_device_open(sc_step *t, const sc_dataset *data, size_t max_rows, simclr_error *err)
{
    sc_step_device *d = &t->there;
    sc_step_device_measure(d, t, data, max_rows);
    int rc = sc_arena_open(&d->arena, err);
    if (rc < 0)
        return rc;
    sc_optim_describe(&d->update, &t->optim);
    plan(d, &d->arena, t, max_rows);
    rc = sc_staging_open(&d->staging, data, err);
    if (rc < 0)
        return rc;
    t->network.projector.step_at = &d->input->step;
    return send_constants(t, err);
}

void sc_step_device_close(sc_step_device *d)
{
    if (d->device == NULL)
        return;
    d->device->forget();
    sc_arena_close(&d->arena);
    sc_staging_close(&d->staging);
    *d = (sc_step_device){.device = d->device};
}

/* ---- the step ---- */

/* As in step.c. */
static void record(void *context)
{
    sc_step *t = context;
    sc_step_device *d = &t->there;
    const sc_device *device = d->device;
    const sc_staging *s = &d->staging;
    sc_network *net = &t->network;
    size_t rows = 2 * d->images;

    device->views(d->x, s->pixels, s->view, rows, d->views, &s->options, s->max_height,
                  s->max_width, s->scratch);
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

/* The key of steps with so many images; recordings of too many kinds, or of places that were left,
 * begin anew. */
static size_t key_of(sc_step_device *d)
{
    bool moved = d->staging.moved;
    d->staging.moved = false;
    for (size_t i = 0; i < d->recordings && !moved; i++) {
        if (d->recorded[i] == d->images)
            return i;
    }
    if (d->recordings == SC_DEVICE_KEYS || moved) {
        d->device->forget();
        d->recordings = 0;
    }
    d->recorded[d->recordings] = d->images;
    return d->recordings++;
}

int sc_step_on_device(sc_step_stats *out, sc_step *t, simclr_error *err)
{
    sc_step_device *d = &t->there;
    sc_staging *s = &d->staging;
    sc_step_output output;
    sc_step_input input;
    int rc = s->staged ? 0 : sc_staging_fill(s, t->loader, &t->views, err);
    if (rc < 0)
        return rc;
    t->batch = s->next; /* its images are not read again */
    d->images = t->batch.count;
    out->step = t->step;
    out->epoch = t->batch.epoch;
    out->images = d->images;
    out->lr = sc_schedule_lr(&t->schedule, t->step);
    sc_optim_rates(&input, &t->optim, out->lr);
    input.step = t->step;
    sc_staging_send(d->input, &input, s);
    d->device->play(key_of(d), record, t);
    rc = t->meanwhile != NULL ? t->meanwhile(t->meanwhile_context, err) : 0;
    if (rc == 0)
        rc = sc_staging_fill(s, t->loader, &t->views, err);
    d->device->download(&output, d->output, sizeof output);
    int rc_device = d->device->wait(rc < 0 ? NULL : err);
    if (rc < 0 || rc_device < 0)
        return rc < 0 ? rc : rc_device;
    out->loss = output.loss;
    out->gradient_norm = output.gradient_norm;
    if (!output.updated)
        rc = sc_params_pull_grad(&t->network.params, err);
    if (rc == 0)
        rc = sc_step_check(out, &t->network.params, err);
    if (rc < 0)
        return rc;
    t->optim.steps++;
    t->step++;
    return 0;
}

static int fetch(sc_real *to, const sc_real *from, size_t dim, const sc_step *t, simclr_error *err)
{
    const sc_device *device = t->there.device;
    if (device == NULL)
        return 0;
    device->download(to, from, 2 * t->batch.count * dim * sizeof *to);
    return device->wait(err);
}

int sc_step_fetch_h(sc_step *t, simclr_error *err)
{
    return fetch(t->h, t->there.h, t->network.dim_h, t, err);
}

int sc_step_fetch_z(sc_step *t, simclr_error *err)
{
    return fetch(t->z, t->there.z, t->network.dim_z, t, err);
}
