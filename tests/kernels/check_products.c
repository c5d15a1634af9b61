/* SPDX-License-Identifier: MIT
 *
 * check_products.c - cases of kernelcheck: gemm and the convolutions.
 *
 * Tolerances, relative to the largest output: a float sum of k products errs by at most k/2 ulp and
 * in practice by sqrt(k) * 6e-8; with k <= 5000 here 1e-5 is ample and any wrong term shows.
 * Winograd adds its transforms' rounding, about 20 times that of the direct sum: 1e-4, for stride 2
 * as well.  For bf16 see matches.c.  Statistics: float sums about a pixel of the part, which at a
 * border of zeros may lie ten spreads off the mean, so that a hundred times float's 6e-8 is lost;
 * about zero it would be 1e4 times.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernelcheck.h"

typedef struct {
    const float *a, *b;
    size_t m, n, k, pad; /* pad: leading dimensions exceed the widths by it */
    bool trans_a, trans_b, accumulate;
} gemm_context;

static void run_gemm(const sc_backend *table, float **out, void *scratch, void *context)
{
    const gemm_context *g = context;
    (void)scratch;
    table->gemm(out[0], g->n + g->pad, g->a, (g->trans_a ? g->m : g->k) + g->pad, g->trans_a, g->b,
                (g->trans_b ? g->k : g->n) + g->pad, g->trans_b, g->m, g->n, g->k, g->accumulate);
}

static void gemm_case(size_t m, size_t n, size_t k, int variant)
{
    gemm_context g = {.m = m,
                      .n = n,
                      .k = k,
                      .pad = variant & 16 ? 3 : 0,
                      .trans_a = variant & 1,
                      .trans_b = variant & 2,
                      .accumulate = variant & 4};
    bool exact = variant & 8;
    kernel_case c = {.op = "gemm", .run = run_gemm, .context = &g, .tolerance = 1e-5};

    g.a = fill((m + g.pad) * (k + g.pad), exact);
    g.b = fill((n + g.pad) * (k + g.pad), exact);
    /* the gaps between rows of C keep what they hold */
    c.out[0] = (case_output){exact ? OUT_EXACT : OUT_NEAR, m * (n + g.pad),
                             g.accumulate || g.pad ? fill(m * (n + g.pad), exact) : NULL};
    snprintf(c.shape, sizeof c.shape, "m=%zu n=%zu k=%zu ta=%d tb=%d acc=%d pad=%zu %s", m, n, k,
             g.trans_a, g.trans_b, g.accumulate, g.pad, exact ? "exact" : "random");
    check_case(&c);
}

void check_gemm(void)
{
    static const size_t shape[][3] = {{1, 1, 1},      {5, 7, 3},      {6, 16, 8},    {7, 17, 9},
                                      {1, 64, 300},   {97, 65, 257},  {13, 31, 700}, {100, 130, 64},
                                      {10, 48, 4100}, {48, 64, 2048}, {200, 1, 33},  {3, 100, 1},
                                      {389, 34, 260}};

    for (size_t i = 0; wanted("gemm") && i < sizeof shape / sizeof *shape; i++) {
        for (int variant = 0; variant < 32; variant++) {
            gemm_case(shape[i][0], shape[i][1], shape[i][2], variant);
        }
    }
    if (wanted("gemm")) { /* three parts of the sums, of which a GPU's tests have room for two */
        gemm_case(300, 300, 390, 23);
    }
}

enum { MOST_FILTERS = 1024 }; /* of conv_shapes */

typedef struct {
    const sc_conv_shape *s;
    const float *x, *w, *dy;
} conv_context;

static void run_forward(const sc_backend *table, float **out, void *scratch, void *context)
{
    const conv_context *g = context;
    table->conv2d_forward(out[0], SC_NO_STATS, map_of(table, g->x), NULL, g->w, g->s, scratch);
}

