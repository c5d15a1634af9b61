/* SPDX-License-Identifier: MIT
 *
 * lbfgs.c - limited-memory BFGS (Nocedal & Wright, Numerical Optimization, 2nd ed.).
 *
 *   direction  d = -H g  by the two-loop recursion over the last pairs s = x' - x, y = g' - g;
 *   step t     f(x + t d) <= f + c1 t <g, d>  and  <g', d> >= c2 <g, d>   (weak Wolfe)
 */
#include "eval/lbfgs.h"

#include <math.h>
#include <string.h>

#include "core/alloc.h"

enum { LINE_STEPS = 30 };

typedef struct {
    size_t n;
    sc_lbfgs_fn fn;
    void *context;
    size_t pairs, slots, next;           /* remembered, room, slot of the next pair */
    double *s, *y, *rho, *alpha;         /* slots x n, slots */
    double *x, *g, *d, *trial, *trial_g; /* n each */
    double f;
    int evaluations;
} state;

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void add_scaled(double *a, double t, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] += t * b[i];
    }
}

static double largest(const double *a, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fabs(a[i]) > most ? fabs(a[i]) : most;
    }
    return most;
}

/* d = -H g. */
static void direction(state *st)
{
    size_t n = st->n;
    for (size_t i = 0; i < n; i++) {
        st->d[i] = -st->g[i];
    }
    for (size_t p = 0; p < st->pairs; p++) { /* newest first */
        size_t i = (st->next + st->slots - 1 - p) % st->slots;
        st->alpha[i] = st->rho[i] * dot(st->s + i * n, st->d, n);
        add_scaled(st->d, -st->alpha[i], st->y + i * n, n);
    }
    if (st->pairs > 0) {
        size_t i = (st->next + st->slots - 1) % st->slots;
        double gamma = 1.0 / (st->rho[i] * dot(st->y + i * n, st->y + i * n, n));
        for (size_t j = 0; j < n; j++) {
            st->d[j] *= gamma;
        }
    }
    for (size_t p = st->pairs; p-- > 0;) { /* oldest first */
        size_t i = (st->next + st->slots - 1 - p) % st->slots;
        double beta = st->rho[i] * dot(st->y + i * n, st->d, n);
        add_scaled(st->d, st->alpha[i] - beta, st->s + i * n, n);
    }
}

/* Sets trial = x + t d with its gradient; returns f there. */
static double evaluate(state *st, double t)
{
    memcpy(st->trial, st->x, st->n * sizeof *st->x);
    add_scaled(st->trial, t, st->d, st->n);
    st->evaluations++;
    return st->fn(st->trial_g, st->trial, st->context);
}

/* Finds a step along d and leaves it in trial; false when none lowers f. */
static int line_search(state *st, double *value, double step)
{
    const double c1 = 1e-4, c2 = 0.9;
    double slope = dot(st->g, st->d, st->n), low = 0.0, high = INFINITY;
    if (!(slope < 0.0)) {
        return 0;
    }
    for (int i = 0; i < LINE_STEPS; i++) {
        *value = evaluate(st, step);
        if (!isfinite(*value) || *value > st->f + c1 * step * slope) {
            high = step;
        } else if (dot(st->trial_g, st->d, st->n) < c2 * slope) {
            low = step;
        } else {
            return 1;
        }
        step = isfinite(high) ? 0.5 * (low + high) : 2.0 * low;
    }
    return isfinite(*value) && *value < st->f;
}

/* Remembers the pair of the step from x to trial, unless its curvature is lost in rounding. */
static void remember(state *st)
{
    size_t n = st->n, slot = st->next;
    double *s = st->s + slot * n, *y = st->y + slot * n;
    for (size_t i = 0; i < n; i++) {
        s[i] = st->trial[i] - st->x[i];
        y[i] = st->trial_g[i] - st->g[i];
    }
    double sy = dot(s, y, n);
    if (sy <= 1e-10 * dot(y, y, n)) {
        return;
    }
    st->rho[slot] = 1.0 / sy;
    st->next = (slot + 1) % st->slots;
    st->pairs = st->pairs < st->slots ? st->pairs + 1 : st->slots;
}

static void accept(state *st, double value)
{
    double *x = st->trial, *g = st->trial_g;
    st->trial = st->x;
    st->trial_g = st->g;
    st->x = x;
    st->g = g;
    st->f = value;
}

static void minimise(sc_lbfgs_result *out, state *st, const sc_lbfgs_options *options)
{
    int retried = 0;
    while (out->iterations < options->max_iterations) {
        if (largest(st->g, st->n) <= options->gradient_tolerance) {
            out->converged = 1;
            break;
        }
        direction(st);
        double value = st->f, before = st->f;
        double norm = sqrt(dot(st->g, st->g, st->n));
        double first = st->pairs > 0 || norm <= 1.0 ? 1.0 : 1.0 / norm;
        if (!line_search(st, &value, first)) {
            out->converged = retried || st->pairs == 0; /* as low as rounding allows */
            if (out->converged) {
                break;
            }
            retried = 1;
            st->pairs = 0; /* once more, along the gradient */
            continue;
        }
        retried = 0;
        remember(st);
        accept(st, value);
        out->iterations++;
        if (before - value < options->change_tolerance * fmax(fabs(value), 1e-3)) {
            out->converged = 1;
            break;
        }
    }
}

int sc_lbfgs(sc_lbfgs_result *out, double *x, size_t n, sc_lbfgs_fn fn, void *context,
             const sc_lbfgs_options *options, simclr_error *err)
{
    state st = {.n = n, .fn = fn, .context = context, .slots = (size_t)options->history};
    *out = (sc_lbfgs_result){0};
    if (n == 0 || options->history < 1) {
        return sc_fail(err, SIMCLR_E_INTERNAL, "L-BFGS: %zu parameters, history %d", n,
                       options->history);
    }
    double *memory = sc_alloc(n, (2 * st.slots + 5) * sizeof *memory, err);
    double *scalars = sc_alloc(2 * st.slots, sizeof *scalars, err);
    int rc = SIMCLR_E_MEMORY;
    if (memory && scalars) {
        st.s = memory;
        st.y = st.s + st.slots * n;
        st.x = st.y + st.slots * n;
        st.g = st.x + n;
        st.d = st.g + n;
        st.trial = st.d + n;
        st.trial_g = st.trial + n;
        st.rho = scalars;
        st.alpha = scalars + st.slots;
        memcpy(st.x, x, n * sizeof *x);
        st.f = fn(st.g, st.x, context);
        st.evaluations = 1;
        rc = isfinite(st.f) ? SIMCLR_OK
                            : sc_fail(err, SIMCLR_E_NUMERIC,
                                      "linear probe: the loss is not finite at the start");
    }
    if (!rc) {
        minimise(out, &st, options);
        memcpy(x, st.x, n * sizeof *x);
        out->value = st.f;
        out->evaluations = st.evaluations;
    }
    sc_free(memory);
    sc_free(scalars);
    return rc;
}
