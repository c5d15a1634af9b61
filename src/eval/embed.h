/* SPDX-License-Identifier: MIT
 *
 * embed.h - images to features: the evaluation transform, then the frozen encoder.
 *
 *     image -> view (centre crop, no randomness) -> h
 *
 * The features of an image do not depend on the batch it was embedded in.
 */
#ifndef SC_EVAL_EMBED_H
#define SC_EVAL_EMBED_H

#include "core/events.h"
#include "data/dataset.h"
#include "eval/features.h"
#include "model/network.h"
#include "views/views.h"

typedef struct {
    sc_real *h;      /* (n, D) */
    int32_t *label;  /* n; -1 unknown */
    uint32_t *index; /* n: numbers within the data set */
    size_t n, dim;
} sc_embedding;

typedef struct {
    size_t limit;     /* at most so many images, evenly spread over the data set; 0: all */
    bool labelled;    /* of those that have a label alone */
    bool raw_pixels;  /* no encoder: h is the view itself (H*W*C), the baseline */
    size_t batch;     /* in one forward pass, as far as the network was opened for it; 0: 256 */
    const char *what; /* for the progress line */
    const simclr_observer *observer;
} sc_embed_options;

/* Embeds the images of a data set; `out` is released with sc_embedding_free.  An image that cannot
 * be read is left out and noted in the data set (SIMCLR_E_DATA over its limit).
 * SIMCLR_E_INTERRUPTED when the observer asks to stop. */
int sc_embed(sc_embedding *out, sc_dataset *ds, sc_network *network, sc_views *views,
             const sc_embed_options *options, simclr_error *err);
void sc_embedding_free(sc_embedding *embedding);

/* What a k-NN or a linear probe needs: a labelled bank, and queries apart from it. */
typedef struct {
    sc_embedding bank, query;
    bool held_out; /* no test split: the queries are every tenth labelled image of the bank's set */
} sc_embedding_pair;

/* `test` NULL: hold out from `train`.  Limits as in sc_embed_options, for either side.
 * Images without a label are on neither side; SIMCLR_E_DATA when a side has none with one. */
int sc_embed_pair(sc_embedding_pair *out, sc_dataset *train, sc_dataset *test, sc_network *network,
                  sc_views *views, const sc_embed_options options[2], simclr_error *err);
/* Bytes that the raw pixels of such a pair would take, at most; nothing is read. */
double sc_embed_pixel_bytes(const sc_dataset *train, const sc_dataset *test, const sc_views *views,
                            const sc_embed_options options[2]);
void sc_embedding_pair_free(sc_embedding_pair *pair);
sc_features sc_embedding_features(const sc_embedding *embedding);

#endif
