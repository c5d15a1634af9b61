/* SPDX-License-Identifier: MIT
 *
 * image_list.h - images of a data set, by their numbers: which an evaluation looks at.
 */
#ifndef SC_EVAL_IMAGE_LIST_H
#define SC_EVAL_IMAGE_LIST_H

#include "data/dataset.h"

typedef struct {
    sc_dataset *ds;
    uint32_t *index; /* n */
    size_t n;
} sc_image_list;

/* All images, or with `labelled` those that have a label; of more than `limit` (0: none) so many, evenly
 * spread.  The list is the caller's (sc_image_list_free). */
int sc_image_list_choose(sc_image_list *out, sc_dataset *ds, bool labelled, size_t limit,
                         simclr_error *err);
void sc_image_list_free(sc_image_list *list); /* zeroed is fine */

/* Without a test split, whether row i of n is held out to be one: every tenth, of fewer than ten the last. */
bool sc_image_held_out(size_t i, size_t n);
enum { SC_HELD_OUT_EVERY = 10 };
/* Moves these from the list to `out`, of as many at most as the list has. */
int sc_image_list_hold_out(sc_image_list *out, sc_image_list *list, simclr_error *err);

/* Label i of the list, and 1 + the largest label. */
int sc_image_list_label(const sc_image_list *list, size_t i);
size_t sc_image_list_classes(const sc_image_list *list);

/* Keeps a share of the labels, as sc_features_share chooses them; every image has one. */
int sc_image_list_share(sc_image_list *list, double share, uint64_t seed, simclr_error *err);

#endif
