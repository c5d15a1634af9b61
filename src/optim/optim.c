/* SPDX-License-Identifier: MIT
 *
 * optim.c - SGD, Adam and AdamW as torch.optim, LARS as google-research/simclr.
 *
 *   SGD:   g += wd w;  v = mu v + g;  w -= lr v            (nesterov: w -= lr (g + mu v))
 *   Adam:  g += wd w;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *          w -= lr / (1-b1^t) m / (sqrt(v) / sqrt(1-b2^t) + eps)
 *   AdamW: w *= 1 - lr wd first instead of g += wd w
 *   LARS:  g += wd w;  q = eeta |w| / |g|, 1 where either is 0 or without SC_PARAM_ADAPT;
 *          v = mu v + lr q g;  w -= v                      (nesterov: w -= mu v + lr q g)
 *
 * Every entry is cut into fixed chunks; sums of squares are added in their order.
 */
#include "optim/optim.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"

enum { CHUNK = 1 << 14 };

sc_optim_options sc_optim_defaults(sc_optim_kind kind)
{
    bool momentum = kind == SC_OPTIM_SGD || kind == SC_OPTIM_LARS;

    return (sc_optim_options){.kind = kind,
                              .momentum = momentum ? 0.9 : 0,
                              .weight_decay = kind == SC_OPTIM_ADAMW ? 1e-2 : 1e-6,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .trust = 1e-3};
}

static int check(const sc_optim_options *o, simclr_error *err)
{
    if (!(o->momentum >= 0 && o->momentum < 1) || !(o->weight_decay >= 0) || !(o->eps >= 0) ||
        !(o->trust >= 0)) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "optimizer: momentum must be in [0, 1); weight_decay, eps and trust >= 0");
    }
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1)) {
        return sc_fail(err, SIMCLR_E_USAGE, "optimizer: betas must be in [0, 1)");
    }
    return 0;
}

/* Counts the chunks, or also writes them when `out` is not NULL. */
static size_t cut(sc_optim_chunk *out, const sc_params *params)
{
    size_t count = 0;

    for (size_t i = 0; i < params->entry_count; i++) {
        const sc_param *p = &params->entry[i];
        for (size_t at = 0; !(p->flags & SC_PARAM_BUFFER) && at < p->count; at += CHUNK) {
            if (out != NULL) {
                size_t end = p->count - at < CHUNK ? p->count : at + CHUNK;
                out[count] = (sc_optim_chunk){i, at, end};
            }
            count++;
        }
    }
    return count;
}

size_t sc_optim_chunks(const sc_params *params)
{
    return cut(NULL, params);
}

int sc_optim_init(sc_optim *optim, const sc_optim_options *options, sc_params *params,
                  simclr_error *err)
{
    int rc = check(options, err);

    if (rc < 0) {
        return rc;
    }
    assert(params->value != NULL);
    *optim =
        (sc_optim){.options = *options, .params = params, .chunk_count = sc_optim_chunks(params)};
    optim->chunk = sc_alloc(optim->chunk_count, sizeof *optim->chunk, err);
    optim->norm = optim->chunk ? sc_alloc(optim->chunk_count, 2 * sizeof(double), err) : NULL;
    optim->ratio = optim->norm ? sc_alloc(params->entry_count, sizeof(double), err) : NULL;
    if (optim->ratio == NULL) {
        sc_optim_close(optim);
        return SIMCLR_E_MEMORY;
    }
    cut(optim->chunk, params);
    return 0;
}

void sc_optim_close(sc_optim *optim)
{
    sc_free(optim->chunk);
    sc_free(optim->norm);
    sc_free(optim->ratio);
    memset(optim, 0, sizeof *optim);
}

typedef struct {
    sc_optim *optim;
    double lr;
    sc_real correct1, correct2; /* Adam: lr / (1 - b1^t), sqrt(1 - b2^t) */
} step_args;

/* One chunk of one entry, as the loops below want it. */
typedef struct {
    sc_real *w, *m, *v;
    const sc_real *g;
    size_t count;
    sc_real decay; /* 0 for entries without weight decay */
    const sc_param *param;
} piece;

static piece piece_of(const sc_optim *optim, size_t part)
{
    const sc_params *params = optim->params;
    const sc_optim_chunk *c = &optim->chunk[part];
    const sc_param *p = &params->entry[c->entry];
    size_t at = p->offset + c->begin;
    bool decays = optim->options.decay_all || (p->flags & SC_PARAM_DECAY);

    return (piece){.w = params->value + at,
                   .m = params->m + at,
                   .v = params->v + at,
                   .g = params->grad + at,
                   .count = c->end - c->begin,
                   .decay = decays ? (sc_real)optim->options.weight_decay : 0,
                   .param = p};
}

