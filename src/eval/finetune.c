/* SPDX-License-Identifier: MIT
 *
 * finetune.c - fine-tuning: a fit for each learning rate, a choice between them, one look at the test
 * images.
 *
 *   lr* = argmax over rates of top-1 on the images held out (equal: the smaller loss there),
 *   answer = top-1 on the test images of that very fit.
 *
 * A step has n / steps images, all of them as nearly equal as can be: no epoch ends with a step of a few.
 */
#include "eval/finetune.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/finetune_step.h"
#include "loss/softmax_xent.h"
#include "optim/schedule.h"

/* Chen et al. 2020, B.5; the least number of steps is ours, for sets that are smaller than theirs. */
enum { EPOCHS_OF_FEW = 60, EPOCHS_OF_MORE = 30, LEAST_STEPS = 500 };
static const double FEW = 0.01; /* of the labels */

/* Of SC_RNG_SPLIT, behind those of linear_probe.c and features.c; lines said of a fit, at most. */
enum { EPOCH_HELD_OUT = 2, NOTES = 10, TOP = 5 };

typedef struct {
    sc_network *network;
    sc_views *views;
    const sc_finetune_options *options;
    sc_image_list fit, held;
    sc_image_list order; /* fit, as an epoch takes it */
    uint64_t epochs, steps;
    size_t batch;
    sc_finetuner step;
    sc_image_block block;
    sc_real *start, *best; /* values of all parameters */
    sc_finetune_progress at;
} tuning;

typedef struct {
    double top1, top5, loss; /* per cent, per cent, mean */
    size_t n;
} score;

/* ---- what is held out ---- */

/* index: those of the list, class by class, each in a random order. */
static int sort_by_class(uint32_t *index, const sc_image_list *list, uint64_t seed,
                         simclr_error *err)
{
    size_t classes = sc_image_list_classes(list);
    size_t *place = sc_alloc(classes + 1, sizeof *place, err);
    uint32_t *random = sc_alloc(list->n, sizeof *random, err);
    int rc = place == NULL || random == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0) {
        sc_rng_permutation(random, list->n, seed, EPOCH_HELD_OUT, SC_RNG_SPLIT);
        for (size_t i = 0; i < list->n; i++)
            place[sc_image_list_label(list, i) + 1]++;
        for (size_t c = 0; c < classes; c++)
            place[c + 1] += place[c];
        for (size_t i = 0; i < list->n; i++)
            index[place[sc_image_list_label(list, random[i])]++] = list->index[random[i]];
    }
    sc_free(place);
    sc_free(random);
    return rc;
}

/* Every so many-th of the images by class goes to those held out. */
static int split(tuning *t, const sc_image_list *train, simclr_error *err)
{
    double share = t->options->held_out;
    size_t n = train->n, held = (size_t)llround(share * (double)n);
    held = share > 0 && held == 0 ? 1 : held;
    if (n < held + 2)
        return sc_fail(err, SIMCLR_E_DATA,
                       "fine-tuning: %zu labelled images; %zu held out, a step needs 2 others", n,
                       held);
    t->fit.ds = t->held.ds = t->order.ds = train->ds;
    t->fit.index = sc_alloc(n, sizeof *t->fit.index, err);
    t->order.index = sc_alloc(n, sizeof *t->order.index, err);
    t->held.index = sc_alloc(held, sizeof *t->held.index, err);
    if (t->fit.index == NULL || t->order.index == NULL || t->held.index == NULL)
        return SIMCLR_E_MEMORY;
    int rc = sort_by_class(t->fit.index, train, t->options->seed, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool out = (i + 1) * held / n > i * held / n;
        sc_image_list *to = out ? &t->held : &t->fit;
        to->index[to->n++] = t->fit.index[i]; /* t->fit.n <= i */
    }
    t->order.n = t->fit.n;
    return rc;
}

/* ---- one fit ---- */

static int check_stop(const tuning *t, simclr_error *err)
{
    return sc_stop_asked(t->options->observer)
               ? sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while fine-tuning")
               : 0;
}

