/* SPDX-License-Identifier: MIT
 *
 * image_block.h - images of a data set to rows of x, a fixed number at a time.
 *
 *     list of images -> pixels -> views -> x (rows, H, W, C), with the number and label of each
 */
#ifndef SC_EVAL_IMAGE_BLOCK_H
#define SC_EVAL_IMAGE_BLOCK_H

#include "eval/image_list.h"
#include "views/views.h"

typedef struct {
    sc_real *x;      /* (rows, H, W, C) */
    uint32_t *index; /* rows: the image's number */
    int32_t *label;  /* rows; -1 unknown */
    size_t count;    /* rows filled */
    size_t rows;
    sc_image *image; /* rows: those read and not yet transformed */
    size_t images, bytes;
} sc_image_block;

int sc_image_block_open(sc_image_block *block, size_t rows, const sc_views *views,
                        simclr_error *err);
void sc_image_block_close(sc_image_block *block); /* zeroed is fine */

/* Takes images *next .. end - 1 of the list until all rows are filled, and moves *next on.  epoch NULL: by
 * the evaluation transform; else view 0 of that epoch.  An image that cannot be read is left out and noted
 * in the data set (SIMCLR_E_DATA over its limit). */
int sc_image_block_fill(sc_image_block *block, size_t *next, size_t end, const sc_image_list *list,
                        sc_views *views, const uint64_t *epoch, simclr_error *err);

/* Numbers of an image's x. */
size_t sc_image_block_numbers(const sc_views *views);

#endif
