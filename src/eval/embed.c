/* SPDX-License-Identifier: MIT
 *
 * embed.c - images to features, a fixed number of images at a time.
 */
#include "eval/embed.h"

#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"

/* Rows of a block: bounds the memory, and by design changes no result. */
enum { USUAL_BLOCK = 256 };

/* Pixels of images that are transformed together: photographs go before the block is full. */
enum { CHUNK_BYTES = 64 << 20 };

/* Images that are read at once, at most. */
enum { WAVE = 64 };

/* Which images: of those wanted, n evenly spread. */
typedef struct {
    uint32_t *index;
    size_t n;
} embed_choice;

typedef struct {
    sc_image *image; /* (rows): those read and not yet transformed */
    size_t images, bytes;
    sc_real *x; /* (rows, H, W, C): of `count` images */
    size_t count, rows;
} embed_block;

static void release_images(embed_block *block)
{
    for (size_t i = 0; i < block->images; i++)
        sc_image_free(&block->image[i]);
    block->images = block->bytes = 0;
}

static int choose(embed_choice *out, const sc_dataset *ds, const sc_embed_options *options,
                  simclr_error *err)
{
    size_t count = sc_dataset_count(ds), total = 0;
    out->index = sc_alloc(count, sizeof *out->index, err);
    if (out->index == NULL)
        return SIMCLR_E_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (!options->labelled || sc_dataset_label(ds, i) >= 0)
            out->index[total++] = (uint32_t)i;
    out->n = options->limit == 0 || options->limit > total ? total : options->limit;
    for (size_t k = 0; k < out->n; k++)
        out->index[k] = out->index[k * total / out->n];
    return 0;
}

/* Numbers of a view. */
static size_t view_numbers(const sc_views *views)
{
    const sc_view_options *view = &views->options.view[0];
    return (size_t)view->height * view->width * views->options.channels;
}

