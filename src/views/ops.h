/* SPDX-License-Identifier: MIT
 *
 * ops.h - the operations on bytes that views.c strings together; internal to views/.
 *
 * A picture under work is planar: plane c of n = height * width bytes begins at pixels + c * n.
 * Planes make the colour loops contiguous, which the compiler turns into vector code.
 */
#ifndef SC_VIEWS_OPS_H
#define SC_VIEWS_OPS_H

#include "core/alloc.h"
#include "core/rng.h"
#include "views/loops.h"
#include "views/views.h"

/* Floating-point results are compared bit by bit with Pillow's, so no fused multiply-add:
 * gcc -std=c11 has none, clang and gcc -std=gnu11 need -ffp-contract=off. */

/* Scratch of one thread; the pointers follow from the sizes alone. */
typedef struct {
    uint8_t *pixels, *spare; /* planar pictures of the output's size */
    uint8_t *rows;           /* after the horizontal pass: (input row, channel, x) */
    /* Blur: the picture with reflected rows, one line of sums with reflected ends, the result of a
     * line, the weights. */
    float *tall, *line, *sums, *kernel;
    sc_axis horizontal, vertical;
} sc_work;

/* Lays it out for views of images up to height x width; either view may use it. */
void sc_work_plan(sc_work *work, sc_arena *arena, const sc_views_options *options, uint32_t height,
                  uint32_t width);

/* SIMCLR_E_DATA: image number i is empty or has other channels than the views. */
int sc_views_accept(const sc_views_options *options, const sc_image *image, size_t i,
                    simclr_error *err);
/* Draws the view of this key and puts its bytes, planar, into work->pixels. */
void sc_view_make(sc_work *work, const sc_image *image, const sc_view_options *options,
                  sc_view_key key);
/* x (n, channels) of planes of n bytes. */
void sc_view_normalise(sc_real *restrict x, const uint8_t *restrict pixels, size_t n,
                       uint32_t channels, const sc_normal *normal);

/* box of the image -> full_height x full_width, of which only the window at top, left is made. */
typedef struct {
    sc_box box;
    uint32_t full_height, full_width;
    uint32_t top, left, height, width;
    bool hflip, vflip;
    sc_resize_kind kind;
} sc_resize_job;

/* Most taps of one output when `in` inputs become at least `out` outputs. */
size_t sc_resize_taps(uint32_t in, uint32_t out, sc_resize_kind kind);
/* The window to work->pixels, planar. */
void sc_resize(sc_work *work, const sc_image *image, const sc_resize_job *job);

/* RandomResizedCrop's box; whole image when scale = ratio = 1. */
sc_box sc_crop_draw(sc_rng *rng, const sc_view_options *options, uint32_t height, uint32_t width);
/* Short side to the larger of the output's sides times eval_resize, then centre crop. */
sc_resize_job sc_eval_job(const sc_views_options *options, uint32_t height, uint32_t width);

/* Planes of n bytes. */
void sc_brightness(uint8_t *pixels, size_t n, uint32_t channels, double factor);
void sc_contrast(uint8_t *pixels, size_t n, uint32_t channels, double factor);
void sc_saturation(uint8_t *pixels, size_t n, double factor); /* 3 planes, as the next two */
void sc_hue(uint8_t *pixels, size_t n, double shift);
void sc_grayscale(uint8_t *pixels, size_t n);
void sc_solarize(uint8_t *pixels, size_t count, int threshold);

/* Kernel in use: the option, or from the height. */
int sc_blur_size(const sc_view_options *options);
/* work->pixels blurred; swaps work->pixels and work->spare. */
void sc_blur(sc_work *work, const sc_view_options *options, uint32_t channels, double sigma);

#endif
