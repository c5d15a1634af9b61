/* SPDX-License-Identifier: MIT
 *
 * api_profile.c - public functions: where the time of a training step goes.
 */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/device_load.h"
#include "backend/limits.h"
#include "backend/profile.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"
#include "train/setup.h"

/* A device's first steps find its plans and record. */
enum { VIEWS, OPTIMISER, ELSE, STAGES, WARM_UP = 2, WARM_UP_TRAINING = 4 };
_Static_assert(SC_PROFILE_ENTRIES + STAGES <= SIMCLR_PROFILE_ROWS, "a row for each entry");

typedef struct {
    sc_trainer trainer;
    sc_profile kernels;
    const sc_device *device; /* NULL: the processor */
    size_t repeat;
    double *step;     /* (repeat) seconds */
    double *training; /* (repeat), with a device */
    double *stage;    /* (STAGES, repeat) */
    double *kernel;   /* (SC_PROFILE_ENTRIES, repeat) */
} profile_run;

/* ---- measuring ---- */

static double update_seconds(sc_step *s)
{
    double start = sc_clock();
    size_t bad;
    sc_params_grad_norm(&s->network.params, &bad);
    sc_optim_step(&s->optim, 0); /* no rate: the weights stay as the step left them */
    sc_params_zero_grad(&s->network.params);
    return sc_clock() - start;
}

static int views_seconds(double *out, sc_step *s, simclr_error *err)
{
    double start = sc_clock();
    int rc = sc_step_views(s, err);
    *out = sc_clock() - start;
    return rc;
}

/* i < repeat: kept.  With a device views and optimiser are among the kernels. */
static int measure_step(profile_run *r, size_t i, simclr_error *err)
{
    sc_trainer *t = &r->trainer;
    double views = 0, kernels = 0, update = 0;
    sc_profile_clear(&r->kernels);
    double start = sc_clock();
    int rc = sc_trainer_step(&t->last, t, err);
    double step = sc_clock() - start;
    if (rc == 0 && r->device == NULL)
        rc = views_seconds(&views, &t->step, err);
    if (rc < 0)
        return rc;
    if (r->device == NULL)
        update = update_seconds(&t->step);
    if (i >= r->repeat)
        return 0;
    for (size_t k = 0; k < r->kernels.count; k++) {
        r->kernel[k * r->repeat + i] = r->kernels.entry[k].seconds;
        kernels += r->kernels.entry[k].seconds;
    }
    r->step[i] = step;
    r->stage[VIEWS * r->repeat + i] = views;
    r->stage[OPTIMISER * r->repeat + i] = update;
    r->stage[ELSE * r->repeat + i] = step - kernels - views - update;
    return 0;
}

/* Steps as a device makes them when it is not looked at. */
static int measure_training(profile_run *r, const sc_config *cfg, simclr_error *err)
{
    sc_trainer *t = &r->trainer;
    int rc = sc_trainer_open(t, cfg, NULL, &r->kernels.inner, NULL, err);
    for (size_t i = 0; rc == 0 && i < r->repeat + WARM_UP_TRAINING; i++) {
        double start = sc_clock();
        rc = sc_trainer_step(&t->last, t, err);
        if (i >= WARM_UP_TRAINING)
            r->training[i - WARM_UP_TRAINING] = sc_clock() - start;
    }
    sc_trainer_close(t);
    return rc;
}

static int measure_profile(profile_run *r, const sc_config *cfg, simclr_error *err)
{
    const sc_tables counting = {&r->kernels.reals, &r->kernels.maps};
    sc_profile_begin(&r->kernels);
    int rc = sc_trainer_open(&r->trainer, cfg, NULL, &counting, NULL, err);
    for (size_t i = 0; rc == 0 && i < WARM_UP; i++)
        rc = measure_step(r, r->repeat, err);
    for (size_t i = 0; rc == 0 && i < r->repeat; i++)
        rc = measure_step(r, i, err);
    sc_profile_end();
    return rc;
}

static int measure(profile_run *r, const sc_config *config, simclr_error *err)
{
    sc_config cfg = *config;
    sc_tables inner;
    cfg.data.drop_last = true; /* every step has the same shapes */
    int rc = sc_setup_device(&r->device, &cfg, NULL, err);
    if (rc < 0)
        return rc;
    sc_setup_settle_precision(&cfg, r->device, "");
    rc = sc_setup_tables(&inner, r->device, sc_setup_precision(&cfg), err);
    if (rc < 0)
        return rc;
    sc_profile_init(&r->kernels, &inner);
    if (r->device != NULL)
        rc = measure_training(r, &cfg, err);
    return rc < 0 ? rc : measure_profile(r, &cfg, err);
}

/* ---- the table ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* In milliseconds; sorts the seconds. */
static double median_ms(double *seconds, size_t n)
{
    qsort(seconds, n, sizeof *seconds, ascending);
    return 500 * (seconds[(n - 1) / 2] + seconds[n / 2]);
}

static void shape_text(char *out, size_t size, const sc_conv_shape *s)
{
    char width[24] = "", dilation[24] = "";
    if (s->w != s->h)
        snprintf(width, sizeof width, "x%zu", s->w);
    if (s->dilation != 1)
        snprintf(dilation, sizeof dilation, " /d%zu", s->dilation);
    snprintf(out, size, "%zux%zu/%zu %zu->%zu @%zu%s%s", s->r, s->s, s->stride, s->c, s->k, s->h,
             width, dilation);
}

