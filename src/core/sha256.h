/* SPDX-License-Identifier: MIT
 *
 * sha256.h - SHA-256 by libcrypto, of memory or of a file, as 64 hexadecimal digits.
 */
#ifndef SC_CORE_SHA256_H
#define SC_CORE_SHA256_H

#include <stddef.h>

#include "core/error.h"

enum { SC_SHA256_HEX = 65 };

int sc_sha256(char hex[SC_SHA256_HEX], const void *data, size_t size, simclr_error *err);
int sc_sha256_file(char hex[SC_SHA256_HEX], const char *path, simclr_error *err);

#endif
