/* SPDX-License-Identifier: MIT
 *
 * onnx.c - the network as a graph, in the order of its forward pass.
 */
#include "export/onnx.h"

#include "export/onnx_layers.h"

static const char DOC[] = "simclr: images of bytes / 255, normalised inside, to features";

static int check_norm(const char *path, const sc_norm_options *norm, simclr_error *err)
{
    if (norm->kind != SC_NORM_BATCH || norm->track_running_stats)
        return 0;
    return sc_fail(
        err, SIMCLR_E_USAGE,
        "%s: a batch norm without running statistics depends on the whole batch; an ONNX "
        "file holds functions of one image",
        path);
}

/* (x - mean) / std, or x where that is nothing else. */
static const char *normalised(sc_onnx_graph *g, const char *x, const sc_onnx_options *o)
{
    const size_t shape[] = {o->network->channels, 1, 1};
    bool shifted = false, scaled = false;
    for (size_t c = 0; c < shape[0]; c++) {
        shifted = shifted || o->mean[c] != 0;
        scaled = scaled || o->std[c] != 1;
    }
    if (shifted)
        x = sc_onnx_node(
            g, "Sub", "normalize",
            (const char *const[]){x, sc_onnx_weights(g, "mean", o->mean, shape, 3), NULL});
    if (scaled)
        x = sc_onnx_node(
            g, "Div", "normalize",
            (const char *const[]){x, sc_onnx_weights(g, "std", o->std, shape, 3), NULL});
    return x;
}

static const char *residual_block(sc_onnx_graph *g, const char *x, const sc_block *block)
{
    const char *y = x, *skip = block->has_skip ? sc_onnx_unit(g, x, NULL, &block->skip) : x;
    for (size_t i = 0; i < block->units; i++)
        y = sc_onnx_unit(g, y, i + 1 < block->units ? NULL : skip, &block->unit[i]);
    return y;
}

static void add_encoder(sc_onnx_graph *g, const char *x, const sc_encoder *e)
{
    bool max = e->options.last_pool == SC_LAST_POOL_MAX;
    x = sc_onnx_unit(g, x, NULL, &e->stem);
    if (e->has_pool)
        x = sc_onnx_pool(g, x, e);
    for (size_t i = 0; i < e->blocks; i++)
        x = residual_block(g, x, &e->block[i]);
    if (e->has_last)
        x = sc_onnx_unit(g, x, NULL, &e->last);
    x = sc_onnx_node(g, max ? "GlobalMaxPool" : "GlobalAveragePool", "last_pool",
                     (const char *const[]){x, NULL});
    sc_onnx_node(g, "Flatten", "last_pool", (const char *const[]){x, NULL});
    sc_onnx_rename(g, "features");
    sc_onnx_output(g, "features", "h, the output of the encoder", &e->dim, 1);
}

static void add_projector(sc_onnx_graph *g, const sc_projector *p, const size_t *dim)
{
    const char *x = "features";
    for (size_t i = 0; i < p->layers; i++)
        x = sc_onnx_projector_layer(g, x, &p->layer[i]);
    sc_onnx_rename(g, "z");
    sc_onnx_output(g, "z", "the projection of features, not of length 1", dim, 1);
}

int sc_onnx_write(const char *path, const sc_onnx_options *options, simclr_error *err)
{
    const sc_network *n = options->network;
    const size_t image[] = {n->channels, n->height, n->width};
    sc_onnx_graph *g;
    int rc = check_norm(path, &n->encoder.options.norm, err);
    if (rc == 0 && options->projector)
        rc = check_norm(path, &n->projector.options.norm, err);
    if (rc == 0)
        rc = sc_onnx_graph_open(&g, err);
    if (rc < 0)
        return rc;
    const char *x = sc_onnx_input(
        g, "images", n->channels == 3 ? "RGB, bytes / 255" : "grey, bytes / 255", image, 3);
    add_encoder(g, normalised(g, x, options), &n->encoder);
    if (options->projector)
        add_projector(g, &n->projector, &n->dim_z);
    rc = sc_onnx_graph_write(path, g, DOC, options->metadata, options->metadata_count, err);
    sc_onnx_graph_close(g);
    return rc;
}
