/* SPDX-License-Identifier: MIT
 *
 * matches.c - how near the outputs of a table must be to those of the reference.
 *
 * fp32: within tolerance * the largest output, or the size of the terms if that is more.
 *
 * bf16: both start from the same bf16 numbers, add in float or better and round once.  Where the sum
 * is exact the results are equal.  Else the float sums differ by as much as in fp32, and where a
 * midpoint of two bf16 numbers lies between them, they round to different sides: one step of bf16,
 * at most 2^-7 of the value.  What is no map (statistics, gradients of weights) is not rounded.
 *
 * A library of convolutions stores its gradient g in bf16, and another kernel adds that to a base; the
 * reference adds g itself.  Rounding g errs by half a step of it at most, 2^-8 |g|, and however small the
 * sum is, that stays in it: so much more is allowed, where g is exact too.  A sum that is a map is then
 * rounded as well, from another number than the reference's: its own step, where g is exact too.
 *
 * Winograd in bf16 rounds the transformed tiles as well.  F(4x4,3x3) with the points 0, +-3/4, +-3/2
 * costs 1.2 % of the rms output in rms and 5 to 7 % at most, F(2x2,3x3) 0.4 and 1.6 %, F(4,2) in the
 * phases of stride 2 1.0 and 5 to 11 % (measured); of the weights whose gradient is a sum of two tiles
 * alone the worst of 666,000 errs by 13 to 18 % (six seeds), of one tile that of 4.7 million by 24 % (sixteen).
 * Twice the first is allowed, and fourteen times that for the worst: a term left out or doubled among the at
 * least 144 of a sum is 8 % in rms.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernelcheck.h"

static const double BF16_STEP = 1.0 / 128;
static const double WORST = 14; /* times the rms */

typedef struct {
    double largest, rms; /* of the reference */
} magnitudes;

static magnitudes measure(const float *x, size_t count)
{
    magnitudes m = {0, 0};

    for (size_t i = 0; i < count; i++) {
        m.largest = fmax(m.largest, fabs((double)x[i]));
        m.rms += (double)x[i] * (double)x[i];
    }
    m.rms = sqrt(m.rms / (double)count);
    return m;
}

/* Element i of the gradient that is added to a base in this output; 0: none is. */
static double added_at(const kernel_case *c, int which, float *const *want, size_t i)
{
    const float *initial = c->out[0].initial;

    if (!c->gradient || (which == 0 && initial == NULL)) {
        return 0;
    }
    return (double)want[0][i] - (initial != NULL ? (double)initial[i] : 0);
}

static double limit_at(const kernel_case *c, const sc_backend *table, int which, float *const *want,
                       size_t i, magnitudes size)
{
    out_kind kind = c->out[which].kind;
    bool bf16 = table->precision == SC_BF16, near = kind == OUT_NEAR || kind == MAP_NEAR;
    double added =
        bf16 && table_adds_rounded(table, c, which) ? fabs(added_at(c, which, want, i)) : 0;
    double limit = near ? c->tolerance * fmax(size.largest, c->terms) : 0;

    if (bf16 && near && c->winograd > 0) {
        limit = WORST * c->winograd * size.rms;
    }
    if (bf16 && (kind == MAP_NEAR || (kind == MAP_EXACT && added > 0))) {
        limit += BF16_STEP * fabs((double)want[which][i]);
    }
    return limit + BF16_STEP / 2 * added;
}

/* Sums of a library, whose order and whose roundings on the way are its own. */
static bool norm_matches(char *text, size_t size, int which, const float *got, const float *want,
                         size_t count, double limit)
{
    double off = 0, all = 0;

    for (size_t i = 0; i < count; i++) {
        double error = (double)got[i] - (double)want[i];
        off += error * error;
        all += (double)want[i] * (double)want[i];
    }
    snprintf(text, size, "output %d differs by %.3g of its norm, over %.3g", which, sqrt(off / all),
             limit);
    return sqrt(off) <= limit * sqrt(all);
}

bool output_matches(char *text, size_t size, const kernel_case *c, const sc_backend *table,
                    int which, float *const *gots, float *const *wants)
{
    const case_output *o = &c->out[which];
    const float *got = gots[which], *want = wants[which];
    double worst = -1, worst_limit = 0, squares = 0;
    size_t at = 0;

    if (o->kind == OUT_BITS) {
        snprintf(text, size, "output %d: integers differ", which);
        return memcmp(got, want, o->count * sizeof *got) == 0;
    }
    if (o->kind == MAP_ANY) {
        return true;
    }
    if (o->kind == OUT_TRUE) {
        snprintf(text, size, "output %d is %g, the reference's %g, not 1", which, (double)*got,
                 (double)*want);
        return *got == 1 && *want == 1;
    }
    if (c->norms != NULL && c->norms[table->precision] > 0) {
        return norm_matches(text, size, which, got, want, o->count, c->norms[table->precision]);
    }
    magnitudes m = measure(want, o->count);
    for (size_t i = 0; i < o->count; i++) {
        if ((isnan(got[i]) && isnan(want[i])) || got[i] == want[i]) {
            continue; /* infinities too */
        }
        double error = fabs((double)got[i] - (double)want[i]);
        double limit = limit_at(c, table, which, wants, i, m);
        squares += error * error;
        if (!(error <= limit) && !(error <= worst)) {
            worst = isnan(error) ? INFINITY : error;
            worst_limit = limit;
            at = i;
        }
    }
    if (worst >= 0) {
        snprintf(text, size, "output %d[%zu] is %.9g, not %.9g (limit %.3g)", which, at,
                 (double)got[at], (double)want[at], worst_limit);
        return false;
    }
    double rms = sqrt(squares / (double)o->count);
    snprintf(text, size, "output %d differs by %.3g in rms, over %.3g", which, rms,
             c->winograd * m.rms);
    return !(c->winograd > 0) || table->precision != SC_BF16 || rms <= c->winograd * m.rms;
}

bool same_maps(const sc_backend *table, const void *a, const void *b, size_t count)
{
    return memcmp(a, b, count * table->map_bytes) == 0;
}

void deviations(float *sums, const float *want, size_t vectors, size_t c)
{
    for (size_t v = 0; v < vectors; v++) {
        double largest = 1e-30;
        for (size_t i = v * c; i < (v + 1) * c; i++) {
            largest = fmax(largest, fabs((double)want[i]));
        }
        for (size_t i = v * c; i < (v + 1) * c; i++) {
            sums[i] = (float)(1 + ((double)sums[i] - (double)want[i]) / largest);
        }
    }
}
