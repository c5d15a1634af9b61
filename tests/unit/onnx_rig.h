/* SPDX-License-Identifier: MIT
 *
 * onnx_rig.h - a small network with weights that are not special, its export decoded, and what must hold of every
 * export.
 */
#ifndef SCT_UNIT_ONNX_RIG_H
#define SCT_UNIT_ONNX_RIG_H

#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "export/onnx.h"
#include "onnx.pb-c.h"

enum { ROWS = 2, HEIGHT = 40, WIDTH = 36 };

typedef struct {
    sc_network network;
    Onnx__Model *model;
} exported;

static const sc_string_pair SETTINGS[] = {{"model.arch", "resnet18"}, {"views.normalize", "own"}};

static inline sc_network_options plain(void)
{
    sc_network_options o = {.encoder = sc_encoder_defaults(),
                            .projector = sc_projector_defaults(),
                            .height = HEIGHT,
                            .width = WIDTH,
                            .max_rows = ROWS,
                            .seed = 3};
    o.encoder.stem = SC_STEM_IMAGENET;
    o.encoder.width = 0.0625;
    o.projector.hidden[0] = 12;
    o.projector.out = 8;
    return o;
}

static inline sc_onnx_options settings_for(const sc_network *network)
{
    return (sc_onnx_options){.network = network,
                             .projector = true,
                             .mean = {0.3F, 0.4F, 0.5F},
                             .std = {0.2F, 0.25F, 0.3F},
                             .metadata = SETTINGS,
                             .metadata_count = 2};
}

/* Weights that are not special: gamma is not 1, beta not 0, statistics are of no batch. */
static inline void fill(sc_params *p)
{
    for (size_t i = 0; i < p->entry_count; i++) {
        const sc_param *e = &p->entry[i];
        bool is_var = strstr(e->name, "running_var") != NULL;
        for (size_t j = 0; j < e->count && e->ndim == 1; j++)
            p->value[e->offset + j] =
                (sc_real)(is_var || strstr(e->name, ".weight") != NULL ? sct_uniform(0.5, 1.5)
                                                                       : sct_uniform(-0.3, 0.3));
    }
}

static inline Onnx__Model *decode(const char *path)
{
    void *bytes;
    size_t size;
    simclr_error err;
    sct_assert_ok(sc_fs_read(&bytes, &size, path, 1 << 24, &err), &err);
    Onnx__Model *model = onnx__model__unpack(NULL, size, bytes);
    assert_non_null(model);
    /* Written in pieces, and yet the bytes of the message as a whole. */
    assert_int_equal(onnx__model__get_packed_size(model), size);
    unsigned char *again = sc_alloc(size, 1, NULL);
    assert_non_null(again);
    onnx__model__pack(model, again);
    assert_memory_equal(again, bytes, size);
    sc_free(again);
    sc_free(bytes);
    return model;
}

static inline exported *export(const sc_network_options *options)
{
    static exported e;
    char path[SC_PATH_MAX];
    simclr_error err;
    sct_assert_ok(sc_network_open(&e.network, options, &err), &err);
    fill(&e.network.params);
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.onnx", &err), &err);
    const sc_onnx_options o = settings_for(&e.network);
    sct_assert_ok(sc_onnx_write(path, &o, &err), &err);
    e.model = decode(path);
    sct_scratch_remove();
    return &e;
}

static inline void release(exported *e)
{
    onnx__model__free_unpacked(e->model, NULL);
    sc_network_close(&e->network);
}

static inline bool is_read(const Onnx__Graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t j = 0; j < g->node[i]->n_input; j++)
            if (strcmp(g->node[i]->input[j], name) == 0)
                return true;
    return false;
}

/* (batch, dim ...) of float, with a line that explains it. */
static inline void check_value(const Onnx__ValueInfo *v, const char *name, const size_t *dim,
                               size_t ndim)
{
    const Onnx__Shape *shape = v->type->tensor_type->shape;
    assert_string_equal(v->name, name);
    assert_true(strlen(v->doc_string) > 0);
    assert_int_equal(v->type->tensor_type->elem_type, ONNX__TENSOR__DATA_TYPE__FLOAT);
    assert_int_equal(shape->n_dim, 1 + ndim);
    assert_string_equal(shape->dim[0]->dim_param, "batch");
    assert_false(shape->dim[0]->has_dim_value);
    for (size_t i = 0; i < ndim; i++) {
        assert_int_equal(shape->dim[1 + i]->dim_value, dim[i]);
        assert_null(shape->dim[1 + i]->dim_param);
    }
}

/* Initializers that are parameters have their bytes; all but the counters are there. */
static inline void check_weights(const exported *e)
{
    const sc_params *p = &e->network.params;
    const Onnx__Graph *g = e->model->graph;
    size_t found = 0, wanted = 0;
    for (size_t i = 0; i < p->entry_count; i++)
        wanted += !(p->entry[i].flags & SC_PARAM_COUNTER);
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__Tensor *t = g->initializer[i];
        long at = sc_params_find(p, t->name);
        assert_true(is_read(g, t->name));
        if (at < 0)
            continue;
        found++;
        assert_int_equal(t->raw_data.len, p->entry[at].count * sizeof(float));
        assert_memory_equal(t->raw_data.data, p->value + p->entry[at].offset, t->raw_data.len);
    }
    assert_int_equal(found, wanted);
}

static inline void check_model(const exported *e)
{
    const Onnx__Model *m = e->model;
    const size_t image[3] = {e->network.channels, HEIGHT, WIDTH};
    assert_int_equal(m->ir_version, 7);
    assert_int_equal(m->n_opset_import, 1);
    assert_int_equal(m->opset_import[0]->version, 13);
    assert_string_equal(m->opset_import[0]->domain, "");
    assert_string_equal(m->producer_name, "simclr");
    assert_int_equal(m->n_metadata_props, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(m->metadata_props[i]->key, SETTINGS[i].key);
        assert_string_equal(m->metadata_props[i]->value, SETTINGS[i].value);
    }
    assert_int_equal(m->graph->n_input, 1);
    check_value(m->graph->input[0], "images", image, 3);
    assert_int_equal(m->graph->n_output, 2);
    check_value(m->graph->output[0], "features", &e->network.dim_h, 1);
    check_value(m->graph->output[1], "z", &e->network.dim_z, 1);
    for (size_t i = 0; i < m->graph->n_node; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(m->graph->node[i]->name, m->graph->node[j]->name);
    check_weights(e);
}

#endif
