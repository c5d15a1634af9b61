/* SPDX-License-Identifier: MIT
 *
 * test_onnx.c - the graph of an export, decoded: well formed, of the operators that the network is made of, with
 * the network's weights; what is left out, and what is refused.
 */
#include "onnx_rig.h"

#include "train/formats.h"

static size_t count_of(const Onnx__Graph *g, const char *op)
{
    size_t count = 0;
    for (size_t i = 0; i < g->n_node; i++)
        count += strcmp(g->node[i]->op_type, op) == 0;
    return count;
}

static void form(void **state)
{
    (void)state;
    static const struct {
        int arch;
        sc_stem stem;
        size_t conv, relu, add, pool; /* as torchvision's graph has them */
    } cases[] = {{18, SC_STEM_CIFAR, 20, 17, 8, 0},
                 {34, SC_STEM_IMAGENET, 36, 33, 16, 1},
                 {50, SC_STEM_IMAGENET, 53, 49, 16, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_network_options o = plain();
        o.encoder.arch = cases[i].arch;
        o.encoder.stem = cases[i].stem;
        exported *e = export(&o);
        const Onnx__Graph *g = e->model->graph;
        check_model(e);
        assert_int_equal(count_of(g, "Conv"), cases[i].conv);
        assert_int_equal(count_of(g, "BatchNormalization"), cases[i].conv);
        assert_int_equal(count_of(g, "Relu"), cases[i].relu + 1); /* and the projector's */
        assert_int_equal(count_of(g, "Add"), cases[i].add);
        assert_int_equal(count_of(g, "MaxPool"), cases[i].pool);
        assert_int_equal(count_of(g, "Gemm"), 2);
        assert_int_equal(g->n_node, 2 * cases[i].conv + cases[i].relu + 1 + cases[i].add +
                                        cases[i].pool + 2 + 2 + 2); /* normalise, pool, Gemm */
        release(e);
    }
}

/* ---- what is left out or refused ---- */

static void parts(void **state)
{
    (void)state;
    sc_network_options options = plain();
    sc_network network;
    simclr_error err;
    char path[SC_PATH_MAX];
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.onnx", &err), &err);
    sct_assert_ok(sc_network_open(&network, &options, &err), &err);
    sc_onnx_options o = {.network = &network, .std = {1, 1, 1}};
    for (int scaled = 0; scaled < 2; scaled++) {
        o.std[2] = scaled ? 0.5F : 1;
        sct_assert_ok(sc_onnx_write(path, &o, &err), &err);
        Onnx__Model *model = decode(path);
        assert_int_equal(model->graph->n_output, 1);
        assert_int_equal(count_of(model->graph, "Gemm"), 0);
        assert_int_equal(count_of(model->graph, "Sub"), 0);
        assert_int_equal(count_of(model->graph, "Div"), scaled);
        assert_int_equal(model->n_metadata_props, 0);
        onnx__model__free_unpacked(model, NULL);
    }
    sc_network_close(&network);
    sct_scratch_remove();
}

static void initializer_is(const Onnx__Graph *g, const char *name, const float *values,
                           size_t count)
{
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__Tensor *t = g->initializer[i];
        if (strcmp(t->name, name) != 0)
            continue;
        assert_int_equal(t->raw_data.len, count * sizeof *values);
        assert_memory_equal(t->raw_data.data, values, t->raw_data.len);
        return;
    }
    fail_msg("no initializer %s", name);
}