/* The encoder and classifier as they are, by the running statistics. */
static int measure(score *out, tuning *t, const sc_image_list *list, const char *what,
                   simclr_error *err)
{
    size_t classes = t->network->classifier.out, top1 = 0, top5 = 0;
    *out = (score){.loss = 0};
    for (size_t next = 0; next < list->n;) {
        const sc_image_block *b = &t->block;
        int rc = sc_image_block_fill(&t->block, &next, list->n, list, t->views, NULL, err);
        if (rc == 0)
            rc = check_stop(t, err);
        if (rc < 0)
            return rc;
        if (b->count > 0)
            sc_finetune_scores(&t->step, b->x, b->count);
        top1 += sc_topk_hits(t->step.s, b->label, b->count, classes, 1);
        top5 += sc_topk_hits(t->step.s, b->label, b->count, classes, TOP);
        out->loss += sc_softmax_xent(NULL, t->step.s, b->label, b->count, classes, 1);
        out->n += b->count;
        sc_say(t->options->observer, SIMCLR_PROGRESS, "%s: %s  %zu/%zu images", t->options->what,
               what, next, list->n);
    }
    if (out->n == 0)
        return sc_fail(err, SIMCLR_E_DATA, "fine-tuning: none of the %s images can be read", what);
    out->top1 = 100.0 * (double)top1 / (double)out->n;
    out->top5 = 100.0 * (double)top5 / (double)out->n;
    out->loss /= (double)out->n;
    return 0;
}

static void shuffle(tuning *t, uint64_t epoch)
{
    uint32_t *order = t->order.index;
    sc_rng_permutation(order, t->fit.n, t->options->seed, (uint32_t)epoch, SC_RNG_SHUFFLE);
    for (size_t i = 0; i < t->fit.n; i++)
        order[i] = t->fit.index[order[i]];
}

/* Step number s of an epoch; *loss: of its images, or 0 where fewer than two can be read. */
static int one_step(double *loss, tuning *t, uint64_t epoch, uint64_t s, double lr,
                    simclr_error *err)
{
    size_t begin, end;
    const sc_image_block *b = &t->block;
    *loss = 0;
    sc_part_range(&begin, &end, t->order.n, t->steps, s);
    int rc = sc_image_block_fill(&t->block, &begin, end, &t->order, t->views, &epoch, err);
    if (rc == 0 && b->count >= 2)
        rc = sc_finetune_step(loss, &t->step, b->x, b->label, b->count, lr, err);
    if (rc < 0)
        return rc;
    sc_finetune_progress *at = &t->at;
    at->epoch = epoch + 1;
    at->step = s + 1;
    at->loss = *loss;
    at->done++;
    at->images += b->count;
    if (t->options->watch != NULL)
        t->options->watch(t->options->context, at);
    at->paused = 0;
    return check_stop(t, err);
}

/* Of some epochs, the last among them, what the images held out say; *val: of the last. */
static int look(score *val, tuning *t, uint64_t epoch, double lr, double loss, simclr_error *err)
{
    char text[64] = "";
    if ((epoch + 1) * NOTES / t->epochs == epoch * NOTES / t->epochs)
        return 0;
    double start = sc_clock();
    int rc = t->held.n > 0 ? measure(val, t, &t->held, "held-out", err) : 0;
    t->at.paused = sc_clock() - start;
    if (rc == 0 && t->held.n > 0)
        snprintf(text, sizeof text, ", %.2f %% of %zu held-out images", val->top1, val->n);
    if (rc == 0)
        sc_say(t->options->observer, SIMCLR_NOTE, "%s: epoch %llu/%llu, lr %g: loss %.4f%s",
               t->options->what, (unsigned long long)epoch + 1, (unsigned long long)t->epochs, lr,
               loss, text);
    return rc;
}

