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

#include "views/loops.h"
#include "views/ops.h"

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
    i = (i < 0 ? -i : i) % period;
    return (size_t)(i < (ptrdiff_t)n ? i : period - i);
}

static void make_kernel(float *kernel, int size, double sigma)
{
    float total = 0.0F, half = (float)(size - 1) * 0.5F;
    for (int k = 0; k < size; k++) {
        float x = ((float)k - half) / (float)sigma;
        kernel[k] = expf(-0.5F * (x * x));
        total += kernel[k];
    }
    for (int k = 0; k < size; k++) {
        kernel[k] /= total;
    }
}

static void blur_plane(uint8_t *out, const uint8_t *in, sc_work *work, size_t height, size_t width,
                       int size)
{
    const sc_loops *loops = sc_loops_here();
    size_t pad = (size_t)size / 2;
    float *middle = work->line + pad, *sum = work->line + width + 2 * pad;
    for (size_t y = 0; y < height; y++) {
        memset(middle, 0, width * sizeof *middle);
        for (int k = 0; k < size; k++) {
            size_t from = reflect((ptrdiff_t)y + k - (ptrdiff_t)pad, height);
            loops->add_bytes(middle, in + from * width, width, work->kernel[k]);
        }
        for (size_t i = 1; i <= pad; i++) {
            middle[-(ptrdiff_t)i] = middle[reflect(-(ptrdiff_t)i, width)];
            middle[width - 1 + i] = middle[reflect((ptrdiff_t)(width - 1 + i), width)];
        }
        memset(sum, 0, width * sizeof *sum);
        for (int k = 0; k < size; k++) {
            loops->add_floats(sum, work->line + k, width, work->kernel[k]);
        }
        loops->round_row(out + y * width, sum, width);
    }
}

void sc_blur(sc_work *work, const sc_view_options *options, uint32_t channels, double sigma)
{
    size_t height = options->height, width = options->width, plane = height * width;
    int size = sc_blur_size(options);
    make_kernel(work->kernel, size, sigma);
    for (size_t c = 0; c < channels; c++) {
        blur_plane(work->spare + c * plane, work->pixels + c * plane, work, height, width, size);
    }
    uint8_t *swap = work->pixels;
    work->pixels = work->spare;
    work->spare = swap;
}
