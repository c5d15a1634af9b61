/* SPDX-License-Identifier: MIT
 *
 * npy.h - NumPy's .npy files: "\x93NUMPY" 1 0 | u16le length | header, padded to 64 bytes | data.
 *
 * Written bytes are those of numpy.save for a C-contiguous array.  The reader accepts versions 1-3
 * and a strict header; it refuses object arrays and everything that is not little endian.
 */
#ifndef SC_EXPORT_NPY_H
#define SC_EXPORT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef enum { SC_NPY_F32, SC_NPY_F64, SC_NPY_I64, SC_NPY_I32, SC_NPY_U8, SC_NPY_F16 } sc_npy_type;

enum { SC_NPY_DIMS = 4, SC_NPY_HEADER = 256 };

typedef struct {
    sc_npy_type type;
    bool fortran_order;
    size_t ndim;
    uint64_t shape[SC_NPY_DIMS];
    size_t offset; /* of the data in the file */
    size_t size;   /* bytes of data */
} sc_npy_header;

/* Writes shape[0] x ... x shape[ndim-1] elements, row-major, atomically. */
int sc_npy_write(const char *path, const void *data, sc_npy_type type, const uint64_t *shape,
                 size_t ndim, simclr_error *err);

/* What stands before the data of such an array, ndim <= SC_NPY_DIMS; its length, a multiple of 64. */
size_t sc_npy_put_header(char out[SC_NPY_HEADER], sc_npy_type type, const uint64_t *shape,
                         size_t ndim);

/* Reads the header of a file held in memory and checks that all of its data is there. */
int sc_npy_parse(sc_npy_header *out, const void *bytes, size_t size, const char *name,
                 simclr_error *err);

#endif
