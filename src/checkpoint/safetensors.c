/* SPDX-License-Identifier: MIT
 *
 * safetensors.c - the reading half of safetensors.h.  Nothing of the file is believed.
 *
 * N is checked against the cap and the file before the header is parsed; then the tensors, sorted
 * by offset, must tile the data exactly: begin_0 = 0, begin_i = end_{i-1}, last end = size.
 */
#include "checkpoint/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/json.h"

typedef struct {
    sc_tensor_desc desc;
    uint64_t begin, end;
} entry;

struct sc_safetensors {
    void *owned; /* the file, when this module read it */
    const unsigned char *data;
    uint64_t data_size;
    char file[256]; /* printable name, for errors */
    sc_json *header;
    entry *list;
    size_t count, used;
    const sc_json *metadata;
    simclr_error *err; /* during parsing */
};

static int bad(sc_safetensors *st, const char *tensor, const char *fact)
{
    char name[96];
    sc_printable(name, sizeof name, tensor);
    return sc_fail(st->err, SIMCLR_E_CHECKPOINT, "%s: tensor \"%s\" %s; the file is damaged",
                   st->file, name, fact);
}

/* First character of its text: '{' for an object, '[' for an array. */
static char kind_of(const sc_json *json)
{
    char *text;
    if (json == NULL || sc_json_dump(&text, json, false, NULL) < 0)
        return '\0';
    char kind = text[0];
    sc_free(text);
    return kind;
}

static int check_metadata(void *context, const char *key, const sc_json *value)
{
    sc_safetensors *st = context;
    (void)key;
    if (sc_json_string(value) == NULL)
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT, "%s: __metadata__ may hold only strings",
                       st->file);
    return 0;
}

static int read_shape(uint64_t *bytes, sc_safetensors *st, sc_tensor_desc *t, const sc_json *object)
{
    const char *dtype = sc_json_string(sc_json_get(object, "dtype"));
    const sc_json *shape = sc_json_get(object, "shape");
    if (dtype == NULL || kind_of(shape) != '[')
        return bad(st, t->name, "has no dtype or shape");
    for (t->dtype = 0; t->dtype < SC_DTYPE_COUNT; t->dtype++)
        if (strcmp(dtype, sc_dtype_name(t->dtype)) == 0)
            break;
    if (t->dtype == SC_DTYPE_COUNT)
        return bad(st, t->name, "has an unknown dtype");
    t->ndim = sc_json_size(shape);
    if (t->ndim > SC_TENSOR_DIMS)
        return bad(st, t->name, "has more than 8 dimensions");
    uint64_t bits = sc_dtype_bits(t->dtype);
    bool overflow = false;
    for (size_t i = 0; i < t->ndim; i++) {
        int64_t n;
        if (!sc_json_integer(&n, sc_json_at(shape, i)) || n < 0)
            return bad(st, t->name, "has a dimension that is not a whole number");
        t->shape[i] = (uint64_t)n;
        overflow = overflow || (n > 0 && bits > UINT64_MAX / (uint64_t)n);
        bits *= (uint64_t)n;
    }
    if (overflow)
        return bad(st, t->name, "has a shape that overflows");
    if (bits % 8 != 0)
        return bad(st, t->name, "does not fill whole bytes");
    *bytes = bits / 8;
    return 0;
}

static int add_entry(void *context, const char *key, const sc_json *value)
{
    sc_safetensors *st = context;
    if (strcmp(key, "__metadata__") == 0) {
        st->metadata = value;
        if (kind_of(value) != '{')
            return sc_fail(st->err, SIMCLR_E_CHECKPOINT, "%s: __metadata__ is not an object",
                           st->file);
        return sc_json_each(value, check_metadata, st);
    }
    entry *e = &st->list[st->used];
    e->desc.name = key;
    uint64_t bytes = 0;
    int rc = read_shape(&bytes, st, &e->desc, value);
    if (rc < 0)
        return rc;
    if (sc_json_size(value) != 3)
        return bad(st, key, "has an unknown member");
    const sc_json *offsets = sc_json_get(value, "data_offsets");
    int64_t begin, end;
    if (sc_json_size(offsets) != 2 || !sc_json_integer(&begin, sc_json_at(offsets, 0)) ||
        !sc_json_integer(&end, sc_json_at(offsets, 1)) || begin < 0 || end < begin)
        return bad(st, key, "has no valid data_offsets");
    e->begin = (uint64_t)begin;
    e->end = (uint64_t)end;
    if (e->end > st->data_size)
        return bad(st, key, "ends behind the end of the file");
    if (e->end - e->begin != bytes)
        return bad(st, key, "has offsets that do not match its shape");
    e->desc.data = st->data + e->begin;
    e->desc.size = (size_t)bytes;
    st->used++;
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->desc.name, y->desc.name);
}

