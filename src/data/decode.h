/* SPDX-License-Identifier: MIT
 *
 * decode.h - what the readers of the single formats share; used by image.c and decode_*.c only.
 *
 * Each reader fills out (height, width, channels 1 or 3, owned pixels) with what the file holds,
 * or only the size when header_only.  On failure out->pixels is NULL.
 */
#ifndef SC_DATA_DECODE_H
#define SC_DATA_DECODE_H

#include "data/image.h"

typedef struct {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    bool header_only;
    bool exif_rotate;
} sc_source;

int sc_decode_jpeg(sc_image *out, const sc_source *in, simclr_error *err);
int sc_decode_png(sc_image *out, const sc_source *in, simclr_error *err);
int sc_decode_webp(sc_image *out, const sc_source *in, simclr_error *err);
int sc_decode_pnm(sc_image *out, const sc_source *in, simclr_error *err);
int sc_decode_bmp(sc_image *out, const sc_source *in, simclr_error *err);

/* Checks the sides against the limits and stores them; allocates nothing. */
int sc_image_set_size(sc_image *out, uint64_t height, uint64_t width, const sc_source *in,
                      simclr_error *err);
/* Zeroed pixels for the stored size. */
int sc_image_alloc(sc_image *out, uint32_t channels, const sc_source *in, simclr_error *err);
/* Of EXIF data, with or without the six bytes "Exif\0\0" in front; 1, as the picture lies, when it is
 * malformed or says nothing. */
int sc_exif_orientation(const uint8_t *exif, size_t size);
/* Applies an EXIF orientation 1..8. */
int sc_image_orient(sc_image *image, int orientation, const sc_source *in, simclr_error *err);

int sc_cut_short(const sc_source *in, const char *what, simclr_error *err);

#endif
