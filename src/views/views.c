/* SPDX-License-Identifier: MIT
 *
 * views.c - from images to a batch of views: parameters are drawn, applied to bytes in a thread's
 * scratch, and the bytes normalised: x = (u / 255 - mean) / std.
 *
 * One part of the parallel loop is one view.  All scratch is one block, laid out by one function,
 * which also measures it.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "views/ops.h"

typedef struct {
    sc_real *x;
    const sc_image *images;
    const uint32_t *index;
    size_t count;
    uint64_t epoch;
    sc_views *views;
} batch_job;

static void plan_axis_memory(sc_axis *axis, sc_arena *arena, uint32_t in, uint32_t out,
                             sc_resize_kind kind)
{
    axis->stride = sc_resize_taps(in, out, kind);
    axis->weight = sc_arena_take(arena, axis->stride * out, sizeof *axis->weight);
    axis->first = sc_arena_take(arena, out, sizeof *axis->first);
    axis->taps = sc_arena_take(arena, out, sizeof *axis->taps);
}

void sc_work_plan(sc_work *work, sc_arena *arena, const sc_views_options *options, uint32_t height,
                  uint32_t width)
{
    const sc_view_options *a = &options->view[0], *b = &options->view[1];
    size_t row = (size_t)a->width * options->channels, picture = row * a->height;
    int blur_a = sc_blur_size(a), blur_b = sc_blur_size(b);
    size_t kernel = (size_t)(blur_a > blur_b ? blur_a : blur_b);
    sc_resize_kind kind = a->resize == SC_RESIZE_BICUBIC ? a->resize : b->resize;
    uint32_t side = a->height > a->width ? a->height : a->width;
    work->pixels = sc_arena_take(arena, picture, 1);
    work->spare = sc_arena_take(arena, picture, 1);
    work->rows = sc_arena_take(arena, row * (height > side ? height : side), 1);
    work->tall = sc_arena_take(arena, ((size_t)a->height + kernel) * a->width, sizeof *work->tall);
    work->line = sc_arena_take(arena, (size_t)a->width + kernel, sizeof *work->line);
    work->sums = sc_arena_take(arena, a->width, sizeof *work->sums);
    work->kernel = sc_arena_take(arena, kernel, sizeof *work->kernel);
    plan_axis_memory(&work->horizontal, arena, width, a->width, kind);
    plan_axis_memory(&work->vertical, arena, height, a->height, kind);
}

size_t sc_views_scratch_bytes(const sc_views_options *options, uint32_t height, uint32_t width)
{
    sc_arena arena = {0};
    sc_work work;
    sc_work_plan(&work, &arena, options, height, width);
    return arena.used;
}

static sc_work take_work(sc_views *views, int thread, uint32_t height, uint32_t width)
{
    assert(thread < views->threads);
    sc_arena arena = {.base = views->scratch + (size_t)thread * views->scratch_bytes,
                      .size = views->scratch_bytes};
    sc_work work;
    sc_work_plan(&work, &arena, &views->options, height, width);
    return work;
}

static int reserve(sc_views *views, uint32_t height, uint32_t width, simclr_error *err)
{
    size_t bytes = sc_views_scratch_bytes(&views->options, height, width);
    int threads = sc_parallel_threads();
    if (views->scratch != NULL && bytes <= views->scratch_bytes && threads <= views->threads) {
        return 0;
    }
    bytes = bytes > views->scratch_bytes ? bytes : views->scratch_bytes;
    threads = threads > views->threads ? threads : views->threads;
    void *block = sc_alloc((size_t)threads, bytes, err);
    if (block == NULL) {
        return SIMCLR_E_MEMORY;
    }
    sc_free(views->scratch);
    views->scratch = block;
    views->scratch_bytes = bytes;
    views->threads = threads;
    return 0;
}

static void plan_normal(sc_normal *normal, const sc_view_options *options)
{
    normal->direct = true;
    for (int c = 0; c < 3; c++) {
        float mean = options->mean[c], std = options->std[c];
        float inverse = 1.0F / std, rest = (float)(1.0 / (double)std - (double)inverse);
        for (int u = 0; u < 256; u++) {
            float x = (float)u / 255.0F - mean;
            float direct = fmaf(x, inverse, x * rest);
            normal->table[c][u] = (sc_real)(x / std);
            normal->direct = normal->direct && direct == x / std;
        }
        normal->mean[c] = mean;
        normal->inverse[c] = inverse;
        normal->rest[c] = rest;
    }
}

int sc_views_open(sc_views *views, const sc_views_options *options, uint32_t max_height,
                  uint32_t max_width, simclr_error *err)
{
    memset(views, 0, sizeof *views);
    int rc = sc_views_options_check(options, err);
    if (rc < 0) {
        return rc;
    }
    views->options = *options;
    for (int v = 0; v < 2; v++) {
        plan_normal(&views->normal[v], &options->view[v]);
    }
    return reserve(views, max_height, max_width, err);
}

void sc_views_close(sc_views *views)
{
    sc_free(views->scratch);
    memset(views, 0, sizeof *views);
}

int sc_views_accept(const sc_views_options *options, const sc_image *image, size_t i,
                    simclr_error *err)
{
    if (image->channels == options->channels && image->height > 0 && image->width > 0) {
        return 0;
    }
    return sc_fail(err, SIMCLR_E_DATA, "image %zu: %u x %u with %u channels, expected %u", i,
                   (unsigned)image->height, (unsigned)image->width, (unsigned)image->channels,
                   (unsigned)options->channels);
}

/* Checks the images and grows the scratch to the largest side lengths among them. */
static int prepare(sc_views *views, const sc_image *images, size_t n, simclr_error *err)
{
    uint32_t height = 1, width = 1;
    for (size_t i = 0; i < n; i++) {
        int rc = sc_views_accept(&views->options, &images[i], i, err);
        if (rc < 0) {
            return rc;
        }
        height = images[i].height > height ? images[i].height : height;
        width = images[i].width > width ? images[i].width : width;
    }
    return reserve(views, height, width, err);
}

