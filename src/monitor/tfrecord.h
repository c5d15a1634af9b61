/* SPDX-License-Identifier: MIT
 *
 * tfrecord.h - the frame around each event: u64le n | mask(crc(n)) | n bytes | mask(crc(bytes)),
 * mask(c) = rotate_right(c, 15) + 0xa282ead8.
 */
#ifndef SC_MONITOR_TFRECORD_H
#define SC_MONITOR_TFRECORD_H

#include <stddef.h>
#include <stdint.h>

enum { SC_TFRECORD_HEAD = 12, SC_TFRECORD_TAIL = 4 };

uint32_t sc_tfrecord_mask(uint32_t crc);

/* Frames `size` bytes that already stand at record + SC_TFRECORD_HEAD. */
void sc_tfrecord_frame(unsigned char *record, size_t size);

#endif
