/* SPDX-License-Identifier: MIT
 *
 * npy.c - writes what numpy.save would, and reads headers by a small strict grammar:
 *
 *   { 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   spaces, newline
 */
#include "export/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fs.h"

enum { HEADER_MAX = 10000, ALIGNMENT = 64 };

static const struct {
    const char *descr;
    unsigned bytes;
} types[] = {{"<f4", 4}, {"<f8", 8}, {"<i8", 8}, {"<i4", 4}, {"|u1", 1}, {"<f2", 2}};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* False when the product overflows. */
static bool data_bytes(uint64_t *bytes, sc_npy_type type, const uint64_t *shape, size_t ndim)
{
    *bytes = types[type].bytes;
    for (size_t i = 0; i < ndim; i++) {
        if (shape[i] != 0 && *bytes > INT64_MAX / shape[i])
            return false;
        *bytes *= shape[i];
    }
    return true;
}

size_t sc_npy_put_header(char out[SC_NPY_HEADER], sc_npy_type type, const uint64_t *shape,
                         size_t ndim)
{
    char dims[96] = "";
    size_t used = 0;
    for (size_t i = 0; i < ndim; i++)
        used += (size_t)snprintf(dims + used, sizeof dims - used, "%s%" PRIu64 "%s",
                                 i > 0 ? ", " : "", shape[i], ndim == 1 ? "," : "");
    int n = snprintf(out + 10, SC_NPY_HEADER - 10,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", types[type].descr,
                     dims);
    size_t total = 10 + (size_t)n + 1;
    size_t padded = (total + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)((padded - 10) & 0xff);
    out[9] = (char)((padded - 10) >> 8);
    memset(out + 10 + n, ' ', padded - 10 - (size_t)n);
    out[padded - 1] = '\n';
    return padded;
}

int sc_npy_write(const char *path, const void *data, sc_npy_type type, const uint64_t *shape,
                 size_t ndim, simclr_error *err)
{
    char header[SC_NPY_HEADER];
    uint64_t bytes;
    sc_fs_writer *writer;
    if (ndim > SC_NPY_DIMS || (unsigned)type >= TYPE_COUNT ||
        !data_bytes(&bytes, type, shape, ndim) || bytes > SIZE_MAX / 2)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: no shape for a .npy file", path);
    size_t size = sc_npy_put_header(header, type, shape, ndim);
    int rc = sc_fs_writer_open(&writer, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(writer, header, size, err);
    if (rc == 0 && bytes > 0)
        rc = sc_fs_writer_write(writer, data, (size_t)bytes, err);
    if (rc < 0) {
        sc_fs_writer_abandon(writer);
        return rc;
    }
    return sc_fs_writer_commit(writer, err);
}

/* Reading: a cursor over the header's text. */
typedef struct {
    const char *at, *end;
} cursor;

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

static bool take(cursor *c, const char *text)
{
    skip_spaces(c);
    size_t n = strlen(text);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, text, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* 'text' or "text" of less than `room` bytes, without escapes. */
static bool take_string(char *out, size_t room, cursor *c)
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote) {
        if (*c->at == '\\' || n + 1 >= room)
            return false;
        out[n++] = *c->at++;
    }
    out[n] = '\0';
    return c->at < c->end && *c->at++ == quote;
}

static bool take_number(uint64_t *out, cursor *c)
{
    skip_spaces(c);
    const char *start = c->at;
    *out = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        uint64_t digit = (uint64_t)(*c->at - '0');
        if (*out > (INT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return c->at > start;
}

static bool take_shape(sc_npy_header *h, cursor *c)
{
    if (!take(c, "("))
        return false;
    h->ndim = 0;
    while (!take(c, ")")) {
        if (h->ndim == SC_NPY_DIMS || !take_number(&h->shape[h->ndim], c))
            return false;
        h->ndim++;
        if (!take(c, ",")) {
            /* (3) is a number and not a tuple. */
            return h->ndim > 1 && take(c, ")");
        }
    }
    return true;
}

/* All three keys, each once; returns what is wrong, or NULL. */
static const char *take_dict(sc_npy_header *h, char descr[32], cursor *c)
{
    char key[32];
    unsigned seen = 0;
    if (!take(c, "{"))
        return "its header is not a dictionary";
    while (!take(c, "}")) {
        if (!take_string(key, sizeof key, c) || !take(c, ":"))
            return "its header has a key that makes no sense";
        unsigned bit = strcmp(key, "descr") == 0           ? 1
                       : strcmp(key, "fortran_order") == 0 ? 2
                       : strcmp(key, "shape") == 0         ? 4
                                                           : 0;
        if (bit == 0 || (seen & bit) != 0)
            return "its header has an unknown or repeated key";
        seen |= bit;
        if (bit == 1 && !take_string(descr, 32, c))
            return "it is not an array of one plain type";
        if (bit == 2) {
            h->fortran_order = take(c, "True");
            if (!h->fortran_order && !take(c, "False"))
                return "its fortran_order is neither True nor False";
        }
        if (bit == 4 && !take_shape(h, c))
            return "its shape is not a tuple of at most 4 whole numbers";
        if (!take(c, ",") && (c->at == c->end || *c->at != '}'))
            return "its header is cut short";
    }
    skip_spaces(c);
    if (seen != 7 || c->at != c->end)
        return "its header lacks a key or goes on after the dictionary";
    return NULL;
}

static int parse_dict(sc_npy_header *out, cursor *c, size_t rest, const char *name,
                      simclr_error *err)
{
    char descr[32] = "";
    uint64_t bytes;
    const char *fact = take_dict(out, descr, c);
    if (fact != NULL)
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: %s; not a .npy file to be read here", name, fact);
    unsigned t = 0;
    while (t < TYPE_COUNT && strcmp(descr, types[t].descr) != 0)
        t++;
    if (t == TYPE_COUNT)
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: elements of type '%s'; float16/32/64, int32/64 and uint8 are read here",
                       name, descr);
    out->type = (sc_npy_type)t;
    if (!data_bytes(&bytes, out->type, out->shape, out->ndim) || bytes != rest)
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: %zu bytes of data do not match the shape; the file is damaged", name,
                       rest);
    out->size = rest;
    return 0;
}

int sc_npy_parse(sc_npy_header *out, const void *bytes, size_t size, const char *name,
                 simclr_error *err)
{
    const unsigned char *b = bytes;
    memset(out, 0, sizeof *out);
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: not a .npy file", name);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0 || (b[6] > 1 && size < 12))
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: .npy version %d.%d; 1.0 to 3.0 are read here",
                       name, b[6], b[7]);
    size_t start = b[6] == 1 ? 10 : 12;
    size_t length = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > HEADER_MAX || length > size - start)
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: a header of %zu bytes; the file is damaged", name,
                       length);
    out->offset = start + length;
    cursor c = {(const char *)b + start, (const char *)b + start + length};
    return parse_dict(out, &c, size - out->offset, name, err);
}
