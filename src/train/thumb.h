/* SPDX-License-Identifier: MIT
 *
 * thumb.h - a small picture of what the encoder sees of an image.
 */
#ifndef SC_TRAIN_THUMB_H
#define SC_TRAIN_THUMB_H

#include "data/dataset.h"
#include "views/views.h"

/* rgb (side, side, 3): the evaluation view of image i, averaged over squares; gray for an image that cannot
 * be read any more, which is noted in the data set (SIMCLR_E_DATA over its limit). */
int sc_thumb(uint8_t *rgb, uint32_t side, sc_dataset *ds, size_t i, sc_views *views,
             simclr_error *err);

#endif
