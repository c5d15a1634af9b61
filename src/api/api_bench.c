/* SPDX-License-Identifier: MIT
 *
 * api_bench.c - public functions: how long things take on this machine.
 */
#include "api/api.h"

#include <stdio.h>
#include <sys/resource.h>

#include "backend/device_load.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/knn.h"
#include "train/setup.h"

double simclr_peak_memory(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : 0;
}

/* A smaller batch at an epoch's end would be a slow step on a GPU, which prepares for each size. */
static void settle_batches(sc_config *cfg)
{
    size_t row = (size_t)sc_config_find("data.drop_last");
    cfg->data.drop_last |= sc_config_origin(cfg, row) == SC_ORIGIN_DEFAULT;
}

static int refuse_nothing(const char *what, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_USAGE, "nothing to time: at least one %s is needed", what);
}

int simclr_bench_step(double *ms, char note[SIMCLR_BENCH_NOTE], size_t repeat,
                      const simclr_config *config, simclr_error *err)
{
    enum { WARM_UP = 2 };
    sc_config fallback;
    simclr_config settled = {*sc_api_config(config, &fallback)};
    simclr_trainer *trainer;
    if (repeat == 0)
        return refuse_nothing("step", err);
    settle_batches(&settled.value);
    int rc = simclr_trainer_open(&trainer, &settled, err);
    for (size_t i = 0; rc == 0 && i < repeat + WARM_UP; i++) {
        double start = sc_clock();
        rc = simclr_trainer_step(NULL, trainer, err);
        if (i >= WARM_UP)
            ms[i - WARM_UP] = 1000 * (sc_clock() - start);
    }
    if (rc == 0 && note != NULL)
        snprintf(note, SIMCLR_BENCH_NOTE, "%s", sc_device_note(trainer->trainer.device));
    simclr_trainer_close(trainer);
    return rc;
}

int simclr_bench_views(double *ms, size_t repeat, size_t n, const simclr_config *config,
                       simclr_error *err)
{
    enum { WARM_UP = 1 };
    sc_config fallback;
    const sc_config *cfg = sc_api_config(config, &fallback);
    simclr_dataset *dataset = NULL;
    if (repeat == 0 || n == 0)
        return refuse_nothing(n == 0 ? "image" : "pass", err);
    sc_parallel_set_threads(sc_setup_threads(cfg));
    int rc = simclr_dataset_open(&dataset, sc_setup_dataset_spec(cfg), NULL, config, err);
    if (rc < 0)
        return rc;
    size_t count = sc_dataset_count(dataset->set), side = sc_setup_image_size(cfg, dataset->set);
    n = n < count ? n : count;
    uint32_t *index = sc_alloc(n, sizeof *index, err);
    float *x = sc_alloc(2 * n, side * side * (size_t)cfg->data.channels * sizeof *x, err);
    rc = index == NULL || x == NULL ? SIMCLR_E_MEMORY : 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        index[i] = (uint32_t)i;
    for (size_t i = 0; rc == 0 && i < repeat + WARM_UP; i++) {
        double start = sc_clock();
        rc = simclr_views_make(x, dataset, index, n, (uint32_t)i, config, err);
        if (i >= WARM_UP)
            ms[i - WARM_UP] = 1000 * (sc_clock() - start);
    }
    sc_free(x);
    sc_free(index);
    simclr_dataset_close(dataset);
    return rc;
}

static void fill_normal(sc_real *x, int32_t *label, size_t n, size_t d, uint32_t which)
{
    for (size_t i = 0; i < n; i++) {
        sc_rng rng = sc_rng_at(0, which, (uint32_t)i, 0, SC_RNG_PROBE);
        for (size_t k = 0; k < d; k++)
            x[i * d + k] = (sc_real)(sc_rng_uniform(&rng) - 0.5);
        label[i] = (int32_t)(i % 10);
    }
}

/* A search that does not fit the device would measure the processor. */
static void keep_warning(void *context, simclr_message_kind kind, const char *text)
{
    simclr_error *warning = context;
    if (kind == SIMCLR_WARNING)
        sc_fail(warning, SIMCLR_E_MEMORY, "%s", text);
}

int simclr_bench_knn(double *ms, size_t repeat, const size_t shape[3], const simclr_config *config,
                     simclr_error *err)
{
    sc_config fallback;
    const sc_config *cfg = sc_api_config(config, &fallback);
    simclr_error warning = {0};
    const simclr_observer observer = {.context = &warning, .message = keep_warning};
    sc_knn_place place = {.observer = &observer};
    size_t n = shape[0] + shape[1], d = shape[2];
    if (repeat == 0)
        return refuse_nothing("search", err);
    sc_real *x = sc_alloc(n * d, sizeof *x, err);
    int32_t *label = sc_alloc(n, sizeof *label, err);
    int rc = x == NULL || label == NULL ? SIMCLR_E_MEMORY
                                        : sc_backend_select(&place.backend, SC_FP32, err);
    sc_parallel_set_threads(sc_setup_threads(cfg));
    if (rc == 0)
        rc = sc_setup_device(&place.device, cfg, NULL, err);
    if (rc == 0)
        fill_normal(x, label, n, d, 0);
    for (size_t i = 0; rc == 0 && i < repeat; i++) {
        const sc_features bank = {x, label, shape[0], d};
        const sc_features query = {x + shape[0] * d, label + shape[0], shape[1], d};
        const sc_knn_options options = {.k = 200, .vote = SC_KNN_WEIGHTED, .temperature = 0.1};
        double top1, start = sc_clock();
        rc = sc_knn_classify(&top1, NULL, &bank, &query, &options, 1, &place, err);
        ms[i] = 1000 * (sc_clock() - start);
    }
    if (rc == 0 && warning.code != 0)
        rc = sc_fail(err, warning.code, "%s", warning.text);
    if (place.device != NULL)
        sc_device_close();
    sc_free(label);
    sc_free(x);
    return rc;
}
