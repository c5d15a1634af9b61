/* SPDX-License-Identifier: MIT
 *
 * decode_png.c - PNG by libpng, to what Pillow's convert("RGB") gives.
 *
 * Colour of 16 bits keeps the high byte; alpha and tRNS are dropped; gray of 16 bits is clipped to
 * 255, as Pillow clips its mode I.  Of the other ancillary chunks eXIf alone is looked at.
 */
#include <string.h>

#include <png.h>

#include "core/alloc.h"
#include "data/decode.h"

typedef struct {
    png_structp png;
    png_infop info;
    const sc_source *in;
    simclr_error *err;
    size_t at;
    uint8_t *wide; /* whole picture of 16-bit gray */
    int rc;
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    if (r->rc == 0) {
        bool memory = strstr(text, "emory") != NULL;
        r->rc = sc_fail(r->err, memory ? SIMCLR_E_MEMORY : SIMCLR_E_FORMAT, "%s: PNG: %s",
                        r->in->name, text);
    }
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep data, size_t size)
{
    reader *r = png_get_io_ptr(png);
    if (size > r->in->size - r->at) {
        r->rc = sc_cut_short(r->in, "PNG", r->err);
        png_error(png, "end of file");
    }
    memcpy(data, r->in->bytes + r->at, size);
    r->at += size;
}

static int start(sc_image *out, reader *r)
{
    png_structp png = r->png;
    png_set_user_limits(png, SC_IMAGE_MAX_SIDE, SC_IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(png, (png_alloc_size_t)8 << 20);
    png_set_chunk_cache_max(png, 128);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    if (r->in->exif_rotate) {
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);
    }
    png_set_read_fn(png, r, on_read);
    png_read_info(png, r->info);
    int rc = sc_image_set_size(out, png_get_image_height(png, r->info),
                               png_get_image_width(png, r->info), r->in, r->err);
    if (rc != 0 || r->in->header_only) {
        return rc;
    }
    /* Deflate packs at most 1032 : 1, so few bytes cannot hold a large picture. */
    if (png_get_rowbytes(png, r->info) * (size_t)out->height / 1100 > r->in->size) {
        return sc_cut_short(r->in, "PNG", r->err);
    }
    return 0;
}

/* Sets the transformations; afterwards rows are L, RGB, or big-endian 16-bit gray. */
static bool set_transformations(reader *r, uint32_t *channels)
{
    png_structp png = r->png;
    int type = png_get_color_type(png, r->info);
    int depth = png_get_bit_depth(png, r->info);
    bool wide = depth == 16 && type == PNG_COLOR_TYPE_GRAY;
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png);
    } else if (depth < 8) {
        png_set_expand_gray_1_2_4_to_8(png);
    } else if (depth == 16 && !wide) {
        png_set_strip_16(png);
    }
    png_set_strip_alpha(png);
    *channels = (type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    return wide;
}

static int exif_orientation(const reader *r)
{
    png_bytep exif;
    png_uint_32 size;
    return png_get_eXIf_1(r->png, r->info, &size, &exif) != 0 ? sc_exif_orientation(exif, size) : 1;
}

static int read_rows(sc_image *out, reader *r)
{
    uint32_t channels;
    bool wide = set_transformations(r, &channels);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    size_t row = (size_t)out->width * channels * (wide ? 2 : 1);
    if (png_get_rowbytes(r->png, r->info) != row) {
        return sc_fail(r->err, SIMCLR_E_INTERNAL, "%s: PNG: rows of an unexpected size",
                       r->in->name);
    }
    int rc = sc_image_alloc(out, channels, r->in, r->err);
    if (rc != 0) {
        return rc;
    }
    uint8_t *to = out->pixels;
    if (wide) {
        to = r->wide = sc_alloc(out->height, row, r->err);
        if (to == NULL) {
            return SIMCLR_E_MEMORY;
        }
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < out->height; y++) {
            png_read_row(r->png, to + y * row, NULL);
        }
    }
    png_read_end(r->png, r->info); /* eXIf may stand behind the picture */
    for (size_t i = 0; wide && i < (size_t)out->height * out->width; i++) {
        out->pixels[i] = to[2 * i] != 0 ? 255 : to[2 * i + 1];
    }
    return sc_image_orient(out, exif_orientation(r), r->in, r->err);
}

/* Kept apart from sc_decode_png so that no local of it lives across the longjmp. */
static int guarded(sc_image *out, reader *r)
{
    if (setjmp(png_jmpbuf(r->png)) != 0) {
        return r->rc;
    }
    int rc = start(out, r);
    return rc != 0 || r->in->header_only ? rc : read_rows(out, r);
}

int sc_decode_png(sc_image *out, const sc_source *in, simclr_error *err)
{
    reader r = {.in = in, .err = err};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png != NULL ? png_create_info_struct(r.png) : NULL;
    int rc = r.info != NULL ? guarded(out, &r)
                            : sc_fail(err, SIMCLR_E_MEMORY, "%s: no memory to read it", in->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    sc_free(r.wide);
    return rc;
}