/* The configuration says how pixels are normalised, and is in the file. */
static void configured(void **state)
{
    (void)state;
    static const char *const keys[][2] = {{"views.normalize", "own"},
                                          {"views.mean", "0.1, 0.2, 0.3"},
                                          {"views.std", "0.4, 0.5, 0.6"}};
    const float mean[] = {0.1F, 0.2F, 0.3F}, std[] = {0.4F, 0.5F, 0.6F};
    const sc_network_options options = plain();
    const sc_format *format;
    sc_network network;
    sc_config cfg;
    simclr_error err;
    char path[SC_PATH_MAX];
    size_t found = 0;
    sc_config_default(&cfg);
    for (size_t i = 0; i < 3; i++)
        sct_assert_ok(sc_config_set(&cfg, keys[i][0], keys[i][1], SC_ORIGIN_CLI, "test", &err),
                      &err);
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.onnx", &err), &err);
    sct_assert_ok(sc_network_open(&network, &options, &err), &err);
    sct_assert_ok(sc_format_find(&format, NULL, path, &err), &err);
    sct_assert_ok(sc_format_write(path, format, &network, SC_WEIGHTS_ENCODER, &cfg, &err), &err);
    Onnx__Model *m = decode(path);
    initializer_is(m->graph, "mean", mean, 3);
    initializer_is(m->graph, "std", std, 3);
    for (size_t i = 0; i < m->n_metadata_props; i++)
        found += strcmp(m->metadata_props[i]->key, "views.normalize") == 0 &&
                 strcmp(m->metadata_props[i]->value, "own") == 0;
    assert_int_equal(found, 1);
    onnx__model__free_unpacked(m, NULL);
    sc_network_close(&network);
    sct_scratch_remove();
}

static void refused(const sc_network *network, bool projector, const char *part)
{
    simclr_error err;
    char path[SC_PATH_MAX];
    const sc_onnx_options o = {.network = network, .projector = projector, .std = {1, 1, 1}};
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.onnx", &err), &err);
    sct_assert_error(sc_onnx_write(path, &o, &err), &err, SIMCLR_E_USAGE, part);
    assert_false(sc_fs_exists(path));
}

static void refusals(void **state)
{
    (void)state;
    sc_network network;
    simclr_error err;
    sc_network_options o = plain();
    o.projector.norm = sc_norm_defaults(SC_NORM_BATCH);
    o.projector.norm.track_running_stats = false;
    sct_assert_ok(sc_network_open(&network, &o, &err), &err);
    refused(&network, true, "running statistics");
    sc_network_close(&network);
    o.encoder.norm.track_running_stats = false;
    sct_assert_ok(sc_network_open(&network, &o, &err), &err);
    refused(&network, false, "running statistics");
    sc_network_close(&network);
    /* Too large; found before a weight is looked at, so that they need not be there. */
    o = plain();
    o.encoder.arch = 50;
    o.encoder.width = 8;
    sct_assert_ok(sc_network_measure(&network, &o, &err), &err);
    static sc_real nothing;
    network.params.value = &nothing;
    refused(&network, false, "2 GiB");
    network.params.value = NULL;
    sc_network_close(&network);
    sct_scratch_remove();
}

/* Whichever allocation fails: an error, and no file. */
static void without_memory(void **state)
{
    (void)state;
    sc_network_options options = plain();
    sc_network network;
    simclr_error err;
    char path[SC_PATH_MAX];
    int rc = SIMCLR_E_MEMORY;
    options.encoder.norm = sc_norm_defaults(SC_NORM_GROUP);
    options.encoder.norm.num_groups = 4;
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a.onnx", &err), &err);
    sct_assert_ok(sc_network_open(&network, &options, &err), &err);
    const sc_onnx_options o = settings_for(&network);
    for (size_t n = 1; rc == SIMCLR_E_MEMORY; n++) {
        assert_false(sc_fs_exists(path));
        sc_alloc_fail_at(n);
        rc = sc_onnx_write(path, &o, &err);
        assert_true(rc == 0 || err.code == rc);
    }
    sc_alloc_fail_at(0);
    sct_assert_ok(rc, &err);
    sc_network_close(&network);
    sct_scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(form), cmocka_unit_test(parts),
                                       cmocka_unit_test(configured), cmocka_unit_test(refusals),
                                       cmocka_unit_test(without_memory)};
    return sct_run(tests);
}
