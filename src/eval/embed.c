/* SPDX-License-Identifier: MIT
 *
 * embed.c - images to features, a fixed number of images at a time.
 */
#include "eval/embed.h"

#include <string.h>

#include "core/alloc.h"
#include "eval/image_block.h"

/* Rows of a block: bounds the memory, and by design changes no result. */
enum { USUAL_BLOCK = 256 };

/* Appends the rows of a block, and their features. */
static int append(sc_embedding *out, const sc_image_block *block, sc_network *network,
                  bool raw_pixels, simclr_error *err)
{
    sc_real *h = out->h + out->n * out->dim;
    int rc = 0;
    memcpy(out->index + out->n, block->index, block->count * sizeof *out->index);
    memcpy(out->label + out->n, block->label, block->count * sizeof *out->label);
    if (raw_pixels)
        memcpy(h, block->x, block->count * out->dim * sizeof *h);
    else if (block->count > 0)
        rc = sc_network_encode(h, network, block->x, block->count, false, err);
    out->n += block->count;
    return rc;
}

static int embed_blocks(sc_embedding *out, sc_image_block *block, const sc_image_list *list,
                        sc_network *network, sc_views *views, const sc_embed_options *options,
                        simclr_error *err)
{
    for (size_t next = 0; next < list->n;) {
        int rc = sc_image_block_fill(block, &next, list->n, list, views, NULL, err);
        if (rc == 0)
            rc = append(out, block, network, options->raw_pixels, err);
        if (rc < 0)
            return rc;
        if (sc_stop_asked(options->observer))
            return sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while embedding images");
        sc_say(options->observer, SIMCLR_PROGRESS, "%s  %zu/%zu images",
               options->what == NULL ? "embedding" : options->what, next, list->n);
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
    sc_image_list list;
    sc_image_block block = {0};
    out->dim = options->raw_pixels ? sc_image_block_numbers(views) : network->dim_h;

    int rc = sc_image_list_choose(&list, ds, options->labelled, options->limit, err);
    if (rc == 0)
        rc = sc_image_block_open(&block, block_rows(network, options, list.n), views, err);
    if (rc == 0) {
        out->h = sc_alloc(list.n * out->dim, sizeof *out->h, err);
        out->label = sc_alloc(list.n, sizeof *out->label, err);
        out->index = sc_alloc(list.n, sizeof *out->index, err);
        rc = SIMCLR_E_MEMORY;
        if (out->h != NULL && out->label != NULL && out->index != NULL)
            rc = embed_blocks(out, &block, &list, network, views, options, err);
    }
    sc_image_list_free(&list);
    sc_image_block_close(&block);
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

/* Moves every tenth row of the bank to the queries; of fewer than ten, the last. */
static int hold_out(sc_embedding_pair *pair, simclr_error *err)
{
    sc_embedding *bank = &pair->bank, *query = &pair->query;
    size_t most = bank->n / SC_HELD_OUT_EVERY + 1;
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
        bool out = sc_image_held_out(i, bank->n);
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
                                       : sc_dataset_count(train) / SC_HELD_OUT_EVERY + 1;
        rows += (double)(limit > 0 && limit < count ? limit : count);
    }
    return rows * (double)sc_image_block_numbers(views) * sizeof(sc_real);
}

void sc_embedding_pair_free(sc_embedding_pair *pair)
{
    sc_embedding_free(&pair->bank);
    sc_embedding_free(&pair->query);
}
