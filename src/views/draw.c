/* SPDX-License-Identifier: MIT
 *
 * draw.c - defaults and limits of the options, and the drawing of a view's parameters.
 *
 * Every operation draws from its own stream (seed, epoch, image, view, op), so switching one on or
 * off leaves the values of the others as they are.  The jitter always draws its order and its four
 * factors in one sequence, for the same reason.
 */
#include <math.h>

#include "views/ops.h"

sc_view_options sc_view_options_default(uint32_t height, uint32_t width)
{
    return (sc_view_options){
        .height = height,
        .width = width,
        .crop_scale = {0.08, 1.0},
        .crop_ratio = {3.0 / 4.0, 4.0 / 3.0},
        .resize = SC_RESIZE_BILINEAR,
        .hflip = 0.5,
        .jitter = 0.8,
        .jitter_strength = 1.0,
        .brightness = 0.8,
        .contrast = 0.8,
        .saturation = 0.8,
        .hue = 0.2,
        .grayscale = 0.2,
        .blur = height > 32 ? 0.5 : 0.0,
        .blur_sigma = {0.1, 2.0},
        .solarize_threshold = 128,
        .mean = {0.485F, 0.456F, 0.406F},
        .std = {0.229F, 0.224F, 0.225F},
    };
}

sc_views_options sc_views_options_default(uint32_t height, uint32_t width, uint64_t seed)
{
    sc_view_options view = sc_view_options_default(height, width);
    return (sc_views_options){
        .view = {view, view}, .seed = seed, .channels = 3, .eval_resize = 256.0 / 224.0};
}

static bool within(double value, double lo, double hi)
{
    return value >= lo && value <= hi; /* false for NaN */
}

/* The name of the first value out of range, or NULL. */
static const char *find_fault(const sc_view_options *o)
{
    bool normal = true;
    for (int c = 0; c < 3; c++) {
        normal = normal && isfinite(o->mean[c]) && isfinite(o->std[c]) && o->std[c] > 0.0F;
    }
    const struct {
        bool good;
        const char *name;
    } rule[] = {
        {o->height >= 1 && o->height <= 16384 && o->width >= 1 && o->width <= 16384,
         "size (1 to 16384)"},
        {o->crop_scale[0] > 0.0 && o->crop_scale[0] <= o->crop_scale[1] && o->crop_scale[1] <= 1.0,
         "crop scale (0 < min <= max <= 1)"},
        {o->crop_ratio[0] >= 0.01 && o->crop_ratio[0] <= o->crop_ratio[1] &&
             o->crop_ratio[1] <= 100.0,
         "crop ratio (.01 <= min <= max <= 100)"},
        {o->resize == SC_RESIZE_BILINEAR || o->resize == SC_RESIZE_BICUBIC, "resize"},
        {within(o->hflip, 0, 1), "hflip (0 to 1)"},
        {within(o->vflip, 0, 1), "vflip (0 to 1)"},
        {within(o->jitter, 0, 1), "jitter (0 to 1)"},
        {within(o->jitter_strength, 0, 100), "jitter strength (0 to 100)"},
        {within(o->brightness, 0, 100), "brightness (0 to 100)"},
        {within(o->contrast, 0, 100), "contrast (0 to 100)"},
        {within(o->saturation, 0, 100), "saturation (0 to 100)"},
        {within(o->hue * o->jitter_strength, 0, 0.5), "hue times strength (0 to .5)"},
        {within(o->grayscale, 0, 1), "grayscale (0 to 1)"},
        {within(o->blur, 0, 1), "blur (0 to 1)"},
        {o->blur_kernel == 0 || (o->blur_kernel % 2 == 1 && within(o->blur_kernel, 1, 1023)),
         "blur kernel (0, or odd up to 1023)"},
        {o->blur_sigma[0] > 0.0 && within(o->blur_sigma[1], o->blur_sigma[0], 1000.0),
         "blur sigma (0 < min <= max <= 1000)"},
        {within(o->solarize, 0, 1), "solarize (0 to 1)"},
        {within(o->solarize_threshold, 0, 256), "solarize threshold (0 to 256)"},
        {normal, "mean and std (finite, std > 0)"},
    };
    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++) {
        if (!rule[i].good) {
            return rule[i].name;
        }
    }
    return NULL;
}