static void set_limit(simclr_profile_row *row, double copy_bytes)
{
    double work = row->peak_flops > 0 ? 1000 * row->flops / row->peak_flops : 0;
    double memory = copy_bytes > 0 ? 1000 * row->bytes / copy_bytes : 0;
    row->limit_ms = work > memory ? work : memory;
}

/* Numbers that an update must read and write: gradient and weight for the norm, the clearing (which
 * with a device is a row of its own) and the update, and its state. */
static double update_bytes(const profile_run *r)
{
    static const int numbers[] = {
        [SC_OPTIM_SGD] = 5, [SC_OPTIM_LARS] = 5, [SC_OPTIM_ADAM] = 7, [SC_OPTIM_ADAMW] = 7};
    const sc_optim *optim = &r->trainer.step.optim;
    int norm_and_zero = r->device == NULL ? 2 : 1;
    return (double)((size_t)(numbers[optim->options.kind] + norm_and_zero) *
                    optim->params->trained * sizeof(sc_real));
}

static void add_kernels(simclr_profile *out, profile_run *r)
{
    for (size_t k = 0; k < r->kernels.count; k++) {
        const sc_profile_entry *e = &r->kernels.entry[k];
        simclr_profile_row *row = &out->row[out->rows++];
        snprintf(row->name, sizeof row->name, "%s", e->kernel);
        if (e->convolution)
            shape_text(row->shape, sizeof row->shape, &e->shape);
        row->calls = e->calls;
        row->ms = median_ms(r->kernel + k * r->repeat, r->repeat);
        row->flops = e->flops;
        row->bytes = strcmp(e->kernel, SC_PROFILE_UPDATE) == 0 ? update_bytes(r) : e->bytes;
        row->peak_flops = e->convolution ? out->conv_peak_flops
                          : e->flops > 0 ? out->gemm_peak_flops
                                         : 0;
        set_limit(row, out->copy_bytes);
    }
}

static void add_stages(simclr_profile *out, profile_run *r)
{
    static const char *const names[] = {
        [VIEWS] = "views", [OPTIMISER] = SC_PROFILE_UPDATE, [ELSE] = "everything else"};
    for (int i = r->device == NULL ? 0 : ELSE; i < STAGES; i++) {
        simclr_profile_row *row = &out->row[out->rows++];
        snprintf(row->name, sizeof row->name, "%s", names[i]);
        row->ms = median_ms(r->stage + (size_t)i * r->repeat, r->repeat);
        if (i == OPTIMISER)
            row->bytes = update_bytes(r);
        set_limit(row, out->copy_bytes);
    }
}

static int longest_first(const void *a, const void *b)
{
    double x = ((const simclr_profile_row *)a)->ms, y = ((const simclr_profile_row *)b)->ms;
    return (x < y) - (x > y);
}

static size_t largest_gap(const simclr_profile *p)
{
    size_t at = p->rows;
    double most = 0;
    for (size_t i = 0; i < p->rows; i++) {
        const simclr_profile_row *row = &p->row[i];
        if (row->limit_ms > 0 && row->ms - row->limit_ms > most) {
            most = row->ms - row->limit_ms;
            at = i;
        }
    }
    return at;
}

static int measure_limits(simclr_profile *out, const sc_tables *tables, simclr_error *err)
{
    int rc = sc_limits_copy(&out->copy_bytes, tables->reals, err);
    if (rc == 0)
        rc = sc_limits_peak(&out->gemm_peak_flops, tables->reals, err);
    out->conv_peak_flops = out->gemm_peak_flops;
    if (rc == 0 && tables->maps != tables->reals)
        rc = sc_limits_peak(&out->conv_peak_flops, tables->maps, err);
    return rc;
}

static int fill(simclr_profile *out, profile_run *r, simclr_error *err)
{
    const sc_network *network = &r->trainer.step.network;
    int rc = measure_limits(out, &r->kernels.inner, err);
    if (rc < 0)
        return rc;
    snprintf(out->engine, sizeof out->engine, "%s", network->encoder.nn.backend->name);
    snprintf(out->precision, sizeof out->precision, "%s", sc_network_precision(network));
    out->threads = sc_parallel_threads();
    out->step_ms = median_ms(r->step, r->repeat);
    if (r->device != NULL) {
        snprintf(out->device, sizeof out->device, "%s", r->device->name);
        snprintf(out->note, sizeof out->note, "%s", sc_device_note(r->device));
        out->training_step_ms = median_ms(r->training, r->repeat);
    }
    add_kernels(out, r);
    add_stages(out, r);
    qsort(out->row, out->rows, sizeof *out->row, longest_first);
    out->gap = largest_gap(out);
    return 0;
}

int simclr_bench_profile(simclr_profile *out, size_t repeat, const simclr_config *config,
                         simclr_error *err)
{
    sc_config fallback;
    memset(out, 0, sizeof *out);
    if (repeat == 0)
        return sc_fail(err, SIMCLR_E_USAGE, "profile: at least one step");
    profile_run *r = sc_alloc(1, sizeof *r, err);
    double *times = sc_alloc(repeat, (2 + STAGES + SC_PROFILE_ENTRIES) * sizeof *times, err);
    int rc = r == NULL || times == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0) {
        r->repeat = repeat;
        r->step = times;
        r->training = r->step + repeat;
        r->stage = r->training + repeat;
        r->kernel = r->stage + STAGES * repeat;
        rc = measure(r, sc_api_config(config, &fallback), err);
        if (rc == 0)
            rc = fill(out, r, err);
        sc_trainer_close(&r->trainer);
        if (r->device != NULL)
            sc_device_close();
    }
    sc_free(times);
    sc_free(r);
    return sc_api_result(rc, err);
}
