/* SPDX-License-Identifier: MIT
 *
 * crc32c.h - the checksum of TensorBoard's record framing: CRC-32C (Castagnoli), RFC 3720.
 */
#ifndef SC_CORE_CRC32C_H
#define SC_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* sc_crc32c("123456789", 9) == 0xe3069283 */
uint32_t sc_crc32c(const void *data, size_t size);

#endif
