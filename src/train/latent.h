/* SPDX-License-Identifier: MIT
 *
 * latent.h - pictures of a run: the latent space in two dimensions, and the curves.
 */
#ifndef SC_TRAIN_LATENT_H
#define SC_TRAIN_LATENT_H

#include "data/dataset.h"
#include "eval/embed.h"

typedef enum { SC_LATENT_TSNE, SC_LATENT_PCA } sc_latent_method;

typedef struct {
    const sc_embedding *embedding;
    const sc_dataset *dataset; /* of which it is: labels and class names */
    const char *title, *subtitle;
    uint64_t seed;
    sc_latent_method method;
} sc_latent_map;

/* points (n, 2).  Rows of h are l2-normalised first: distances on the map are those of cosine similarity. */
int sc_latent_points(float *points, const sc_embedding *embedding, sc_latent_method method,
                     uint64_t seed, simclr_error *err);
int sc_latent_write(const char *png_path, const sc_latent_map *map, simclr_error *err);

/* Loss and k-NN over epochs from RUN/metrics.jsonl. */
int sc_latent_write_curves(const char *png_path, const char *run, simclr_error *err);

#endif
