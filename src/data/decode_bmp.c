/* SPDX-License-Identifier: MIT
 *
 * decode_bmp.c - uncompressed BMP of 1, 4 or 8 bits with palette, 24 and 32 bits, written by hand.
 *
 * Rows are padded to 4 bytes and stored bottom up unless the height is negative; the fourth byte of
 * a 32-bit pixel is dropped.
 */
#include "data/decode.h"

typedef struct {
    uint32_t bits;
    bool top_down;
    size_t palette, entry, colours; /* offset, bytes a colour, number (0: no palette) */
    size_t data, row, stride;       /* offset; bytes of a row without and with its padding */
} layout;

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static int refuse(const sc_source *in, const char *what, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_FORMAT, "%s: BMP: %s; convert it to PNG", in->name, what);
}

/* Compression field: none, or bit masks that say plain BGRX. */
static bool plain_pixels(const sc_source *in, uint32_t header, uint32_t bits)
{
    const uint8_t *p = in->bytes;
    uint32_t compression = u32(p + 30);
    if (compression == 0) {
        return true;
    }
    return compression == 3 && bits == 32 && header >= 40 && in->size >= 66 &&
           u32(p + 54) == 0xff0000u && u32(p + 58) == 0xff00u && u32(p + 62) == 0xffu;
}

static int read_header(sc_image *out, layout *l, const sc_source *in, simclr_error *err)
{
    const uint8_t *p = in->bytes;
    uint32_t header = in->size >= 18 ? u32(p + 14) : 0;
    bool old = header == 12;
    if (!old && (header < 40 || header > 1024)) {
        return refuse(in, "the header is damaged or of an unknown kind", err);
    }
    if (in->size < 14 + (size_t)header) {
        return sc_cut_short(in, "BMP", err);
    }
    int64_t height = old ? (int64_t)u16(p + 20) : (int64_t)(int32_t)u32(p + 22);
    uint64_t width = old ? u16(p + 18) : u32(p + 18);
    l->bits = u16(p + (old ? 24 : 28));
    l->top_down = height < 0;
    int rc = sc_image_set_size(out, (uint64_t)(height < 0 ? -height : height), width, in, err);
    if (rc != 0) {
        return rc;
    }
    bool indexed = l->bits == 1 || l->bits == 4 || l->bits == 8;
    if (!indexed && l->bits != 24 && l->bits != 32) {
        return refuse(in, "only 1, 4, 8, 24 and 32 bits a pixel are read", err);
    }
    if (!old && !plain_pixels(in, header, l->bits)) {
        return refuse(in, "compressed pixels are not read", err);
    }
    l->entry = old ? 3 : 4;
    l->palette = 14 + (size_t)header;
    l->colours = indexed ? (size_t)1 << l->bits : 0;
    if (!old && u32(p + 46) != 0 && u32(p + 46) < l->colours) {
        l->colours = u32(p + 46);
    }
    l->data = u32(p + 10);
    l->row = ((size_t)out->width * l->bits + 7) / 8;
    l->stride = (l->row + 3) / 4 * 4;
    return 0;
}

static int check_extent(const sc_image *out, const layout *l, const sc_source *in,
                        simclr_error *err)
{
    /* the padding of the last row may lack */
    if (l->data > in->size || l->stride * (out->height - 1) + l->row > in->size - l->data) {
        return sc_cut_short(in, "BMP", err);
    }
    if (l->palette + l->entry * l->colours > in->size) {
        return sc_cut_short(in, "BMP", err);
    }
    return 0;
}

/* The colour of pixel x of a row, as blue, green, red; NULL: not in the palette. */
static const uint8_t *colour(const layout *l, const uint8_t *row, uint32_t x, const sc_source *in)
{
    if (l->colours == 0) {
        return row + (size_t)x * (l->bits / 8);
    }
    size_t per_byte = 8 / l->bits, shift = 8 - l->bits * (x % per_byte + 1);
    size_t index = row[x / per_byte] >> shift & ((1u << l->bits) - 1);
    return index < l->colours ? in->bytes + l->palette + l->entry * index : NULL;
}

int sc_decode_bmp(sc_image *out, const sc_source *in, simclr_error *err)
{
    layout l = {0};
    int rc = read_header(out, &l, in, err);
    if (rc != 0 || in->header_only) {
        return rc;
    }
    rc = check_extent(out, &l, in, err);
    if (rc == 0) {
        rc = sc_image_alloc(out, 3, in, err);
    }
    for (uint32_t y = 0; rc == 0 && y < out->height; y++) {
        uint32_t stored = l.top_down ? y : out->height - 1 - y;
        const uint8_t *from = in->bytes + l.data + l.stride * stored;
        uint8_t *to = out->pixels + (size_t)y * out->width * 3;
        for (uint32_t x = 0; x < out->width; x++, to += 3) {
            const uint8_t *bgr = colour(&l, from, x, in);
            if (bgr == NULL) {
                return refuse(in, "a pixel is outside of the palette", err);
            }
            to[0] = bgr[2];
            to[1] = bgr[1];
            to[2] = bgr[0];
        }
    }
    return rc;
}
