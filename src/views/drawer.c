/* SPDX-License-Identifier: MIT
 *
 * drawer.c - the work of views.c in two halves: bytes, by a thread of the loader, then x.
 */
#include "views/drawer.h"

#include <assert.h>
#include <string.h>

#include "core/parallel.h"
#include "views/ops.h"

typedef struct {
    sc_real *x;
    const uint8_t *drawn;
    size_t count;
    const sc_views *views;
} batch_job;

static size_t view_pixels(const sc_views_options *options)
{
    return (size_t)options->view[0].height * options->view[0].width;
}

size_t sc_drawer_bytes(const sc_views_options *options)
{
    return 2 * view_pixels(options) * options->channels;
}

int sc_drawer_open(sc_drawer *drawer, const sc_views_options *options, int threads,
                   simclr_error *err)
{
    *drawer = (sc_drawer){.options = *options};
    drawer->scratch = sc_alloc((size_t)threads, sizeof *drawer->scratch, err);
    if (drawer->scratch == NULL) {
        return SIMCLR_E_MEMORY;
    }
    drawer->threads = threads;
    return 0;
}

void sc_drawer_close(sc_drawer *drawer)
{
    for (int t = 0; t < drawer->threads; t++) {
        sc_free(drawer->scratch[t].block);
    }
    sc_free(drawer->scratch);
    memset(drawer, 0, sizeof *drawer);
}

/* The thread's scratch, laid out for this image. */
static int take_work(sc_work *work, sc_drawer *drawer, int thread, const sc_image *image,
                     simclr_error *err)
{
    assert(thread < drawer->threads);
    sc_drawer_scratch *s = &drawer->scratch[thread];
    size_t bytes = sc_views_scratch_bytes(&drawer->options, image->height, image->width);
    if (bytes > s->bytes) {
        sc_free(s->block);
        s->block = sc_alloc(bytes, 1, err);
        s->bytes = s->block != NULL ? bytes : 0;
        if (s->block == NULL) {
            return SIMCLR_E_MEMORY;
        }
    }
    sc_arena arena = {.base = s->block, .size = s->bytes};
    sc_work_plan(work, &arena, &drawer->options, image->height, image->width);
    return 0;
}

int sc_drawer_draw(uint8_t *out, void *context, int thread, const sc_image *image, uint32_t index,
                   uint64_t epoch, simclr_error *err)
{
    sc_drawer *drawer = context;
    const sc_views_options *options = &drawer->options;
    size_t view_bytes = view_pixels(options) * options->channels;
    int rc = sc_views_accept(options, image, index, err);
    for (uint32_t v = 0; rc == 0 && v < 2; v++) {
        sc_view_key key = {
            .seed = options->seed, .epoch = (uint32_t)epoch, .image = index, .view = v};
        sc_work work; /* laid out anew: a blur swaps two of its pictures */
        rc = take_work(&work, drawer, thread, image, err);
        if (rc == 0) {
            sc_view_make(&work, image, &options->view[v], key);
            memcpy(out + v * view_bytes, work.pixels, view_bytes);
        }
    }
    return rc;
}

static void normalise_part(void *context, size_t part)
{
    const batch_job *job = context;
    const sc_views_options *options = &job->views->options;
    size_t i = part % job->count, view = part / job->count, n = view_pixels(options);
    size_t numbers = n * options->channels;
    sc_view_normalise(job->x + part * numbers, job->drawn + (2 * i + view) * numbers, n,
                      options->channels, &job->views->normal[view]);
}

void sc_drawer_normalise(sc_real *x, const uint8_t *drawn, size_t n, const sc_views *views)
{
    sc_parallel_for(2 * n, normalise_part,
                    &(batch_job){.x = x, .drawn = drawn, .count = n, .views = views});
}
