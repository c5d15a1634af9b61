/* SPDX-License-Identifier: MIT
 *
 * bytes.h - bytes in memory that grow: directories of archives, pickles.
 */
#ifndef SC_EXPORT_BYTES_H
#define SC_EXPORT_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct {
    unsigned char *at; /* sc_free; NULL while empty */
    size_t used, room;
    int code; /* of the first failure, after which nothing is added: SIMCLR_E_MEMORY; else 0 */
} sc_bytes;

void sc_bytes_put(sc_bytes *b, const void *data, size_t size);
void sc_bytes_text(sc_bytes *b, const char *text); /* without its zero */
void sc_bytes_u16(sc_bytes *b, uint16_t value);    /* little endian */
void sc_bytes_u32(sc_bytes *b, uint32_t value);
/* 0, or the failure with its text. */
int sc_bytes_check(const sc_bytes *b, const char *path, simclr_error *err);

#endif
