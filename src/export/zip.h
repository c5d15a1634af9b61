/* SPDX-License-Identifier: MIT
 *
 * zip.h - writes ZIP archives without compression, as PyTorch's .pth and NumPy's .npz are: their readers
 * can map the data into memory.
 *
 *   [local header | name | padding | data] of each member, then the directory, which names them all
 *
 * Data begin at multiples of 64 bytes.  Dates are the first that a ZIP file can hold, so that equal contents are
 * equal bytes.  Without ZIP64: more than 4 GiB or 65,534 members are refused.
 */
#ifndef SC_EXPORT_ZIP_H
#define SC_EXPORT_ZIP_H

#include <stddef.h>

#include "core/error.h"

typedef struct sc_zip sc_zip;

typedef struct {
    const void *bytes;
    size_t size;
} sc_zip_part;

int sc_zip_open(sc_zip **out, const char *path, simclr_error *err);
/* Adds a member that holds the parts one after the other; `name` is of at most 255 bytes, in UTF-8.
 * SIMCLR_E_USAGE: no more room. */
int sc_zip_add(sc_zip *zip, const char *name, const sc_zip_part *parts, size_t count,
               simclr_error *err);
/* Writes the directory, with a comment on the whole archive of at most 65,535 bytes, and puts the file in
 * its place.  Frees zip, also on failure. */
int sc_zip_commit(sc_zip *zip, const char *comment, simclr_error *err);
void sc_zip_abandon(sc_zip *zip); /* NULL is fine */

#endif
