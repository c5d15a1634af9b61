/* SPDX-License-Identifier: MIT
 *
 * decode_webp.c - WebP (lossy and lossless, single picture) by libwebp; alpha is dropped.
 */
#include <string.h>

#include <webp/decode.h>

#include "data/decode.h"

static int refuse(const sc_source *in, VP8StatusCode status, simclr_error *err)
{
    if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
        return sc_cut_short(in, "WebP", err);
    }
    if (status == VP8_STATUS_OUT_OF_MEMORY) {
        return sc_fail(err, SIMCLR_E_MEMORY, "%s: no memory to read it", in->name);
    }
    return sc_fail(err, SIMCLR_E_FORMAT, "%s: the WebP file is damaged", in->name);
}

/* After "RIFF", size, "WEBP" come chunks: name, size, so many bytes, made even.  The first, VP8X, says
 * whether there is EXIF. */
static int exif_orientation(const sc_source *in)
{
    enum { HEAD = 12, CHUNK_HEAD = 8, HAS_EXIF = 8 };
    const uint8_t *b = in->bytes;
    if (in->size <= HEAD + CHUNK_HEAD || memcmp(b + HEAD, "VP8X", 4) != 0 ||
        (b[HEAD + CHUNK_HEAD] & HAS_EXIF) == 0) {
        return 1;
    }
    for (size_t at = HEAD; in->size - at >= CHUNK_HEAD;) {
        const uint8_t *n = b + at + 4;
        size_t size = n[0] | (size_t)n[1] << 8 | (size_t)n[2] << 16 | (size_t)n[3] << 24;
        size_t left = in->size - at - CHUNK_HEAD;
        if (size > left) {
            return 1;
        }
        if (memcmp(b + at, "EXIF", 4) == 0) {
            return sc_exif_orientation(b + at + CHUNK_HEAD, size);
        }
        at += CHUNK_HEAD + size + (size < left && size % 2 == 1);
    }
    return 1;
}

int sc_decode_webp(sc_image *out, const sc_source *in, simclr_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return sc_fail(err, SIMCLR_E_INTERNAL, "libwebp has another version than its headers");
    }
    VP8StatusCode status = WebPGetFeatures(in->bytes, in->size, &config.input);
    if (status != VP8_STATUS_OK) {
        return refuse(in, status, err);
    }
    int rc = sc_image_set_size(out, (uint64_t)config.input.height, (uint64_t)config.input.width, in,
                               err);
    if (rc != 0) {
        return rc;
    }
    if (config.input.has_animation) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: animated WebP is not read; save one frame as PNG or WebP", in->name);
    }
    if (in->header_only) {
        return 0;
    }
    rc = sc_image_alloc(out, 3, in, err);
    if (rc != 0) {
        return rc;
    }
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->pixels;
    config.output.u.RGBA.stride = (int)(out->width * 3);
    config.output.u.RGBA.size = (size_t)out->height * out->width * 3;
    status = WebPDecode(in->bytes, in->size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) {
        return refuse(in, status, err);
    }
    return sc_image_orient(out, in->exif_rotate ? exif_orientation(in) : 1, in, err);
}