static void jitter(uint8_t *pixels, size_t n, uint32_t channels, const sc_view_params *params)
{
    for (int i = 0; i < 4; i++) {
        int op = params->order[i];
        double factor = params->factor[op];
        if (op == SC_JITTER_BRIGHTNESS) {
            sc_brightness(pixels, n, channels, factor);
        } else if (op == SC_JITTER_CONTRAST) {
            sc_contrast(pixels, n, channels, factor);
        } else if (op == SC_JITTER_SATURATION && channels == 3) {
            sc_saturation(pixels, n, factor);
        } else if (op == SC_JITTER_HUE && channels == 3) {
            sc_hue(pixels, n, factor);
        }
    }
}

/* The view's bytes to work->pixels. */
static void render(sc_work *work, const sc_image *image, const sc_view_params *params,
                   const sc_view_options *options)
{
    uint32_t channels = image->channels;
    size_t n = (size_t)options->height * options->width;
    sc_resize_job job = {.box = params->crop,
                         .full_height = options->height,
                         .full_width = options->width,
                         .height = options->height,
                         .width = options->width,
                         .hflip = params->hflip,
                         .vflip = params->vflip,
                         .kind = options->resize};
    sc_resize(work, image, &job);
    if (params->jitter) {
        jitter(work->pixels, n, channels, params);
    }
    if (params->grayscale && channels == 3) {
        sc_grayscale(work->pixels, n);
    }
    if (params->blur_sigma > 0.0) {
        sc_blur(work, options, channels, params->blur_sigma);
    }
    if (params->solarize) {
        sc_solarize(work->pixels, n * channels, options->solarize_threshold);
    }
}

void sc_view_make(sc_work *work, const sc_image *image, const sc_view_options *options,
                  sc_view_key key)
{
    sc_view_params params;
    sc_view_draw(&params, options, image->height, image->width, key);
    render(work, image, &params, options);
}

