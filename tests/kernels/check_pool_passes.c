/* SPDX-License-Identifier: MIT
 *
 * check_pool_passes.c - cases of kernelcheck: maxima of a map that is still to be made, and the sums of
 * their gradient.
 *
 * As check_passes.c: maxima and gradients are the same to the bit as with the passes one after the other;
 * sums are near the reference's of the same map.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernelcheck.h"

enum { MOST_CHANNELS = 600, VECTORS = 4, VARIANTS = 8 };

typedef struct {
    sc_pool_shape s;
    const float *x, *residual, *dy, *mean, *invstd, *scale, *shift;
    bool relu, add, in_place;
} pool_context;

static size_t in_count(const sc_pool_shape *s)
{
    return s->n * s->h * s->w * s->c;
}

static size_t out_count(const sc_pool_shape *s)
{
    return s->n * s->p * s->q * s->c;
}

static sc_affine affine_of(const sc_backend *t, const pool_context *g, float *y)
{
    const sc_map *residual = g->add ? map_of(t, g->residual) : NULL;
    sc_affine of = {y, map_of(t, g->x), residual, g->scale, g->shift, g->relu};

    if (g->in_place) {
        t->map_copy(y, of.x, in_count(&g->s));
        of.x = y;
    }
    return of;
}

/* Whether what is at the positions is the maxima. */
static bool are_maxima(const sc_backend *t, const sc_map *y, const uint32_t *at, const sc_map *x,
                       const sc_pool_shape *s)
{
    const unsigned char *from = x, *to = y;
    size_t bytes = t->map_bytes;

    for (size_t i = 0; i < out_count(s); i++) {
        size_t image = i / (s->p * s->q * s->c) * s->h * s->w;
        size_t pixel = (image + at[i]) * s->c + i % s->c;
        if (at[i] >= s->h * s->w || memcmp(to + i * bytes, from + pixel * bytes, bytes) != 0) {
            return false;
        }
    }
    return true;
}

/* out: x made before, maxima and positions, those of x made meanwhile, whether the maxima are the same and
 * found at the positions, the positions of the maxima of x as it is, some of which are no numbers. */
static void run_forward(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pool_context *g = context;
    const sc_pool_shape *s = &g->s;
    sc_affine before = affine_of(t, g, out[0]), meanwhile = affine_of(t, g, out[3]);
    uint32_t *at[] = {(uint32_t *)out[2], (uint32_t *)out[5], (uint32_t *)out[7]};
    size_t count = out_count(s);
    (void)scratch;

    t->channel_affine(&before, s->n * s->h * s->w, s->c);
    t->maxpool_forward(out[1], at[0], out[0], NULL, s);
    t->maxpool_forward(out[4], at[1], out[3], &meanwhile, s);
    *out[6] = same_maps(t, out[1], out[4], count) && are_maxima(t, out[4], at[1], out[0], s);
    t->maxpool_forward(out[4], at[2], map_of(t, g->x), NULL, s);
}

/* out: dx alone, with sums, their deviations, maxima and positions, whether dx is the same. */
static void run_backward(const sc_backend *t, float **out, void *scratch, void *context)
{
    const pool_context *g = context;
    const sc_pool_shape *s = &g->s;
    size_t c = s->c, rows = s->n * s->h * s->w;
    float want[VECTORS * MOST_CHANNELS] = {0};
    uint32_t *at = (uint32_t *)out[4];
    sc_batchnorm sums = {.dy = out[1],
                         .x = map_of(t, g->x),
                         .mean = g->mean,
                         .invstd = g->invstd,
                         .scale = g->scale,
                         .shift = g->shift,
                         .relu = g->relu,
                         .mean_g = out[2],
                         .curve = out[2] + c,
                         .dgamma = out[2] + 2 * c,
                         .dbeta = out[2] + 3 * c};
    sc_batchnorm wanted_sums = sums;
    (void)scratch;

    wanted_sums.mean_g = want;
    wanted_sums.curve = want + c;
    wanted_sums.dgamma = want + 2 * c;
    wanted_sums.dbeta = want + 3 * c;
    memset(out[2], 0, VECTORS * c * sizeof(float)); /* dgamma and dbeta accumulate */
    t->maxpool_forward(out[3], at, map_of(t, g->x), NULL, s);
    t->maxpool_backward(out[0], NULL, map_of(t, g->dy), at, s);
    t->maxpool_backward(out[1], &sums, map_of(t, g->dy), at, s);
    sc_backend_ref(t->precision)->batchnorm_sums(&wanted_sums, rows, c);
    deviations(out[2], want, VECTORS, c);
    *out[5] = same_maps(t, out[0], out[1], in_count(s));
}

