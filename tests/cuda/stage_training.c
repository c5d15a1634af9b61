/* SPDX-License-Identifier: MIT
 *
 * stage_training.c - whole steps on a device, here the one of cuda_on_cpu.h, whose memory no host
 * code can touch: the same training as on the processor, the same bits twice, a resumed run that ends
 * where an unbroken one does, weights left alone when something is not finite, figures of a step that
 * are written while the device does the next, no checkpoint of what a device that is lost no longer gives.
 *
 * label: slow
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "training_rig.h"

#include "core/fs.h"
#include "core/sha256.h"
#include "support/data_fixture.h"

enum { STEPS = 7 }; /* of 16 images, the last of an epoch of fewer */

static char engine[300]; /* what the last run said of it */

/* Losses of the first steps and a digest of the weights after them; whether room had to grow. */
static bool train(double loss[STEPS], char digest[65], const sc_config *cfg,
                  const sc_tables *tables)
{
    static sc_trainer t;
    simclr_error err = {0};
    sct_assert_ok(sc_trainer_open(&t, cfg, NULL, tables, NULL, &err), &err);
    assert_true((t.step.there.device != NULL) == (tables->maps->device != NULL));
    size_t room = t.step.there.staging.store.size;
    int fewer = 0; /* steps of another size: recorded apart */
    for (int i = 0; i < STEPS; i++) {
        sc_step_stats stats;
        sct_assert_ok(sc_train_step(&stats, &t.step, &err), &err);
        fewer += stats.images < (size_t)cfg->train.batch;
        loss[i] = stats.loss;
        sct_assert_ok(sc_step_fetch_z(&t.step, &err), &err); /* as the log does */
        sc_ntxent_stats pairs;
        sc_ntxent_diagnose(&pairs, &t.step.ntxent, t.step.z, 2 * stats.images);
        assert_true(pairs.alignment >= 0 && pairs.alignment <= 4);
    }
    assert_in_range(fewer, 1, STEPS - 1);
    sct_assert_ok(sc_weights_digest(digest, &t.step.network, &err), &err);
    bool grew = t.step.there.staging.store.size > room;
    sc_trainer_close(&t);
    return grew;
}

static void same_training(void **state)
{
    (void)state;
    /* fp32: the same numbers summed in other orders, through seven updates; bf16: maps rounded to 8
     * bits, where one rounding that falls the other way is 2^-9 of a value. */
    static const struct {
        const char *name;
        sc_precision precision;
        double tolerance;
    } CASES[] = {{"fp32", SC_FP32, 1e-4}, {"bf16", SC_BF16, 1e-2}};
    for (size_t c = 0; c < 2; c++) {
        sc_config cfg = small_config(CASES[c].name);
        sc_tables host = {sc_backend_ref(SC_FP32), sc_backend_ref(CASES[c].precision)};
        sc_tables there = tables_of(CASES[c].precision);
        double want[STEPS], got[STEPS], again[STEPS];
        char first[65], second[65];
        train(want, first, &cfg, &host);
        train(got, first, &cfg, &there);
        train(again, second, &cfg, &there);
        for (int i = 0; i < STEPS; i++) {
            double off = fabs(got[i] - want[i]) / want[i];
            print_message("%s step %d: loss %.6f, on the processor %.6f (%.1e)\n", CASES[c].name, i,
                          got[i], want[i], off);
            assert_true(off <= CASES[c].tolerance);
            assert_true(got[i] == again[i]);
        }
        assert_string_equal(first, second);
    }
}

/* With one that is larger than what is sent at once, and than data.memory_limit=1: then all are
 * decoded anew and sent with each batch, room on the device grows, and what was recorded is forgotten. */
static void images_of_any_size(void **state)
{
    (void)state;
    char *folder = fixture_directory(), spec[SC_PATH_MAX];
    for (uint32_t i = 0; i < 20; i++) {
        char name[16];
        void *bytes;
        size_t size;
        snprintf(name, sizeof name, "%02u.png", i);
        fixture_png(&bytes, &size, i == 7 ? 1250 : 9 + 3 * i, i == 7 ? 1200 : 12 + 7 * i % 40, i);
        fixture_write(folder, name, bytes, size);
        sc_free(bytes);
    }
    snprintf(spec, sizeof spec, "folder:%s", folder);
    sc_config cfg = small_config("fp32");
    set(&cfg, "data.dataset", spec);
    set(&cfg, "batch", "6");
    sc_tables host = {sc_backend_ref(SC_FP32), sc_backend_ref(SC_FP32)}, there = tables_of(SC_FP32);
    double want[STEPS], got[STEPS];
    double sent[STEPS];
    char digest[65], digest_sent[65];
    train(want, digest, &cfg, &host);
    assert_false(train(got, digest, &cfg, &there));
    set(&cfg, "data.memory_limit", "1");
    assert_true(train(sent, digest_sent, &cfg, &there));
    assert_string_equal(digest, digest_sent);
    for (int i = 0; i < STEPS; i++) {
        print_message("step %d: loss %.6f, on the processor %.6f\n", i, got[i], want[i]);
        /* Batch norm over the last maps of 2 to 6 images magnifies what same_training allows. */
        assert_true(fabs(got[i] - want[i]) <= 1e-3 * want[i]);
        assert_true(got[i] == sent[i]);
    }
    fixture_remove(folder);
}

