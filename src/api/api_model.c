/* SPDX-License-Identifier: MIT
 *
 * api_model.c - public functions: encoder, projector (parts 2, 3) and NT-Xent (part 4).
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "loss/ntxent.h"
#include "train/setup.h"
#include "train/state.h"

int sc_api_network_options(sc_network_options *out, const sc_config *cfg, const sc_device *device,
                           uint32_t size, size_t max_rows, simclr_error *err)
{
    *out = (sc_network_options){
        .encoder = sc_setup_encoder(cfg, size),
        .projector = sc_setup_projector(cfg),
        .height = size,
        .width = size,
        .max_rows = max_rows,
        .precision = sc_setup_precision(cfg),
        .seed = cfg->train.seed,
    };
    return sc_setup_tables(&out->tables, device, out->precision, err);
}

int sc_api_open_network(sc_network *network, const sc_config *cfg, const sc_device *device,
                        uint32_t size, size_t max_rows, simclr_error *err)
{
    sc_network_options options;
    sc_parallel_set_threads(sc_setup_threads(cfg));
    int rc = sc_api_network_options(&options, cfg, device, size, max_rows, err);
    return rc < 0 ? rc : sc_network_open(network, &options, err);
}

/* Without data at hand: the configured size, or what the stem is made for: ImageNet's or CIFAR's. */
static uint32_t model_size(const sc_config *cfg)
{
    if (cfg->data.image_size > 0)
        return (uint32_t)cfg->data.image_size;
    return cfg->model.stem == SC_CFG_STEM_IMAGENET ? 224 : 32;
}

static int model_open(simclr_model **out, const sc_config *cfg, size_t max_rows, simclr_error *err)
{
    enum { MOST_ROWS = 1 << 18 };
    *out = NULL;
    if (max_rows < 1 || max_rows > MOST_ROWS)
        return sc_fail(err, SIMCLR_E_USAGE, "a model for %zu rows at once; 1 to %d are possible",
                       max_rows, MOST_ROWS);
    simclr_model *model = sc_alloc(1, sizeof *model, err);
    if (model == NULL)
        return SIMCLR_E_MEMORY;
    *model = (simclr_model){.cfg = *cfg};
    int rc = sc_api_open_network(&model->network, cfg, NULL, model_size(cfg), max_rows, err);
    if (rc < 0)
        sc_free(model);
    else
        *out = model;
    return rc;
}

int simclr_model_new(simclr_model **out, const simclr_config *config, size_t max_rows,
                     simclr_error *err)
{
    sc_config fallback;
    return model_open(out, sc_api_config(config, &fallback), max_rows, err);
}

int simclr_model_open(simclr_model **out, const char *run, size_t max_rows, simclr_error *err)
{
    sc_config cfg;
    *out = NULL;
    int rc = sc_state_read_config(&cfg, run, err);
    if (rc == 0)
        rc = model_open(out, &cfg, max_rows, err);
    if (rc == 0)
        rc = sc_state_load_weights(&(*out)->network, &(*out)->step, run, NULL, err);
    if (rc < 0) {
        simclr_model_free(*out);
        *out = NULL;
    }
    return sc_api_result(rc, err);
}

void simclr_model_free(simclr_model *model)
{
    if (model == NULL)
        return;
    sc_network_close(&model->network);
    sc_free(model->summary);
    sc_free(model);
}

void simclr_model_describe(simclr_model_info *out, const simclr_model *model)
{
    const sc_network *n = &model->network;
    size_t all = sc_params_count(&n->params, 0, n->params.entry_count);
    *out = (simclr_model_info){
        .height = n->height,
        .width = n->width,
        .channels = n->channels,
        .dim_h = n->dim_h,
        .dim_z = n->dim_z,
        .encoder_parameters = n->encoder_parameters,
        .projector_parameters = all - n->encoder_parameters,
        .macs = sc_encoder_macs(&n->encoder),
    };
}

const char *simclr_model_summary(simclr_model *model)
{
    enum { SUMMARY_BYTES = 4096 };
    if (model->summary == NULL)
        model->summary = sc_alloc(SUMMARY_BYTES, 1, NULL);
    if (model->summary == NULL)
        return "";
    sc_encoder_shapes(model->summary, SUMMARY_BYTES, &model->network.encoder.options,
                      model->network.height, model->network.width);
    return model->summary;
}

static int check_rows(const simclr_model *model, size_t rows, simclr_error *err)
{
    if (rows >= 1 && rows <= model->network.max_rows)
        return 0;
    return sc_fail(err, SIMCLR_E_USAGE, "%zu rows: this model was opened for 1 to %zu at once",
                   rows, model->network.max_rows);
}

int simclr_model_encode(float *h, simclr_model *model, const float *x, size_t rows, bool training,
                        simclr_error *err)
{
    int rc = check_rows(model, rows, err);
    if (rc == 0)
        rc = sc_network_encode(h, &model->network, x, rows, training, err);
    model->encoded = rc == 0 && training ? rows : 0;
    model->projected = 0;
    return rc;
}

int simclr_model_project(float *z, simclr_model *model, const float *h, size_t rows, bool training,
                         simclr_error *err)
{
    int rc = check_rows(model, rows, err);
    if (rc == 0)
        sc_projector_forward(z, h, rows, training, &model->network.projector);
    model->projected = rc == 0 && training ? rows : 0;
    return rc;
}

int simclr_model_backward(double *gradient_norm, simclr_model *model, const float *dz,
                          simclr_error *err)
{
    sc_network *n = &model->network;
    if (model->encoded == 0 || model->encoded != model->projected)
        return sc_fail(
            err, SIMCLR_E_USAGE,
            "no forward passes to go back through: encode, then project the same rows, with "
            "`training`, before each backward");
    model->encoded = model->projected = 0; /* gradients take the place of what they left */
    sc_real *dh = sc_alloc(n->max_rows * n->dim_h, sizeof *dh, err);
    if (dh == NULL)
        return SIMCLR_E_MEMORY;
    sc_params_zero_grad(&n->params);
    sc_projector_backward(dh, dz, &n->projector);
    sc_encoder_backward(dh, &n->encoder);
    *gradient_norm = sc_params_grad_norm(&n->params, NULL);
    sc_free(dh);
    return 0;
}

/* ---- part 4 ---- */

int simclr_ntxent(double *loss, float *dz, const float *z, size_t n, size_t d, double temperature,
                  simclr_error *err)
{
    sc_ntxent ntxent = {0};
    sc_arena arena = {0};
    const sc_backend *backend;
    size_t rows = n <= SIZE_MAX / 2 ? 2 * n : n; /* the latter are too many, too */
    int rc = sc_backend_select(&backend, SC_FP32, err);
    if (rc == 0)
        rc = sc_ntxent_init(&ntxent, backend, rows, d, temperature, err);
    if (rc < 0)
        return rc;
    sc_ntxent_plan(&ntxent, &arena);
    rc = sc_arena_open(&arena, err);
    if (rc < 0)
        return rc;
    sc_ntxent_plan(&ntxent, &arena);
    *loss = sc_ntxent_forward(&ntxent, z, rows);
    if (dz != NULL)
        sc_ntxent_backward(dz, &ntxent);
    sc_arena_close(&arena);
    return 0;
}

double simclr_ntxent_ceiling(size_t n)
{
    return sc_ntxent_ceiling(n);
}

double simclr_ntxent_floor(size_t n, double temperature)
{
    return sc_ntxent_floor(n, temperature);
}
