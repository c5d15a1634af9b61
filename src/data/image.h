/* SPDX-License-Identifier: MIT
 *
 * image.h - one 8-bit picture in memory, and the readers that make it from the bytes of a file.
 *
 * The format is recognised by content: JPEG, PNG, WebP, PPM, PGM and PBM (P1 to P6), BMP.
 * Pixels equal Pillow's Image.open(f).convert("RGB") or ("L"): alpha is dropped, not blended,
 * L = (19595 R + 38470 G + 7471 B + 32768) >> 16.  A file that is cut short is an error.
 */
#ifndef SC_DATA_IMAGE_H
#define SC_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define SC_IMAGE_MAX_FILE ((size_t)256 << 20) /* bytes of a file */
#define SC_IMAGE_MAX_SIDE 16384u
#define SC_IMAGE_MAX_PIXELS 89478485u /* Pillow's MAX_IMAGE_PIXELS */

typedef struct {
    uint8_t *pixels; /* height, width, channels interleaved; read only when borrowed */
    uint32_t height, width;
    uint32_t channels; /* 1 or 3 */
    bool owned;        /* false: the pixels belong to a data set */
} sc_image;

typedef struct {
    int channels;     /* 1 or 3; 0 keeps what the file has */
    bool exif_rotate; /* turn JPEG, PNG and WebP as their EXIF orientation says */
} sc_image_options;

/* `name` only serves the error text.  SIMCLR_E_FORMAT: not an image, damaged, or over a limit. */
int sc_image_decode(sc_image *out, const void *bytes, size_t size, const char *name, int channels,
                    simclr_error *err);
int sc_image_decode_with(sc_image *out, const void *bytes, size_t size, const char *name,
                         const sc_image_options *options, simclr_error *err);

/* Size of the decoded picture from the header alone: the first `size` bytes of the file suffice
 * when they reach the header's end.  Fails where decoding would be refused for format or limits. */
int sc_image_probe(uint32_t *height, uint32_t *width, const void *bytes, size_t size,
                   const char *name, simclr_error *err);

/* True when the first bytes are those of an image, of a format that is read here or not. */
bool sc_image_known(const void *bytes, size_t size);

void sc_image_free(sc_image *image); /* borrowed, zeroed and NULL are fine */

/* In place: RGB to L, or L to RGB; owned images only. */
int sc_image_set_channels(sc_image *image, int channels, simclr_error *err);

/* PNG of 8-bit pixels (1 or 3 channels); *png is the caller's, sc_free. */
int sc_png_encode(void **png, size_t *size, const uint8_t *pixels, uint32_t h, uint32_t w,
                  uint32_t channels, simclr_error *err);

#endif
