/* SPDX-License-Identifier: MIT
 *
 * stage_knn.c - k-NN that is searched on a device: the processor's votes, while training too, and the
 * processor's search where the device has no room.
 */
#include "feature_rig.h"

#include <stdio.h>
#include <string.h>

#include "eval/knn.h"
#include "train/online.h"

static sc_device device;
static size_t searches;

static void counted(const sc_device_nearest *t)
{
    searches++;
    sc_cuda_nearest(t);
}

static void same_accuracy(void **state)
{
    enum { N = 600, M = 60, DIM = 24 };
    static const sc_knn_options OPTIONS[] = {{10, SC_KNN_MAJORITY, 1}, {200, SC_KNN_WEIGHTED, 0.1}};
    set bank = open_set(N, DIM), query = open_set(M, DIM);
    double want[2], got[2];
    int32_t wanted[2 * M], guess[2 * M];
    const sc_knn_place host = {.backend = sc_backend_ref(SC_FP32)};
    const sc_knn_place there = {.backend = host.backend, .device = &device};
    simclr_error err;
    (void)state;
    searches = 0;
    for (size_t i = 0; i < N + M; i++) { /* classes that overlap */
        set *s = i < N ? &bank : &query;
        size_t row = i < N ? i : i - N;
        s->x[row * DIM + (size_t)s->label[row]] += 1.5F;
    }
    sct_assert_ok(
        sc_knn_classify(want, wanted, &bank.features, &query.features, OPTIONS, 2, &host, &err),
        &err);
    sct_assert_ok(
        sc_knn_classify(got, guess, &bank.features, &query.features, OPTIONS, 2, &there, &err),
        &err);
    assert_int_equal(searches, 1); /* for both votes */
    print_message("%.1f %% and %.1f %%\n", got[0], got[1]);
    assert_memory_equal(guess, wanted, sizeof guess);
    assert_true(got[0] == want[0] && got[1] == want[1] && got[0] > 30 && got[0] < 95);
    close_set(&bank);
    close_set(&query);
}

static void *no_room(size_t bytes, simclr_error *err)
{
    sc_fail(err, SIMCLR_E_MEMORY, "no block of %zu bytes", bytes);
    return NULL;
}

static void *no_device(size_t bytes, simclr_error *err)
{
    (void)bytes;
    sc_fail(err, SIMCLR_E_DEVICE, "the GPU is lost");
    return NULL;
}

static void keep(void *context, simclr_message_kind kind, const char *text)
{
    assert_int_equal(kind, SIMCLR_WARNING);
    snprintf(context, 200, "%s", text);
}

static void too_little_memory(void **state)
{
    char said[200] = "";
    const simclr_observer observer = {.context = said, .message = keep};
    sc_device full = device;
    const sc_knn_place host = {.backend = sc_backend_ref(SC_FP32)};
    const sc_knn_place place = {host.backend, &full, &observer};
    const sc_knn_search_options options = {4, false};
    set bank = open_set(50, 6), query = open_set(3, 6);
    uint32_t want[12], got[12];
    simclr_error err;
    (void)state;
    full.memory.alloc = no_room;
    sct_assert_ok(sc_knn_search(want, NULL, &bank.features, &query.features, &options, &host, &err),
                  &err);
    sct_assert_ok(sc_knn_search(got, NULL, &bank.features, &query.features, &options, &place, &err),
                  &err);
    assert_memory_equal(got, want, sizeof got);
    assert_non_null(strstr(said, "k-NN on the processor: no block of"));
    full.memory.alloc = no_device;
    sct_assert_error(
        sc_knn_search(got, NULL, &bank.features, &query.features, &options, &place, &err), &err,
        SIMCLR_E_DEVICE, "the GPU is lost");
    close_set(&bank);
    close_set(&query);
}

/* ---- a trainer's evaluation ---- */

static void set_key(sc_config *cfg, const char *key, const char *value)
{
    simclr_error err = {0};
    sct_assert_ok(sc_config_set(cfg, key, value, SC_ORIGIN_CLI, "test", &err), &err);
}

static void while_training(void **state)
{
    static sc_trainer t;
    const sc_tables tables = {device.reals, device.reals};
    sc_online_knn got, want;
    sc_embedding_pair pair;
    simclr_error err = {0};
    sc_config cfg;
    (void)state;
    sc_config_default(&cfg);
    set_key(&cfg, "data.dataset", "shapes:60");
    set_key(&cfg, "image_size", "16");
    set_key(&cfg, "model.width", "0.125");
    set_key(&cfg, "batch", "8");
    set_key(&cfg, "precision", "fp32");
    sct_assert_ok(sc_trainer_open(&t, &cfg, NULL, &tables, NULL, &err), &err);
    searches = 0;
    sct_assert_ok(sc_online_measure(&got, &t, false, &err), &err);
    assert_int_equal(searches, 1);
    const sc_embed_options all[2] = {{0}};
    sct_assert_ok(sc_embed_pair(&pair, t.bank, t.test, &t.step.network, &t.step.views, all, &err),
                  &err);
    sc_network here = t.step.network;
    here.device = NULL;
    sct_assert_ok(sc_online_vote(&want, &pair, &cfg, &here, NULL, &err), &err);
    assert_int_equal(searches, 1);
    print_message("%.1f %% and %.1f %%\n", got.top1, got.top1_weighted);
    assert_int_equal(got.n_test, want.n_test);
    assert_true(got.top1 == want.top1 && got.top1_weighted == want.top1_weighted);
    sc_embedding_pair_free(&pair);
    sc_trainer_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_accuracy),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(while_training),
    };
    sc_cuda_device(&device);
    device.nearest = counted;
    return sct_run(tests);
}
