/* SPDX-License-Identifier: MIT
 *
 * crc32.h - checksums of formats of others: CRC-32C (Castagnoli, RFC 3720) of TensorBoard's records, and
 * the CRC-32 of ZIP archives (ISO 3309).
 */
#ifndef SC_CORE_CRC32_H
#define SC_CORE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* sc_crc32c("123456789", 9) == 0xe3069283 */
uint32_t sc_crc32c(const void *data, size_t size);
/* Goes on from `before`, that of the bytes before, or 0: sc_crc32(0, "123456789", 9) == 0xcbf43926 */
uint32_t sc_crc32(uint32_t before, const void *data, size_t size);

#endif
