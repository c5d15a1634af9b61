/* SPDX-License-Identifier: MIT
 *
 * bytes.c - bytes in memory that grow by doubling; a failure is remembered and told by sc_bytes_check.
 */
#include "export/bytes.h"

#include <string.h>

#include "core/alloc.h"

enum { FIRST_ROOM = 4096 };

static void grow(sc_bytes *b, size_t size)
{
    size_t room = b->room > 0 ? b->room : FIRST_ROOM;
    while (room - b->used < size)
        room *= 2;
    unsigned char *at = sc_alloc(room, 1, NULL);
    if (at == NULL) {
        b->code = SIMCLR_E_MEMORY;
        return;
    }
    if (b->used > 0)
        memcpy(at, b->at, b->used);
    sc_free(b->at);
    b->at = at;
    b->room = room;
}

void sc_bytes_put(sc_bytes *b, const void *data, size_t size)
{
    if (b->code == 0 && b->room - b->used < size)
        grow(b, size);
    if (b->code != 0 || size == 0)
        return;
    memcpy(b->at + b->used, data, size);
    b->used += size;
}

void sc_bytes_text(sc_bytes *b, const char *text)
{
    sc_bytes_put(b, text, strlen(text));
}

void sc_bytes_u16(sc_bytes *b, uint16_t value)
{
    const unsigned char bytes[2] = {(unsigned char)value, (unsigned char)(value >> 8)};
    sc_bytes_put(b, bytes, sizeof bytes);
}

void sc_bytes_u32(sc_bytes *b, uint32_t value)
{
    sc_bytes_u16(b, (uint16_t)value);
    sc_bytes_u16(b, (uint16_t)(value >> 16));
}

int sc_bytes_check(const sc_bytes *b, const char *path, simclr_error *err)
{
    if (b->code == 0)
        return 0;
    return sc_fail(err, b->code, "%s: no memory for its table of contents", path);
}
