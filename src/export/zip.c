/* SPDX-License-Identifier: MIT
 *
 * zip.c - stored ZIP archives; numbers of sections are those of PKWARE's APPNOTE 6.3.
 *
 * The CRC-32 stands before the data, so it is taken first: the data are in memory anyway.
 */
#include "export/zip.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/crc32.h"
#include "core/fs.h"
#include "export/bytes.h"

enum {
    ALIGNMENT = 64,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    EXTRA_BYTES = 4, /* before the padding: an id of two letters, as PyTorch's, and its length */
    NAME_MAX_BYTES = 255,
    MEMBERS_MAX = 65534,
    VERSION = 20,
    UTF8 = 0x0800,
    DATE = 0x21 /* 1 January 1980 */
};

static const uint64_t FILE_MAX = 0xfffffffe;

struct sc_zip {
    sc_fs_writer *writer;
    char path[SC_PATH_MAX];
    uint64_t at; /* bytes written */
    size_t members;
    sc_bytes directory;
};

/* What both headers of a member say, 4.3.7 and 4.3.12. */
typedef struct {
    const char *name;
    uint32_t crc, size, at;
} member;

int sc_zip_open(sc_zip **out, const char *path, simclr_error *err)
{
    *out = NULL;
    sc_zip *zip = sc_alloc(1, sizeof *zip, err);
    if (zip == NULL)
        return SIMCLR_E_MEMORY;
    int rc = sc_fs_writer_open(&zip->writer, path, err);
    if (rc < 0) {
        sc_free(zip);
        return rc;
    }
    snprintf(zip->path, sizeof zip->path, "%s", path);
    *out = zip;
    return 0;
}

static int put(sc_zip *zip, const void *data, size_t size, simclr_error *err)
{
    zip->at += size;
    return size == 0 ? 0 : sc_fs_writer_write(zip->writer, data, size, err);
}

/* From the version that is needed to the length of the name. */
static void put_common(sc_bytes *b, const member *m)
{
    sc_bytes_u16(b, VERSION);
    sc_bytes_u16(b, UTF8);
    sc_bytes_u16(b, 0); /* stored */
    sc_bytes_u16(b, 0); /* midnight */
    sc_bytes_u16(b, DATE);
    sc_bytes_u32(b, m->crc);
    sc_bytes_u32(b, m->size); /* compressed, and not */
    sc_bytes_u32(b, m->size);
    sc_bytes_u16(b, (uint16_t)strlen(m->name));
}

/* The local header, its padding included. */
static int put_local(sc_zip *zip, const member *m, simclr_error *err)
{
    static const char filler[ALIGNMENT + 1] =
        "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
    uint64_t end = zip->at + LOCAL_BYTES + strlen(m->name) + EXTRA_BYTES;
    size_t padding = (ALIGNMENT - end % ALIGNMENT) % ALIGNMENT;
    sc_bytes b = {0};
    sc_bytes_put(&b, "PK\3\4", 4);
    put_common(&b, m);
    sc_bytes_u16(&b, (uint16_t)(EXTRA_BYTES + padding));
    sc_bytes_text(&b, m->name);
    sc_bytes_text(&b, "FB");
    sc_bytes_u16(&b, (uint16_t)padding);
    sc_bytes_put(&b, filler, padding);
    int rc = sc_bytes_check(&b, zip->path, err);
    if (rc == 0)
        rc = put(zip, b.at, b.used, err);
    sc_free(b.at);
    return rc;
}

static void note_central(sc_bytes *b, const member *m)
{
    sc_bytes_put(b, "PK\1\2", 4);
    sc_bytes_u16(b, VERSION); /* of the writer */
    put_common(b, m);
    sc_bytes_u16(b, 0); /* extra field, */
    sc_bytes_u16(b, 0); /* comment, */
    sc_bytes_u16(b, 0); /* disk, */
    sc_bytes_u16(b, 0); /* internal and */
    sc_bytes_u32(b, 0); /* external attributes: none */
    sc_bytes_u32(b, m->at);
    sc_bytes_text(b, m->name);
}

/* Whether a member of this size and the directory after it stay where 32 bits reach. */
static bool has_room(const sc_zip *zip, uint64_t size)
{
    uint64_t headers = zip->at + zip->directory.used + LOCAL_BYTES + CENTRAL_BYTES + END_BYTES +
                       2 * NAME_MAX_BYTES + EXTRA_BYTES + ALIGNMENT + UINT16_MAX;
    return zip->members < MEMBERS_MAX && headers < FILE_MAX && size < FILE_MAX - headers;
}

int sc_zip_add(sc_zip *zip, const char *name, const sc_zip_part *parts, size_t count,
               simclr_error *err)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    if (strlen(name) > NAME_MAX_BYTES)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: the name %.40s... is too long", zip->path,
                       name);
    if (!has_room(zip, size))
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: more than the 4 GiB that .pth and .npz hold here; use "
                       "--format safetensors",
                       zip->path);
    member m = {.name = name, .size = (uint32_t)size, .at = (uint32_t)zip->at};
    for (size_t i = 0; i < count; i++)
        m.crc = sc_crc32(m.crc, parts[i].bytes, parts[i].size);
    int rc = put_local(zip, &m, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = put(zip, parts[i].bytes, parts[i].size, err);
    note_central(&zip->directory, &m);
    zip->members++;
    return rc < 0 ? rc : sc_bytes_check(&zip->directory, zip->path, err);
}

/* 4.3.16 */
static void note_end(sc_zip *zip, size_t directory, const char *comment)
{
    sc_bytes *b = &zip->directory;
    sc_bytes_put(b, "PK\5\6", 4);
    sc_bytes_u16(b, 0); /* this disk, */
    sc_bytes_u16(b, 0); /* that of the directory */
    sc_bytes_u16(b, (uint16_t)zip->members);
    sc_bytes_u16(b, (uint16_t)zip->members);
    sc_bytes_u32(b, (uint32_t)directory);
    sc_bytes_u32(b, (uint32_t)zip->at);
    sc_bytes_u16(b, (uint16_t)strlen(comment));
    sc_bytes_text(b, comment);
}

static void release(sc_zip *zip)
{
    sc_free(zip->directory.at);
    sc_free(zip);
}

int sc_zip_commit(sc_zip *zip, const char *comment, simclr_error *err)
{
    int rc = strlen(comment) <= UINT16_MAX
                 ? 0
                 : sc_fail(err, SIMCLR_E_INTERNAL, "%s: the comment is too long", zip->path);
    if (rc == 0) {
        note_end(zip, zip->directory.used, comment);
        rc = sc_bytes_check(&zip->directory, zip->path, err);
    }
    if (rc == 0)
        rc = put(zip, zip->directory.at, zip->directory.used, err);
    if (rc == 0)
        rc = sc_fs_writer_commit(zip->writer, err);
    else
        sc_fs_writer_abandon(zip->writer);
    release(zip);
    return rc;
}

void sc_zip_abandon(sc_zip *zip)
{
    if (zip == NULL)
        return;
    sc_fs_writer_abandon(zip->writer);
    release(zip);
}