static void run_backward_data(const sc_backend *table, float **out, void *scratch, void *context)
{
    const conv_context *g = context;
    const sc_map *dy = map_of(table, g->dy), *other = map_of(table, g->x);
    sc_base base = {other, 1}, apart = {other, g->s->stride}, own = {out[2], 1};
    table->conv2d_backward_data(out[0], NULL, dy, NULL, g->w, SC_NO_BASE, g->s, scratch);
    table->conv2d_backward_data(out[1], NULL, dy, NULL, g->w, base, g->s, scratch);
    table->conv2d_backward_data(out[2], NULL, dy, NULL, g->w, own, g->s, scratch);
    table->conv2d_backward_data(out[3], NULL, dy, NULL, g->w, apart, g->s, scratch);
}

static void run_backward_weight(const sc_backend *table, float **out, void *scratch, void *context)
{
    const conv_context *g = context;
    table->conv2d_backward_weight(out[0], map_of(table, g->dy), NULL, map_of(table, g->x), NULL,
                                  g->s, scratch);
}

/* y with and without statistics: the same bits; and how far these are from what the reference finds in
 * y.  So it does not matter how exact y is.  Deviations of the mean are measured in the spread; but where
 * that is less than a tenth of the mean, which is a float, in the mean. */
static void run_forward_stats(const sc_backend *table, float **out, void *scratch, void *context)
{
    const conv_context *g = context;
    const sc_backend *ref = sc_backend_ref(table->precision);
    size_t pixels = g->s->n * g->s->p * g->s->q, k = g->s->k;
    float *mean = out[2], *var = out[3], ref_mean[MOST_FILTERS], ref_var[MOST_FILTERS];
    const sc_map *x = map_of(table, g->x);

    table->conv2d_forward(out[0], SC_NO_STATS, x, NULL, g->w, g->s, scratch);
    table->conv2d_forward(out[1], (sc_channel_stats){mean, var, NULL}, x, NULL, g->w, g->s,
                          scratch);
    ref->channel_stats(ref_mean, ref_var, out[1], pixels, k);
    *out[4] = memcmp(out[0], out[1], pixels * k * table->map_bytes) == 0;
    for (size_t i = 0; i < k; i++) {
        double m = (double)ref_mean[i], v = (double)ref_var[i], tiny = 1e-30;
        double scale = fmax(sqrt(v), 0.1 * fabs(m)) + tiny;
        mean[i] = (float)(1 + ((double)mean[i] - m) / scale);
        var[i] = (float)(((double)var[i] + tiny) / (v + tiny));
    }
}

/* Shapes for which a fast table may use Winograd's algorithm, whose sums are never exact. */
static bool inexact(const sc_conv_shape *s)
{
    bool fits = s->r == 3 && s->s == 3 && s->dilation == 1 && s->c >= 16 && s->k >= 16;

    if (s->stride == 2) { /* in phases, F(4,2) only */
        return fits && s->algorithm == SC_CONV_FASTEST && s->pad == 1 && s->h % 2 == 0 &&
               s->w % 2 == 0;
    }
    return fits && s->algorithm != SC_CONV_DIRECT && s->stride == 1;
}

static void conv_case(const sc_conv_shape *s, int direction, bool exact)
{
    static const char *const op[] = {"conv2d_forward", "conv2d_backward_data",
                                     "conv2d_backward_weight"};
    size_t x = s->n * s->h * s->w * s->c, y = s->n * s->p * s->q * s->k;
    size_t w = s->k * s->c * s->r * s->s, count[] = {y, x, w};
    conv_context g = {.s = s};
    static const double winograd[] = {
        [SC_CONV_FASTEST] = 0.024, [SC_CONV_WINOGRAD2] = 0.008, [SC_CONV_DIRECT] = 0};
    kernel_case c = {.op = op[direction],
                     .context = &g,
                     .conv = s,
                     .tolerance = inexact(s) ? 1e-4 : 1e-5,
                     .norms = table_norms[direction],
                     .gradient = direction > 0,
                     .winograd = inexact(s) ? winograd[s->algorithm] : 0};

    if (!wanted(op[direction])) {
        return;
    }
    g.x = fill(x, exact);
    g.w = fill(w, exact);
    g.dy = fill(y, exact);
    c.run = direction == 0 ? run_forward : direction == 1 ? run_backward_data : run_backward_weight;
    c.out[0] = (case_output){exact ? MAP_EXACT : MAP_NEAR, count[direction], NULL};
    if (direction == 1) { /* alone, added to another map, to what is there, to pixels apart */
        c.out[1] = c.out[2] = c.out[3] = c.out[0];
        c.out[2].initial = g.x;
    }
    if (direction == 2) {
        c.out[0] = (case_output){exact ? OUT_EXACT : OUT_NEAR, w, fill(w, exact)};
    }
    snprintf(
        c.shape, sizeof c.shape,
        "n=%zu h=%zu w=%zu c=%zu k=%zu r=%zu s=%zu stride=%zu pad=%zu dilation=%zu algorithm=%d %s",
        s->n, s->h, s->w, s->c, s->k, s->r, s->s, s->stride, s->pad, s->dilation, (int)s->algorithm,
        exact ? "exact" : "random");
    check_case(&c);
}

