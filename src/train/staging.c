/* SPDX-License-Identifier: MIT
 *
 * staging.c - views drawn on the host by the same code as there, images copied together or, better,
 * on the device already.
 */
#include "train/staging.h"

#include <string.h>

#include "core/parallel.h"
#include "views/device_views.h"

enum { CHUNK = 4 << 20 }; /* bytes of small images that are sent together */

/* This part of the free memory stays free: others take some later. */
enum { RESERVE = 10 };

static void plan(sc_staging *s, sc_arena *here, sc_arena *there)
{
    const sc_device *device = s->device;
    for (int i = 0; i < 2; i++) {
        sc_staging_slot *slot = &s->slot[i];
        slot->input = sc_arena_take(here, 1, sizeof *slot->input);
        slot->view = sc_arena_take(here, s->max_rows, sizeof *slot->view);
        slot->pixels = sc_arena_take(here, s->pixel_bytes, 1);
    }
    s->pixels = s->images.base != NULL ? s->images.base : sc_arena_take(there, s->pixel_bytes, 1);
    s->view = sc_arena_take(there, s->max_rows, sizeof *s->view);
    s->scratch = sc_arena_take(
        there, device->views_scratch(&s->options, s->max_rows, s->max_height, s->max_width), 1);
}

static void measure(sc_staging *s)
{
    s->store = (sc_arena){.memory = &s->device->memory};
    s->store_here = (sc_arena){.memory = &s->device->staging};
    plan(s, &s->store_here, &s->store);
}

/* Some room where batches differ, so that few of them make it grow. */
static size_t with_room(size_t bytes)
{
    return bytes + bytes / 4;
}

void sc_staging_measure(sc_staging *s, const sc_device *device, const sc_views *views,
                        const sc_dataset *data, size_t max_rows)
{
    bool equal;
    *s = (sc_staging){.device = device, .max_rows = max_rows};
    sc_views_describe(&s->options, views);
    sc_dataset_extent(data, &s->max_height, &s->max_width, &equal);
    size_t bytes = (size_t)(sc_dataset_bytes(data) / sc_dataset_count(data)) * (max_rows / 2);
    s->pixel_bytes = equal ? bytes : with_room(bytes);
    measure(s);
}

static size_t bytes_of(const sc_image *image)
{
    return (size_t)image->height * image->width * image->channels;
}

/* ---- the data set on the device ---- */

/* Every image behind the one before. */
static int send_images(sc_staging *s, const sc_dataset *data, simclr_error *err)
{
    void (*upload)(void *, const void *, size_t) = s->device->upload;
    uint8_t *chunk = sc_alloc(CHUNK, 1, err);
    size_t sent = 0, filled = 0;
    int rc = chunk == NULL ? SIMCLR_E_MEMORY : 0;
    for (size_t i = 0; rc == 0 && i < sc_dataset_count(data); i++) {
        sc_image image;
        rc = sc_dataset_read(&image, data, i, err);
        size_t bytes = rc == 0 ? bytes_of(&image) : 0;
        if (bytes > CHUNK - filled) {
            upload(s->images.base + sent, chunk, filled);
            sent += filled;
            filled = 0;
        }
        s->first[i] = sent + filled;
        if (bytes > CHUNK) {
            upload(s->images.base + sent, image.pixels, bytes);
            sent += bytes;
        } else if (bytes > 0) {
            memcpy(chunk + filled, image.pixels, bytes);
            filled += bytes;
        }
    }
    if (rc == 0)
        upload(s->images.base + sent, chunk, filled);
    sc_free(chunk);
    return rc == 0 ? s->device->wait(err) : rc;
}

/* Where the memory is not to be had, images are sent with each batch, as before. */
static int hold_data_set(sc_staging *s, const sc_dataset *data, simclr_error *err)
{
    size_t free_bytes = s->device->free_bytes(), pixel_bytes = s->pixel_bytes;
    if (!sc_dataset_resident(data))
        return 0;
    s->pixel_bytes = 0;
    measure(s);
    s->images = (sc_arena){.memory = &s->device->memory};
    sc_arena_take(&s->images, (size_t)sc_dataset_bytes(data), 1);
    if (s->images.used + s->store.used <= free_bytes - free_bytes / RESERVE &&
        sc_arena_open(&s->images, NULL) == 0) {
        s->first = sc_alloc(sc_dataset_count(data), sizeof *s->first, err);
        return s->first != NULL ? send_images(s, data, err) : SIMCLR_E_MEMORY;
    }
    s->pixel_bytes = pixel_bytes;
    measure(s);
    return 0;
}

