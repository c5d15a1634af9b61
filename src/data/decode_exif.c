/* SPDX-License-Identifier: MIT
 *
 * decode_exif.c - how a camera was held: tag 0x0112 of the first directory of EXIF, a small TIFF file
 * that JPEG, PNG and WebP carry in wrappings of their own.
 */
#include <string.h>

#include "data/decode.h"

enum { ORIENTATION = 0x0112, ENTRY = 12 };

static unsigned get16(const uint8_t *p, bool little)
{
    return little ? (unsigned)p[0] | (unsigned)p[1] << 8 : (unsigned)p[1] | (unsigned)p[0] << 8;
}

static uint32_t get32(const uint8_t *p, bool little)
{
    uint32_t a = get16(p, little), b = get16(p + 2, little);
    return little ? a | b << 16 : b | a << 16;
}

int sc_exif_orientation(const uint8_t *exif, size_t size)
{
    size_t prefix = size >= 6 && memcmp(exif, "Exif\0", 6) == 0 ? 6 : 0;
    const uint8_t *t = exif + prefix;
    size -= prefix;
    if (size < 8) {
        return 1;
    }
    bool little = t[0] == 'I';
    size_t at = get32(t + 4, little);
    if (at > size - 2) {
        return 1;
    }
    size_t entries = get16(t + at, little);
    for (at += 2; entries > 0 && at + ENTRY <= size; entries--, at += ENTRY) {
        if (get16(t + at, little) == ORIENTATION) {
            return (int)get16(t + at + 8, little);
        }
    }
    return 1;
}
