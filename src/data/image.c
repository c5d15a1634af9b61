/* SPDX-License-Identifier: MIT
 *
 * image.c - recognises the format of an image by its first bytes and calls its reader.
 *
 * Also what all readers share: limits, memory, RGB to L as Pillow does it,
 * L = (19595 R + 38470 G + 7471 B + 2^15) >> 16, and the eight EXIF orientations.
 */
#include "data/image.h"

#include <string.h>

#include "core/alloc.h"
#include "data/decode.h"

typedef int (*decode_fn)(sc_image *out, const sc_source *in, simclr_error *err);

/* A format is known by `size` bytes at `offset`; those without reader are refused by their name. */
typedef struct {
    size_t offset, size;
    const char *magic;
    const char *format;
    decode_fn decode;
} image_format;

static const image_format formats[] = {
    {0, 3, "\xff\xd8\xff", "JPEG", sc_decode_jpeg},
    {0, 8, "\x89PNG\r\n\x1a\n", "PNG", sc_decode_png},
    {8, 4, "WEBP", "WebP", sc_decode_webp},
    {0, 2, "P1", "PBM", sc_decode_pnm},
    {0, 2, "P2", "PGM", sc_decode_pnm},
    {0, 2, "P3", "PPM", sc_decode_pnm},
    {0, 2, "P4", "PBM", sc_decode_pnm},
    {0, 2, "P5", "PGM", sc_decode_pnm},
    {0, 2, "P6", "PPM", sc_decode_pnm},
    {0, 2, "BM", "BMP", sc_decode_bmp},
    {0, 4, "GIF8", "GIF", NULL},
    {0, 4, "II*\0", "TIFF", NULL},
    {0, 4, "MM\0*", "TIFF", NULL},
    {4, 8, "ftypavif", "AVIF", NULL},
    {4, 8, "ftypheic", "HEIF", NULL},
    {0, 2, "\xff\x0a", "JPEG XL", NULL},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", NULL},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", NULL},
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Two letters are little, text may begin with them as well: then a space and a number, or a
 * comment. */
static bool pnm_goes_on(const uint8_t *bytes, size_t size)
{
    return size > 3 && (is_space(bytes[2]) || bytes[2] == '#') &&
           (is_space(bytes[3]) || bytes[3] == '#' || bytes[2] == '#' ||
            (bytes[3] >= '0' && bytes[3] <= '9'));
}

static const image_format *recognise(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const image_format *f = &formats[i];
        if (size < f->offset + f->size || memcmp(bytes + f->offset, f->magic, f->size) != 0) {
            continue;
        }
        if (f->decode == sc_decode_pnm && !pnm_goes_on(bytes, size)) {
            continue;
        }
        if (f->decode == sc_decode_bmp && (size < 18 || bytes[15] != 0 || bytes[16] != 0)) {
            continue;
        }
        return f;
    }
    return NULL;
}

bool sc_image_known(const void *bytes, size_t size)
{
    return recognise(bytes, size) != NULL;
}

static int run_reader(sc_image *out, const sc_source *in, simclr_error *err)
{
    memset(out, 0, sizeof *out);
    if (in->size == 0) {
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: the file is empty", in->name);
    }
    if (in->size > SC_IMAGE_MAX_FILE) {
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: %zu bytes, over the limit of %zu", in->name,
                       in->size, SC_IMAGE_MAX_FILE);
    }
    const image_format *f = recognise(in->bytes, in->size);
    if (f == NULL) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: not an image (JPEG, PNG, WebP, PPM or BMP expected)", in->name);
    }
    if (f->decode == NULL) {
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: %s is not read; convert it to PNG or JPEG",
                       in->name, f->format);
    }
    int rc = f->decode(out, in, err);
    if (rc != 0) {
        sc_image_free(out);
    }
    return rc;
}

int sc_image_decode_with(sc_image *out, const void *bytes, size_t size, const char *name,
                         const sc_image_options *options, simclr_error *err)
{
    sc_source in = {bytes, size, name, false, options->exif_rotate};
    int rc = run_reader(out, &in, err);
    if (rc == 0 && options->channels != 0) {
        rc = sc_image_set_channels(out, options->channels, err);
        if (rc != 0) {
            sc_image_free(out);
        }
    }
    return rc;
}

