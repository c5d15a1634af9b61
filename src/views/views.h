/* SPDX-License-Identifier: MIT
 *
 * views.h - the two random views of an image, and the fixed one for evaluation.
 *
 * Order of operations: random resized crop, flips, colour jitter, grayscale, blur, solarise,
 * normalise: x = (u / 255 - mean) / std.  Everything before the normalisation happens on bytes and
 * equals torchvision on PIL images bit for bit (blur: within one level).  A view is a function of
 * (seed, epoch, image, view) alone: sc_view_draw draws its parameters, sc_view_apply applies them.
 */
#ifndef SC_VIEWS_VIEWS_H
#define SC_VIEWS_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"
#include "data/image.h"
#include "views/loops.h"

typedef enum { SC_RESIZE_BILINEAR, SC_RESIZE_BICUBIC } sc_resize_kind; /* both antialiased, PIL's */

/* Everything about one view. */
typedef struct {
    uint32_t height, width; /* of the result; equal in both views */
    double crop_scale[2];   /* part of the area */
    double crop_ratio[2];   /* width / height, log-uniform */
    sc_resize_kind resize;
    double hflip, vflip;    /* probabilities, as all that follow named so */
    double jitter;          /* probability */
    double jitter_strength; /* multiplies the next four */
    double brightness, contrast, saturation, hue;
    double grayscale; /* probability */
    double blur;      /* probability */
    int blur_kernel;  /* odd; 0: a tenth of the height, made odd */
    double blur_sigma[2];
    double solarize;        /* probability */
    int solarize_threshold; /* bytes >= threshold are inverted */
    float mean[3], std[3];
} sc_view_options;

typedef struct {
    sc_view_options view[2];
    uint64_t seed;
    uint32_t channels;  /* 1 or 3; one channel: no saturation, hue, grayscale */
    double eval_resize; /* evaluation: short side = size * eval_resize, then centre crop;
                                  * an image that has the size already is left alone */
} sc_views_options;

/* torchvision's and the paper's values: scale .08-1, ratio 3/4-4/3, flip .5, jitter .8 .8 .8 .2
 * with p .8, grayscale .2, blur p .5 above 32 pixels and 0 else, ImageNet's mean and std. */
sc_view_options sc_view_options_default(uint32_t height, uint32_t width);
/* Both views alike, 3 channels, eval_resize 256/224. */
sc_views_options sc_views_options_default(uint32_t height, uint32_t width, uint64_t seed);
/* SIMCLR_E_USAGE and which value is out of range. */
int sc_views_options_check(const sc_views_options *options, simclr_error *err);

typedef struct {
    uint32_t top, left, height, width;
} sc_box;

enum { SC_JITTER_BRIGHTNESS, SC_JITTER_CONTRAST, SC_JITTER_SATURATION, SC_JITTER_HUE };

/* The values drawn for one view. */
typedef struct {
    sc_box crop;
    bool hflip, vflip, jitter, grayscale, solarize;
    uint8_t order[4];  /* of SC_JITTER_*; used if jitter */
    double factor[4];  /* by SC_JITTER_*; 1 1 1 0 changes nothing; hue in -.5 .. .5 */
    double blur_sigma; /* 0: no blur */
} sc_view_params;

/* The parameters of view `view` of image number `image`, whose size is height x width. */
typedef struct {
    uint64_t seed;
    uint32_t epoch, image, view;
} sc_view_key;
void sc_view_draw(sc_view_params *out, const sc_view_options *options, uint32_t height,
                  uint32_t width, sc_view_key key);

/* Options, normalisation and scratch memory of all threads. */
typedef struct {
    sc_views_options options;
    sc_normal normal[2]; /* of the bytes of each view */
    unsigned char *scratch;
    size_t scratch_bytes; /* per thread */
    int threads;
} sc_views;

/* Bytes one thread needs for images up to height x width. */
size_t sc_views_scratch_bytes(const sc_views_options *options, uint32_t height, uint32_t width);

/* Plans for images up to max_height x max_width and sc_parallel_threads() threads. */
int sc_views_open(sc_views *views, const sc_views_options *options, uint32_t max_height,
                  uint32_t max_width, simclr_error *err);
void sc_views_close(sc_views *views);

/* x: (2N, H, W, C); rows 0..n-1 are view 0 of images[0..n-1], rows n..2n-1 view 1.  index[i] is the
 * number of images[i] in the data set.  Parallel over the views; the result does not depend on the
 * threads or on a view's place in the batch.  Grows the scratch if an image exceeds the plan. */
int sc_views_make(sc_real *x, const sc_image *images, const uint32_t *index, size_t n,
                  uint64_t epoch, sc_views *views, simclr_error *err);
/* x: (N, H, W, C), of the same the views 0 alone. */
int sc_views_make_first(sc_real *x, const sc_image *images, const uint32_t *index, size_t n,
                        uint64_t epoch, sc_views *views, simclr_error *err);

/* x: (N, H, W, C), the evaluation transform with size, resize, mean and std of view 0. */
int sc_views_eval(sc_real *x, const sc_image *images, size_t n, sc_views *views, simclr_error *err);

/* One view as bytes (H, W, C), before the normalisation, by thread 0's scratch. */
int sc_view_apply(uint8_t *out, const sc_image *image, const sc_view_params *params, int view,
                  sc_views *views, simclr_error *err);
int sc_view_apply_eval(uint8_t *out, const sc_image *image, sc_views *views, simclr_error *err);

/* The whole image, as large as it can be within height x width in its own shape: enlarged by a whole
 * factor (nearest neighbour), or else resized.  *out is to be released with sc_image_free. */
int sc_views_fit(sc_image *out, const sc_image *image, uint32_t height, uint32_t width,
                 simclr_error *err);

/* Contact sheet: one row per image: original | view 0 | view 1, tiles of at least 64 pixels.
 * *pixels is (*height, *width, channels), the caller's (sc_free). */
int sc_views_sheet(uint8_t **pixels, uint32_t *height, uint32_t *width, const sc_image *images,
                   const uint32_t *index, size_t n, uint64_t epoch, sc_views *views,
                   simclr_error *err);

#endif
