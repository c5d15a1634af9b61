/* SPDX-License-Identifier: MIT
 *
 * decode_webp.c - WebP (lossy and lossless, single picture) by libwebp; alpha is dropped.
 */
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
    return status == VP8_STATUS_OK ? 0 : refuse(in, status, err);
}
