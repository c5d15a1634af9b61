/* SPDX-License-Identifier: MIT
 *
 * crop.c - which part of the image is seen.
 *
 * Training, as torchvision's RandomResizedCrop: area A = scale * H W, log-uniform ratio r,
 * w = round(sqrt(A r)), h = round(sqrt(A / r)); ten tries, then the largest centred box of an
 * allowed ratio.  Evaluation: short side resized, centre cropped.
 */
#include <math.h>

#include "views/ops.h"

static uint32_t rounded(double x, uint32_t limit)
{
    double r = nearbyint(x);
    return r < 1.0 ? 1 : r > (double)limit ? limit : (uint32_t)r;
}

static sc_box centre_box(const sc_view_options *o, uint32_t height, uint32_t width)
{
    double ratio = (double)width / height;
    sc_box box = {.height = height, .width = width};
    if (ratio < o->crop_ratio[0]) {
        box.height = rounded(width / o->crop_ratio[0], height);
    } else if (ratio > o->crop_ratio[1]) {
        box.width = rounded(height * o->crop_ratio[1], width);
    }
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

sc_box sc_crop_draw(sc_rng *rng, const sc_view_options *o, uint32_t height, uint32_t width)
{
    double area = (double)height * width;
    double lo = log(o->crop_ratio[0]), hi = log(o->crop_ratio[1]);
    for (int attempt = 0; attempt < 10; attempt++) {
        double target = area * sc_rng_range(rng, o->crop_scale[0], o->crop_scale[1]);
        double ratio = exp(sc_rng_range(rng, lo, hi));
        double w = nearbyint(sqrt(target * ratio)), h = nearbyint(sqrt(target / ratio));
        if (w >= 1.0 && h >= 1.0 && w <= (double)width && h <= (double)height) {
            sc_box box = {.height = (uint32_t)h, .width = (uint32_t)w};
            box.top = sc_rng_below(rng, height - box.height + 1);
            box.left = sc_rng_below(rng, width - box.width + 1);
            return box;
        }
    }
    return centre_box(o, height, width);
}

sc_resize_job sc_eval_job(const sc_views_options *options, uint32_t height, uint32_t width)
{
    const sc_view_options *view = &options->view[0];
    sc_resize_job job = {.box = {.height = height, .width = width},
                         .full_height = height,
                         .full_width = width,
                         .height = view->height,
                         .width = view->width,
                         .kind = view->resize};
    if (height == view->height && width == view->width) {
        return job;
    }
    uint32_t side = view->height > view->width ? view->height : view->width;
    uint32_t target = (uint32_t)nearbyint(side * options->eval_resize);
    if (width <= height) {
        job.full_width = target;
        job.full_height = (uint32_t)((double)target * height / width);
    } else {
        job.full_height = target;
        job.full_width = (uint32_t)((double)target * width / height);
    }
    job.top = (uint32_t)nearbyint((job.full_height - view->height) / 2.0);
    job.left = (uint32_t)nearbyint((job.full_width - view->width) / 2.0);
    return job;
}
