/* SPDX-License-Identifier: MIT
 *
 * device_views.c - the options of all views, and the drawn values of one, for a device.
 */
#include "views/device_views.h"

#include <string.h>

#include "views/ops.h"

_Static_assert(SC_JITTER_BRIGHTNESS == 0 && SC_JITTER_CONTRAST == 1 && SC_JITTER_SATURATION == 2 &&
                   SC_JITTER_HUE == 3,
               "the numbers that devices know");

void sc_views_describe(sc_device_views *out, const sc_views *views)
{
    const sc_view_options *first = &views->options.view[0];

    *out = (sc_device_views){
        .height = first->height, .width = first->width, .channels = views->options.channels};
    for (int v = 0; v < 2; v++) {
        const sc_view_options *o = &views->options.view[v];
        out->of[v].bicubic = o->resize == SC_RESIZE_BICUBIC;
        out->of[v].blur_kernel = (uint32_t)sc_blur_size(o);
        out->of[v].solarize_threshold = (uint32_t)o->solarize_threshold;
        for (int c = 0; c < 3; c++) {
            for (int u = 0; u < 256; u++) {
                out->of[v].normal[c][u] = (float)views->normal[v].table[c][u];
            }
        }
    }
}

void sc_view_describe(sc_device_view *out, const sc_view_params *params, int view, uint64_t pixels,
                      uint32_t height, uint32_t width)
{
    *out = (sc_device_view){.pixels = pixels,
                            .height = height,
                            .width = width,
                            .top = params->crop.top,
                            .left = params->crop.left,
                            .crop_height = params->crop.height,
                            .crop_width = params->crop.width,
                            .blur_sigma = params->blur_sigma,
                            .hflip = params->hflip,
                            .vflip = params->vflip,
                            .jitter = params->jitter,
                            .grayscale = params->grayscale,
                            .solarize = params->solarize,
                            .options = (uint8_t)view};
    memcpy(out->factor, params->factor, sizeof out->factor);
    memcpy(out->order, params->order, sizeof out->order);
}
