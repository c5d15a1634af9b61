/* SPDX-License-Identifier: MIT
 *
 * drawer.h - the two views of an image as bytes, made by whichever thread has just decoded it.
 *
 *     image -> bytes of both views (2, C, H, W) -> x, as sc_views_make makes it, to the bit
 *
 * Two views take less memory than a photograph, and none of it is kept once they are drawn.
 */
#ifndef SC_VIEWS_DRAWER_H
#define SC_VIEWS_DRAWER_H

#include "views/views.h"

/* Scratch memory of a thread; it grows with the images. */
typedef struct {
    unsigned char *block;
    size_t bytes;
} sc_drawer_scratch;

typedef struct {
    sc_views_options options;
    sc_drawer_scratch *scratch; /* of each thread */
    int threads;
} sc_drawer;

/* Options that sc_views_options_check accepts. */
int sc_drawer_open(sc_drawer *drawer, const sc_views_options *options, int threads,
                   simclr_error *err);
void sc_drawer_close(sc_drawer *drawer); /* zeroed is fine */

/* Bytes of both views of an image. */
size_t sc_drawer_bytes(const sc_views_options *options);
/* Both views of the image with this number, in this epoch.  `context` is an sc_drawer, of whose
 * threads only the caller is number `thread`. */
int sc_drawer_draw(uint8_t *out, void *context, int thread, const sc_image *image, uint32_t index,
                   uint64_t epoch, simclr_error *err);

/* x: (2N, H, W, C) of the views of N images: view 0 of all, then view 1. */
void sc_drawer_normalise(sc_real *x, const uint8_t *drawn, size_t n, const sc_views *views);

#endif