/* Squares are summed from the first pixel on, a corner, where some of the window sees zeros instead of 100: its
 * distance from the mean, squared, is hundreds of variances, and so many times 2^-24 is rounded off in each
 * addition.  Of nine seeds two came to more than 5e-5, the worst to 1e-4; a pixel left out is 5e-4 of the largest map. */
static const double FAR_STATISTICS = 2e-4;

static void stats_case(const sc_conv_shape *s, bool far)
{
    size_t x = s->n * s->h * s->w * s->c, y = s->n * s->p * s->q * s->k;
    conv_context g = {.s = s};
    kernel_case c = {.op = "conv2d_forward",
                     .run = run_forward_stats,
                     .context = &g,
                     .conv = s,
                     .tolerance = far ? FAR_STATISTICS : 5e-5};
    float *pixels = fill(x, false);

    for (size_t i = 0; far && i < x; i++) {
        pixels[i] += 100; /* a mean far above the spread, where there is no border of zeros */
    }
    g.x = pixels;
    g.w = fill(s->k * s->c * s->r * s->s, false);
    c.out[0] = c.out[1] = (case_output){MAP_ANY, y, NULL};
    c.out[2] = c.out[3] = (case_output){OUT_NEAR, s->k, NULL};
    c.out[4] = (case_output){OUT_TRUE, 1, NULL};
    snprintf(c.shape, sizeof c.shape,
             "statistics n=%zu h=%zu w=%zu c=%zu k=%zu r=%zu s=%zu stride=%zu pad=%zu dilation=%zu "
             "algorithm=%d far=%d",
             s->n, s->h, s->w, s->c, s->k, s->r, s->s, s->stride, s->pad, s->dilation,
             (int)s->algorithm, far);
    check_case(&c);
}