int sc_views_options_check(const sc_views_options *options, simclr_error *err)
{
    for (int v = 0; v < 2; v++) {
        const char *fault = find_fault(&options->view[v]);
        if (fault != NULL) {
            return sc_fail(err, SIMCLR_E_USAGE, "view %d: value out of range: %s", v, fault);
        }
    }
    if (options->view[0].height != options->view[1].height ||
        options->view[0].width != options->view[1].width) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "views: the sizes of the two views differ; make them equal");
    }
    if (options->channels != 1 && options->channels != 3) {
        return sc_fail(err, SIMCLR_E_USAGE, "views: %u channels; use 1 or 3",
                       (unsigned)options->channels);
    }
    if (!within(options->eval_resize, 1.0, 100.0)) {
        return sc_fail(err, SIMCLR_E_USAGE, "evaluation resize: out of range (1 to 100)");
    }
    return 0;
}

static sc_rng stream(sc_view_key key, sc_rng_op op)
{
    return sc_rng_at(key.seed, key.epoch, key.image, key.view, op);
}

static bool chance(sc_view_key key, sc_rng_op op, double probability)
{
    sc_rng rng = stream(key, op);
    return sc_rng_uniform(&rng) < probability;
}

/* Factor around 1, as ColorJitter: uniform in [max(0, 1 - a), 1 + a]. */
static double draw_factor(sc_rng *rng, double amount)
{
    return sc_rng_range(rng, amount > 1.0 ? 0.0 : 1.0 - amount, 1.0 + amount);
}

static void draw_jitter(sc_view_params *out, const sc_view_options *o, sc_view_key key)
{
    sc_rng rng = stream(key, SC_RNG_JITTER);
    double s = o->jitter_strength;
    out->jitter = sc_rng_uniform(&rng) < o->jitter;
    for (uint8_t i = 0; i < 4; i++) {
        out->order[i] = i;
    }
    for (uint32_t i = 3; i > 0; i--) {
        uint32_t j = sc_rng_below(&rng, i + 1);
        uint8_t swap = out->order[i];
        out->order[i] = out->order[j];
        out->order[j] = swap;
    }
    out->factor[SC_JITTER_BRIGHTNESS] = draw_factor(&rng, s * o->brightness);
    out->factor[SC_JITTER_CONTRAST] = draw_factor(&rng, s * o->contrast);
    out->factor[SC_JITTER_SATURATION] = draw_factor(&rng, s * o->saturation);
    out->factor[SC_JITTER_HUE] = sc_rng_range(&rng, -s * o->hue, s * o->hue);
}

void sc_view_draw(sc_view_params *out, const sc_view_options *options, uint32_t height,
                  uint32_t width, sc_view_key key)
{
    sc_rng crop = stream(key, SC_RNG_CROP), blur = stream(key, SC_RNG_BLUR);
    *out = (sc_view_params){.crop = sc_crop_draw(&crop, options, height, width)};
    out->hflip = chance(key, SC_RNG_HFLIP, options->hflip);
    out->vflip = chance(key, SC_RNG_VFLIP, options->vflip);
    draw_jitter(out, options, key);
    out->grayscale = chance(key, SC_RNG_GRAYSCALE, options->grayscale);
    if (sc_rng_uniform(&blur) < options->blur) {
        out->blur_sigma = sc_rng_range(&blur, options->blur_sigma[0], options->blur_sigma[1]);
    }
    out->solarize = chance(key, SC_RNG_SOLARIZE, options->solarize);
}
