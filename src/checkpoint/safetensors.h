/* SPDX-License-Identifier: MIT
 *
 * safetensors.h - named tensors in one file: u64le N | N bytes of JSON | data.
 *
 * The rules are those of huggingface/safetensors src/tensor.rs: offsets contiguous from 0, no holes,
 * no overlap, product(shape) * bits == 8 * (end - begin), 8 + N + last end == size of the file.
 * Written order: dtype descending (widest alignment first), then name, so equal contents are equal
 * bytes.
 */
#ifndef SC_CHECKPOINT_SAFETENSORS_H
#define SC_CHECKPOINT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* In the order of the reference implementation, which is also its sorting order. */
typedef enum {
    SC_DTYPE_BOOL,
    SC_DTYPE_F4,
    SC_DTYPE_F6_E2M3,
    SC_DTYPE_F6_E3M2,
    SC_DTYPE_U8,
    SC_DTYPE_I8,
    SC_DTYPE_F8_E5M2,
    SC_DTYPE_F8_E4M3,
    SC_DTYPE_F8_E5M2FNUZ,
    SC_DTYPE_F8_E4M3FNUZ,
    SC_DTYPE_F8_E8M0,
    SC_DTYPE_I16,
    SC_DTYPE_U16,
    SC_DTYPE_F16,
    SC_DTYPE_BF16,
    SC_DTYPE_I32,
    SC_DTYPE_U32,
    SC_DTYPE_F32,
    SC_DTYPE_C64,
    SC_DTYPE_F64,
    SC_DTYPE_I64,
    SC_DTYPE_U64,
    SC_DTYPE_COUNT
} sc_dtype;

const char *sc_dtype_name(sc_dtype dtype); /* "F32" */
unsigned sc_dtype_bits(sc_dtype dtype);

enum { SC_TENSOR_DIMS = 8, SC_SAFETENSORS_HEADER_MAX = 100000000 };

typedef struct {
    const char *name;
    sc_dtype dtype;
    size_t ndim; /* 0 .. SC_TENSOR_DIMS; 0 is a scalar */
    uint64_t shape[SC_TENSOR_DIMS];
    const void *data; /* row-major little endian; as read from a file it may be unaligned */
    size_t size;      /* bytes of data; ignored when writing (follows from dtype and shape) */
} sc_tensor_desc;

/* Bytes of its data, as dtype and shape have it; SIMCLR_E_INTERNAL for a shape that none can have. */
int sc_tensor_bytes(uint64_t *bytes, const char *path, const sc_tensor_desc *t, simclr_error *err);

typedef struct {
    const char *key, *value;
} sc_string_pair;

/* Writes all tensors atomically.  Names must be distinct. */
int sc_safetensors_write(const char *path, const sc_tensor_desc *list, size_t count,
                         const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

/* Bytes such a file would take at most; for the check of free space. */
uint64_t sc_safetensors_size_bound(const sc_tensor_desc *list, size_t count);

typedef struct sc_safetensors sc_safetensors;

/* Loads the whole file; a bad one is SIMCLR_E_CHECKPOINT.  Everything found stays valid until close. */
int sc_safetensors_open(sc_safetensors **out, const char *path, simclr_error *err);
/* The same for bytes in memory, which must outlive *out; `name` is the file named in errors. */
int sc_safetensors_parse(sc_safetensors **out, const void *bytes, size_t size, const char *name,
                         simclr_error *err);
void sc_safetensors_close(sc_safetensors *st); /* NULL is fine */

/* In the order of the data; the descriptions are borrowed. */
size_t sc_safetensors_count(const sc_safetensors *st);
const sc_tensor_desc *sc_safetensors_at(const sc_safetensors *st, size_t index);
/* SIMCLR_E_NOT_FOUND, naming file and tensor, when there is none of this name. */
int sc_safetensors_find(const sc_safetensors *st, const char *name, sc_tensor_desc *out,
                        simclr_error *err);
/* From now on, the names that begin with `prefix` are without it. */
void sc_safetensors_strip(sc_safetensors *st, const char *prefix);
const char *sc_safetensors_metadata(const sc_safetensors *st, const char *key); /* NULL: absent */

#endif
