/* SPDX-License-Identifier: MIT
 *
 * tsne.c - exact t-SNE.
 *
 *   p_j|i ~ exp(-|x_i - x_j|^2 b_i), b_i such that 2^entropy = perplexity;  p = (p_j|i + p_i|j) / 2N
 *   C = KL(p || q), minimised with momentum, per-coordinate gains and early exaggeration
 *
 * Parallel over rows: row i writes only its own place; sums over rows are added in their order.
 */
#include "report/tsne.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "report/pca.h"

enum { EXAGGERATED = 250, SEARCH_STEPS = 60, LANES = 8, PART_ROWS = 64 };

static const double exaggeration = 12;

typedef struct {
    size_t n, dim;
    const float *x;   /* (n, dim) */
    size_t stride;    /* n rounded up to LANES: padded points are far away and have p = 0 */
    float *p;         /* (n, stride) conditional, then joint probabilities */
    float *flat;      /* (2, stride) y for the forces */
    double *y;        /* (n, 2) */
    double *velocity; /* (n, 2) */
    double *gain;     /* (n, 2) */
    double *force;    /* (n, 5) sum of w, pull x and y, push x and y */
    double entropy;   /* wanted: ln(perplexity) */
    double scale;     /* of p: the exaggeration */
    double z;         /* sum of all w */
} tsne;

sc_tsne_options sc_tsne_defaults(void)
{
    return (sc_tsne_options){.perplexity = 30, .iterations = 1000, .seed = 0};
}

/* Row i of p := exp(-b d) / sum for squared distances d in the row; the entropy in nats. */
static double try_beta(double *out, const double *d, size_t n, size_t i, double beta)
{
    double sum = 0, weighted = 0, least = INFINITY;
    for (size_t j = 0; j < n; j++)
        least = j != i && d[j] < least ? d[j] : least;
    for (size_t j = 0; j < n; j++) {
        out[j] = j == i ? 0 : exp(-beta * (d[j] - least));
        sum += out[j];
        weighted += out[j] * (d[j] - least);
    }
    for (size_t j = 0; j < n; j++)
        out[j] /= sum;
    return log(sum) + beta * weighted / sum;
}

typedef struct {
    tsne *t;
    double *scratch; /* (threads, 2, n) */
} affinity;

/* Conditional probabilities of row i by bisection of beta = 1 / (2 sigma^2). */
static void affinity_row(void *context, size_t i)
{
    affinity *a = context;
    tsne *t = a->t;
    size_t n = t->n;
    double *d = a->scratch + (size_t)sc_parallel_index() * 2 * n, *p = d + n;
    double low = 0, high = INFINITY, mean = 0;
    for (size_t j = 0; j < n; j++) {
        d[j] = 0;
        for (size_t k = 0; k < t->dim; k++) {
            double s = (double)t->x[i * t->dim + k] - (double)t->x[j * t->dim + k];
            d[j] += s * s;
        }
        mean += d[j] / (double)n;
    }
    double beta = mean > 0 ? 1 / mean : 1;
    for (int step = 0; step < SEARCH_STEPS; step++) {
        double excess = try_beta(p, d, n, i, beta) - t->entropy;
        if (fabs(excess) < 1e-6)
            break;
        if (excess > 0)
            low = beta;
        else
            high = beta;
        beta = isinf(high) ? beta * 2 : (low + high) / 2;
    }
    for (size_t j = 0; j < n; j++)
        t->p[i * t->stride + j] = (float)p[j];
}

static void symmetrise(tsne *t)
{
    size_t n = t->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            float *a = &t->p[i * t->stride + j], *b = &t->p[j * t->stride + i];
            float joint = (*a + *b) / (2 * (float)n);
            *a = *b = joint > 1e-12f ? joint : 1e-12f;
        }
    }
}

/* Attraction, repulsion and sum of w = 1 / (1 + |y_i - y_j|^2) in one pass over j, in LANES partial
 * sums that the compiler keeps in one register each. */
static void force_row(const tsne *t, size_t i)
{
    const float *p = t->p + i * t->stride, *ux = t->flat, *uy = t->flat + t->stride;
    const float xi = ux[i], yi = uy[i];
    float sum[LANES] = {0}, pull_x[LANES] = {0}, pull_y[LANES] = {0};
    float push_x[LANES] = {0}, push_y[LANES] = {0};
    for (size_t j = 0; j < t->stride; j += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            float dx = xi - ux[j + l], dy = yi - uy[j + l];
            float w = 1.0f / (1.0f + dx * dx + dy * dy), pw = p[j + l] * w;
            sum[l] += w;
            pull_x[l] += pw * dx;
            pull_y[l] += pw * dy;
            push_x[l] += w * w * dx;
            push_y[l] += w * w * dy;
        }
    }
    double *out = t->force + 5 * i;
    memset(out, 0, 5 * sizeof *out);
    for (size_t l = 0; l < LANES; l++) {
        out[0] += sum[l];
        out[1] += pull_x[l];
        out[2] += pull_y[l];
        out[3] += push_x[l];
        out[4] += push_y[l];
    }
    out[0] -= 1; /* j = i */
}

/* A small map is one part: to wake a thread would take longer than its rows. */
static void force_part(void *context, size_t part)
{
    const tsne *t = context;
    size_t end = (part + 1) * PART_ROWS < t->n ? (part + 1) * PART_ROWS : t->n;
    for (size_t i = part * PART_ROWS; i < end; i++)
        force_row(t, i);
}

