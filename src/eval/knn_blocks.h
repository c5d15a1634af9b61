/* SPDX-License-Identifier: MIT
 *
 * knn_blocks.h - the search behind knn.h, a block of queries at a time: on the processor (knn_host.c)
 * or on a device (knn_device.c).
 */
#ifndef SC_EVAL_KNN_BLOCKS_H
#define SC_EVAL_KNN_BLOCKS_H

#include "backend/device.h"
#include "eval/features.h"
#include "eval/nearest.h"

enum {
    SC_KNN_QUERIES = 2048,      /* of a block, at most */
    SC_KNN_ROWS = 1024,         /* of the bank at once, at most */
    SC_KNN_LIST_BYTES = 1 << 26 /* of a block's neighbours; a large k makes the block smaller */
};

typedef struct {
    const sc_backend *backend;
    sc_real *bank_scale; /* 1 / |row| of the whole bank */
    sc_real *q, *b;      /* normalised blocks */
    sc_real *tile;       /* (q_block, b_block) similarities */
    sc_nearest *found;   /* (q_block) */
    sc_neighbour *lists; /* their candidates */
    size_t b_block;
    size_t b0, b_rows; /* the block of the bank at work */
} sc_knn_host;

typedef struct {
    const sc_device *device;
    sc_arena arena;
    sc_real *bank, *query; /* normalised; with `ask`, what the arena holds */
    sc_device_nearest ask;
    sc_real *rows;       /* the host's (at_once,dim): some of the rows on their way */
    sc_neighbour *found; /* the host's (q_block,k) */
    size_t at_once;
} sc_knn_device;

typedef struct {
    const sc_features *bank, *query;
    size_t k;
    bool exclude_self;
    size_t q_block;           /* queries of a block, at most */
    size_t q0, q_rows;        /* the block at work */
    const sc_neighbour *near; /* (q_rows, stride): the k nearest of each query, best first */
    size_t stride;
    bool on_device; /* which of these two is open */
    sc_knn_host host;
    sc_knn_device there;
} sc_knn_blocks;

/* bank, query, k and exclude_self are set; sets q_block, near and stride.  To be closed only after
 * success.  SIMCLR_E_MEMORY; of the device also SIMCLR_E_DEVICE. */
int sc_knn_host_open(sc_knn_blocks *s, const sc_backend *backend, simclr_error *err);
int sc_knn_device_open(sc_knn_blocks *s, const sc_device *device, simclr_error *err);
void sc_knn_host_close(sc_knn_blocks *s);
void sc_knn_device_close(sc_knn_blocks *s);

/* near of the q_rows queries from q0 on.  SIMCLR_E_DEVICE alone. */
void sc_knn_host_block(sc_knn_blocks *s);
int sc_knn_device_block(sc_knn_blocks *s, simclr_error *err);

static inline size_t sc_knn_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* 1 / |row|; 0 of a row of zeros, or so small that it overflows: equally far from everything. */
void sc_knn_scales(sc_real *scale, const sc_features *features);
/* out (rows, dim): the features from row `first` on, normalised; scale: sc_knn_scales, or NULL. */
void sc_knn_unit_rows(sc_real *out, const sc_features *features, const sc_real *scale, size_t first,
                      size_t rows);

#endif