static int trained_digest(char hex[65], const sc_params *params, simclr_error *err)
{
    int rc = sc_params_pull(params, err);
    return rc < 0 ? rc : sc_sha256(hex, params->value, params->trained * sizeof(sc_real), err);
}

static void not_finite(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    char before[65], after[65];
    sc_step_stats stats;
    sc_config cfg = small_config("fp32");
    sc_tables there = tables_of(SC_FP32);
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, &there, NULL, &err), &err);
    sct_assert_ok(sc_train_step(&stats, &t.step, &err), &err);
    int bias = (int)sc_params_find(&t.step.network.params, "projector.0.bias");
    sct_assert_ok(sc_params_pull(&t.step.network.params, &err), &err);
    t.step.network.params.value[t.step.network.params.entry[bias].offset] = (sc_real)NAN;
    sc_params_push(&t.step.network.params);
    sct_assert_ok(trained_digest(before, &t.step.network.params, &err), &err);
    /* Running statistics move in the forward pass; what is trained does not. */
    sct_assert_error(sc_train_step(&stats, &t.step, &err), &err, SIMCLR_E_NUMERIC, "step 1 ");
    assert_int_equal(t.step.step, 1);
    sct_assert_ok(trained_digest(after, &t.step.network.params, &err), &err);
    assert_string_equal(before, after);
    sc_trainer_close(&t);
}

/* ---- what the host does meanwhile ---- */

static bool queued; /* a step, and nobody has waited for it */
static void (*play)(size_t key, void (*record)(void *context), void *context);
static int (*wait)(simclr_error *err);

static void play_and_note(size_t key, void (*record)(void *context), void *context)
{
    play(key, record, context);
    queued = true;
}

static int wait_and_note(simclr_error *err)
{
    queued = false;
    return wait(err);
}

/* Of three calls the last one fails. */
static int do_meanwhile(void *context, simclr_error *err)
{
    int *calls = context;
    assert_true(queued);
    return ++*calls < 3 ? 0 : sc_fail(err, SIMCLR_E_IO, "disk full");
}

static void meanwhile(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_step_stats stats;
    int calls = 0;
    sc_config cfg = small_config("fp32");
    sc_tables there = tables_of(SC_FP32);
    play = device.play;
    wait = device.wait;
    device.play = play_and_note;
    device.wait = wait_and_note;
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, &there, NULL, &err), &err);
    t.step.meanwhile = do_meanwhile;
    t.step.meanwhile_context = &calls;
    sct_assert_ok(sc_train_step(&stats, &t.step, &err), &err);
    sct_assert_ok(sc_train_step(&stats, &t.step, &err), &err);
    sct_assert_error(sc_train_step(&stats, &t.step, &err), &err, SIMCLR_E_IO, "disk full");
    assert_false(queued);
    assert_int_equal(calls, 3);
    sc_trainer_close(&t);
    device.play = play;
    device.wait = wait;
}

/* ---- runs ---- */

static void assert_same_file(const char *one, const char *two, const char *name)
{
    char path[2][SC_PATH_MAX];
    void *bytes[2];
    size_t size[2];
    simclr_error err = {0};
    sct_assert_ok(sc_path_join(path[0], one, name, &err), &err);
    sct_assert_ok(sc_path_join(path[1], two, name, &err), &err);
    for (int i = 0; i < 2; i++)
        sct_assert_ok(sc_fs_read(&bytes[i], &size[i], path[i], 1 << 30, &err), &err);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    sc_free(bytes[0]);
    sc_free(bytes[1]);
}

static bool stop_at_three(void *context)
{
    int *calls = context;
    return ++*calls == 3;
}

/* Keeps what is said of the engine. */
static void keep_engine(void *context, simclr_message_kind kind, const char *text)
{
    (void)context;
    if (kind == SIMCLR_NOTE && strncmp(text, "engine ", 7) == 0)
        snprintf(engine, sizeof engine, "%s", text);
}

/* What training lines of metrics.jsonl say of each step. */
typedef struct {
    size_t lines;
    struct {
        double step, loss, top1, alignment, uniformity, rank;
    } line[STEPS];
} figures;

static int keep_figures(void *context, uint64_t step, const sc_json *json)
{
    figures *f = context;
    if (sc_json_get(json, "eval") != NULL)
        return 0;
    assert_in_range(f->lines, 0, STEPS - 1);
    f->line[f->lines].step = (double)step;
    assert_true(sc_json_number(&f->line[f->lines].loss, sc_json_get(json, "loss")));
    assert_true(sc_json_number(&f->line[f->lines].top1, sc_json_get(json, "contrastive_top1")));
    assert_true(sc_json_number(&f->line[f->lines].alignment, sc_json_get(json, "alignment")));
    assert_true(sc_json_number(&f->line[f->lines].uniformity, sc_json_get(json, "uniformity")));
    assert_true(sc_json_number(&f->line[f->lines].rank, sc_json_get(json, "effective_rank")));
    f->lines++;
    return 0;
}

