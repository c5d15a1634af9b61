/* SPDX-License-Identifier: MIT
 *
 * kernel_shift.h - direct convolution in place, for the matrix unit: an image is laid out once so that what a
 * tap reads is what another reads, shifted, in rows at one distance, as tiles want them.
 *
 * Output (p,q) meets with tap (i,j) of the window the pixel (p step + top + i, q step + left + j), zero
 * outside the image.  The layout has a plane for each column j, of the pixels that outputs meet there:
 *
 *   planes (columns, remainders of i, lines, q)
 *
 * With a step the lines of taps i, i + step, ... belong to one remainder; they are one line apart.
 */
#ifndef SC_CPU_KERNEL_SHIFT_H
#define SC_CPU_KERNEL_SHIFT_H

#include "backend/cpu/kernel_wino_conv.h"

enum {
    SHIFT_STEP = WORD_K * TILE_K, /* elements along k of a step of tiles */
    SHIFT_TAPS = 3,               /* lines of the window, and columns */
    SHIFT_STRIDE = 2,             /* at most, as the next two */
    SHIFT_CHANNELS = NORM_GROUP,
    SHIFT_OUTPUTS = 4096, /* of an image */
    SHIFT_FEW = 128 * 256 /* channels times outputs */
};

typedef struct {
    size_t h, w, c; /* image */
    size_t p, q;    /* outputs */
    size_t step;
    ptrdiff_t top, left;
    size_t lines, columns;      /* of the window */
    size_t pixel;               /* elements of a pixel in the layout */
    size_t plane[SHIFT_STRIDE]; /* where a remainder begins in a column's plane */
    size_t column, image;       /* elements of such a plane, and of all of an image */
} shift_map;

/* 3x3, outputs of the image's size or half of it, whole tiles of channels and filters. */
static bool shift_window(const sc_conv_shape *s)
{
    bool same = s->h == s->p * s->stride && s->w == s->q * s->stride;

    return s->r == SHIFT_TAPS && s->s == SHIFT_TAPS && s->stride <= SHIFT_STRIDE && s->pad == 1 &&
           s->dilation == 1 && same && s->c % NR == 0 && s->k % NR == 0;
}

/* Which convolutions are computed so.  A matter of speed is that those of stride 1 that Winograd takes are not:
 * it saves half of the products or more there, in phases a quarter to a half. */
static bool shift_takes(const sc_conv_shape *s)
{
    return shift_window(s) && max_size(s->c, s->k) <= SHIFT_CHANNELS && s->q % WORD_K == 0 &&
           s->p * s->q % SHIFT_STEP == 0 && s->p * s->q <= SHIFT_OUTPUTS &&
           (s->stride > 1 || !wino_takes(s));
}

/* Lines of a remainder: those of its first tap, and one more for each other. */
static size_t shift_lines(const shift_map *m, size_t remainder)
{
    return remainder < m->lines ? m->p + (m->lines - 1 - remainder) / m->step : 0;
}

static void shift_map_sizes(shift_map *m)
{
    m->column = 0;
    for (size_t i = 0; i < m->step; i++) {
        m->plane[i] = m->column;
        m->column += shift_lines(m, i) * m->q * m->pixel;
    }
    m->image = m->columns * m->column;
}

/* Where in an image's layout tap (i,j) begins to read. */
SC_INLINE size_t shift_at(const shift_map *m, size_t i, size_t j)
{
    return j * m->column + m->plane[i % m->step] + i / m->step * m->q * m->pixel;
}

/* The pixel of a line, NULL if all are zero, that output q meets in column j; or zeros. */
SC_INLINE const elem *shift_pixel(const shift_map *m, const elem *line, const elem *zeros, size_t q,
                                  size_t j)
{
    ptrdiff_t w = (ptrdiff_t)(q * m->step + j) + m->left;

    return line && w >= 0 && w < (ptrdiff_t)m->w ? line + (size_t)w * m->c : zeros;
}

/* What a line of the image has for column j, to its place in the layout. */
typedef void shift_line_fn(kelem *to, const void *context, const elem *line, size_t j);

/* Calls fn for every line and column of a layout that begins at `to`; image NULL: of zeros. */
SC_INLINE void shift_lay_out(kelem *to, const shift_map *m, const elem *image, shift_line_fn *fn,
                             const void *context)
{
    for (size_t i = 0; i < m->step; i++) {
        for (size_t l = 0; l < shift_lines(m, i); l++) {
            ptrdiff_t h = (ptrdiff_t)(l * m->step + i) + m->top;
            bool inside = image && h >= 0 && h < (ptrdiff_t)m->h;
            const elem *line = inside ? image + (size_t)h * m->w * m->c : NULL;
            for (size_t j = 0; j < m->columns; j++) {
                fn(to + shift_at(m, i, j) + l * m->q * m->pixel, context, line, j);
            }
        }
    }
}

#endif
