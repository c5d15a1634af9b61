/* SPDX-License-Identifier: MIT
 *
 * image_block.c - images of a data set to rows of x, a fixed number at a time.
 */
#include "eval/image_block.h"

#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"

/* Pixels of images that are transformed together: photographs go before the block is full. */
enum { CHUNK_BYTES = 64 << 20 };

/* Images that are read at once, at most. */
enum { WAVE = 64 };

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

/* ---- reading ---- */

typedef struct {
    const sc_dataset *ds;
    const uint32_t *index;
    sc_image image[WAVE];
    int rc[WAVE];
    simclr_error why[WAVE];
} wave;

static void read_part(void *context, size_t k)
{
    wave *w = context;
    w->rc[k] = sc_dataset_read(&w->image[k], w->ds, w->index[k], &w->why[k]);
}

/* One for each thread: more would only take more memory.  What is in memory needs no threads. */
static void read_wave(wave *w, const sc_dataset *ds, const uint32_t *index, size_t n)
{
    w->ds = ds;
    w->index = index;
    if (!sc_dataset_resident(ds)) {
        sc_parallel_for(n, read_part, w);
        return;
    }
    for (size_t k = 0; k < n; k++)
        read_part(w, k);
}

/* The images of a wave that could be read, in its order, with their numbers and labels; the first failure that
 * ends the filling. */
static int take_wave(sc_image_block *block, wave *w, sc_dataset *ds, size_t n, simclr_error *err)
{
    int rc = 0;
    for (size_t k = 0; k < n; k++) {
        size_t row = block->count + block->images;
        const sc_image *image = &w->image[k];
        if (w->rc[k] == 0) {
            block->index[row] = w->index[k];
            block->label[row] = (int32_t)sc_dataset_label(ds, w->index[k]);
            block->bytes += (size_t)image->height * image->width * image->channels;
            block->image[block->images++] = *image;
        } else if (rc == 0 && w->rc[k] == SIMCLR_E_MEMORY) {
            rc = sc_fail(err, SIMCLR_E_MEMORY, "%s", w->why[k].text);
        } else if (rc == 0) {
            rc = sc_dataset_note_bad(ds, w->index[k], w->why[k].text, err);
        }
    }
    return rc;
}

int sc_image_block_fill(sc_image_block *block, size_t *next, size_t end, const sc_image_list *list,
                        sc_views *views, const uint64_t *epoch, simclr_error *err)
{
    wave w;
    const int threads = sc_parallel_threads();
    release_images(block); /* of a failure */
    block->count = 0;
    while (block->count + block->images < block->rows && *next < end) {
        size_t room = block->rows - block->count - block->images, left = end - *next;
        size_t n = threads < WAVE ? (size_t)threads : WAVE;
        n = n < room ? n : room;
        n = n < left ? n : left;
        read_wave(&w, list->ds, list->index + *next, n);
        *next += n;
        int rc = take_wave(block, &w, list->ds, n, err);
        if (rc == 0 && block->bytes >= CHUNK_BYTES)
            rc = transform(block, views, epoch, err);
        if (rc < 0)
            return rc;
    }
    return transform(block, views, epoch, err);
}
