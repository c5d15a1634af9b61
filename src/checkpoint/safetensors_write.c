/* SPDX-License-Identifier: MIT
 *
 * safetensors_write.c - the writing half of safetensors.h: u64le N | JSON padded to 8 | data.
 *
 * Tensors are sorted as the reference does, by dtype descending and then by name, so that every one
 * starts aligned and equal contents give equal bytes.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/safetensors.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "core/json.h"

static const struct {
    const char *name;
    unsigned bits;
} dtypes[SC_DTYPE_COUNT] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},
    {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},        {"BF16", 16},
    {"I32", 32},    {"U32", 32},    {"F32", 32},    {"C64", 64},        {"F64", 64},
    {"I64", 64},    {"U64", 64},
};

const char *sc_dtype_name(sc_dtype dtype)
{
    return (unsigned)dtype < SC_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

unsigned sc_dtype_bits(sc_dtype dtype)
{
    return (unsigned)dtype < SC_DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

static int compare(const void *a, const void *b)
{
    const sc_tensor_desc *x = *(const sc_tensor_desc *const *)a;
    const sc_tensor_desc *y = *(const sc_tensor_desc *const *)b;
    if (x->dtype != y->dtype)
        return x->dtype > y->dtype ? -1 : 1;
    return strcmp(x->name, y->name);
}

int sc_tensor_bytes(uint64_t *bytes, const char *path, const sc_tensor_desc *t, simclr_error *err)
{
    uint64_t bits = sc_dtype_bits(t->dtype);
    if (bits == 0 || t->ndim > SC_TENSOR_DIMS)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: tensor %s has no valid dtype or rank", path,
                       t->name);
    for (size_t i = 0; i < t->ndim; i++) {
        if (t->shape[i] > INT64_MAX || (bits != 0 && t->shape[i] > INT64_MAX / bits))
            return sc_fail(err, SIMCLR_E_INTERNAL, "%s: tensor %s is too large", path, t->name);
        bits *= t->shape[i];
    }
    if (bits % 8 != 0)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: tensor %s does not fill whole bytes", path,
                       t->name);
    *bytes = bits / 8;
    return 0;
}

uint64_t sc_safetensors_size_bound(const sc_tensor_desc *list, size_t count)
{
    uint64_t total = 4096;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;
        if (sc_tensor_bytes(&bytes, "", &list[i], NULL) == 0)
            total += bytes;
        /* A byte of a name takes at most 6 in JSON, a dimension or an offset at most 21. */
        total += 6 * (uint64_t)strlen(list[i].name) + 21 * (SC_TENSOR_DIMS + 2) + 64;
    }
    return total;
}

static int add_tensor(sc_json *header, uint64_t *offset, const char *path, const sc_tensor_desc *t,
                      simclr_error *err)
{
    uint64_t bytes;
    int rc = sc_tensor_bytes(&bytes, path, t, err);
    if (rc < 0)
        return rc;
    if (strcmp(t->name, "__metadata__") == 0)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: __metadata__ is no name for a tensor", path);
    if (bytes > INT64_MAX - *offset)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: the tensors are too large", path);
    sc_json *entry = sc_json_new_object();
    sc_json *shape = sc_json_new_array();
    sc_json *offsets = sc_json_new_array();
    for (size_t i = 0; i < t->ndim; i++)
        sc_json_append_integer(shape, (int64_t)t->shape[i]);
    sc_json_append_integer(offsets, (int64_t)*offset);
    *offset += bytes;
    sc_json_append_integer(offsets, (int64_t)*offset);
    sc_json_set_string(entry, "dtype", sc_dtype_name(t->dtype));
    sc_json_set(entry, "shape", shape);
    sc_json_set(entry, "data_offsets", offsets);
    sc_json_set(header, t->name, entry);
    return 0;
}

/* Takes the spaces between tokens out, as the reference writes none; the new length. */
static size_t compact(char *text)
{
    size_t used = 0;
    bool quoted = false;
    for (const char *c = text; *c; c++) {
        if (!quoted && *c == ' ')
            continue;
        text[used++] = *c;
        if (quoted && *c == '\\')
            text[used++] = *++c;
        else if (*c == '"')
            quoted = !quoted;
    }
    text[used] = '\0';
    return used;
}

/* Length field, JSON and padding; the caller's, sc_free. */
static int encode_header(unsigned char **out, size_t *size, const char *path, const sc_json *header,
                         simclr_error *err)
{
    char *text;
    int rc = sc_json_dump(&text, header, false, err);
    if (rc < 0)
        return rc;
    size_t length = compact(text);
    size_t padded = (length + 7) / 8 * 8;
    if (padded > SC_SAFETENSORS_HEADER_MAX) {
        sc_free(text);
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: header of more than 100 MB", path);
    }
    *out = sc_alloc(padded + 8, 1, err);
    if (*out == NULL) {
        sc_free(text);
        return SIMCLR_E_MEMORY;
    }
    for (unsigned i = 0; i < 8; i++)
        (*out)[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    memcpy(*out + 8, text, length);
    memset(*out + 8 + length, ' ', padded - length);
    *size = padded + 8;
    sc_free(text);
    return 0;
}

static int write_parts(const char *path, const unsigned char *head, size_t head_size,
                       const sc_tensor_desc *const *sorted, size_t count, simclr_error *err)
{
    sc_fs_writer *writer;
    int rc = sc_fs_writer_open(&writer, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(writer, head, head_size, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint64_t bytes;
        rc = sc_tensor_bytes(&bytes, path, sorted[i], err);
        if (rc == 0 && bytes > 0)
            rc = sc_fs_writer_write(writer, sorted[i]->data, (size_t)bytes, err);
    }
    if (rc < 0) {
        sc_fs_writer_abandon(writer);
        return rc;
    }
    return sc_fs_writer_commit(writer, err);
}

int sc_safetensors_write(const char *path, const sc_tensor_desc *list, size_t count,
                         const sc_string_pair *metadata, size_t metadata_count, simclr_error *err)
{
    const sc_tensor_desc **sorted = sc_alloc(count, sizeof *sorted, err);
    if (sorted == NULL)
        return SIMCLR_E_MEMORY;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &list[i];
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, compare);

    sc_json *header = sc_json_new_object();
    if (metadata_count > 0) {
        sc_json *map = sc_json_new_object();
        for (size_t i = 0; i < metadata_count; i++)
            sc_json_set_string(map, metadata[i].key, metadata[i].value);
        sc_json_set(header, "__metadata__", map);
    }
    uint64_t offset = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_tensor(header, &offset, path, sorted[i], err);
    if (rc == 0 && sc_json_size(header) != count + (metadata_count > 0))
        rc = sc_fail(err, SIMCLR_E_INTERNAL, "%s: two tensors have one name", path);

    unsigned char *head = NULL;
    size_t head_size = 0;
    if (rc == 0)
        rc = encode_header(&head, &head_size, path, header, err);
    if (rc == 0)
        rc = write_parts(path, head, head_size, sorted, count, err);
    sc_free(head);
    sc_json_free(header);
    sc_free(sorted);
    return rc;
}