/* From the start, with this rate, to the last epoch. */
static int fit(score *val, tuning *t, double lr, simclr_error *err)
{
    sc_params *params = &t->network->params;
    const sc_schedule schedule = {.kind = SC_SCHEDULE_COSINE,
                                  .lr = sc_lr_scaled(lr, (double)t->batch, SC_LR_SCALE_LINEAR),
                                  .total = t->epochs * t->steps};
    memcpy(params->value, t->start, params->total * sizeof *t->start);
    memset(params->m, 0, params->trained * sizeof *params->m);
    for (uint64_t epoch = 0; epoch < t->epochs; epoch++) {
        double sum = 0, loss;
        shuffle(t, epoch);
        for (uint64_t s = 0; s < t->steps; s++) {
            double rate = sc_schedule_lr(&schedule, epoch * t->steps + s);
            int rc = one_step(&loss, t, epoch, s, rate, err);
            if (rc < 0)
                return rc;
            sum += loss;
        }
        int rc = look(val, t, epoch, lr, sum / (double)t->steps, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- the choice ---- */

static int choose(sc_finetune_result *out, tuning *t, simclr_error *err)
{
    const sc_finetune_options *o = t->options;
    size_t bytes = t->network->params.total * sizeof *t->best;
    double least = INFINITY;
    out->val_top1 = -1;
    for (size_t i = 0; i < o->lr_count; i++) {
        score val = {.top1 = -1, .loss = INFINITY};
        int rc = fit(&val, t, o->lr[i], err);
        if (rc < 0)
            return rc;
        if (i == 0 || val.top1 > out->val_top1 || (val.top1 == out->val_top1 && val.loss < least)) {
            out->val_top1 = val.top1;
            out->n_val = val.n;
            out->lr = o->lr[i];
            least = val.loss;
            memcpy(t->best, t->network->params.value, bytes);
        }
    }
    memcpy(t->network->params.value, t->best, bytes);
    return 0;
}

static int check(const sc_image_list train_test[2], const sc_network *network,
                 const sc_finetune_options *o, simclr_error *err)
{
    size_t classes = network->classifier.out, of_test = sc_image_list_classes(&train_test[1]);
    assert(sc_image_list_classes(&train_test[0]) <= classes && o->lr_count > 0);
    if (of_test > classes)
        return sc_fail(err, SIMCLR_E_DATA,
                       "fine-tuning: the test set has class %zu, training only 0 to %zu",
                       of_test - 1, classes - 1);
    if (o->lr_count > 1 && !(o->held_out > 0))
        return sc_fail(err, SIMCLR_E_USAGE,
                       "finetune.lr: %zu rates, and with finetune.held_out=0 no images to choose "
                       "between them; give one rate, or hold some out",
                       o->lr_count);
    return 0;
}

static void plan(tuning *t)
{
    const sc_finetune_options *o = t->options;
    t->steps = (t->fit.n + t->network->max_rows - 1) / t->network->max_rows;
    t->batch = (t->fit.n + t->steps - 1) / t->steps;
    t->epochs = o->epochs;
    if (o->epochs == 0) {
        uint64_t least = (LEAST_STEPS + t->steps - 1) / t->steps;
        t->epochs = o->share <= FEW ? EPOCHS_OF_FEW : EPOCHS_OF_MORE;
        t->epochs = t->epochs < least ? least : t->epochs;
    }
    t->at = (sc_finetune_progress){
        .epochs = t->epochs, .steps = t->steps, .total = o->lr_count * t->epochs * t->steps};
    sc_say(o->observer, SIMCLR_NOTE,
           "%s: %zu images of %zu classes, %zu held out; %llu epochs of %llu steps, %zu images a "
           "step",
           o->what, t->fit.n, t->network->classifier.out, t->held.n, (unsigned long long)t->epochs,
           (unsigned long long)t->steps, t->batch);
}

static int open_tuning(tuning *t, const sc_image_list *train, simclr_error *err)
{
    const sc_params *params = &t->network->params;
    int rc = split(t, train, err);
    if (rc == 0)
        rc = sc_finetuner_open(&t->step, t->network, t->options->weight_decay, err);
    if (rc == 0)
        rc = sc_image_block_open(&t->block, t->network->max_rows, t->views, err);
    if (rc < 0)
        return rc;
    t->start = sc_alloc(params->total, sizeof *t->start, err);
    t->best = sc_alloc(params->total, sizeof *t->best, err);
    if (t->start == NULL || t->best == NULL)
        return SIMCLR_E_MEMORY;
    memcpy(t->start, params->value, params->total * sizeof *t->start);
    return 0;
}

static void close_tuning(tuning *t)
{
    sc_image_list_free(&t->fit);
    sc_image_list_free(&t->held);
    sc_image_list_free(&t->order);
    sc_finetuner_close(&t->step);
    sc_image_block_close(&t->block);
    sc_free(t->start);
    sc_free(t->best);
}

int sc_finetune(sc_finetune_result *out, sc_network *network, const sc_image_list train_test[2],
                sc_views *views, const sc_finetune_options *options, simclr_error *err)
{
    tuning t = {.network = network, .views = views, .options = options};
    score test = {.n = 0};
    memset(out, 0, sizeof *out);
    int rc = check(train_test, network, options, err);
    if (rc == 0)
        rc = open_tuning(&t, &train_test[0], err);
    if (rc == 0) {
        plan(&t);
        rc = choose(out, &t, err);
    }
    if (rc == 0)
        rc = measure(&test, &t, &train_test[1], "test", err);
    out->top1 = test.top1;
    out->top5 = test.top5;
    out->n_test = test.n;
    out->epochs = t.epochs;
    out->batch = t.batch;
    close_tuning(&t);
    return rc;
}