static void sgd_part(void *context, size_t part)
{
    const step_args *s = context;
    piece p = piece_of(s->optim, part);
    sc_real mu = (sc_real)s->optim->options.momentum, lr = (sc_real)s->lr;
    bool nesterov = s->optim->options.nesterov;

    for (size_t i = 0; i < p.count; i++) {
        sc_real g = p.g[i] + p.decay * p.w[i];
        p.m[i] = mu * p.m[i] + g;
        p.w[i] -= lr * (nesterov ? g + mu * p.m[i] : p.m[i]);
    }
}

static void adam_part(void *context, size_t part)
{
    const step_args *s = context;
    const sc_optim_options *o = &s->optim->options;
    piece p = piece_of(s->optim, part);
    sc_real b1 = (sc_real)o->beta1, b2 = (sc_real)o->beta2, eps = (sc_real)o->eps;
    sc_real a1 = (sc_real)(1 - o->beta1), a2 = (sc_real)(1 - o->beta2);
    bool decoupled = o->kind == SC_OPTIM_ADAMW;
    sc_real shrink = decoupled ? (sc_real)(1 - s->lr * (double)p.decay) : 1;
    sc_real decay = decoupled ? 0 : p.decay;

    for (size_t i = 0; i < p.count; i++) {
        sc_real w = p.w[i] * shrink, g = p.g[i] + decay * w;
        p.m[i] = b1 * p.m[i] + a1 * g;
        p.v[i] = b2 * p.v[i] + a2 * g * g;
#ifdef SC_REAL_DOUBLE
        sc_real root = sqrt(p.v[i]);
#else
        sc_real root = sqrtf(p.v[i]);
#endif
        p.w[i] = w - s->correct1 * (p.m[i] / (root / s->correct2 + eps));
    }
}

/* Sums of squares of w and of the gradient with its decay. */
static void lars_norm_part(void *context, size_t part)
{
    const step_args *s = context;
    piece p = piece_of(s->optim, part);
    double *norm = s->optim->norm + 2 * part, ww = 0, gg = 0;

    for (size_t i = 0; i < p.count; i++) {
        double w = (double)p.w[i], g = (double)p.g[i] + (double)p.decay * w;
        ww += w * w;
        gg += g * g;
    }
    norm[0] = ww;
    norm[1] = gg;
}

static void lars_ratios(sc_optim *optim)
{
    size_t at = 0;

    for (size_t i = 0; i < optim->params->entry_count; i++) {
        double ww = 0, gg = 0;
        for (; at < optim->chunk_count && optim->chunk[at].entry == i; at++) {
            ww += optim->norm[2 * at];
            gg += optim->norm[2 * at + 1];
        }
        bool adapts = (optim->params->entry[i].flags & SC_PARAM_ADAPT) && ww > 0 && gg > 0;
        optim->ratio[i] = adapts ? optim->options.trust * sqrt(ww) / sqrt(gg) : 1;
    }
}

static void lars_part(void *context, size_t part)
{
    const step_args *s = context;
    const sc_optim_options *o = &s->optim->options;
    piece p = piece_of(s->optim, part);
    sc_real mu = (sc_real)o->momentum;
    sc_real rate = (sc_real)(s->lr * s->optim->ratio[s->optim->chunk[part].entry]);

    for (size_t i = 0; i < p.count; i++) {
        sc_real g = rate * (p.g[i] + p.decay * p.w[i]);
        p.m[i] = mu * p.m[i] + g;
        p.w[i] -= o->nesterov ? mu * p.m[i] + g : p.m[i];
    }
}

void sc_optim_step(sc_optim *optim, double lr)
{
    const sc_optim_options *o = &optim->options;
    double t = (double)++optim->steps;
    step_args s = {.optim = optim, .lr = lr};

    switch (o->kind) {
    case SC_OPTIM_SGD:
        sc_parallel_for(optim->chunk_count, sgd_part, &s);
        break;
    case SC_OPTIM_ADAM:
    case SC_OPTIM_ADAMW:
        s.correct1 = (sc_real)(lr / (1 - pow(o->beta1, t)));
        s.correct2 = (sc_real)sqrt(1 - pow(o->beta2, t));
        sc_parallel_for(optim->chunk_count, adam_part, &s);
        break;
    case SC_OPTIM_LARS:
        sc_parallel_for(optim->chunk_count, lars_norm_part, &s);
        lars_ratios(optim);
        sc_parallel_for(optim->chunk_count, lars_part, &s);
        break;
    }
}
