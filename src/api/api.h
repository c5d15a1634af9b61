/* SPDX-License-Identifier: MIT
 *
 * api.h - the structs behind the opaque types of simclr.h, for the files of this folder.
 */
#ifndef SC_API_API_H
#define SC_API_API_H

#include "simclr.h"

#include "api/api_config.h"
#include "data/dataset.h"
#include "eval/embed.h"
#include "model/network.h"
#include "train/trainer.h"
#include "views/views.h"

struct simclr_dataset {
    sc_dataset *set;
};

struct simclr_model {
    sc_config cfg;
    sc_network network;
    uint64_t step; /* of the checkpoint it came from; 0 */
    char *summary;
    size_t encoded,
        projected; /* rows of the last training forward passes, for one backward; else 0 */
};

struct simclr_trainer {
    sc_trainer trainer;
};

/* rc, for a public function to return: what was tried in vain on the way to a success is no error. */
int sc_api_result(int rc, simclr_error *err);

/* The network of `cfg`, as sc_api_open_network opens it. */
int sc_api_network_options(sc_network_options *out, const sc_config *cfg, const sc_device *device,
                           uint32_t size, size_t max_rows, simclr_error *err);
/* Opens the network of `cfg` for views of `size` pixels and rows at most max_rows; device NULL: on the
 * processor. */
int sc_api_open_network(sc_network *network, const sc_config *cfg, const sc_device *device,
                        uint32_t size, size_t max_rows, simclr_error *err);

/* A finished or unfinished run, opened for looking at: configuration, data, weights. */
typedef struct {
    sc_config cfg;            /* eval.max_*, train.threads: 0 unless `settings` said otherwise */
    sc_dataset *train, *test; /* test NULL: the set has no such split */
    const sc_device *device;  /* of the network; NULL: the processor */
    sc_network network;
    sc_views views;
    uint32_t size;
    uint64_t step;
    char spec[SC_CONFIG_STRING];
} sc_api_run;

/* spec NULL: the run's own data.  split NULL: the training images, and the test images if there are
 * any; else that split alone, as `train`, its unreadable images passed over whatever their share.
 * settings (NULL: none): keys that were set there win over the run's, as simclr_eval_options says.
 * Close it also after a failure. */
int sc_api_run_open(sc_api_run *r, const char *run, const char *spec, const char *split,
                    const simclr_config *settings, const simclr_observer *observer,
                    simclr_error *err);
/* The same, but what takes more than a MiB of pixels is decoded when it is needed: for those who may need
 * none of it. */
int sc_api_run_open_on_demand(sc_api_run *r, const char *run, const char *spec, const char *split,
                              const simclr_config *settings, const simclr_observer *observer,
                              simclr_error *err);
void sc_api_run_close(sc_api_run *r);

/* The protocol finetune, out->labels set: a copy of the run's encoder is fine-tuned. */
int sc_api_finetune(simclr_eval_result *out, sc_api_run *r, const simclr_eval_options *options,
                    const simclr_observer *observer, simclr_error *err);
/* The settings (NULL: none) with the processor as train.device; a note where a GPU is passed over. */
int sc_api_on_processor(simclr_config *out, const char *run, const simclr_config *settings,
                        const simclr_observer *observer, simclr_error *err);

/* How every image of a split of the run is embedded. */
sc_embed_options sc_api_whole_split(const sc_api_run *r, const char *what,
                                    const simclr_observer *observer);

#endif
