/* SPDX-License-Identifier: MIT
 *
 * sheet.c - contact sheet of a data set's views: one row per image, original | view 0 | view 1.
 *
 * A tile is the view enlarged by a whole factor (nearest neighbour) to at least 64 pixels a side.
 * The original is shown whole: enlarged likewise if it is small, else resized into the tile.
 */
#include <string.h>

#include "core/alloc.h"
#include "views/ops.h"

enum { TILE_MIN = 64, GAP = 4, PAPER = 255 };

typedef struct {
    uint8_t *pixels;
    size_t width, channels;
} canvas;

/* picture (h, w, channels) enlarged `zoom` times with its corner at top, left. */
static void paste(const canvas *to, size_t top, size_t left, const sc_image *picture, size_t zoom)
{
    size_t c = to->channels;
    for (size_t y = 0; y < picture->height * zoom; y++) {
        const uint8_t *in = picture->pixels + y / zoom * picture->width * c;
        uint8_t *out = to->pixels + ((top + y) * to->width + left) * c;
        for (size_t x = 0; x < picture->width * zoom; x++) {
            memcpy(out + x * c, in + x / zoom * c, c);
        }
    }
}

static uint32_t at_least_one(double x)
{
    return x < 1.0 ? 1 : (uint32_t)x;
}

/* An image too large: resized. */
static int shrink(sc_image *out, const sc_image *image, uint32_t height, uint32_t width,
                  simclr_error *err)
{
    double fit_h = (double)height / image->height, fit_w = (double)width / image->width;
    double fit = fit_h < fit_w ? fit_h : fit_w;
    uint32_t h = at_least_one(image->height * fit + 0.5);
    uint32_t w = at_least_one(image->width * fit + 0.5);
    h = h > height ? height : h;
    w = w > width ? width : w;
    sc_views small;
    sc_views_options options = sc_views_options_default(h, w, 0);
    options.channels = image->channels;
    int rc = sc_views_open(&small, &options, image->height, image->width, err);
    uint8_t *pixels = rc < 0 ? NULL : sc_alloc((size_t)h * w, image->channels, err);
    if (rc == 0 && pixels == NULL) {
        rc = SIMCLR_E_MEMORY;
    }
    if (rc == 0) {
        sc_view_params whole = {.crop = {.height = image->height, .width = image->width}};
        rc = sc_view_apply(pixels, image, &whole, 0, &small, err);
    }
    sc_views_close(&small);
    if (rc < 0) {
        sc_free(pixels);
        return rc;
    }
    *out = (sc_image){pixels, h, w, image->channels, true};
    return 0;
}

int sc_views_fit(sc_image *out, const sc_image *image, uint32_t height, uint32_t width,
                 simclr_error *err)
{
    uint32_t by_h = height / image->height, by_w = width / image->width;
    uint32_t zoom = by_h < by_w ? by_h : by_w;
    *out = (sc_image){0};
    if (zoom == 0) {
        return shrink(out, image, height, width, err);
    }
    uint32_t h = image->height * zoom, w = image->width * zoom;
    uint8_t *pixels = sc_alloc((size_t)h * w, image->channels, err);
    if (pixels == NULL) {
        return SIMCLR_E_MEMORY;
    }
    *out = (sc_image){pixels, h, w, image->channels, true};
    const canvas to = {.pixels = pixels, .width = w, .channels = image->channels};
    paste(&to, 0, 0, image, zoom);
    return 0;
}

static int paste_original(const canvas *to, size_t top, size_t left, const sc_image *image,
                          uint32_t tile_h, uint32_t tile_w, simclr_error *err)
{
    sc_image whole;
    int rc = sc_views_fit(&whole, image, tile_h, tile_w, err);
    if (rc == 0) {
        paste(to, top + (tile_h - whole.height) / 2, left + (tile_w - whole.width) / 2, &whole, 1);
    }
    sc_free(whole.pixels);
    return rc;
}

static int fill_row(const canvas *to, size_t top, uint32_t zoom, const sc_image *image,
                    sc_view_key key, uint8_t *buffer, sc_views *views, simclr_error *err)
{
    const sc_view_options *size = &views->options.view[0];
    uint32_t tile_h = size->height * zoom, tile_w = size->width * zoom;
    int rc = 0;
    for (int v = 0; rc == 0 && v < 2; v++) {
        sc_view_params params;
        key.view = (uint32_t)v;
        sc_view_draw(&params, &views->options.view[v], image->height, image->width, key);
        rc = sc_view_apply(buffer, image, &params, v, views, err);
        if (rc == 0) {
            sc_image picture = {.pixels = buffer,
                                .height = size->height,
                                .width = size->width,
                                .channels = image->channels};
            paste(to, top, GAP + (size_t)(v + 1) * (tile_w + GAP), &picture, zoom);
        }
    }
    return rc < 0 ? rc : paste_original(to, top, GAP, image, tile_h, tile_w, err);
}

int sc_views_sheet(uint8_t **pixels, uint32_t *height, uint32_t *width, const sc_image *images,
                   const uint32_t *index, size_t n, uint64_t epoch, sc_views *views,
                   simclr_error *err)
{
    const sc_view_options *size = &views->options.view[0];
    uint32_t side = size->height < size->width ? size->height : size->width;
    uint32_t zoom = side >= TILE_MIN ? 1 : (TILE_MIN + side - 1) / side;
    uint32_t channels = views->options.channels;
    size_t tall = GAP + n * (size->height * (size_t)zoom + GAP);
    size_t wide = GAP + 3 * (size->width * (size_t)zoom + GAP);
    *pixels = NULL;
    if (n == 0 || n > 4096 || tall > UINT32_MAX) {
        return sc_fail(err, SIMCLR_E_USAGE, "contact sheet: %zu images; use 1 to 4096", n);
    }
    uint8_t *sheet = sc_alloc(tall, wide * channels, err);
    uint8_t *buffer =
        sheet == NULL ? NULL : sc_alloc((size_t)size->height * size->width, channels, err);
    int rc = buffer == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0) {
        memset(sheet, PAPER, tall * wide * channels);
    }
    canvas to = {.pixels = sheet, .width = wide, .channels = channels};
    for (size_t i = 0; rc == 0 && i < n; i++) {
        sc_view_key key = {
            .seed = views->options.seed, .epoch = (uint32_t)epoch, .image = index[i]};
        size_t top = GAP + i * (size->height * (size_t)zoom + GAP);
        rc = fill_row(&to, top, zoom, &images[i], key, buffer, views, err);
    }
    sc_free(buffer);
    if (rc < 0) {
        sc_free(sheet);
        return rc;
    }
    *pixels = sheet;
    *height = (uint32_t)tall;
    *width = (uint32_t)wide;
    return 0;
}
