/* SPDX-License-Identifier: MIT
 *
 * pth.c - the pickle of a state_dict, protocol 2, and the archive around it.
 *
 * A pickle is a program for a stack machine; each opcode is one letter.  A tensor is
 *
 *   torch._utils._rebuild_tensor_v2(STORAGE, offset 0, size, stride, False, OrderedDict())
 *
 * where STORAGE is the persistent id ('storage', torch.FloatStorage, 'k', 'cpu', count).
 */
#include "export/pth.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "export/bytes.h"
#include "export/zip.h"

/* Opcodes of pickletools.py, under its names. */
#define PROTO_2 "\x80\x02"
#define GLOBAL(module, name) "c" module "\n" name "\n"
#define MARK "("
#define TUPLE "t" /* of what is above the mark */
#define EMPTY_TUPLE ")"
#define EMPTY_DICT "}"
#define SETITEMS "u" /* of the dict under the mark */
#define REDUCE "R"   /* call */
#define BUILD "b"    /* attributes */
#define BINPERSID "Q"
#define NEWFALSE "\x89"
#define STOP "."
#define ORDERED_DICT GLOBAL("collections", "OrderedDict") EMPTY_TUPLE REDUCE

static void put_string(sc_bytes *b, const char *text)
{
    sc_bytes_put(b, "X", 1);
    sc_bytes_u32(b, (uint32_t)strlen(text));
    sc_bytes_text(b, text);
}

/* BININT1, BININT2 or BININT: sizes stay below 2^31, as a ZIP member of 4 GiB holds fewer than 2^30 numbers. */
static void put_integer(sc_bytes *b, uint64_t value)
{
    unsigned char small = (unsigned char)value;
    if (value < 256) {
        sc_bytes_put(b, "K", 1);
        sc_bytes_put(b, &small, 1);
    } else if (value < 65536) {
        sc_bytes_put(b, "M", 1);
        sc_bytes_u16(b, (uint16_t)value);
    } else {
        sc_bytes_put(b, "J", 1);
        sc_bytes_u32(b, (uint32_t)value);
    }
}

static void put_tuple(sc_bytes *b, const uint64_t *values, size_t count)
{
    if (count == 0) {
        sc_bytes_text(b, EMPTY_TUPLE);
        return;
    }
    sc_bytes_text(b, MARK);
    for (size_t i = 0; i < count; i++)
        put_integer(b, values[i]);
    sc_bytes_text(b, TUPLE);
}

static void put_tensor(sc_bytes *b, const sc_tensor_desc *t, size_t k)
{
    uint64_t stride[SC_TENSOR_DIMS], count = 1;
    char key[24];
    for (size_t i = t->ndim; i-- > 0;) {
        stride[i] = count;
        count *= t->shape[i];
    }
    snprintf(key, sizeof key, "%zu", k);
    sc_bytes_text(b, GLOBAL("torch._utils", "_rebuild_tensor_v2") MARK MARK);
    put_string(b, "storage");
    sc_bytes_text(b, t->dtype == SC_DTYPE_F32 ? GLOBAL("torch", "FloatStorage")
                                              : GLOBAL("torch", "LongStorage"));
    put_string(b, key);
    put_string(b, "cpu");
    put_integer(b, count);
    sc_bytes_text(b, TUPLE BINPERSID);
    put_integer(b, 0);
    put_tuple(b, t->shape, t->ndim);
    put_tuple(b, stride, t->ndim);
    sc_bytes_text(b, NEWFALSE ORDERED_DICT TUPLE REDUCE);
}

static void put_dict(sc_bytes *b, const sc_tensor_desc *list, size_t count,
                     const sc_string_pair *metadata, size_t metadata_count)
{
    sc_bytes_text(b, PROTO_2 ORDERED_DICT MARK);
    for (size_t k = 0; k < count; k++) {
        put_string(b, list[k].name);
        put_tensor(b, &list[k], k);
    }
    sc_bytes_text(b, SETITEMS EMPTY_DICT MARK);
    put_string(b, "metadata");
    sc_bytes_text(b, EMPTY_DICT MARK);
    for (size_t i = 0; i < metadata_count; i++) {
        put_string(b, metadata[i].key);
        put_string(b, metadata[i].value);
    }
    sc_bytes_text(b, SETITEMS SETITEMS BUILD STOP);
}

static int add_text(sc_zip *zip, const char *name, const char *text, simclr_error *err)
{
    const sc_zip_part part = {text, strlen(text)};
    return sc_zip_add(zip, name, &part, 1, err);
}

static int add_storage(sc_zip *zip, const char *path, const sc_tensor_desc *t, size_t k,
                       simclr_error *err)
{
    char name[40];
    uint64_t bytes;
    int rc = sc_tensor_bytes(&bytes, path, t, err);
    if (rc < 0)
        return rc;
    if (t->dtype != SC_DTYPE_F32 && t->dtype != SC_DTYPE_I64)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: %s is no tensor for a .pth file", path,
                       t->name);
    snprintf(name, sizeof name, "archive/data/%zu", k);
    const sc_zip_part part = {t->data, (size_t)bytes};
    return sc_zip_add(zip, name, &part, 1, err);
}

int sc_pth_write(const char *path, const sc_tensor_desc *list, size_t count,
                 const sc_string_pair *metadata, size_t metadata_count, simclr_error *err)
{
    sc_zip *zip;
    sc_bytes pickle = {0};
    put_dict(&pickle, list, count, metadata, metadata_count);
    int rc = sc_bytes_check(&pickle, path, err);
    if (rc == 0)
        rc = sc_zip_open(&zip, path, err);
    if (rc < 0) {
        sc_free(pickle.at);
        return rc;
    }
    const sc_zip_part part = {pickle.at, pickle.used};
    rc = sc_zip_add(zip, "archive/data.pkl", &part, 1, err);
    if (rc == 0)
        rc = add_text(zip, "archive/byteorder", "little", err);
    for (size_t k = 0; rc == 0 && k < count; k++)
        rc = add_storage(zip, path, &list[k], k, err);
    if (rc == 0)
        rc = add_text(zip, "archive/version", "3\n", err);
    if (rc == 0)
        rc = sc_zip_commit(zip, "", err);
    else
        sc_zip_abandon(zip);
    sc_free(pickle.at);
    return rc;
}