/* dC/dy = 4 (scale * pull - push / z) */
static double gradient(const tsne *t, size_t k)
{
    const double *f = t->force + 5 * (k / 2) + 1 + k % 2;
    return 4 * (t->scale * f[0] - f[2] / t->z);
}

static void forces(tsne *t)
{
    for (size_t k = 0; k < 2 * t->n; k++)
        t->flat[k % 2 * t->stride + k / 2] = (float)t->y[k];
    sc_parallel_for((t->n + PART_ROWS - 1) / PART_ROWS, force_part, t);
    t->z = 0;
    for (size_t i = 0; i < t->n; i++)
        t->z += t->force[5 * i];
}

static void descend(tsne *t, size_t iteration)
{
    double rate = (double)t->n / exaggeration, momentum = iteration < EXAGGERATED ? 0.5 : 0.8;
    double mean[2] = {0, 0};
    rate = rate > 50 ? rate : 50; /* Belkina et al. 2019 */
    t->scale = iteration < EXAGGERATED ? exaggeration : 1;
    forces(t);
    for (size_t i = 0; i < 2 * t->n; i++) {
        double dy = gradient(t, i);
        bool same = (dy > 0) == (t->velocity[i] > 0);
        t->gain[i] = same ? t->gain[i] * 0.8 : t->gain[i] + 0.2;
        t->gain[i] = t->gain[i] > 0.01 ? t->gain[i] : 0.01;
        t->velocity[i] = momentum * t->velocity[i] - rate * t->gain[i] * dy;
        t->y[i] += t->velocity[i];
        mean[i % 2] += t->y[i] / (double)t->n;
    }
    for (size_t i = 0; i < 2 * t->n; i++)
        t->y[i] -= mean[i % 2];
}

/* Principal components scaled to a spread of 1e-4, plus noise that parts equal points. */
static int start(tsne *t, float *y, uint64_t seed, simclr_error *err)
{
    int rc = sc_pca(y, NULL, t->x, t->n, t->dim, 2, err);
    if (rc < 0)
        return rc;
    double square = 0;
    for (size_t i = 0; i < t->n; i++)
        square += (double)y[2 * i] * y[2 * i];
    double scale = square > 0 ? 1e-4 / sqrt(square / (double)t->n) : 0;
    for (size_t i = 0; i < t->n; i++) {
        sc_rng rng = sc_rng_at(seed, 0, (uint32_t)i, 0, SC_RNG_TSNE);
        for (size_t c = 0; c < 2; c++) {
            t->y[2 * i + c] = scale * y[2 * i + c] + 1e-6 * sc_rng_normal(&rng);
            t->gain[2 * i + c] = 1;
        }
    }
    return 0;
}

static int run(float *y, tsne *t, double *scratch, const sc_tsne_options *options,
               simclr_error *err)
{
    int rc = start(t, y, options->seed, err);
    if (rc < 0)
        return rc;
    affinity a = {t, scratch};
    sc_parallel_for(t->n, affinity_row, &a);
    symmetrise(t);
    for (size_t i = 0; i < options->iterations; i++)
        descend(t, i);
    for (size_t i = 0; i < 2 * t->n; i++)
        y[i] = (float)t->y[i];
    return 0;
}

int sc_tsne(float *y, const float *x, size_t rows, size_t dim, const sc_tsne_options *options,
            simclr_error *err)
{
    if (rows > SC_TSNE_POINTS_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "t-SNE: %zu points; at most %d, take a sample", rows,
                       SC_TSNE_POINTS_MAX);
    for (size_t i = 0; i < rows * dim; i++)
        if (!isfinite(x[i]))
            return sc_fail(err, SIMCLR_E_NUMERIC, "t-SNE: point %zu is not finite", i / dim);
    if (rows < 4) /* too few for neighbourhoods */
        return rows == 0 ? 0 : sc_pca(y, NULL, x, rows, dim, 2, err);

    double perplexity = options->perplexity, most = ((double)rows - 1) / 3;
    perplexity = perplexity > 1 && perplexity < most ? perplexity : most > 1 ? most : 1.01;
    tsne t = {.n = rows, .dim = dim, .x = x, .entropy = log(perplexity)};
    t.stride = (rows + LANES - 1) / LANES * LANES;
    double *block = sc_alloc(rows, 11 * sizeof *block, err);
    double *scratch = sc_alloc((size_t)sc_parallel_threads() * 2 * rows, sizeof *scratch, err);
    t.p = sc_alloc(rows * t.stride, sizeof *t.p, err);
    t.flat = sc_alloc(t.stride, 2 * sizeof *t.flat, err);
    int rc = SIMCLR_E_MEMORY;
    if (block != NULL && scratch != NULL && t.p != NULL && t.flat != NULL) {
        t.y = block;
        t.velocity = block + 2 * rows;
        t.gain = block + 4 * rows;
        t.force = block + 6 * rows;
        for (size_t k = rows; k < t.stride; k++)
            t.flat[k] = t.flat[t.stride + k] = 1e15f;
        rc = run(y, &t, scratch, options, err);
    }
    sc_free(t.flat);
    sc_free(t.p);
    sc_free(scratch);
    sc_free(block);
    return rc;
}
