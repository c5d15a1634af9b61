/* SPDX-License-Identifier: MIT
 *
 * api_index.h - a set of images with their features, open for search; of this folder alone.
 */
#ifndef SC_API_API_INDEX_H
#define SC_API_API_INDEX_H

#include "api/api.h"

struct simclr_index {
    sc_api_run run;         /* its images are decoded when they are needed */
    char path[SC_PATH_MAX]; /* of the run */
    char split[64];
    simclr_observer observer;
    bool fresh;        /* features kept in the run are not believed */
    bool ready;        /* `bank` holds the features */
    sc_embedding bank; /* h l2-normalised */
    simclr_index_info info;
};

/* Features of the images on first need. */
int sc_api_index_ready(simclr_index *index, simclr_error *err);

/* What the features of an index follow from: to be taken before they are made, so that files which change
 * meanwhile are noticed the next time. */
typedef struct sc_api_identity sc_api_identity;
int sc_api_identity_open(sc_api_identity **out, const simclr_index *index, simclr_error *err);
void sc_api_identity_close(sc_api_identity *identity); /* NULL is fine */

/* RUN/index/: the features of a set of images, with their identity.  Neither fails where making them anew
 * helps: *found tells whether there are valid ones, a warning why not or why none are kept. */
int sc_api_index_read(bool *found, simclr_index *index, const sc_api_identity *identity,
                      simclr_error *err);
void sc_api_index_keep(const simclr_index *index, const sc_api_identity *identity);

/* Decodes what a query names: a file, else an image of the set; sc_image_free. */
int sc_api_index_query(sc_image *out, const simclr_index *index, const char *query,
                       simclr_error *err);

#endif
