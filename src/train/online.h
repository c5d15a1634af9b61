/* SPDX-License-Identifier: MIT
 *
 * online.h - looking at the encoder while it trains: k-NN on the evaluation transform, a map of the
 * latent space, TensorBoard's projector, the views, the exported weights.
 */
#ifndef SC_TRAIN_ONLINE_H
#define SC_TRAIN_ONLINE_H

#include "eval/embed.h"
#include "train/trainer.h"

/* k-NN top-1 (majority and weighted) of the present encoder, or of raw pixels; negative values when
 * there are no labels. */
typedef struct {
    double top1, top1_weighted;
    size_t n_train, n_test;
    size_t k, k_weighted; /* of these: the configured one and 200, or the whole bank */
} sc_online_knn;
/* On the network's device, if it has one. */
int sc_online_vote(sc_online_knn *out, const sc_embedding_pair *pair, const sc_config *cfg,
                   const sc_network *network, const simclr_observer *observer, simclr_error *err);
/* Whether the raw pixels of bank and queries take at most a quarter of the free memory; else a warning,
 * with `advice` on what to do. */
bool sc_online_pixels_fit(const sc_dataset *bank, const sc_dataset *test, const sc_views *views,
                          const sc_embed_options options[2], const char *advice);
/* Of raw pixels that do not fit: 0, and negative values. */
int sc_online_measure(sc_online_knn *out, sc_trainer *t, bool raw_pixels, simclr_error *err);

/* Everything an evaluation writes: metrics, model.safetensors, latent.png, curves.png, projector. */
int sc_online_evaluate(sc_trainer *t, simclr_error *err);

int sc_online_draw_curves(sc_trainer *t, simclr_error *err); /* RUN/curves.png */

/* Once, before the first step: contact sheet of views, raw pixels and untrained encoder. */
int sc_online_begin(sc_trainer *t, simclr_error *err);

#endif
