/* SPDX-License-Identifier: MIT
 *
 * kernel_rows.h - passes that make a map of normalised values, or of their gradients, row by row:
 *
 *   y  = f(x scale + shift + residual)                               (channel_affine)
 *   dx = scale (g - mean_g) - curve (x - mean)                       (batchnorm_gradient)
 *
 * A row is a pixel.  The convolution that reads such a map first may make it itself, some rows before it
 * needs them, so that it finds them in the cache (kernel_wino_conv.h).
 */
#ifndef SC_CPU_KERNEL_ROWS_H
#define SC_CPU_KERNEL_ROWS_H

#include <assert.h>
#include <stdbool.h>

#include "backend/cpu/kernel_elem.h"
#include "core/parallel.h"

enum {
    ROWS_PART = 64,
    ROWS_FEW = 4 /* that share what they load of a channel, still nearly in memory's order */
};

/* Whether the last vector of so many channels begins within the one before.  It is computed before the others
 * and stored after them, since a map may be made in the place of another; what both have is the same. */
SC_INLINE bool rows_overlap(size_t channels)
{
    return channels > VEC && channels % VEC != 0;
}

/* ---- y = f(x scale + shift + residual) ---- */

/* VEC channels from element i, channel c on. */
SC_INLINE vec affine_vec(const sc_affine *of, size_t i, size_t c, const bool residual,
                         const bool relu)
{
    vec v = vfma(eload((const elem *)of->x + i), vload(of->scale + c), vload(of->shift + c));

    if (residual) {
        v += eload((const elem *)of->residual + i);
    }
    return relu ? vmax(vzero(), v) : v; /* vmax(0, NaN) is NaN */
}

SC_INLINE void affine_row(const sc_affine *of, size_t i, size_t channels, const bool residual,
                          const bool relu)
{
    const elem *x = of->x, *add = of->residual;
    elem *y = of->y;
    bool overlap = rows_overlap(channels);
    size_t c = 0, end = channels - VEC;
    vec last = overlap ? affine_vec(of, i + end, end, residual, relu) : vzero();

    for (; c + VEC <= channels; c += VEC) {
        estore(y + i + c, affine_vec(of, i + c, c, residual, relu));
    }
    if (overlap) {
        estore(y + i + end, last);
        return;
    }
    for (; c < channels; c++) {
        float v = eget(x[i + c]) * of->scale[c] + of->shift[c];
        if (residual) {
            v += eget(add[i + c]);
        }
        y[i + c] = eput(relu && v < 0 ? 0 : v);
    }
}

SC_INLINE void affine_rows_of(const sc_affine *of, size_t begin, size_t end, size_t c,
                              const bool residual, const bool relu)
{
    for (size_t row = begin; row < end; row++) {
        affine_row(of, row * c, c, residual, relu);
    }
}

static void affine_rows(const void *pass, size_t begin, size_t end, size_t c)
{
    const sc_affine *of = pass;

    if (of->residual && of->relu) {
        affine_rows_of(of, begin, end, c, true, true);
    } else if (of->residual) {
        affine_rows_of(of, begin, end, c, true, false);
    } else if (of->relu) {
        affine_rows_of(of, begin, end, c, false, true);
    } else {
        affine_rows_of(of, begin, end, c, false, false);
    }
}

/* ---- dx = scale (g - mean_g) - curve (x - mean) ---- */

/* How g comes from dy: all of it, where y > 0, or where x scale + shift > 0. */
typedef enum { NORM_ALL, NORM_BY_Y, NORM_BY_X } norm_mask;

static norm_mask norm_mask_of(const sc_batchnorm *of)
{
    return !of->relu ? NORM_ALL : of->y ? NORM_BY_Y : NORM_BY_X;
}

/* g of VEC channels from element i, channel c on, where dy is `d`; `mask` is a constant where this is
 * called.  x scale + shift is computed as affine_row does. */
SC_INLINE vec norm_g(const sc_batchnorm *of, size_t i, size_t c, vec d, vec x, const norm_mask mask)
{
    if (mask == NORM_BY_Y) {
        return vkeep_positive(d, eload((const elem *)of->y + i));
    }
    return mask == NORM_ALL
               ? d
               : vkeep_positive(d, vfma(x, vload(of->scale + c), vload(of->shift + c)));
}

SC_INLINE float norm_g_at(const sc_batchnorm *of, size_t i, size_t c, float x, const norm_mask mask)
{
    float f = mask == NORM_ALL    ? 1
              : mask == NORM_BY_Y ? eget(((const elem *)of->y)[i])
                                  : x * of->scale[c] + of->shift[c];

    return f > 0 ? eget(((const elem *)of->dy)[i]) : 0;
}

/* What VEC channels of all rows share. */
typedef struct {
    vec mean, scale, mean_g, curve;
} gradient_channels;

