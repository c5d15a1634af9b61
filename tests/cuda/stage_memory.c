/* SPDX-License-Identifier: MIT
 *
 * stage_memory.c - the memory of a run on a device, here the one of cuda_on_cpu.h: what it takes is
 * known before, the batch that fits is named, the data set lies there or is sent, for the same training.
 *
 * label: slow
 */
#include <stdio.h>
#include <string.h>

#include "training_rig.h"

#include "backend/cuda/runtime.h"
#include "train/memory.h"

static int open_batch(sc_trainer *t, size_t batch, simclr_error *err)
{
    sc_config cfg = small_config("bf16");
    sc_tables there = tables_of(SC_BF16);
    char value[24];
    snprintf(value, sizeof value, "%zu", batch);
    set(&cfg, "data.dataset", "shapes:300");
    set(&cfg, "batch", value);
    return sc_trainer_open(t, &cfg, NULL, &there, NULL, err);
}

/* Bytes of the device's memory that a run takes without the data set, which are those that are known
 * before: it opens in so many. */
static size_t taken_by(size_t batch)
{
    static sc_trainer t;
    simclr_error err = {0};
    size_t before = cuda_on_cpu_taken();
    sct_assert_ok(open_batch(&t, batch, &err), &err);
    size_t bytes = sc_run_bytes(&t, batch);
    sc_trainer_close(&t);
    cuda_on_cpu_limit(before + bytes);
    sct_assert_ok(open_batch(&t, batch, &err), &err);
    assert_int_equal(cuda_on_cpu_taken() - before, bytes);
    assert_null(t.step.there.staging.images.base);
    sc_trainer_close(&t);
    cuda_on_cpu_limit((size_t)1 << 40);
    assert_int_equal(cuda_on_cpu_taken(), before);
    return bytes;
}

static void assert_refused(size_t batch, size_t bytes, const char *part)
{
    static sc_trainer t;
    simclr_error err = {0};
    size_t before = cuda_on_cpu_taken();
    cuda_on_cpu_limit(before + bytes);
    sct_assert_error(open_batch(&t, batch, &err), &err, SIMCLR_E_MEMORY, part);
    print_message("%s\n", err.text);
    sc_trainer_close(&t);
    cuda_on_cpu_limit((size_t)1 << 40);
    assert_int_equal(cuda_on_cpu_taken(), before);
}

static void names_the_batch_that_fits(void **state)
{
    (void)state;
    /* 13 would need as much as 14: its last batch would be of one image, which joins the one before. */
    static const size_t fits[] = {2, 7, 14, 63, 64, 72, 136}, next[] = {3, 8, 15, 64, 72, 80, 144};
    char part[64];
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        snprintf(part, sizeof part, "MiB are free; batch=%zu fits", fits[i]);
        size_t least = taken_by(fits[i]), more = taken_by(next[i]);
        assert_refused(200, least, part);
        assert_refused(next[i], more - 1, part);
    }
    size_t two = taken_by(2), many = taken_by(200);
    assert_refused(200, two - 1, "not even batch=2 fits");
    assert_refused(1000, many, "batch=300 needs ");
    assert_refused(1000, many, " on cuda on the cpu, ");
}

/* A few steps; t stays open.  Their weights' digest, and the bytes that were uploaded for each. */
static void train_some(sc_trainer *t, char digest[65], size_t per_step[3])
{
    sc_config cfg = small_config("fp32");
    sc_tables there = tables_of(SC_FP32);
    simclr_error err = {0};
    set(&cfg, "data.dataset", "shapes:2700"); /* 8 MB: sent in two pieces */
    set(&cfg, "batch", "6");
    sct_assert_ok(sc_trainer_open(t, &cfg, NULL, &there, NULL, &err), &err);
    for (int i = 0; i < 3; i++) {
        sc_step_stats stats;
        size_t before = cuda_on_cpu_uploaded();
        sct_assert_ok(sc_train_step(&stats, &t->step, &err), &err);
        per_step[i] = cuda_on_cpu_uploaded() - before;
    }
    sct_assert_ok(sc_weights_digest(digest, &t->step.network, &err), &err);
}

static void data_set_in_device_memory(void **state)
{
    (void)state;
    static sc_trainer t;
    const sc_staging *s = &t.step.there.staging;
    size_t before = cuda_on_cpu_taken(), views = 12 * sizeof(sc_device_view), per_step[3];
    char held[65], sent[65];
    train_some(&t, held, per_step);
    size_t together = s->images.size + s->store.size, all = cuda_on_cpu_taken() - before;
    assert_true(s->images.size >= sc_dataset_bytes(t.train));
    for (int i = 0; i < 3; i++)
        assert_int_equal(per_step[i], views + sizeof(sc_step_input));
    sc_trainer_close(&t);
    assert_int_equal(cuda_on_cpu_taken(), before);

    /* A tenth of what is free then stays free: of ten ninths of what it takes. */
    cuda_on_cpu_limit(before + all + together / 9 + 512);
    train_some(&t, sent, per_step);
    assert_non_null(s->images.base);
    sc_trainer_close(&t);
    cuda_on_cpu_limit(before + all + together / 9 - 512);
    train_some(&t, sent, per_step);
    assert_null(s->images.base);
    for (int i = 0; i < 3; i++)
        assert_int_equal(per_step[i], views + sizeof(sc_step_input) + 6 * 32 * 32 * 3);
    sc_trainer_close(&t);
    cuda_on_cpu_limit((size_t)1 << 40);
    assert_string_equal(held, sent);
}

