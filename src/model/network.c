/* SPDX-License-Identifier: MIT
 *
 * network.c - encoder and projector, or classifier, opened as one.
 */
#include "model/network.h"

#include <string.h>

#include "backend/device.h"

static void network_plan(sc_network *network, sc_arena *arena)
{
    sc_encoder_plan(&network->encoder, arena);
    if (network->dim_z > 0)
        sc_projector_plan(&network->projector, arena);
    if (network->device != NULL) {
        size_t pixels = network->height * network->width * network->channels;
        network->x_there = sc_arena_take(arena, network->max_rows * pixels, sizeof(sc_real));
        network->h_there =
            sc_arena_take(arena, network->max_rows * network->dim_h, sizeof(sc_real));
    }
}

/* W and b begin at 0: the first step moves them alone, and nothing random disturbs the encoder. */
static int add_classifier(sc_network *network, size_t classes, const sc_backend *reals,
                          simclr_error *err)
{
    const sc_nn nn = {&network->params, reals, SC_CONV_FASTEST};
    sc_linear *fc = &network->classifier;
    int rc = sc_linear_init(fc, nn, "fc", network->dim_h, classes, true, err);
    if (rc == 0) {
        network->params.entry[fc->weight].init = SC_INIT_ZERO;
        network->params.entry[fc->bias].init = SC_INIT_ZERO;
    }
    return rc;
}

static int add_head(sc_network *network, const sc_network_options *options, const sc_backend *reals,
                    simclr_error *err)
{
    if (options->classes > 0)
        return add_classifier(network, options->classes, reals, err);
    network->dim_z = options->projector.out;
    return sc_projector_init(&network->projector, &options->projector, network->dim_h,
                             options->max_rows, &network->params, reals, err);
}

int sc_network_measure(sc_network *network, const sc_network_options *options, simclr_error *err)
{
    memset(network, 0, sizeof *network);
    network->height = options->height;
    network->width = options->width;
    network->channels = options->encoder.in_channels;
    network->max_rows = options->max_rows;
    sc_tables tables = options->tables;
    int rc = tables.maps == NULL ? sc_tables_select(&tables, options->precision, err) : 0;
    network->backend = tables.reals;
    if (rc == 0 && tables.maps->device != NULL) {
        network->device = network->params.device = tables.maps->device;
        network->arena.memory = &network->device->memory;
        rc = sc_backend_select(&network->backend, SC_FP32, err);
    }
    if (rc == 0)
        rc = sc_encoder_init(&network->encoder, &options->encoder, options->height, options->width,
                             options->max_rows, &network->params, tables.maps, err);
    if (rc == 0) {
        network->dim_h = network->encoder.dim;
        network->encoder_parameters =
            sc_params_count(&network->params, 0, network->params.entry_count);
        rc = add_head(network, options, tables.reals, err);
    }
    if (rc < 0) {
        sc_network_close(network);
        return rc;
    }
    sc_params_measure(&network->params);
    network_plan(network, &network->arena);
    return 0;
}

int sc_network_open(sc_network *network, const sc_network_options *options, simclr_error *err)
{
    int rc = sc_network_measure(network, options, err);
    if (rc == 0)
        rc = sc_params_alloc(&network->params, err);
    if (rc == 0)
        rc = sc_arena_open(&network->arena, err);
    if (rc < 0) {
        sc_network_close(network);
        return rc;
    }
    network_plan(network, &network->arena);
    sc_params_reset(&network->params, options->seed);
    return 0;
}

void sc_network_close(sc_network *network)
{
    sc_arena_close(&network->arena);
    sc_params_close(&network->params);
    memset(network, 0, sizeof *network);
}

const char *sc_network_precision(const sc_network *network)
{
    return network->encoder.nn.backend->precision == SC_BF16 ? "bf16" : "fp32";
}

int sc_network_encode(sc_real *h, sc_network *network, const sc_real *x, size_t rows, bool training,
                      simclr_error *err)
{
    const sc_device *device = network->device;
    size_t pixels = network->height * network->width * network->channels;

    if (device == NULL) {
        sc_encoder_forward(h, x, rows, training, &network->encoder);
        return 0;
    }
    device->upload(network->x_there, x, rows * pixels * sizeof *x);
    sc_encoder_forward(network->h_there, network->x_there, rows, training, &network->encoder);
    device->download(h, network->h_there, rows * network->dim_h * sizeof *h);
    return device->wait(err);
}