static void pool_pass_case(sc_pool_shape s, int variant)
{
    pool_context g = {.s = s, .relu = variant & 1, .add = variant & 2, .in_place = variant & 4};
    kernel_case k = {.op = "maxpool", .context = &g, .tolerance = 1e-5};
    size_t x = in_count(&s), y = out_count(&s);
    float *from = fill_short(x);

    g.x = from;
    g.residual = fill(x, false);
    g.dy = fill(y, false);
    g.mean = fill(s.c, false);
    g.invstd = fill_positive(s.c);
    g.scale = fill_short(s.c);
    g.shift = fill(s.c, false);
    snprintf(k.shape, sizeof k.shape,
             "passes n=%zu h=%zu w=%zu c=%zu window=%zu stride=%zu pad=%zu variant=%d", s.n, s.h,
             s.w, s.c, s.window, s.stride, s.pad, variant);
    k.run = run_backward;
    k.out[0] = k.out[1] = (case_output){MAP_ANY, x, NULL};
    k.out[2] = (case_output){OUT_NEAR, VECTORS * s.c, NULL};
    k.out[3] = (case_output){MAP_ANY, y, NULL};
    k.out[4] = (case_output){OUT_BITS, y, NULL};
    k.out[5] = (case_output){OUT_TRUE, 1, NULL};
    check_case(&k);

    from = fill(x, false); /* the case has freed what it had */
    for (size_t i = 0; i < x; i += 13) {
        from[i] = NAN;
    }
    g.x = from;
    g.residual = fill(x, false);
    g.scale = fill(s.c, false);
    g.shift = fill(s.c, false);
    k.run = run_forward;
    k.out[0] = k.out[3] = (case_output){MAP_ANY, x, NULL};
    k.out[1] = k.out[4] = (case_output){MAP_ANY, y, NULL};
    k.out[2] = k.out[5] = (case_output){MAP_ANY, 2 * y, NULL}; /* positions, even of maps of bf16 */
    k.out[6] = (case_output){OUT_TRUE, 1, NULL};
    k.out[7] = (case_output){OUT_BITS, y, NULL};
    check_case(&k);
}

void check_pool_passes(void)
{
    static const size_t shape[][7] = {
        /* n h w c window stride pad */
        {1, 1, 1, 1, 1, 1, 0},   {2, 7, 6, 5, 3, 2, 1},  {3, 16, 40, 64, 3, 2, 1},
        {3, 4, 4, 48, 2, 2, 0},  {2, 9, 8, 32, 3, 1, 1}, {1, 5, 5, 16, 5, 5, 2},
        {1, 9, 7, 600, 4, 3, 2}, /* more channels than are summed up at once */
    };

    if (!wanted("maxpool")) {
        return;
    }
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const size_t *v = shape[i];
        sc_pool_shape s = {v[0], v[1], v[2], v[3], 0, 0, v[4], v[5], v[6]};
        s.p = (s.h + 2 * s.pad - s.window) / s.stride + 1;
        s.q = (s.w + 2 * s.pad - s.window) / s.stride + 1;
        for (int variant = 0; variant < VARIANTS; variant++) {
            pool_pass_case(s, variant);
        }
    }
}
