/* SPDX-License-Identifier: MIT
 *
 * test_finetune.c - fine-tuning on drawn shapes: what a step does to the weights, the choice of a rate, the
 * same bits for any number of threads, and which images are learnt from and measured.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "eval/finetune.h"
#include "eval/finetune_step.h"

enum { SIDE = 16, CLASSES = 10, BATCH = 32, TRAIN = 200, TEST = 100 };

typedef struct {
    sc_dataset *train, *test;
    sc_image_list list[2];
    sc_network network;
    sc_views views;
    sc_finetune_options options;
    simclr_error err;
} bench;

static sc_dataset *open_shapes(size_t n, const char *split, simclr_error *err)
{
    char spec[32];
    sc_dataset *ds;
    sc_dataset_options options = sc_dataset_defaults();
    options.split = split;
    snprintf(spec, sizeof spec, "shapes:%zu", n);
    sct_assert_ok(sc_dataset_open(&ds, spec, &options, err), err);
    return ds;
}

static const double usual_rate[] = {0.2};

static void open_bench(bench *b)
{
    *b = (bench){.options = {.lr = usual_rate,
                             .lr_count = 1,
                             .epochs = 3,
                             .share = 1,
                             .held_out = 0.1,
                             .seed = 5,
                             .what = "test"}};
    sc_network_options o = {.encoder = sc_encoder_defaults(),
                            .classes = CLASSES,
                            .height = SIDE,
                            .width = SIDE,
                            .max_rows = BATCH,
                            .precision = SC_FP32,
                            .seed = 1};
    sc_views_options views = sc_views_options_default(SIDE, SIDE, 5);
    o.encoder.width = 0.125;
    views.view[0].crop_scale[0] = 0.7; /* easier */
    views.view[0].jitter = views.view[0].grayscale = views.view[0].blur = 0;
    b->train = open_shapes(TRAIN, "train", &b->err);
    b->test = open_shapes(6 * TEST, "test", &b->err);
    sct_assert_ok(sc_image_list_choose(&b->list[0], b->train, true, TRAIN, &b->err), &b->err);
    sct_assert_ok(sc_image_list_choose(&b->list[1], b->test, true, TEST, &b->err), &b->err);
    sct_assert_ok(sc_network_open(&b->network, &o, &b->err), &b->err);
    sct_assert_ok(sc_views_open(&b->views, &views, 32, 32, &b->err), &b->err);
}

static void close_bench(bench *b)
{
    sc_views_close(&b->views);
    sc_network_close(&b->network);
    for (int i = 0; i < 2; i++)
        sc_image_list_free(&b->list[i]);
    sc_dataset_close(b->train);
    sc_dataset_close(b->test);
}

static int tune(sc_finetune_result *out, bench *b)
{
    return sc_finetune(out, &b->network, b->list, &b->views, &b->options, &b->err);
}

static sc_real *copy(const bench *b)
{
    size_t n = b->network.params.total;
    sc_real *values = sc_alloc(n, sizeof *values, NULL);
    assert_non_null(values);
    memcpy(values, b->network.params.value, n * sizeof *values);
    return values;
}

/* The classifier starts at nothing, so that the loss is ln 10 and the first step moves it alone; then both
 * go by w -= lr (g + mu v), v = mu v + g. */
static void a_step_is_nesterovs(void **state)
{
    (void)state;
    bench b;
    sc_finetuner step;
    double loss;
    const double lr = 0.125, mu = 0.9;
    int32_t label[BATCH];
    open_bench(&b);
    const sc_params *p = &b.network.params;
    sc_real *x = sc_alloc(BATCH * SIDE * SIDE * 3, sizeof *x, NULL);
    sc_real *v = sc_alloc(p->trained, sizeof *v, NULL);
    sct_fill_normal(x, BATCH * SIDE * SIDE * 3);
    for (int i = 0; i < BATCH; i++)
        label[i] = (int32_t)sct_below(CLASSES);
    sct_assert_ok(sc_finetuner_open(&step, &b.network, 0, &b.err), &b.err);
    for (int k = 0; k < 3; k++) {
        sc_real *want = copy(&b);
        sct_assert_ok(sc_finetune_step(&loss, &step, x, label, BATCH, lr, &b.err), &b.err);
        if (k == 0)
            assert_float_equal(loss, 2.302585092994046, 1e-6);
        for (size_t i = 0; i < p->trained; i++) {
            v[i] = (sc_real)(mu * (double)v[i] + (double)p->grad[i]);
            want[i] -= (sc_real)(lr * ((double)p->grad[i] + mu * (double)v[i]));
        }
        sct_assert_close("weights", p->value, want, p->trained, 1e-5, 1e-7);
        long conv1 = sc_params_find(p, "conv1.weight"), fc = sc_params_find(p, "fc.weight");
        bool moved = p->grad[p->entry[conv1].offset] != 0;
        assert_int_equal(moved, k > 0);
        assert_true(p->grad[p->entry[fc].offset] != 0);
        sc_free(want);
    }
    sc_real *before = copy(&b); /* scores change nothing, the running statistics neither */
    sc_finetune_scores(&step, x, BATCH);
    sct_assert_equal_bits("parameters", p->value, before, p->total);
    sc_free(before);
    sc_finetuner_close(&step);
    sc_free(v);
    sc_free(x);
    close_bench(&b);
}

