/* SPDX-License-Identifier: MIT
 *
 * zip_reader.h - reads stored ZIP archives, from their end as unzip does, for the tests of what we write.
 */
#ifndef SCT_UNIT_ZIP_READER_H
#define SCT_UNIT_ZIP_READER_H

#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"

typedef struct {
    unsigned char *bytes;
    size_t size, members, directory; /* where it begins */
    char comment[8192];
} zip_file;

typedef struct {
    char name[256];
    const unsigned char *data;
    size_t size, offset; /* of the data in the file */
} zip_member;

static inline uint32_t zip_number(const unsigned char *at, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* Bit by bit, as the polynomial says. */
static inline uint32_t zip_crc(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static inline zip_file zip_read(const char *path)
{
    zip_file z = {0};
    void *bytes;
    simclr_error err;
    sct_assert_ok(sc_fs_read(&bytes, &z.size, path, 1 << 24, &err), &err);
    z.bytes = bytes;
    size_t end = z.size - 22;
    while (end > 0 && memcmp(z.bytes + end, "PK\5\6", 4) != 0)
        end--;
    size_t comment = zip_number(z.bytes + end + 20, 2);
    assert_int_equal(end + 22 + comment, z.size);
    assert_true(comment < sizeof z.comment);
    memcpy(z.comment, z.bytes + end + 22, comment);
    z.members = zip_number(z.bytes + end + 8, 2);
    assert_int_equal(z.members, zip_number(z.bytes + end + 10, 2));
    z.directory = zip_number(z.bytes + end + 16, 4);
    assert_int_equal(z.directory + zip_number(z.bytes + end + 12, 4), end);
    return z;
}

static inline void zip_free(zip_file *z)
{
    sc_free(z->bytes);
}

/* Member number i, after its two headers and its checksum were found to agree. */
static inline zip_member zip_at(const zip_file *z, size_t i)
{
    zip_member m = {0};
    const unsigned char *c = z->bytes + z->directory;
    for (; i > 0; i--)
        c += 46 + zip_number(c + 28, 2) + zip_number(c + 30, 2) + zip_number(c + 32, 2);
    assert_memory_equal(c, "PK\1\2", 4);
    size_t length = zip_number(c + 28, 2), local = zip_number(c + 42, 4);
    assert_true(length < sizeof m.name);
    memcpy(m.name, c + 46, length);
    m.size = zip_number(c + 24, 4);
    const unsigned char *l = z->bytes + local;
    assert_memory_equal(l, "PK\3\4", 4);
    assert_memory_equal(l + 4, c + 6, 24); /* version to length of the name */
    assert_memory_equal(l + 30, m.name, length);
    assert_int_equal(zip_number(l + 8, 2), 0); /* stored */
    assert_int_equal(zip_number(l + 18, 4), m.size);
    m.offset = local + 30 + length + zip_number(l + 28, 2);
    assert_true(m.offset + m.size <= z->directory);
    m.data = z->bytes + m.offset;
    assert_int_equal(zip_number(l + 14, 4), zip_crc(m.data, m.size));
    return m;
}

/* The member of this name. */
static inline zip_member zip_find(const zip_file *z, const char *name)
{
    for (size_t i = 0; i < z->members; i++) {
        zip_member m = zip_at(z, i);
        if (strcmp(m.name, name) == 0)
            return m;
    }
    fail_msg("no member %s", name);
    return (zip_member){0};
}

#endif
