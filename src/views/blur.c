/* SPDX-License-Identifier: MIT
 *
 * blur.c - torchvision's GaussianBlur: w(k) ~ exp(-.5 (k / sigma)^2), reflected borders, a sum in
 * float, rounded to the nearest level (ties to even).
 *
 * Separated: for each output row first the weighted sum of rows, then that line along x.  Bytes are
 * rounded once, at the end, as by the two-dimensional kernel.
 */
#include <math.h>
#include <string.h>

#include "views/ops.h"

#define NEGLIGIBLE 0x1p-34F

int sc_blur_size(const sc_view_options *options)
{
    if (options->blur_kernel > 0) {
        return options->blur_kernel;
    }
    return (int)(options->height / 10) | 1;
}

/* Index i of a line of n, reflected at both ends as often as needed. */
static size_t reflect(ptrdiff_t i, size_t n)
{
    if (n == 1) {
        return 0;
    }
    ptrdiff_t period = 2 * ((ptrdiff_t)n - 1);
    i = i < 0 ? -i : i;
    i = i < period ? i : i % period; /* a division is slow, and seldom needed */
    return (size_t)(i < (ptrdiff_t)n ? i : period - i);
}

/* Returns the number of weights that are kept: those at both ends that float's rounding of a sum of
 * bytes hides a thousandfold are left out. */
static int make_kernel(float *kernel, int size, double sigma)
{
    float total = 0.0F, half = (float)(size - 1) * 0.5F;
    int skip = 0;
    for (int k = 0; k < size; k++) {
        float x = ((float)k - half) / (float)sigma;
        kernel[k] = expf(-0.5F * (x * x));
        total += kernel[k];
    }
    while (kernel[skip] < NEGLIGIBLE * total) {
        skip++;
    }
    for (int k = skip; k < size - skip; k++) {
        kernel[k - skip] = kernel[k] / total;
    }
    return size - 2 * skip;
}

static void blur_plane(uint8_t *out, const uint8_t *in, sc_work *work, size_t height, size_t width,
                       size_t size)
{
    const sc_loops *loops = sc_loops_here();
    size_t pad = size / 2;
    float *middle = work->line + pad;
    for (size_t y = 0; y < height + 2 * pad; y++) {
        size_t from = reflect((ptrdiff_t)y - (ptrdiff_t)pad, height);
        loops->to_floats(work->tall + y * width, in + from * width, width);
    }
    for (size_t y = 0; y < height; y++) {
        loops->weigh_floats(middle, work->tall + y * width, width, width, work->kernel, size);
        for (size_t i = 1; i <= pad; i++) {
            middle[-(ptrdiff_t)i] = middle[reflect(-(ptrdiff_t)i, width)];
            middle[width - 1 + i] = middle[reflect((ptrdiff_t)(width - 1 + i), width)];
        }
        loops->weigh_floats(work->sums, work->line, 1, width, work->kernel, size);
        loops->round_row(out + y * width, work->sums, width);
    }
}

void sc_blur(sc_work *work, const sc_view_options *options, uint32_t channels, double sigma)
{
    size_t height = options->height, width = options->width, plane = height * width;
    int size = make_kernel(work->kernel, sc_blur_size(options), sigma);
    for (size_t c = 0; c < channels; c++) {
        blur_plane(work->spare + c * plane, work->pixels + c * plane, work, height, width,
                   (size_t)size);
    }
    uint8_t *swap = work->pixels;
    work->pixels = work->spare;
    work->spare = swap;
}
