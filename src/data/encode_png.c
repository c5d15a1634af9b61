/* SPDX-License-Identifier: MIT
 *
 * encode_png.c - 8-bit L or RGB pixels to a PNG in memory, by libpng.
 */
#include <string.h>

#include <png.h>

#include "core/alloc.h"
#include "data/image.h"

typedef struct {
    png_structp png;
    png_infop info;
    const uint8_t *pixels;
    uint32_t height, width, channels;
    uint8_t *data;
    size_t size, capacity;
    simclr_error *err;
    int rc;
} writer;

static void on_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    if (w->rc == 0) {
        w->rc = sc_fail(w->err, SIMCLR_E_INTERNAL, "PNG: %s", text);
    }
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    writer *w = png_get_io_ptr(png);
    if (size > w->capacity - w->size) {
        size_t capacity = 2 * w->capacity + size + 4096;
        uint8_t *larger = sc_alloc(capacity, 1, w->err);
        if (larger == NULL) {
            w->rc = SIMCLR_E_MEMORY;
            png_error(png, "no memory");
        }
        if (w->size > 0) {
            memcpy(larger, w->data, w->size);
        }
        sc_free(w->data);
        w->data = larger;
        w->capacity = capacity;
    }
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* Is most of the picture as its left neighbour is, as in a chart?  Then filters only cost time and
 * bytes; photographs need them. */
static bool is_flat(const writer *w)
{
    size_t c = w->channels, row = (size_t)w->width * c, equal = 0, all = 0;
    for (uint32_t y = 0; y < w->height; y++) {
        const uint8_t *p = w->pixels + y * row;
        for (size_t i = c; i < row; i++) {
            equal += p[i] == p[i - c];
        }
        all += row - c;
    }
    return equal > all / 2;
}

static int guarded(writer *w)
{
    if (setjmp(png_jmpbuf(w->png)) != 0) {
        return w->rc;
    }
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_compression_level(w->png, 6);
    if (is_flat(w)) {
        png_set_filter(w->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    }
    png_set_IHDR(w->png, w->info, w->width, w->height, 8,
                 w->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (uint32_t y = 0; y < w->height; y++) {
        png_write_row(w->png, w->pixels + (size_t)y * w->width * w->channels);
    }
    png_write_end(w->png, w->info);
    return 0;
}

int sc_png_encode(void **png, size_t *size, const uint8_t *pixels, uint32_t h, uint32_t w,
                  uint32_t channels, simclr_error *err)
{
    *png = NULL;
    *size = 0;
    if (h == 0 || w == 0 || (channels != 1 && channels != 3)) {
        return sc_fail(err, SIMCLR_E_USAGE, "PNG: a picture of %u x %u with %u channels", w, h,
                       channels);
    }
    writer state = {.pixels = pixels, .height = h, .width = w, .channels = channels, .err = err};
    state.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
    state.info = state.png != NULL ? png_create_info_struct(state.png) : NULL;
    int rc = state.info != NULL ? guarded(&state)
                                : sc_fail(err, SIMCLR_E_MEMORY, "PNG: no memory to write it");
    png_destroy_write_struct(&state.png, &state.info);
    if (rc != 0) {
        sc_free(state.data);
        return rc;
    }
    *png = state.data;
    *size = state.size;
    return 0;
}