/* ---- the store ---- */

static int open_store(sc_staging *s, simclr_error *err)
{
    int rc = sc_arena_open(&s->store_here, err);
    if (rc == 0)
        rc = sc_arena_open(&s->store, err);
    if (rc == 0)
        plan(s, &s->store_here, &s->store);
    return rc;
}

int sc_staging_open(sc_staging *measured, const sc_dataset *data, simclr_error *err)
{
    int rc = hold_data_set(measured, data, err);
    return rc < 0 ? rc : open_store(measured, err);
}

void sc_staging_close(sc_staging *s)
{
    sc_arena_close(&s->store);
    sc_arena_close(&s->store_here);
    sc_arena_close(&s->images);
    sc_free(s->first);
    *s = (sc_staging){0};
}

/* Room for this batch. */
static int reserve(sc_staging *s, const sc_batch *batch, simclr_error *err)
{
    size_t bytes = 0;
    uint32_t height = s->max_height, width = s->max_width;
    for (size_t i = 0; i < batch->count; i++) {
        const sc_image *image = &batch->image[i];
        bytes += s->first == NULL ? bytes_of(image) : 0;
        height = image->height > height ? image->height : height;
        width = image->width > width ? image->width : width;
    }
    s->next_bytes = bytes;
    if (bytes <= s->pixel_bytes && height == s->max_height && width == s->max_width)
        return 0;
    int rc = s->device->wait(err); /* until nothing uses the old places */
    if (rc < 0)
        return rc;
    s->moved = true;
    sc_arena_close(&s->store);
    sc_arena_close(&s->store_here);
    s->pixel_bytes = bytes > s->pixel_bytes ? with_room(bytes) : s->pixel_bytes;
    s->max_height = height;
    s->max_width = width;
    measure(s);
    return open_store(s, err);
}

/* ---- a batch ---- */

typedef struct {
    sc_staging *s;
    const sc_views_options *views;
} drawing;

static void draw_part(void *context, size_t part)
{
    const drawing *d = context;
    sc_staging *s = d->s;
    size_t n = s->next.count, i = part % n, view = part / n;
    const sc_image *image = &s->next.image[i];
    sc_view_key key = {.seed = d->views->seed,
                       .epoch = (uint32_t)s->next.epoch,
                       .image = s->next.index[i],
                       .view = (uint32_t)view};
    sc_view_params params;
    sc_device_view *out = &s->filled->view[part];
    uint64_t pixels = s->first != NULL ? s->first[s->next.index[i]] : out->pixels;
    sc_view_draw(&params, &d->views->view[view], image->height, image->width, key);
    sc_view_describe(out, &params, (int)view, pixels, image->height, image->width);
}

static void copy_images(sc_staging_slot *slot, const sc_batch *batch)
{
    size_t at = 0;
    for (size_t i = 0; i < batch->count; i++) {
        size_t bytes = bytes_of(&batch->image[i]);
        memcpy(slot->pixels + at, batch->image[i].pixels, bytes);
        slot->view[i].pixels = slot->view[batch->count + i].pixels = at;
        at += bytes;
    }
}

int sc_staging_fill(sc_staging *s, sc_loader *loader, const sc_views *views, simclr_error *err)
{
    int rc = sc_loader_next(&s->next, loader, err);
    if (rc == 0)
        rc = reserve(s, &s->next, err);
    if (rc < 0)
        return rc;
    s->filled = s->filled == &s->slot[0] ? &s->slot[1] : &s->slot[0];
    if (s->first == NULL)
        copy_images(s->filled, &s->next);
    sc_parallel_for(2 * s->next.count, draw_part, &(drawing){s, &views->options});
    s->staged = true;
    return 0;
}

void sc_staging_send(sc_step_input *to, const sc_step_input *input, sc_staging *s)
{
    sc_staging_slot *slot = s->filled;
    *slot->input = *input;
    if (s->next_bytes > 0)
        s->device->upload(s->pixels, slot->pixels, s->next_bytes);
    s->device->upload(s->view, slot->view, 2 * s->next.count * sizeof *s->view);
    s->device->upload(to, slot->input, sizeof *to);
    s->staged = false;
}