/* Rate 0 leaves encoder and classifier as they are, but for the running statistics; all scores are 0, so that
 * class 0 wins: a tenth of the test images, and of those held out, which have the same share of every class. */
static void no_rate_no_change(void **state)
{
    (void)state;
    bench b;
    sc_finetune_result result;
    static const double none[] = {0};
    open_bench(&b);
    b.options.lr = none;
    sc_real *before = copy(&b);
    const sc_params *p = &b.network.params;
    sct_assert_ok(tune(&result, &b), &b.err);
    sct_assert_equal_bits("weights", p->value, before, p->trained);
    assert_true(memcmp(p->value + p->trained, before + p->trained,
                       (p->total - p->trained) * sizeof *before) != 0);
    assert_float_equal(result.top1, 10, 1e-9);
    assert_float_equal(result.val_top1, 10, 1e-9);
    b.options.held_out = 0.45;
    sct_assert_ok(tune(&result, &b), &b.err);
    assert_int_equal(result.n_val, 90);
    assert_float_equal(result.val_top1, 10, 1e-9);
    sc_free(before);
    close_bench(&b);
}

static void threads(void **state)
{
    (void)state;
    sc_real *values[2];
    sc_finetune_result result[2];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        bench b;
        sc_parallel_set_threads(1 + i);
        open_bench(&b);
        b.options.epochs = 2;
        sct_assert_ok(tune(&result[i], &b), &b.err);
        values[i] = copy(&b);
        n = b.network.params.total;
        close_bench(&b);
    }
    sct_assert_equal_bits("weights of 1 and 2 threads", values[1], values[0], n);
    assert_memory_equal(&result[0].top1, &result[1].top1, sizeof(double));
    assert_memory_equal(&result[0].val_top1, &result[1].val_top1, sizeof(double));
    sc_free(values[0]);
    sc_free(values[1]);
}

/* Every rate starts from the same weights; the best on the images held out is the answer, wherever it
 * stands. */
static void the_best_rate_is_chosen(void **state)
{
    (void)state;
    static const double lists[3][2] = {{1}, {0, 1}, {1, 0}};
    sc_real *values[3];
    sc_finetune_result result[3];
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        bench b;
        open_bench(&b);
        b.options.epochs = 8;
        b.options.held_out = 0.2;
        b.options.lr = lists[i];
        b.options.lr_count = i == 0 ? 1 : 2;
        sct_assert_ok(tune(&result[i], &b), &b.err);
        values[i] = copy(&b);
        n = b.network.params.total;
        close_bench(&b);
    }
    assert_true(result[0].val_top1 > 15 && result[0].top1 > 15); /* by chance 10 */
    for (int i = 1; i < 3; i++) {
        assert_true(result[i].lr == 1);
        assert_true(result[i].val_top1 == result[0].val_top1);
        assert_true(result[i].top1 == result[0].top1);
        sct_assert_equal_bits("weights", values[i], values[0], n);
    }
    for (int i = 0; i < 3; i++)
        sc_free(values[i]);
}

/* ---- which images ---- */

typedef struct {
    size_t images, least, most, last_done, last_total;
} seen_steps;

static void count_steps(void *context, const sc_finetune_progress *at)
{
    seen_steps *s = context;
    size_t now = at->images - s->images;
    s->least = s->images == 0 || now < s->least ? now : s->least;
    s->most = now > s->most ? now : s->most;
    s->images = at->images;
    s->last_done = at->done;
    s->last_total = at->total;
}

/* 200 images, 20 held out: an epoch is 180 in 6 steps of 30; the answer is from all 100 test images. */
static void steps_are_equal(void **state)
{
    (void)state;
    bench b;
    sc_finetune_result result;
    seen_steps s = {0};
    open_bench(&b);
    b.options.watch = count_steps;
    b.options.context = &s;
    sct_assert_ok(tune(&result, &b), &b.err);
    assert_int_equal(s.images, 3 * 180);
    assert_int_equal(s.least, 30);
    assert_int_equal(s.most, 30);
    assert_int_equal(s.last_done, 18);
    assert_int_equal(s.last_total, 18);
    assert_int_equal(result.batch, 30);
    assert_int_equal(result.n_val, 20);
    assert_int_equal(result.n_test, TEST);
    assert_int_equal(result.epochs, 3);

    b.options.held_out = 0; /* none: nothing to say of them */
    s = (seen_steps){0};
    sct_assert_ok(tune(&result, &b), &b.err);
    assert_int_equal(s.images, 3 * 200);
    assert_int_equal(result.n_val, 0);
    assert_true(result.val_top1 < 0);
    static const double two[] = {0.1, 0.2};
    b.options.lr = two;
    b.options.lr_count = 2;
    sct_assert_error(tune(&result, &b), &b.err, SIMCLR_E_USAGE, "finetune.held_out=0");
    close_bench(&b);
}