void sc_view_normalise(sc_real *restrict x, const uint8_t *restrict pixels, size_t n,
                       uint32_t channels, const sc_normal *normal)
{
    if (channels == 3) {
        sc_loops_here()->write3(x, pixels, n, normal);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = normal->table[0][pixels[i]];
    }
}

static void write_bytes(uint8_t *out, const uint8_t *pixels, size_t n, uint32_t channels)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < channels; c++) {
            out[i * channels + c] = pixels[c * n + i];
        }
    }
}

static void make_part(void *context, size_t part)
{
    batch_job *job = context;
    sc_views *views = job->views;
    size_t i = part % job->count, view = part / job->count;
    const sc_view_options *options = &views->options.view[view];
    const sc_image *image = &job->images[i];
    size_t n = (size_t)options->height * options->width;
    sc_work work = take_work(views, sc_parallel_index(), image->height, image->width);
    sc_view_key key = {.seed = views->options.seed,
                       .epoch = (uint32_t)job->epoch,
                       .image = job->index[i],
                       .view = (uint32_t)view};
    sc_view_make(&work, image, options, key);
    sc_view_normalise(job->x + part * n * image->channels, work.pixels, n, image->channels,
                      &views->normal[view]);
}

static int make(batch_job job, size_t views, simclr_error *err)
{
    int rc = prepare(job.views, job.images, job.count, err);
    if (rc == 0) {
        sc_parallel_for(views * job.count, make_part, &job);
    }
    return rc;
}

int sc_views_make(sc_real *x, const sc_image *images, const uint32_t *index, size_t n,
                  uint64_t epoch, sc_views *views, simclr_error *err)
{
    return make((batch_job){x, images, index, n, epoch, views}, 2, err);
}

int sc_views_make_first(sc_real *x, const sc_image *images, const uint32_t *index, size_t n,
                        uint64_t epoch, sc_views *views, simclr_error *err)
{
    return make((batch_job){x, images, index, n, epoch, views}, 1, err);
}

static sc_work render_eval(sc_views *views, const sc_image *image, int thread)
{
    sc_resize_job job = sc_eval_job(&views->options, image->height, image->width);
    sc_work work = take_work(views, thread, image->height, image->width);
    sc_resize(&work, image, &job);
    return work;
}

static void eval_part(void *context, size_t part)
{
    batch_job *job = context;
    const sc_view_options *options = &job->views->options.view[0];
    const sc_image *image = &job->images[part];
    size_t n = (size_t)options->height * options->width;
    sc_work work = render_eval(job->views, image, sc_parallel_index());
    sc_view_normalise(job->x + part * n * image->channels, work.pixels, n, image->channels,
                      &job->views->normal[0]);
}

int sc_views_eval(sc_real *x, const sc_image *images, size_t n, sc_views *views, simclr_error *err)
{
    int rc = prepare(views, images, n, err);
    if (rc < 0) {
        return rc;
    }
    batch_job job = {.x = x, .images = images, .count = n, .views = views};
    sc_parallel_for(n, eval_part, &job);
    return 0;
}

int sc_view_apply(uint8_t *out, const sc_image *image, const sc_view_params *params, int view,
                  sc_views *views, simclr_error *err)
{
    int rc = prepare(views, image, 1, err);
    if (rc < 0) {
        return rc;
    }
    const sc_view_options *options = &views->options.view[view];
    sc_work work = take_work(views, 0, image->height, image->width);
    render(&work, image, params, options);
    write_bytes(out, work.pixels, (size_t)options->height * options->width, image->channels);
    return 0;
}

int sc_view_apply_eval(uint8_t *out, const sc_image *image, sc_views *views, simclr_error *err)
{
    int rc = prepare(views, image, 1, err);
    if (rc < 0) {
        return rc;
    }
    const sc_view_options *options = &views->options.view[0];
    sc_work work = render_eval(views, image, 0);
    write_bytes(out, work.pixels, (size_t)options->height * options->width, image->channels);
    return 0;
}
