/* SPDX-License-Identifier: MIT
 *
 * resize.c - Pillow's antialiased resize, bit for bit (up to Pillow 12; from 13 on, Pillow does the
 * columns first when the height shrinks much more than the width).
 *
 * Per axis: scale = in / full, support = radius * max(scale, 1), centre of output i (i + .5) scale.
 * Taps are weighted by the filter, normalised in double and rounded to 22-bit fixed point.  First
 * the rows, then the columns; each pass ends with (sum + 2^21) >> 22, clipped to a byte.  Sums are
 * integers, so their order is free.  Only the window's outputs and the rows they need are made.
 */
#include <assert.h>
#include <math.h>

#include "views/ops.h"

static double filter(sc_resize_kind kind, double x)
{
    x = fabs(x);
    if (kind == SC_RESIZE_BILINEAR) {
        return x < 1.0 ? 1.0 - x : 0.0;
    }
    const double a = -0.5;
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

static double radius(sc_resize_kind kind)
{
    return kind == SC_RESIZE_BILINEAR ? 1.0 : 2.0;
}

size_t sc_resize_taps(uint32_t in, uint32_t out, sc_resize_kind kind)
{
    double scale = (double)in / out;
    return (size_t)ceil(radius(kind) * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
}

/* Weights of one output; returns the number of taps. */
static uint32_t weigh(int32_t *weight, uint32_t *first, double centre, double scale, uint32_t in,
                      sc_resize_kind kind)
{
    double support = radius(kind) * scale, inverse = 1.0 / scale, total = 0.0;
    int64_t lo = (int64_t)(centre - support + 0.5), hi = (int64_t)(centre + support + 0.5);
    lo = lo < 0 ? 0 : lo;
    hi = hi > (int64_t)in ? (int64_t)in : hi;
    uint32_t taps = (uint32_t)(hi - lo);
    for (uint32_t t = 0; t < taps; t++) {
        total += filter(kind, ((double)t + (double)lo - centre + 0.5) * inverse);
    }
    for (uint32_t t = 0; t < taps; t++) {
        double w = filter(kind, ((double)t + (double)lo - centre + 0.5) * inverse);
        w = (total != 0.0 ? w / total : w) * (1 << SC_RESIZE_BITS);
        weight[t] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
    }
    *first = (uint32_t)lo;
    return taps;
}

/* Outputs start .. start + count - 1 of `full`, stored backwards if flipped. */
static void plan_axis(sc_axis *axis, uint32_t in, uint32_t full, uint32_t start, bool flip,
                      sc_resize_kind kind)
{
    double ratio = (double)in / full, scale = ratio < 1.0 ? 1.0 : ratio;
    axis->stride = sc_resize_taps(in, full, kind);
    axis->inputs = in;
    axis->pairs = in >= 2 && kind == SC_RESIZE_BILINEAR && ratio <= 1.0;
    for (size_t i = 0; i < axis->count; i++) {
        size_t at = flip ? axis->count - 1 - i : i;
        int32_t *weight = axis->weight + at * axis->stride;
        double centre = ((double)start + (double)i + 0.5) * ratio;
        uint32_t taps = weigh(weight, &axis->first[at], centre, scale, in, kind);
        if (axis->pairs && taps == 1) { /* at a border: add a tap of weight 0 inside */
            bool begin = axis->first[at] == 0;
            weight[1] = begin ? 0 : weight[0];
            weight[0] = begin ? weight[0] : 0;
            axis->first[at] -= begin ? 0 : 1;
            taps = 2;
        }
        axis->taps[at] = taps;
        axis->pairs = axis->pairs && taps == 2;
    }
}

/* One row of a single channel. */
static void row1(uint8_t *restrict out, const uint8_t *restrict in, const sc_axis *axis)
{
    for (size_t x = 0; x < axis->count; x++) {
        const uint8_t *p = in + axis->first[x];
        const int32_t *w = axis->weight + x * axis->stride;
        int32_t sum = SC_RESIZE_HALF;
        for (uint32_t t = 0; t < axis->taps[x]; t++) {
            sum += p[t] * w[t];
        }
        sum >>= SC_RESIZE_BITS;
        sum = sum < 0 ? 0 : sum;
        out[x] = (uint8_t)(sum > 255 ? 255 : sum);
    }
}

/* Columns: rows of (channel, x) to planes. */
static void pass_vertical(sc_work *work, const sc_resize_job *job, uint32_t channels,
                          uint32_t first_row)
{
    const sc_axis *axis = &work->vertical;
    const sc_loops *loops = sc_loops_here();
    size_t width = job->width, row = width * channels, plane = width * job->height;
    for (size_t y = 0; y < axis->count; y++) {
        const int32_t *w = axis->weight + y * axis->stride;
        const uint8_t *in = work->rows + (axis->first[y] - first_row) * row;
        uint8_t *out = work->pixels + y * width;
        if (axis->pairs) {
            loops->mix_rows(out, plane, in, in + row, width, channels, w);
            continue;
        }
        for (size_t c = 0; c < channels; c++) {
            loops->weigh_rows(out + c * plane, in + c * width, row, width, w, axis->taps[y]);
        }
    }
}

void sc_resize(sc_work *work, const sc_image *image, const sc_resize_job *job)
{
    sc_axis *h = &work->horizontal, *v = &work->vertical;
    uint32_t channels = image->channels;
    assert(job->box.height > 0 && job->box.top + (uint64_t)job->box.height <= image->height);
    assert(job->box.width > 0 && job->box.left + (uint64_t)job->box.width <= image->width);
    h->count = job->width;
    v->count = job->height;
    plan_axis(h, job->box.width, job->full_width, job->left, job->hflip, job->kind);
    plan_axis(v, job->box.height, job->full_height, job->top, job->vflip, job->kind);
    size_t top = job->vflip ? v->count - 1 : 0, bottom = v->count - 1 - top;
    uint32_t first = v->first[top], last = v->first[bottom] + v->taps[bottom];
    size_t stride = (size_t)image->width * channels;
    const uint8_t *in =
        image->pixels + ((size_t)job->box.top + first) * stride + (size_t)job->box.left * channels;
    if (channels == 3) {
        sc_loops_here()->rows3(work->rows, in, stride, last - first, h);
    }
    for (uint32_t y = first; channels == 1 && y < last; y++) {
        row1(work->rows + (size_t)(y - first) * job->width, in + (y - first) * stride, h);
    }
    pass_vertical(work, job, channels, first);
}
