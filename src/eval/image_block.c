/* SPDX-License-Identifier: MIT
 *
 * image_block.c - images of a data set to rows of x, a fixed number at a time.
 */
#include "eval/image_block.h"

#include <string.h>

#include "core/alloc.h"

/* Pixels of images that are transformed together: photographs go before the block is full. */
enum { CHUNK_BYTES = 64 << 20 };

size_t sc_image_block_numbers(const sc_views *views)
{
    const sc_view_options *view = &views->options.view[0];
    return (size_t)view->height * view->width * views->options.channels;
}

int sc_image_block_open(sc_image_block *block, size_t rows, const sc_views *views,
                        simclr_error *err)
{
    *block = (sc_image_block){.rows = rows};
    block->image = sc_alloc(rows, sizeof *block->image, err);
    block->x = sc_alloc(rows * sc_image_block_numbers(views), sizeof *block->x, err);
    block->index = sc_alloc(rows, sizeof *block->index, err);
    block->label = sc_alloc(rows, sizeof *block->label, err);
    if (block->image != NULL && block->x != NULL && block->index != NULL && block->label != NULL)
        return 0;
    sc_image_block_close(block);
    return SIMCLR_E_MEMORY;
}

static void release_images(sc_image_block *block)
{
    for (size_t i = 0; i < block->images; i++)
        sc_image_free(&block->image[i]);
    block->images = block->bytes = 0;
}

void sc_image_block_close(sc_image_block *block)
{
    release_images(block);
    sc_free(block->image);
    sc_free(block->x);
    sc_free(block->index);
    sc_free(block->label);
    memset(block, 0, sizeof *block);
}

/* x of the images that were read. */
static int transform(sc_image_block *block, sc_views *views, const uint64_t *epoch,
                     simclr_error *err)
{
    sc_real *x = block->x + block->count * sc_image_block_numbers(views);
    const uint32_t *index = block->index + block->count;
    int rc = 0;
    if (block->images > 0 && epoch == NULL)
        rc = sc_views_eval(x, block->image, block->images, views, err);
    else if (block->images > 0)
        rc = sc_views_make_first(x, block->image, index, block->images, *epoch, views, err);
    block->count += block->images;
    release_images(block);
    return rc;
}

int sc_image_block_fill(sc_image_block *block, size_t *next, size_t end, const sc_image_list *list,
                        sc_views *views, const uint64_t *epoch, simclr_error *err)
{
    int rc = 0;
    release_images(block); /* of a failure */
    block->count = 0;
    for (; rc >= 0 && block->count + block->images < block->rows && *next < end; (*next)++) {
        uint32_t i = list->index[*next];
        size_t row = block->count + block->images;
        sc_image *image = &block->image[block->images];
        rc = sc_dataset_try_read(image, list->ds, i, err);
        if (rc <= 0)
            continue;
        block->index[row] = i;
        block->label[row] = (int32_t)sc_dataset_label(list->ds, i);
        block->images++;
        block->bytes += (size_t)image->height * image->width * image->channels;
        rc = block->bytes >= CHUNK_BYTES ? transform(block, views, epoch, err) : 0;
    }
    return rc < 0 ? rc : transform(block, views, epoch, err);
}
