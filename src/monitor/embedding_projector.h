/* SPDX-License-Identifier: MIT
 *
 * embedding_projector.h - files for TensorBoard's Embedding Projector tab.
 *
 * RUN/projector_config.pbtxt, RUN/projector/features.tsv (small) or features.bytes (float32 with
 * tensor_shape in the config), metadata.tsv, sprite.png.  The grid of the sprite must be square:
 * the viewer computes row = i / columns with columns taken for both sides.
 */
#ifndef SC_MONITOR_EMBEDDING_PROJECTOR_H
#define SC_MONITOR_EMBEDDING_PROJECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { SC_SPRITE_SIDE_MAX = 8192, SC_PROJECTOR_POINTS_MAX = 100000 };

typedef struct {
    const float *features; /* (N, D) */
    size_t count, dim;     /* N, D; points after the first 100,000 are left out */
    /* All three may be NULL or give NULL; context is passed through. */
    const char *(*class_name)(void *context, size_t i);
    const char *(*item_name)(void *context, size_t i);
    /* Thumbnail i as s x s x 3 bytes, s = sc_sprite_thumb_side(min(count, 100000), thumb_side);
     * negative on failure. */
    int (*thumb)(uint8_t *rgb, void *context, size_t i, simclr_error *err);
    uint32_t thumb_side; /* pixels wanted; made smaller when the sprite would exceed 8192 */
    void *context;
} sc_embedding_projector;

int sc_embedding_projector_write(const char *run, const sc_embedding_projector *p,
                                 simclr_error *err);

/* The thumbnails row by row in a square grid, sc_sprite_columns(count) of `side` pixels in a row; the rest
 * stays white.  Uses thumb and context alone; *png is the caller's (sc_free). */
int sc_sprite_encode(void **png, size_t *size, const sc_embedding_projector *p, size_t count,
                     uint32_t side, simclr_error *err);
/* Side of a thumbnail that keeps the square sprite of `count` within 8192 pixels: <= wanted. */
uint32_t sc_sprite_thumb_side(size_t count, uint32_t wanted);
/* Thumbnails per row and per column: ceil(sqrt(count)). */
uint32_t sc_sprite_columns(size_t count);

#endif