/* What the host stages for the next step must not be what the device still has to read for this one. */
static void late_uploads(void **state)
{
    (void)state;
    static sc_trainer t;
    size_t before = cuda_on_cpu_taken(), per_step[3];
    char at_once[65], late[65];
    for (int held = 0; held <= 1; held++) {
        for (int i = 0; i <= 1; i++) {
            cuda_on_cpu_late(i == 1);
            cuda_on_cpu_limit(held ? (size_t)1 << 40 : before + ((size_t)8 << 20));
            train_some(&t, i == 1 ? late : at_once, per_step);
            assert_int_equal(t.step.there.staging.images.base != NULL, held);
            sc_trainer_close(&t);
        }
        assert_string_equal(at_once, late);
    }
}

/* A step that finds no memory says what is to be done; other failures do not. */
static void memory_runs_out_in_a_step(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_step_stats stats;
    sct_assert_ok(open_batch(&t, 8, &err), &err);
    sct_assert_ok(sc_trainer_step(&stats, &t, &err), &err);
    cuda_on_cpu_full(true);
    sct_assert_error(sc_trainer_step(&stats, &t, &err), &err, SIMCLR_E_MEMORY,
                     "convolution: no memory for its kernel; lower image_size or model.width");
    cuda_on_cpu_full(false);
    sct_assert_ok(sc_trainer_step(&stats, &t, &err), &err);
    sc_cuda_fail("kernel", "it stopped");
    sct_assert_error(sc_trainer_step(&stats, &t, &err), &err, SIMCLR_E_DEVICE,
                     "kernel: it stopped");
    assert_null(strstr(err.text, "lower"));
    cuda_on_cpu_full(false);
    sc_trainer_close(&t);
}

static size_t blocks; /* that are given before the device is lost */

static void *alloc_until_lost(size_t bytes, simclr_error *err)
{
    if (blocks > 0) {
        blocks--;
        return device.memory.alloc(bytes, err);
    }
    sc_fail(err, SIMCLR_E_DEVICE, "no block of %zu bytes: it is lost", bytes);
    return NULL;
}

/* That is no lack of memory. */
static void lost_while_a_run_opens(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_device losing = device;
    sc_backend reals = *device.reals, maps = *device.bf16;
    const sc_tables there = {&reals, &maps};
    const sc_config cfg = small_config("bf16");
    size_t before = cuda_on_cpu_taken(), given = 0;
    losing.memory.alloc = alloc_until_lost;
    reals.device = maps.device = &losing;
    for (;; given++) {
        blocks = given;
        int rc = sc_trainer_open(&t, &cfg, NULL, &there, NULL, &err);
        sc_trainer_close(&t);
        assert_int_equal(cuda_on_cpu_taken(), before);
        if (rc == 0)
            break;
        sct_assert_error(rc, &err, SIMCLR_E_DEVICE, "it is lost");
    }
    assert_int_equal(given, 5); /* parameters, network, step, data set, views */
}

/* The largest that leaves 512 MiB more than the batch that failed. */
static void names_the_batch_that_leaves_more(void **state)
{
    (void)state;
    static sc_trainer t;
    simclr_error err = {0};
    sc_config cfg = small_config("fp32");
    sc_tables there = tables_of(SC_FP32);
    size_t more = (size_t)512 << 20, batch = 0, from = 0;
    set(&cfg, "data.dataset", "shapes:1200");
    set(&cfg, "image_size", "32");
    set(&cfg, "model.width", "0.5");
    set(&cfg, "batch", "1000");
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, &there, NULL, &err), &err);
    sc_fail(&err, SIMCLR_E_MEMORY, "it is full");
    assert_int_equal(sc_run_ran_out(&t, &err), SIMCLR_E_MEMORY);
    print_message("%s\n", err.text);
    assert_int_equal(sscanf(err.text, "it is full; batch=%zu leaves 512.0 MiB more than batch=%zu",
                            &batch, &from),
                     2);
    assert_int_equal(from, 1000);
    assert_true(batch > 64 && batch % 8 == 0);
    size_t most = sc_run_bytes(&t, 1000) - more;
    assert_true(sc_run_bytes(&t, batch) <= most);
    assert_true(sc_run_bytes(&t, batch + 8) > most);
    sc_trainer_close(&t);
}

int main(void)
{
    open_device();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_batch_that_fits),
        cmocka_unit_test(data_set_in_device_memory),
        cmocka_unit_test(late_uploads),
        cmocka_unit_test(memory_runs_out_in_a_step),
        cmocka_unit_test(lost_while_a_run_opens),
        cmocka_unit_test(names_the_batch_that_leaves_more),
    };
    return sct_run(tests);
}
