/* SPDX-License-Identifier: MIT
 *
 * elem.h - the elements of a map as the ref_*.h read and write them, and their walk over a map.
 *
 * A file that defines SC_MAP_BF16 before it includes any of these gets maps of bfloat16, else maps
 * of sc_real.  All arithmetic between reading and writing is double.
 */
#ifndef SC_REF_ELEM_H
#define SC_REF_ELEM_H

#include "backend/backend.h"

#ifdef SC_MAP_BF16

#include "backend/bf16.h"

typedef sc_bf16 ref_elem;
#define REF_PRECISION SC_BF16

static inline double ref_get(ref_elem x)
{
    return sc_bf16_to_float(x);
}

static inline ref_elem ref_put(double x)
{
    return sc_bf16_from_float((float)x);
}

#else

typedef sc_real ref_elem;
#define REF_PRECISION SC_FP32

static inline double ref_get(ref_elem x)
{
    return x;
}

static inline ref_elem ref_put(double x)
{
    return (ref_elem)x;
}

#endif

/* A weight as the products see it: rounded like the map that it multiplies. */
static inline double ref_weight(sc_real w)
{
    return ref_get(ref_put(w));
}

/* Pointwise work is cut into parts of REF_CHUNK elements. */
enum { REF_CHUNK = 16384 };

static inline size_t ref_chunks(size_t count)
{
    return (count + REF_CHUNK - 1) / REF_CHUNK;
}

static inline size_t ref_chunk_end(size_t count, size_t part)
{
    return (part + 1) * REF_CHUNK < count ? (part + 1) * REF_CHUNK : count;
}

#endif
