/* SPDX-License-Identifier: MIT
 *
 * thumb.c - a small picture of what the encoder sees of an image.
 */
#include "train/thumb.h"

#include <string.h>

#include "core/alloc.h"

enum { GRAY = 128 };

/* Of n pixels the first and the one after the last that become pixel i of side; at least one. */
static void span(uint32_t out[2], uint32_t i, uint32_t side, uint32_t n)
{
    out[0] = (uint32_t)((uint64_t)i * n / side);
    out[1] = (uint32_t)((uint64_t)(i + 1) * n / side);
    if (out[1] == out[0])
        out[1]++;
}

static uint8_t mean(const uint8_t *view, const uint32_t rows[2], const uint32_t columns[2],
                    uint32_t width, uint32_t channels, uint32_t channel)
{
    uint32_t sum = 0, count = (rows[1] - rows[0]) * (columns[1] - columns[0]);
    for (uint32_t y = rows[0]; y < rows[1]; y++)
        for (uint32_t x = columns[0]; x < columns[1]; x++)
            sum += view[((size_t)y * width + x) * channels + channel];
    return (uint8_t)((sum + count / 2) / count);
}

static void shrink(uint8_t *rgb, uint32_t side, const uint8_t *view, const sc_views *views)
{
    const sc_view_options *of = &views->options.view[0];
    uint32_t channels = views->options.channels, rows[2], columns[2];
    for (uint32_t y = 0; y < side; y++) {
        span(rows, y, side, of->height);
        for (uint32_t x = 0; x < side; x++) {
            span(columns, x, side, of->width);
            for (uint32_t c = 0; c < 3; c++)
                *rgb++ = mean(view, rows, columns, of->width, channels, channels == 3 ? c : 0);
        }
    }
}

int sc_thumb(uint8_t *rgb, uint32_t side, sc_dataset *ds, size_t i, sc_views *views,
             simclr_error *err)
{
    const sc_view_options *of = &views->options.view[0];
    sc_image image;
    int rc = sc_dataset_try_read(&image, ds, i, err);
    if (rc <= 0) {
        memset(rgb, GRAY, (size_t)side * side * 3);
        return rc;
    }
    uint8_t *view = sc_alloc((size_t)of->height * of->width, views->options.channels, err);
    rc = view == NULL ? SIMCLR_E_MEMORY : sc_view_apply_eval(view, &image, views, err);
    if (rc == 0)
        shrink(rgb, side, view, views);
    sc_free(view);
    sc_image_free(&image);
    return rc;
}