static figures figures_of(const char *run)
{
    figures f = {0};
    simclr_error err = {0};
    sct_assert_ok(sc_metrics_each(run, keep_figures, &f, &err), &err);
    assert_int_equal(f.lines, STEPS);
    for (size_t i = 0; i < STEPS; i++)
        assert_true(f.line[i].step == (double)(i + 1));
    return f;
}

static void run_until(const char *run, const sc_config *cfg, bool stop)
{
    static sc_trainer t;
    simclr_error err = {0};
    int calls = 0;
    simclr_observer observer = {
        .stop = stop ? stop_at_three : NULL, .message = keep_engine, .context = &calls};
    sc_tables there = tables_of(SC_FP32);
    sct_assert_ok(sc_trainer_open(&t, cfg, run, &there, &observer, &err), &err);
    int rc = sc_trainer_run(&t, &err);
    assert_int_equal(rc, stop ? SIMCLR_E_INTERRUPTED : 0);
    sc_trainer_close(&t);
}

static void resumed(void **state)
{
    (void)state;
    sc_config cfg = small_config("fp32");
    set(&cfg, "steps", "7");
    char one[SC_PATH_MAX], two[SC_PATH_MAX];
    snprintf(one, sizeof one, "%s/one", sct_scratch());
    snprintf(two, sizeof two, "%s/two", sct_scratch());
    run_until(one, &cfg, false);
    assert_non_null(strstr(engine, ", data set in device memory, 1 MiB"));
    run_until(two, &cfg, true);
    run_until(two, &cfg, false);
    assert_same_file(one, two, "checkpoints/step-00000007/model.safetensors");
    assert_same_file(one, two, "checkpoints/step-00000007/optim.safetensors");
    assert_same_file(one, two, "model.safetensors");
    figures whole = figures_of(one), parts = figures_of(two);
    assert_memory_equal(&whole, &parts, sizeof whole);
    /* Where a collapse ends the run, figures are written before the next step. */
    snprintf(two, sizeof two, "%s/strict", sct_scratch());
    set(&cfg, "train.strict", "true");
    run_until(two, &cfg, false);
    figures at_once = figures_of(two);
    assert_memory_equal(&whole, &at_once, sizeof whole);
}

static bool lost;

/* As runtime.c has it. */
static void download_or_zeros(void *to, const void *from, size_t bytes)
{
    device.download(to, from, bytes);
    if (lost) {
        memset(to, 0, bytes);
        sc_cuda_fail("copy from the device", "it is lost");
    }
}

/* Asked after each step, before its checkpoint, too. */
static bool lose_after_two(void *context)
{
    const sc_trainer *t = context;
    lost = t->step.step == 2;
    return false;
}

static void lost_before_a_save(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    char run[SC_PATH_MAX], file[SC_PATH_MAX], digest[65];
    sc_checkpoint_found found;
    sc_device losing = device;
    sc_backend table = *device.reals;
    const sc_tables there = {&table, &table};
    const simclr_observer observer = {.stop = lose_after_two, .context = &t};
    sc_config cfg = small_config("fp32");
    set(&cfg, "train.checkpoint_steps", "1");
    losing.download = download_or_zeros;
    table.device = &losing;
    snprintf(run, sizeof run, "%s/losing", sct_scratch());
    snprintf(file, sizeof file, "%s/file", sct_scratch());
    sct_assert_ok(sc_trainer_open(&t, &cfg, run, &there, &observer, &err), &err);
    sct_assert_error(sc_trainer_run(&t, &err), &err, SIMCLR_E_DEVICE, "it is lost");
    assert_int_equal(t.step.step, 2);
    sct_assert_ok(sc_checkpoint_look(&found, run, NULL, NULL, &err), &err);
    assert_int_equal(found.step, 1);
    sct_assert_error(sc_weights_save(file, &t.step.network, SC_WEIGHTS_ALL, NULL, 0, &err), &err,
                     SIMCLR_E_DEVICE, "it is lost");
    sct_assert_error(sc_slots_save(file, &t.step.network.params, &err), &err, SIMCLR_E_DEVICE,
                     "it is lost");
    assert_false(sc_fs_exists(file));
    sct_assert_error(sc_weights_digest(digest, &t.step.network, &err), &err, SIMCLR_E_DEVICE,
                     "it is lost");
    sct_assert_error(sc_step_fetch_z(&t.step, &err), &err, SIMCLR_E_DEVICE, "it is lost");
    lost = false;
    cuda_on_cpu_full(false);
    sc_trainer_close(&t);
}

int main(void)
{
    open_device();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_training), cmocka_unit_test(images_of_any_size),
        cmocka_unit_test(not_finite),    cmocka_unit_test(meanwhile),
        cmocka_unit_test(resumed),       cmocka_unit_test(lost_before_a_save),
    };
    return sct_run(tests);
}
