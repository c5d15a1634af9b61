/* SPDX-License-Identifier: MIT
 *
 * tfrecord.c - the frame of a TensorFlow record.
 */
#include "monitor/tfrecord.h"

#include "core/crc32.h"

static void put(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

uint32_t sc_tfrecord_mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

void sc_tfrecord_frame(unsigned char *record, size_t size)
{
    put(record, size, 8);
    put(record + 8, sc_tfrecord_mask(sc_crc32c(record, 8)), 4);
    unsigned char *data = record + SC_TFRECORD_HEAD;
    put(data + size, sc_tfrecord_mask(sc_crc32c(data, size)), 4);
}