/* x of the images that were read. */
static int transform(embed_block *block, sc_views *views, simclr_error *err)
{
    sc_real *x = block->x + block->count * view_numbers(views);
    int rc = block->images > 0 ? sc_views_eval(x, block->image, block->images, views, err) : 0;
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

/* The images of a wave that could be read, in its order, go into the block, their numbers and labels into
 * `out`; the first failure that ends the embedding. */
static int take_wave(embed_block *block, sc_embedding *out, wave *w, sc_dataset *ds, size_t n,
                     simclr_error *err)
{
    int rc = 0;
    for (size_t k = 0; k < n; k++) {
        size_t i = w->index[k], row = out->n + block->count + block->images;
        if (w->rc[k] == 0) {
            out->index[row] = (uint32_t)i;
            out->label[row] = (int32_t)sc_dataset_label(ds, i);
            block->bytes += (size_t)w->image[k].height * w->image[k].width * w->image[k].channels;
            block->image[block->images++] = w->image[k];
        } else if (rc == 0 && w->rc[k] == SIMCLR_E_MEMORY) {
            rc = sc_fail(err, SIMCLR_E_MEMORY, "%s", w->why[k].text);
        } else if (rc == 0) {
            rc = sc_dataset_note_bad(ds, i, w->why[k].text, err);
        }
    }
    return rc;
}

/* Takes images *next ... of the choice into the block until it holds `rows` or all are visited;
 * places the number and label of each in `out`. */
static int block_fill(embed_block *block, sc_embedding *out, sc_dataset *ds, size_t *next,
                      const embed_choice *choice, sc_views *views, simclr_error *err)
{
    wave w;
    int threads = sc_parallel_threads();
    block->count = 0;
    while (block->count + block->images < block->rows && *next < choice->n) {
        size_t room = block->rows - block->count - block->images, left = choice->n - *next;
        size_t n = threads < WAVE ? (size_t)threads : WAVE;
        n = n < room ? n : room;
        n = n < left ? n : left;
        read_wave(&w, ds, choice->index + *next, n);
        *next += n;
        int rc = take_wave(block, out, &w, ds, n, err);
        if (rc == 0 && block->bytes >= CHUNK_BYTES)
            rc = transform(block, views, err);
        if (rc < 0)
            return rc;
    }
    return transform(block, views, err);
}

/* ---- blocks ---- */

static int embed_blocks(sc_embedding *out, embed_block *block, sc_dataset *ds, sc_network *network,
                        sc_views *views, const sc_embed_options *options,
                        const embed_choice *choice, simclr_error *err)
{
    size_t pixels = view_numbers(views);
    for (size_t next = 0; next < choice->n;) {
        int rc = block_fill(block, out, ds, &next, choice, views, err);
        if (rc == 0) {
            sc_real *h = out->h + out->n * out->dim;
            if (options->raw_pixels)
                memcpy(h, block->x, block->count * pixels * sizeof *h);
            else if (block->count > 0)
                rc = sc_network_encode(h, network, block->x, block->count, false, err);
            out->n += block->count;
        }
        release_images(block); /* of a failure */
        if (rc < 0)
            return rc;
        if (sc_stop_asked(options->observer))
            return sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while embedding images");
        sc_say(options->observer, SIMCLR_PROGRESS, "%s  %zu/%zu images",
               options->what == NULL ? "embedding" : options->what, next, choice->n);
    }
    return 0;
}

static size_t block_rows(const sc_network *network, const sc_embed_options *options, size_t n)
{
    size_t rows = options->batch > 0 && !options->raw_pixels ? options->batch : USUAL_BLOCK;
    size_t most = options->raw_pixels || n < network->max_rows ? n : network->max_rows;
    return rows < most ? rows : most;
}

int sc_embed(sc_embedding *out, sc_dataset *ds, sc_network *network, sc_views *views,
             const sc_embed_options *options, simclr_error *err)
{
    memset(out, 0, sizeof *out);
    embed_choice choice;
    size_t pixels = view_numbers(views);
    out->dim = options->raw_pixels ? pixels : network->dim_h;

    int rc = choose(&choice, ds, options, err);
    if (rc < 0)
        return rc;
    embed_block block = {.rows = block_rows(network, options, choice.n)};
    block.image = sc_alloc(block.rows, sizeof *block.image, err);
    block.x = sc_alloc(block.rows * pixels, sizeof *block.x, err);
    out->h = sc_alloc(choice.n * out->dim, sizeof *out->h, err);
    out->label = sc_alloc(choice.n, sizeof *out->label, err);
    out->index = sc_alloc(choice.n, sizeof *out->index, err);
    rc = SIMCLR_E_MEMORY;
    if (block.image != NULL && block.x != NULL && out->h != NULL && out->label != NULL &&
        out->index != NULL)
        rc = embed_blocks(out, &block, ds, network, views, options, &choice, err);
    sc_free(choice.index);
    sc_free(block.image);
    sc_free(block.x);
    if (rc < 0)
        sc_embedding_free(out);
    return rc;
}

void sc_embedding_free(sc_embedding *embedding)
{
    sc_free(embedding->h);
    sc_free(embedding->label);
    sc_free(embedding->index);
    memset(embedding, 0, sizeof *embedding);
}

sc_features sc_embedding_features(const sc_embedding *embedding)
{
    return (sc_features){
        .x = embedding->h, .label = embedding->label, .n = embedding->n, .dim = embedding->dim};
}

enum { HOLD_OUT_EVERY = 10 };

/* Moves every tenth row of the bank to the queries; of fewer than ten, the last. */
static int hold_out(sc_embedding_pair *pair, simclr_error *err)
{
    sc_embedding *bank = &pair->bank, *query = &pair->query;
    size_t most = bank->n / HOLD_OUT_EVERY + 1;
    if (bank->n < 2)
        return sc_fail(
            err, SIMCLR_E_DATA,
            "data: %zu image with a label that can be read; expected two or more, one of "
            "them to be asked for",
            bank->n);
    query->dim = bank->dim;
    query->h = sc_alloc(most * bank->dim, sizeof *query->h, err);
    query->label = sc_alloc(most, sizeof *query->label, err);
    query->index = sc_alloc(most, sizeof *query->index, err);
    if (query->h == NULL || query->label == NULL || query->index == NULL)
        return SIMCLR_E_MEMORY;
    size_t kept = 0;
    for (size_t i = 0; i < bank->n; i++) {
        bool out = i % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1 ||
                   (bank->n < HOLD_OUT_EVERY && i == bank->n - 1);
        sc_embedding *to = out ? query : bank;
        size_t row = out ? query->n++ : kept++;
        memmove(to->h + row * to->dim, bank->h + i * bank->dim, bank->dim * sizeof *bank->h);
        to->label[row] = bank->label[i];
        to->index[row] = bank->index[i];
    }
    bank->n = kept;
    return 0;
}

static int embed_labelled(sc_embedding *out, sc_dataset *ds, sc_network *network, sc_views *views,
                          const sc_embed_options *options, simclr_error *err)
{
    sc_embed_options labelled = *options;
    labelled.labelled = true;
    int rc = sc_embed(out, ds, network, views, &labelled, err);
    if (rc == 0 && out->n == 0)
        rc = sc_fail(err, SIMCLR_E_DATA,
                     "data: none of %zu images has a label; evaluate on a labelled data set",
                     sc_dataset_count(ds));
    return rc;
}

int sc_embed_pair(sc_embedding_pair *out, sc_dataset *train, sc_dataset *test, sc_network *network,
                  sc_views *views, const sc_embed_options options[2], simclr_error *err)
{
    memset(out, 0, sizeof *out);
    out->held_out = test == NULL;
    int rc = embed_labelled(&out->bank, train, network, views, &options[0], err);
    if (rc == 0)
        rc = test != NULL ? embed_labelled(&out->query, test, network, views, &options[1], err)
                          : hold_out(out, err);
    const sc_features bank = sc_embedding_features(&out->bank);
    const sc_features query = sc_embedding_features(&out->query);
    if (rc == 0)
        rc = sc_features_check(&bank, "training images", true, err);
    if (rc == 0)
        rc = sc_features_check(&query, "test images", true, err);
    if (rc < 0)
        sc_embedding_pair_free(out);
    return rc;
}

double sc_embed_pixel_bytes(const sc_dataset *train, const sc_dataset *test, const sc_views *views,
                            const sc_embed_options options[2])
{
    const sc_dataset *const side[2] = {train, test};
    double rows = 0;
    for (int i = 0; i < 2; i++) {
        size_t limit = options[i].limit;
        size_t count = side[i] != NULL ? sc_dataset_count(side[i])
                                       : sc_dataset_count(train) / HOLD_OUT_EVERY + 1;
        rows += (double)(limit > 0 && limit < count ? limit : count);
    }
    return rows * (double)view_numbers(views) * sizeof(sc_real);
}

void sc_embedding_pair_free(sc_embedding_pair *pair)
{
    sc_embedding_free(&pair->bank);
    sc_embedding_free(&pair->query);
}
