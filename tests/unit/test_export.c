/* SPDX-License-Identifier: MIT
 *
 * test_export.c - .npz and .pth hold the tensors of the safetensors file, bit for bit, and the settings.
 */
#include "pickle_reader.h"
#include "zip_reader.h"

#include "checkpoint/safetensors.h"
#include "core/json.h"
#include "export/npy.h"
#include "export/npz.h"
#include "export/pth.h"
#include "train/weights.h"

static const sc_string_pair SETTINGS[] = {{"model.arch", "resnet18"}, {"views.mean", "0.1, \"2\""}};

typedef int (*writer)(const char *path, const sc_tensor_desc *list, size_t count,
                      const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

typedef struct {
    sc_safetensors *st; /* the same tensors as safetensors has them */
    zip_file zip;
    size_t tensors;
    char path[SC_PATH_MAX];
} files;

static void open_network(sc_network *network)
{
    simclr_error err;
    sc_network_options o = {.encoder = sc_encoder_defaults(),
                            .projector = sc_projector_defaults(),
                            .height = 32,
                            .width = 32,
                            .max_rows = 2,
                            .seed = 5};
    o.encoder.width = 0.0625;
    o.projector.hidden[0] = 3000; /* and 96,000 weights: more than one and two bytes count to */
    o.projector.norm = sc_norm_defaults(SC_NORM_BATCH);
    sct_assert_ok(sc_network_open(network, &o, &err), &err);
    for (size_t i = 0; i < network->params.entry_count; i++) {
        const sc_param *p = &network->params.entry[i];
        for (size_t j = 0; j < p->count; j++)
            network->params.value[p->offset + j] =
                p->flags & SC_PARAM_COUNTER ? (sc_real)(7 + i) : (sc_real)sct_uniform(-1, 1);
    }
}

static void write_both(files *f, writer write, sc_weights_part part)
{
    sc_network network;
    sc_weights_tensors tensors;
    simclr_error err;
    char twin[SC_PATH_MAX];
    memset(f, 0, sizeof *f);
    open_network(&network);
    sct_assert_ok(sc_path_join(f->path, sct_scratch(), "a.zip", &err), &err);
    sct_assert_ok(sc_path_join(twin, sct_scratch(), "a.safetensors", &err), &err);
    sct_assert_ok(sc_weights_save(twin, &network, part, NULL, 0, &err), &err);
    sct_assert_ok(sc_weights_describe(&tensors, &network, part, &err), &err);
    sct_assert_ok(write(f->path, tensors.list, tensors.count, SETTINGS, 2, &err), &err);
    f->tensors = tensors.count;
    sc_weights_tensors_free(&tensors);
    sc_network_close(&network);
    sct_assert_ok(sc_safetensors_open(&f->st, twin, &err), &err);
    assert_int_equal(sc_safetensors_count(f->st), f->tensors);
    f->zip = zip_read(f->path);
    for (size_t i = 0; i < f->zip.members; i++)
        assert_int_equal(zip_at(&f->zip, i).offset % 64, 0);
}

static void close_both(files *f)
{
    sc_safetensors_close(f->st);
    zip_free(&f->zip);
    sct_scratch_remove();
}

static void check_array(const files *f, size_t i)
{
    simclr_error err;
    sc_tensor_desc t;
    sc_npy_header h;
    zip_member m = zip_at(&f->zip, i);
    char *extension = strrchr(m.name, '.');
    assert_string_equal(extension, ".npy");
    *extension = '\0';
    sct_assert_ok(sc_safetensors_find(f->st, m.name, &t, &err), &err);
    sct_assert_ok(sc_npy_parse(&h, m.data, m.size, m.name, &err), &err);
    assert_int_equal(h.type, t.dtype == SC_DTYPE_I64 ? SC_NPY_I64 : SC_NPY_F32);
    assert_int_equal(h.offset % 64, 0);
    assert_false(h.fortran_order);
    assert_int_equal(h.ndim, t.ndim);
    assert_memory_equal(h.shape, t.shape, t.ndim * sizeof *t.shape);
    assert_int_equal(h.size, t.size);
    assert_memory_equal(m.data + h.offset, t.data, t.size);
}

static void npz(void **state)
{
    (void)state;
    files f;
    sc_json *json;
    simclr_error err;
    for (int part = SC_WEIGHTS_ENCODER; part <= SC_WEIGHTS_ALL; part++) {
        write_both(&f, sc_npz_write, (sc_weights_part)part);
        assert_int_equal(f.zip.members, f.tensors);
        size_t projector = 0;
        for (size_t i = 0; i < f.zip.members; i++) {
            check_array(&f, i);
            projector += strncmp(zip_at(&f.zip, i).name, "projector.", 10) == 0;
        }
        assert_int_equal(projector, part == SC_WEIGHTS_ALL ? 9 : 0);
        assert_string_equal(zip_at(&f.zip, 0).name, "conv1.weight.npy"); /* torchvision's order */
        sct_assert_ok(sc_json_parse(&json, f.zip.comment, strlen(f.zip.comment), "comment", &err),
                      &err);
        assert_int_equal(sc_json_size(json), 2);
        for (size_t i = 0; i < 2; i++)
            assert_string_equal(sc_json_string(sc_json_get(json, SETTINGS[i].key)),
                                SETTINGS[i].value);
        sc_json_free(json);
        close_both(&f);
    }
}

/* Item i of a tuple or dict. */
static const pk_object *item(const pk_machine *m, const pk_object *of, size_t i)
{
    assert_true(i < of->count);
    return &m->pool[m->items[of->first + i]];
}

/* The tuple is (1, 2, 3) for {1, 2, 3}. */
static void tuple_is(const pk_machine *m, const pk_object *tuple, const uint64_t *values,
                     size_t count)
{
    assert_int_equal(tuple->kind, PK_TUPLE);
    assert_int_equal(tuple->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(item(m, tuple, i)->number, values[i]);
}

static const char *storage_member(const pk_machine *m, const pk_object *storage,
                                  const sc_tensor_desc *t, uint64_t count)
{
    static char name[120];
    assert_int_equal(storage->id, 1);
    assert_int_equal(storage->count, 5);
    assert_string_equal(item(m, storage, 0)->text, "storage");
    assert_string_equal(item(m, storage, 1)->text,
                        t->dtype == SC_DTYPE_I64 ? "torch LongStorage" : "torch FloatStorage");
    assert_string_equal(item(m, storage, 3)->text, "cpu");
    assert_int_equal(item(m, storage, 4)->number, count);
    snprintf(name, sizeof name, "archive/data/%s", item(m, storage, 2)->text);
    return name;
}

static void check_tensor(const files *f, const pk_machine *m, const char *name,
                         const pk_object *tensor)
{
    sc_tensor_desc t;
    simclr_error err;
    uint64_t stride[SC_TENSOR_DIMS], count = 1;
    sct_assert_ok(sc_safetensors_find(f->st, name, &t, &err), &err);
    for (size_t i = t.ndim; i-- > 0; count *= t.shape[i])
        stride[i] = count;
    assert_string_equal(tensor->text, "torch._utils _rebuild_tensor_v2");
    const pk_object *arguments = &m->pool[tensor->called - 1];
    assert_int_equal(arguments->count, 6);
    zip_member data = zip_find(&f->zip, storage_member(m, item(m, arguments, 0), &t, count));
    assert_int_equal(data.size, t.size);
    assert_memory_equal(data.data, t.data, t.size);
    assert_int_equal(item(m, arguments, 1)->number, 0);
    tuple_is(m, item(m, arguments, 2), t.shape, t.ndim);
    tuple_is(m, item(m, arguments, 3), stride, t.ndim);
    assert_int_equal(item(m, arguments, 4)->kind, PK_FALSE);
    assert_string_equal(item(m, arguments, 5)->text, "collections OrderedDict");
}

static void check_settings(const pk_machine *m, const pk_object *dict)
{
    const pk_object *attributes = &m->pool[dict->state - 1];
    assert_int_equal(attributes->count, 2);
    assert_string_equal(item(m, attributes, 0)->text, "metadata");
    const pk_object *settings = item(m, attributes, 1);
    assert_int_equal(settings->count, 4);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(item(m, settings, 2 * i)->text, SETTINGS[i].key);
        assert_string_equal(item(m, settings, 2 * i + 1)->text, SETTINGS[i].value);
    }
}

static void pth(void **state)
{
    (void)state;
    files f;
    pk_machine m = {.pool = sc_alloc(PK_POOL, sizeof *m.pool, NULL),
                    .items = sc_alloc(PK_POOL, sizeof *m.items, NULL)};
    assert_true(m.pool != NULL && m.items != NULL);
    write_both(&f, sc_pth_write, SC_WEIGHTS_ALL);
    assert_int_equal(f.zip.members, f.tensors + 3);
    /* torch.load takes the first member's folder for that of all. */
    zip_member pickle = zip_at(&f.zip, 0);
    assert_string_equal(pickle.name, "archive/data.pkl");
    assert_memory_equal(zip_find(&f.zip, "archive/version").data, "3\n", 2);
    assert_memory_equal(zip_find(&f.zip, "archive/byteorder").data, "little", 6);
    const pk_object *dict = &m.pool[pk_run(&m, pickle.data, pickle.size)];
    assert_string_equal(dict->text, "collections OrderedDict");
    assert_int_equal(dict->count, 2 * f.tensors);
    for (size_t i = 0; i < f.tensors; i++)
        check_tensor(&f, &m, item(&m, dict, 2 * i)->text, item(&m, dict, 2 * i + 1));
    assert_string_equal(item(&m, dict, 0)->text, "conv1.weight");
    check_settings(&m, dict);
    close_both(&f);
    sc_free(m.items);
    sc_free(m.pool);
}

/* What neither format has a type for. */
static void refusals(void **state)
{
    (void)state;
    simclr_error err;
    char path[SC_PATH_MAX];
    const sc_tensor_desc half = {
        .name = "half", .dtype = SC_DTYPE_F16, .ndim = 1, .shape = {1}, .data = "ab"};
    sct_assert_ok(sc_path_join(path, sct_scratch(), "a", &err), &err);
    sct_assert_error(sc_npz_write(path, &half, 1, NULL, 0, &err), &err, SIMCLR_E_INTERNAL, "half");
    sct_assert_error(sc_pth_write(path, &half, 1, NULL, 0, &err), &err, SIMCLR_E_INTERNAL, "half");
    assert_false(sc_fs_exists(path));
    sct_scratch_remove();
}

/* Whichever allocation fails: an error, and no file. */
static void without_memory(void **state)
{
    (void)state;
    static const writer writers[] = {sc_npz_write, sc_pth_write};
    const float number = 1;
    const sc_tensor_desc one = {.name = "one", .dtype = SC_DTYPE_F32, .data = &number};
    for (int i = 0; i < 2; i++) {
        simclr_error err;
        char path[SC_PATH_MAX];
        int rc = SIMCLR_E_MEMORY;
        sct_assert_ok(sc_path_join(path, sct_scratch(), "a", &err), &err);
        for (size_t n = 1; rc == SIMCLR_E_MEMORY; n++) {
            assert_false(sc_fs_exists(path));
            sc_alloc_fail_at(n);
            rc = writers[i](path, &one, 1, SETTINGS, 2, &err);
            assert_true(rc == 0 || err.code == rc);
        }
        sc_alloc_fail_at(0);
        sct_assert_ok(rc, &err);
        sct_scratch_remove();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(npz), cmocka_unit_test(pth),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(without_memory)};
    return sct_run(tests);
}