SC_INLINE gradient_channels gradient_load(const sc_batchnorm *of, size_t c)
{
    gradient_channels s = {vload(of->mean + c), vload(of->scale + c), vload(of->mean_g + c),
                           vload(of->curve + c)};
    return s;
}

/* dx of VEC channels from element i, channel c on. */
SC_INLINE vec gradient_vec(const sc_batchnorm *of, const gradient_channels *s, size_t i, size_t c,
                           const norm_mask mask)
{
    vec x = eload((const elem *)of->x + i);
    vec g = norm_g(of, i, c, eload((const elem *)of->dy + i), x, mask);

    return s->scale * (g - s->mean_g) - s->curve * (x - s->mean);
}

/* Of `rows` rows. */
SC_INLINE void gradient_few(const sc_batchnorm *of, size_t row, size_t channels, const size_t rows,
                            const norm_mask mask)
{
    const elem *from = of->x;
    elem *dx = of->dx;
    bool overlap = rows_overlap(channels);
    size_t begin = row * channels, c = 0, end = channels - VEC;
    vec last[ROWS_FEW];

    if (overlap) {
        gradient_channels s = gradient_load(of, end);
        for (size_t k = 0; k < rows; k++) {
            last[k] = gradient_vec(of, &s, begin + k * channels + end, end, mask);
        }
    }
    for (; c + VEC <= channels; c += VEC) {
        gradient_channels s = gradient_load(of, c);
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * channels + c;
            estore(dx + i, gradient_vec(of, &s, i, c, mask));
        }
    }
    for (size_t k = 0; overlap && k < rows; k++) {
        estore(dx + begin + k * channels + end, last[k]);
    }
    for (; !overlap && c < channels; c++) {
        for (size_t k = 0; k < rows; k++) {
            size_t i = begin + k * channels + c;
            float x = eget(from[i]), g = norm_g_at(of, i, c, x, mask);
            dx[i] = eput(of->scale[c] * (g - of->mean_g[c]) - of->curve[c] * (x - of->mean[c]));
        }
    }
}

SC_INLINE void gradient_rows_of(const sc_batchnorm *of, size_t row, size_t end, size_t c,
                                const norm_mask mask)
{
    for (; row + ROWS_FEW <= end; row += ROWS_FEW) {
        gradient_few(of, row, c, ROWS_FEW, mask);
    }
    for (; row < end; row++) {
        gradient_few(of, row, c, 1, mask);
    }
}

static void gradient_rows(const void *pass, size_t begin, size_t end, size_t c)
{
    const sc_batchnorm *of = pass;

    if (of->relu) {
        gradient_rows_of(of, begin, end, c, NORM_BY_X);
    } else {
        gradient_rows_of(of, begin, end, c, NORM_ALL);
    }
}

/* ---- either of them ---- */

enum { ROWS_MAPS = 2 };

typedef struct {
    void (*rows)(const void *pass, size_t begin, size_t end, size_t c);
    const void *pass; /* NULL: nothing to make */
    size_t c;
    const elem *map
        [ROWS_MAPS];  /* that it reads or writes, or NULL; that which it makes is not among them */
    size_t made, end; /* rows before `made` are there */
} row_maker;

static row_maker affine_maker(const sc_affine *of, size_t c)
{
    row_maker m = {.rows = affine_rows, .pass = of, .c = c};

    if (of) {
        m.map[0] = of->x != of->y ? of->x : NULL;
        m.map[1] = of->residual != of->y ? of->residual : NULL;
    }
    return m;
}

static row_maker gradient_maker(const sc_batchnorm *of, size_t c)
{
    row_maker m = {.rows = gradient_rows, .pass = of, .c = c};

    if (of) {
        m.map[0] = of->x;
        m.map[1] = of->dy != of->dx ? of->dy : NULL;
    }
    return m;
}

static void make_part(void *context, size_t part)
{
    const row_maker *m = context;
    size_t begin = m->made + part * ROWS_PART;

    m->rows(m->pass, begin, min_size(begin + ROWS_PART, m->end), m->c);
}

/* All rows before `end`. */
static void make_rows(row_maker *m, size_t end)
{
    if (m->pass && end > m->made) {
        m->end = end;
        sc_parallel_for((end - m->made + ROWS_PART - 1) / ROWS_PART, make_part, m);
        m->made = end;
    }
}

static void channel_affine(const sc_affine *affine, size_t rows, size_t c)
{
    row_maker m = affine_maker(affine, c);
    make_rows(&m, rows);
}

static void batchnorm_gradient(const sc_batchnorm *norm, size_t rows, size_t c)
{
    row_maker m = gradient_maker(norm, c);

    assert(!norm->y);
    make_rows(&m, rows);
}

#endif