int sc_image_decode(sc_image *out, const void *bytes, size_t size, const char *name, int channels,
                    simclr_error *err)
{
    sc_image_options options = {channels, false};
    return sc_image_decode_with(out, bytes, size, name, &options, err);
}

int sc_image_probe(uint32_t *height, uint32_t *width, const void *bytes, size_t size,
                   const char *name, simclr_error *err)
{
    sc_source in = {bytes, size, name, true, false};
    sc_image image;
    int rc = run_reader(&image, &in, err);
    *height = image.height;
    *width = image.width;
    return rc;
}

void sc_image_free(sc_image *image)
{
    if (image == NULL) {
        return;
    }
    if (image->owned) {
        sc_free(image->pixels);
    }
    memset(image, 0, sizeof *image);
}

int sc_image_set_size(sc_image *out, uint64_t height, uint64_t width, const sc_source *in,
                      simclr_error *err)
{
    if (height == 0 || width == 0) {
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: the picture is %llu x %llu pixels, it is empty",
                       in->name, (unsigned long long)width, (unsigned long long)height);
    }
    if (height > SC_IMAGE_MAX_SIDE || width > SC_IMAGE_MAX_SIDE ||
        height * width > SC_IMAGE_MAX_PIXELS) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: the picture is %llu x %llu pixels, over the limit of %u a side and %u"
                       " in all",
                       in->name, (unsigned long long)width, (unsigned long long)height,
                       SC_IMAGE_MAX_SIDE, SC_IMAGE_MAX_PIXELS);
    }
    out->height = (uint32_t)height;
    out->width = (uint32_t)width;
    return 0;
}

int sc_image_alloc(sc_image *out, uint32_t channels, const sc_source *in, simclr_error *err)
{
    (void)in;
    out->pixels = sc_alloc((size_t)out->height * out->width, channels, err);
    if (out->pixels == NULL) {
        return SIMCLR_E_MEMORY;
    }
    out->channels = channels;
    out->owned = true;
    return 0;
}

int sc_cut_short(const sc_source *in, const char *what, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_FORMAT, "%s: the %s file is cut short", in->name, what);
}

int sc_image_set_channels(sc_image *image, int channels, simclr_error *err)
{
    size_t n = (size_t)image->height * image->width;
    if (channels == (int)image->channels) {
        return 0;
    }
    if (channels == 1) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = image->pixels + 3 * i;
            image->pixels[i] =
                (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
        }
        image->channels = 1;
        return 0;
    }
    uint8_t *rgb = sc_alloc(n, 3, err);
    if (rgb == NULL) {
        return SIMCLR_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = image->pixels[i];
    }
    sc_free(image->pixels);
    image->pixels = rgb;
    image->channels = 3;
    return 0;
}

/* Output pixel (y, x) comes from (sy, sx); orientations 5..8 swap the sides. */
int sc_image_orient(sc_image *image, int orientation, const sc_source *in, simclr_error *err)
{
    if (orientation <= 1 || orientation > 8) {
        return 0;
    }
    bool swap = orientation >= 5;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    sc_image turned = {.height = swap ? image->width : image->height,
                       .width = swap ? image->height : image->width};
    if (sc_image_alloc(&turned, image->channels, in, err) != 0) {
        return SIMCLR_E_MEMORY;
    }
    size_t c = image->channels;
    for (uint32_t y = 0; y < turned.height; y++) {
        for (uint32_t x = 0; x < turned.width; x++) {
            uint32_t sy = swap ? x : y, sx = swap ? y : x;
            sy = mirror_y ? image->height - 1 - sy : sy;
            sx = mirror_x ? image->width - 1 - sx : sx;
            memcpy(turned.pixels + ((size_t)y * turned.width + x) * c,
                   image->pixels + ((size_t)sy * image->width + sx) * c, c);
        }
    }
    sc_image_free(image);
    *image = turned;
    return 0;
}
