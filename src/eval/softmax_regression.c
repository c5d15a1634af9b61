/* SPDX-License-Identifier: MIT
 *
 * softmax_regression.c - multinomial logistic regression on chosen rows of a feature matrix:
 *
 *   J(W, b) = 1/n sum_i xent(W s(x_i) + b, y_i) + l2/2 |W|^2,   s(x) = (x - mean) * inv_std
 *   dJ/dW^T = 1/n sum_i s(x_i) (p_i - e_y)^T + l2 W^T,          dJ/db = 1/n sum_i (p_i - e_y)
 *
 * The rows are cut into SC_SOFTREG_PARTS parts.  Each walks its rows a block at a time (gather,
 * GEMM, softmax, GEMM) into its own partial gradient; the partials are added in order, in double.
 */
#include "eval/softmax_regression.h"

#include <math.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "eval/lbfgs.h"
#include "loss/softmax_xent.h"

enum { COLUMNS = 64 }; /* of one part of the statistics */

typedef struct {
    sc_softreg *model;
    const sc_features *features;
} statistics_job;

typedef struct {
    sc_softreg *model;
    const sc_rows *rows;
    double l2;
    bool score; /* hits instead of the gradient */
} pass;

/* A feature whose deviation is rounding noise of its mean carries nothing: inv_std 0. */
static void statistics_part(void *context, size_t part)
{
    statistics_job *job = context;
    const sc_features *f = job->features;
    size_t begin = part * COLUMNS, end = begin + COLUMNS < f->dim ? begin + COLUMNS : f->dim;
    double mean[COLUMNS] = {0}, var[COLUMNS] = {0};
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = begin; j < end; j++) {
            mean[j - begin] += (double)f->x[i * f->dim + j];
        }
    }
    for (size_t j = begin; j < end; j++) {
        mean[j - begin] /= (double)f->n;
    }
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = begin; j < end; j++) {
            double d = (double)f->x[i * f->dim + j] - mean[j - begin];
            var[j - begin] += d * d;
        }
    }
    for (size_t j = begin; j < end; j++) {
        double std = sqrt(var[j - begin] / (double)f->n);
        bool constant = std <= 1e-7 * fabs(mean[j - begin]) || std < 1e-30;
        job->model->mean[j] = (sc_real)mean[j - begin];
        job->model->inv_std[j] = constant ? (sc_real)0 : (sc_real)(1.0 / std);
    }
}

int sc_softreg_init(sc_softreg *model, const sc_features *statistics, size_t classes,
                    const sc_backend *backend, simclr_error *err)
{
    size_t dim = statistics->dim, room = SC_SOFTREG_PARTS * SC_SOFTREG_BLOCK;
    size_t params = (dim + 1) * classes;
    *model = (sc_softreg){.dim = dim, .classes = classes, .backend = backend};
    model->mean = sc_alloc(dim, sizeof *model->mean, err);
    model->inv_std = sc_alloc(dim, sizeof *model->inv_std, err);
    model->wt = sc_alloc(params, sizeof *model->wt, err);
    model->partial = sc_alloc(params, SC_SOFTREG_PARTS * sizeof *model->partial, err);
    model->sum = sc_alloc(SC_SOFTREG_PARTS * 3, sizeof *model->sum, err);
    model->block = sc_alloc(dim, room * sizeof *model->block, err);
    model->logits = sc_alloc(classes, room * sizeof *model->logits, err);
    model->dlogits = sc_alloc(classes, room * sizeof *model->dlogits, err);
    model->label = sc_alloc(room, sizeof *model->label, err);
    if (!model->mean || !model->inv_std || !model->wt || !model->partial || !model->sum ||
        !model->block || !model->logits || !model->dlogits || !model->label) {
        sc_softreg_free(model);
        return SIMCLR_E_MEMORY;
    }
    statistics_job job = {model, statistics};
    sc_parallel_for((dim + COLUMNS - 1) / COLUMNS, statistics_part, &job);
    return SIMCLR_OK;
}

void sc_softreg_free(sc_softreg *model)
{
    sc_free(model->mean);
    sc_free(model->inv_std);
    sc_free(model->wt);
    sc_free(model->partial);
    sc_free(model->sum);
    sc_free(model->block);
    sc_free(model->logits);
    sc_free(model->dlogits);
    sc_free(model->label);
    *model = (sc_softreg){0};
}

size_t sc_softreg_params(const sc_softreg *model)
{
    return (model->dim + 1) * model->classes;
}

static void load_block(sc_real *block, int32_t *label, const sc_softreg *model, const sc_rows *rows,
                       size_t begin, size_t count)
{
    size_t dim = model->dim;
    for (size_t i = 0; i < count; i++) {
        size_t row = rows->row[begin + i];
        const sc_real *x = rows->features->x + row * dim;
        for (size_t j = 0; j < dim; j++) {
            block[i * dim + j] = (x[j] - model->mean[j]) * model->inv_std[j];
        }
        label[i] = rows->features->label[row];
    }
}