static int check_tiling(sc_safetensors *st)
{
    uint64_t expected = 0;
    if (st->used > 0)
        qsort(st->list, st->used, sizeof *st->list, by_offset);
    for (size_t i = 0; i < st->used; i++) {
        if (st->list[i].begin != expected)
            return bad(st, st->list[i].desc.name, "overlaps another or follows a hole");
        expected = st->list[i].end;
    }
    if (expected != st->data_size)
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT,
                       "%s: %llu bytes of data but the tensors take %llu; the file is damaged",
                       st->file, (unsigned long long)st->data_size, (unsigned long long)expected);
    return 0;
}

/* What torch.save writes: a zip, or of old a pickle of protocol 2 or later.  As the length of a header, either
 * is one that a file without its '{' cannot have. */
static bool is_of_torch(const unsigned char *bytes, size_t size)
{
    bool zip = memcmp(bytes, "PK\3\4", 4) == 0;
    bool pickle = bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
    return (zip || pickle) && (size == 8 || bytes[8] != '{');
}

static int parse(sc_safetensors *st, const unsigned char *bytes, size_t size)
{
    if (size < 8)
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT, "%s: %zu bytes are no safetensors file",
                       st->file, size);
    if (is_of_torch(bytes, size))
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT,
                       "%s: a file of torch.save, not safetensors; in Python:\n"
                       "  import torch, safetensors.torch\n"
                       "  d = torch.load(FILE, map_location='cpu', weights_only=True)\n"
                       "  safetensors.torch.save_file(d.get('state_dict', d), 'model.safetensors')",
                       st->file);
    uint64_t length = 0;
    for (unsigned i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > SC_SAFETENSORS_HEADER_MAX)
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT,
                       "%s: a header of %llu bytes is more than the 100 MB allowed; not a "
                       "safetensors file?",
                       st->file, (unsigned long long)length);
    if (length > size - 8)
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT,
                       "%s: header of %llu bytes in a file of %zu; the file is cut short", st->file,
                       (unsigned long long)length, size);
    if (length < 2 || bytes[8] != '{')
        return sc_fail(st->err, SIMCLR_E_CHECKPOINT, "%s: the header is not a JSON object",
                       st->file);
    st->data = bytes + 8 + length;
    st->data_size = size - 8 - length;
    int rc = sc_json_parse(&st->header, (const char *)bytes + 8, (size_t)length, st->file, st->err);
    if (rc == SIMCLR_E_FORMAT) { /* a damaged model, for the program's exit code */
        rc = SIMCLR_E_CHECKPOINT;
        if (st->err != NULL)
            st->err->code = rc;
    }
    if (rc < 0)
        return rc;
    st->count = sc_json_size(st->header);
    st->list = sc_alloc(st->count, sizeof *st->list, st->err);
    if (st->list == NULL)
        return SIMCLR_E_MEMORY;
    rc = sc_json_each(st->header, add_entry, st);
    return rc < 0 ? rc : check_tiling(st);
}

int sc_safetensors_parse(sc_safetensors **out, const void *bytes, size_t size, const char *name,
                         simclr_error *err)
{
    sc_safetensors *st = sc_alloc(1, sizeof *st, err);
    *out = NULL;
    if (st == NULL)
        return SIMCLR_E_MEMORY;
    st->err = err;
    sc_printable(st->file, sizeof st->file, name);
    int rc = parse(st, bytes, size);
    st->err = NULL;
    if (rc < 0) {
        sc_safetensors_close(st);
        return rc;
    }
    *out = st;
    return 0;
}

int sc_safetensors_open(sc_safetensors **out, const char *path, simclr_error *err)
{
    void *bytes;
    size_t size;
    *out = NULL;
    int rc = sc_fs_read(&bytes, &size, path, SIZE_MAX / 2, err);
    if (rc < 0)
        return rc;
    rc = sc_safetensors_parse(out, bytes, size, path, err);
    if (rc < 0)
        sc_free(bytes);
    else
        (*out)->owned = bytes;
    return rc;
}

void sc_safetensors_close(sc_safetensors *st)
{
    if (st == NULL)
        return;
    sc_json_free(st->header);
    sc_free(st->list);
    sc_free(st->owned);
    sc_free(st);
}

size_t sc_safetensors_count(const sc_safetensors *st)
{
    return st->used;
}

const sc_tensor_desc *sc_safetensors_at(const sc_safetensors *st, size_t index)
{
    return index < st->used ? &st->list[index].desc : NULL;
}

int sc_safetensors_find(const sc_safetensors *st, const char *name, sc_tensor_desc *out,
                        simclr_error *err)
{
    for (size_t i = 0; i < st->used; i++) {
        if (strcmp(st->list[i].desc.name, name) == 0) {
            *out = st->list[i].desc;
            return 0;
        }
    }
    return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: there is no tensor %s", st->file, name);
}

const char *sc_safetensors_metadata(const sc_safetensors *st, const char *key)
{
    return sc_json_string(sc_json_get(st->metadata, key));
}

void sc_safetensors_strip(sc_safetensors *st, const char *prefix)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < st->used; i++) {
        sc_tensor_desc *t = &st->list[i].desc;
        if (strncmp(t->name, prefix, length) == 0)
            t->name += length;
    }
}