static const size_t conv_shapes[][10] = {
    /* n  h   w   c   k   r  s  stride pad dilation */
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 1},
    {2, 5, 7, 3, 5, 3, 3, 1, 1, 1},
    {3, 8, 8, 16, 16, 3, 3, 1, 1, 1},
    {2, 9, 6, 24, 40, 3, 3, 1, 1, 1},
    {2, 7, 5, 16, 24, 3, 3, 1, 0, 1},
    {1, 6, 7, 32, 16, 3, 3, 1, 2, 1},
    {5, 4, 4, 136, 72, 3, 3, 1, 1, 1},
    {9, 8, 8, 64, 64, 3, 3, 1, 1, 1},
    {3, 4, 4, 272, 264, 3, 3, 1, 1, 1},
    {2, 16, 16, 32, 32, 3, 3, 1, 1, 1},
    {4, 2, 2, 32, 32, 3, 3, 1, 1, 1},
    {2, 1, 1, 16, 16, 3, 3, 1, 1, 1},
    /* phases without a pixel */
    {2, 1, 1, 16, 32, 3, 3, 2, 1, 1},
    {2, 1, 6, 16, 32, 3, 3, 2, 1, 1},
    {2, 7, 1, 16, 32, 3, 3, 2, 1, 1},
    {2, 1, 1, 16, 32, 1, 1, 2, 0, 1},
    {3, 2, 1, 8, 8, 3, 3, 3, 2, 1},
    {2, 9, 9, 8, 20, 3, 3, 2, 1, 1},
    {2, 8, 8, 16, 32, 3, 3, 2, 1, 1},
    {2, 8, 6, 16, 32, 1, 1, 2, 0, 1},
    {2, 7, 7, 33, 17, 1, 1, 1, 0, 1},
    {1, 23, 21, 3, 18, 7, 7, 2, 3, 1},
    {2, 9, 9, 5, 6, 3, 3, 1, 2, 2},
    {2, 13, 12, 16, 16, 3, 3, 2, 2, 2},
    {1, 12, 13, 4, 7, 3, 3, 3, 2, 2},
    {1, 11, 10, 6, 9, 5, 3, 2, 4, 1},
    {2, 10, 10, 3, 8, 2, 4, 3, 0, 1},
    {1, 14, 14, 16, 16, 3, 3, 4, 4, 4},
    {1, 6, 6, 7, 9, 3, 3, 1, 3, 1},
    {2, 12, 12, 300, 20, 3, 3, 2, 1, 1},
    {1, 9, 9, 3, 200, 3, 3, 1, 1, 1},
    {2, 32, 32, 3, 16, 3, 3, 1, 1, 1},
    {1, 5, 5, 2, 3, 1, 1, 3, 1, 1},
    /* few channels: several runs of a line, blocks of lines, images; filters and outputs that fill no
     * tile; windows of an odd number of elements, larger than the stride, and smaller */
    {1, 9, 211, 3, 40, 3, 3, 1, 1, 1},
    {3, 37, 16, 1, 33, 5, 5, 1, 2, 1},
    {2, 75, 131, 3, 64, 7, 7, 2, 3, 1},
    {20, 20, 13, 4, 20, 5, 3, 3, 2, 1},
    {3, 33, 32, 3, 48, 4, 4, 4, 0, 1},
    {2, 19, 23, 2, 16, 1, 1, 2, 0, 1},
    {2, 19, 23, 1, 16, 3, 2, 5, 1, 1},
    /* one tap, read in place: all rows adjacent, lines apart (of the gradient), columns that fill no tile */
    {3, 7, 9, 34, 72, 1, 1, 1, 0, 1},
    {2, 15, 16, 32, 96, 1, 1, 1, 0, 1},
    {2, 6, 5, 8, 10, 1, 1, 1, 1, 1},
    /* so many tiles that the weight gradient has several slots in every table */
    {27, 28, 32, 32, 16, 3, 3, 1, 1, 1},
    {3, 3, 2, 16, 48, 3, 3, 1, 1, 1},
    {5, 15, 14, 16, 24, 3, 3, 1, 0, 1},
    {40, 17, 15, 6, 20, 3, 3, 2, 0, 1},
    {2, 6, 6, 272, 272, 3, 3, 1, 0, 1},
    /* lines of other than 2^i tiles, and the most channels that are computed along the lines */
    {3, 5, 12, 32, 16, 3, 3, 1, 1, 1},
    {5, 7, 28, 24, 40, 3, 3, 1, 1, 1},
    {3, 4, 56, 16, 32, 3, 3, 1, 1, 1},
    {1, 4, 4, 1024, 16, 3, 3, 1, 1, 1},
    {1, 4, 4, 16, 1024, 3, 3, 1, 1, 1},
    /* stride 2 in phases (AVX-512: of channels that 16 divides): one tile, several high and wide, cut
     * at either edge, an odd number of images, blocks that end within a sliver, filters past the
     * caches */
    {1, 8, 8, 16, 16, 3, 3, 2, 1, 1},
    {3, 16, 24, 24, 40, 3, 3, 2, 1, 1},
    {5, 14, 14, 48, 112, 3, 3, 2, 1, 1},
    {3, 32, 32, 16, 136, 3, 3, 2, 1, 1},
    {7, 8, 8, 136, 48, 3, 3, 2, 1, 1},
    {9, 6, 8, 144, 80, 3, 3, 2, 1, 1},
    {2, 8, 14, 272, 272, 3, 3, 2, 1, 1},
    {17, 28, 32, 32, 64, 3, 3, 2, 1, 1},
    /* stride 2 in place (AMX: of channels that 32 divides, outputs too): one step, several filters and
     * channels at once, a slot of two chunks */
    {3, 8, 16, 32, 32, 3, 3, 2, 1, 1},
    {5, 16, 16, 64, 96, 3, 3, 2, 1, 1},
    {17, 4, 544, 32, 32, 3, 3, 2, 1, 1},
    /* stride 2 that stays direct: odd sides, another padding, tiles half empty, few channels */
    {2, 15, 15, 16, 32, 3, 3, 2, 1, 1},
    {2, 16, 15, 16, 32, 3, 3, 2, 1, 1},
    {2, 16, 16, 32, 16, 3, 3, 2, 0, 1},
    {1, 16, 16, 16, 16, 3, 3, 2, 2, 1},
    {2, 10, 10, 32, 16, 3, 3, 2, 1, 1},
    {2, 2, 2, 16, 16, 3, 3, 2, 1, 1},
    {2, 16, 16, 8, 16, 3, 3, 2, 1, 1},
    {2, 16, 16, 20, 16, 3, 3, 2, 1, 1},
    /* weight gradients in place (AMX: the same): images side by side with and without a place left, lines of
     * several steps, with one left, one line, two; many channels, in slabs */
    {7, 7, 7, 32, 64, 3, 3, 1, 1, 1},
    {3, 14, 14, 64, 32, 3, 3, 1, 1, 1},
    {2, 3, 40, 32, 32, 3, 3, 1, 1, 1},
    {5, 1, 1, 32, 32, 3, 3, 1, 1, 1},
    {3, 2, 33, 32, 32, 3, 3, 1, 1, 1},
    {5, 6, 6, 32, 64, 3, 3, 2, 1, 1},
    {3, 4, 4, 96, 384, 3, 3, 1, 1, 1},
    {9, 4, 4, 320, 128, 3, 3, 2, 1, 1},
    /* filters larger than a GPU's tile of them */
    {1, 12, 11, 21, 3, 9, 8, 1, 4, 1},
};