/* logits = block W^T + b */
static void block_logits(sc_real *logits, const sc_real *block, const sc_softreg *m, size_t count)
{
    const sc_real *bias = m->wt + m->dim * m->classes;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < m->classes; c++) {
            logits[i * m->classes + c] = bias[c];
        }
    }
    m->backend->gemm(logits, m->classes, block, m->dim, false, m->wt, m->classes, false, count,
                     m->classes, m->dim, true);
}

static void block_gradient(sc_real *partial, const sc_real *dlogits, const sc_real *block,
                           const sc_softreg *m, size_t count)
{
    sc_real *bias = partial + m->dim * m->classes;
    m->backend->gemm(partial, m->classes, block, m->dim, true, dlogits, m->classes, false, m->dim,
                     m->classes, count, true);
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < m->classes; c++) {
            bias[c] += dlogits[i * m->classes + c];
        }
    }
}

static void pass_part(void *context, size_t part)
{
    pass *p = context;
    sc_softreg *m = p->model;
    size_t begin, end, count, params = sc_softreg_params(m), room = SC_SOFTREG_BLOCK;
    sc_part_range(&begin, &end, p->rows->count, SC_SOFTREG_PARTS, part);
    sc_real *block = m->block + part * room * m->dim;
    sc_real *logits = m->logits + part * room * m->classes;
    sc_real *dlogits = m->dlogits + part * room * m->classes;
    sc_real *partial = m->partial + part * params;
    int32_t *label = m->label + part * room;
    double *sum = m->sum + part * 3;
    sum[0] = sum[1] = sum[2] = 0.0;
    for (size_t i = 0; !p->score && i < params; i++) {
        partial[i] = 0;
    }
    for (; begin < end; begin += count) {
        count = end - begin < room ? end - begin : room;
        load_block(block, label, m, p->rows, begin, count);
        block_logits(logits, block, m, count);
        sum[0] += sc_softmax_xent(p->score ? NULL : dlogits, logits, label, count, m->classes, 1.0);
        if (p->score) {
            sum[1] += (double)sc_topk_hits(logits, label, count, m->classes, 1);
            sum[2] += (double)sc_topk_hits(logits, label, count, m->classes, 5);
        } else {
            block_gradient(partial, dlogits, block, m, count);
        }
    }
}

static void set_weights(sc_softreg *model, const double *theta)
{
    size_t params = sc_softreg_params(model);
    for (size_t i = 0; i < params; i++) {
        model->wt[i] = (sc_real)theta[i];
    }
}

static double total(const sc_softreg *model, size_t which)
{
    double sum = 0.0;
    for (size_t part = 0; part < SC_SOFTREG_PARTS; part++) {
        sum += model->sum[part * 3 + which];
    }
    return sum;
}

double sc_softreg_objective(double *gradient, const double *theta, sc_softreg *model,
                            const sc_rows *rows, double l2)
{
    size_t params = sc_softreg_params(model), weights = model->dim * model->classes;
    double inv_n = 1.0 / (double)rows->count, square = 0.0;
    pass p = {.model = model, .rows = rows};
    set_weights(model, theta);
    sc_parallel_for(SC_SOFTREG_PARTS, pass_part, &p);
    for (size_t i = 0; i < params; i++) {
        double sum = 0.0;
        for (size_t part = 0; part < SC_SOFTREG_PARTS; part++) {
            sum += (double)model->partial[part * params + i];
        }
        gradient[i] = inv_n * sum + (i < weights ? l2 * theta[i] : 0.0);
        square += i < weights ? theta[i] * theta[i] : 0.0;
    }
    return inv_n * total(model, 0) + 0.5 * l2 * square;
}

void sc_softreg_score_rows(sc_softreg_score *out, const double *theta, sc_softreg *model,
                           const sc_rows *rows)
{
    double n = (double)rows->count;
    pass p = {.model = model, .rows = rows, .score = true};
    set_weights(model, theta);
    sc_parallel_for(SC_SOFTREG_PARTS, pass_part, &p);
    *out = (sc_softreg_score){.loss = total(model, 0) / n,
                              .top1 = 100.0 * total(model, 1) / n,
                              .top5 = 100.0 * total(model, 2) / n};
}

static double objective(double *gradient, const double *theta, void *context)
{
    const pass *p = context;
    return sc_softreg_objective(gradient, theta, p->model, p->rows, p->l2);
}

int sc_softreg_fit(double *theta, int *iterations, sc_softreg *model, const sc_rows *rows,
                   double l2, int max_iterations, simclr_error *err)
{
    sc_lbfgs_options options = {.history = 10,
                                .max_iterations = max_iterations,
                                .gradient_tolerance = 1e-5,
                                .change_tolerance = 1e-7};
    pass p = {.model = model, .rows = rows, .l2 = l2};
    sc_lbfgs_result result;
    int rc = sc_lbfgs(&result, theta, sc_softreg_params(model), objective, &p, &options, err);
    if (iterations) {
        *iterations += result.iterations;
    }
    return rc;
}