static bool stop_at_once(void *context)
{
    (void)context;
    return true;
}

static void keep_last(void *context, const sc_finetune_progress *at)
{
    *(sc_finetune_progress *)context = *at;
}

/* 60 epochs of few labels, else 30; and at least 500 steps, of which one is taken here. */
static void epochs_of_few_labels(void **state)
{
    (void)state;
    static const struct {
        double share;
        size_t images, rows;
        uint64_t epochs, steps;
    } cases[] = {{1, 200, 32, 84, 6},
                 {1, 4, 32, 500, 1},
                 {0.01, 200, 32, 84, 6},
                 {0.01, 200, 10, 60, 18},
                 {0.02, 200, 10, 30, 18}};
    const simclr_observer observer = {.stop = stop_at_once};
    bench b;
    open_bench(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_finetune_result result;
        sc_finetune_progress last = {0};
        b.options.epochs = 0;
        b.options.share = cases[i].share;
        b.options.observer = &observer;
        b.options.watch = keep_last;
        b.options.context = &last;
        b.list[0].n = cases[i].images;
        b.network.max_rows = cases[i].rows;
        sct_assert_error(tune(&result, &b), &b.err, SIMCLR_E_INTERRUPTED, "interrupted");
        assert_int_equal(last.done, 1);
        assert_int_equal(last.epochs, cases[i].epochs);
        assert_int_equal(last.steps, cases[i].steps);
    }
    close_bench(&b);
}

/* A tenth of the list held out of a bank without a test split, a share of every class kept. */
static void lists(void **state)
{
    (void)state;
    simclr_error err;
    sc_image_list list, held;
    sc_dataset *ds = open_shapes(100, "train", &err);
    sct_assert_ok(sc_image_list_choose(&list, ds, true, 50, &err), &err);
    assert_int_equal(list.n, 50);
    assert_int_equal(list.index[1], 2); /* evenly spread */
    sct_assert_ok(sc_image_list_hold_out(&held, &list, &err), &err);
    assert_int_equal(list.n, 45);
    assert_int_equal(held.n, 5);
    assert_int_equal(held.index[0], 18);
    assert_int_equal(held.index[4], 98);
    sc_image_list_free(&held);
    list.n = 3; /* of fewer than ten the last */
    sct_assert_ok(sc_image_list_hold_out(&held, &list, &err), &err);
    assert_int_equal(list.n, 2);
    assert_int_equal(held.n, 1);
    assert_int_equal(held.index[0], 4);
    sc_image_list_free(&held);
    sc_image_list_free(&list);

    int each[CLASSES] = {0};
    sct_assert_ok(sc_image_list_choose(&list, ds, true, 0, &err), &err);
    assert_int_equal(sc_image_list_classes(&list), CLASSES);
    sct_assert_ok(sc_image_list_share(&list, 0.3, 1, &err), &err);
    for (size_t i = 0; i < list.n; i++)
        each[sc_image_list_label(&list, i)]++;
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(each[c], 3);
    sc_image_list_free(&list);
    sc_dataset_close(ds);
}

static void what_cannot_be(void **state)
{
    (void)state;
    bench b;
    sc_finetune_result result;
    open_bench(&b);
    b.list[0].n = 2;
    sct_assert_error(tune(&result, &b), &b.err, SIMCLR_E_DATA, "2 labelled images; 1 held out");
    b.list[0].n = TRAIN;
    const simclr_observer observer = {.stop = stop_at_once};
    b.options.observer = &observer;
    sct_assert_error(tune(&result, &b), &b.err, SIMCLR_E_INTERRUPTED, "interrupted");
    b.options.observer = NULL;
    b.network.params.value[0] = NAN;
    sct_assert_error(tune(&result, &b), &b.err, SIMCLR_E_NUMERIC, "lower finetune.lr");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_nesterovs),
        cmocka_unit_test(no_rate_no_change),
        cmocka_unit_test(threads),
        cmocka_unit_test(the_best_rate_is_chosen),
        cmocka_unit_test(steps_are_equal),
        cmocka_unit_test(epochs_of_few_labels),
        cmocka_unit_test(lists),
        cmocka_unit_test(what_cannot_be),
    };
    return sct_run(tests);
}