double conv_work(const sc_conv_shape *s)
{
    return (double)(s->n * s->p * s->q * s->k) * (double)(s->c * s->r * s->s);
}

/* Every algorithm that the shape leaves a choice of. */
static void algorithm_cases(sc_conv_shape s, int direction)
{
    bool choice = inexact(&s);

    if (!affordable(conv_work(&s))) {
        return;
    }
    for (s.algorithm = table_transforms ? SC_CONV_FASTEST : SC_CONV_DIRECT;
         s.algorithm <= SC_CONV_DIRECT; s.algorithm++) {
        conv_case(&s, direction, false);
        if (direction == 0 && wanted("conv2d_forward")) {
            stats_case(&s, false);
            stats_case(&s, true);
        }
        if (!inexact(&s)) {
            conv_case(&s, direction, true);
        }
        if (!choice) {
            return;
        }
    }
}

sc_conv_shape conv_shape(const size_t v[10])
{
    sc_conv_shape s = {.n = v[0],
                       .h = v[1],
                       .w = v[2],
                       .c = v[3],
                       .k = v[4],
                       .r = v[5],
                       .s = v[6],
                       .stride = v[7],
                       .pad = v[8],
                       .dilation = v[9]};
    s.p = (s.h + 2 * s.pad - s.dilation * (s.r - 1) - 1) / s.stride + 1;
    s.q = (s.w + 2 * s.pad - s.dilation * (s.s - 1) - 1) / s.stride + 1;
    return s;
}

void check_convolutions(void)
{
    /* the weights alone, by slabs of two chunks each (AMX): much work, so once */
    sc_conv_shape slabs = conv_shape((const size_t[]){17, 8, 9, 192, 192, 3, 3, 1, 1, 1});

    slabs.algorithm = SC_CONV_DIRECT;
    if (affordable(conv_work(&slabs))) {
        conv_case(&slabs, 2, true);
    }
    for (size_t i = 0; i < sizeof conv_shapes / sizeof *conv_shapes; i++) {
        sc_conv_shape s = conv_shape(conv_shapes[i]);
        for (int direction = 0; direction < 3; direction++) {
            algorithm_cases(s, direction);
        }
    }
}
