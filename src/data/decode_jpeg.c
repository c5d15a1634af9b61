/* SPDX-License-Identifier: MIT
 *
 * decode_jpeg.c - JPEG by libjpeg-turbo, with the settings Pillow uses (islow DCT, fancy
 * upsampling), so that pixels are equal bit for bit.
 *
 * CMYK and YCCK are taken as inverted, as Adobe writes them and Pillow reads them:
 * R = k - C k / 255 with k = 255 - K.  Data that ends early is an error, never gray.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "core/alloc.h"
#include "data/decode.h"

enum { MAX_SCANS = 500 };
#define DECODER_MEMORY (1L << 30) /* coefficients of the largest allowed picture fit */

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const sc_source *in;
    simclr_error *err;
    uint8_t *row; /* one CMYK row */
    int rc;
} reader;

static void give_up(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    if (r->rc == 0) {
        char text[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, text);
        bool memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
        r->rc = sc_fail(r->err, memory ? SIMCLR_E_MEMORY : SIMCLR_E_FORMAT, "%s: JPEG: %s",
                        r->in->name, text);
    }
    longjmp(r->escape, 1);
}

/* Warnings are let pass as Pillow does, except the one that means picture data is missing: a scan
 * ended early.  In a later progressive scan only detail is lost, the whole picture is there. */
static void hear(j_common_ptr jpeg, int level)
{
    reader *r = jpeg->client_data;
    bool detail = r->jpeg.progressive_mode && r->jpeg.input_scan_number > 1;
    if (level < 0 && jpeg->err->msg_code == JWRN_HIT_MARKER && !detail) {
        r->rc = sc_cut_short(r->in, "JPEG", r->err);
        longjmp(r->escape, 1);
    }
}

static void silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void source_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean source_fill(j_decompress_ptr jpeg)
{
    reader *r = jpeg->client_data;
    r->rc = sc_cut_short(r->in, "JPEG", r->err);
    longjmp(r->escape, 1);
    return FALSE;
}

static void source_skip(j_decompress_ptr jpeg, long count)
{
    if (count <= 0) {
        return;
    }
    if ((size_t)count > jpeg->src->bytes_in_buffer) {
        (void)source_fill(jpeg);
    }
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

static void count_scans(j_common_ptr jpeg)
{
    reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > MAX_SCANS) {
        r->rc = sc_fail(r->err, SIMCLR_E_FORMAT, "%s: JPEG: more than %d progressive scans",
                        r->in->name, MAX_SCANS);
        longjmp(r->escape, 1);
    }
}

static int exif_orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m != NULL; m = m->next) {
        if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 &&
            memcmp(m->data, "Exif\0", 6) == 0) {
            return sc_exif_orientation(m->data, m->data_length);
        }
    }
    return 1;
}

static void cmyk_row(uint8_t *rgb, const uint8_t *cmyk, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        unsigned k = cmyk[4 * x + 3]; /* stored inverted: 255 - K */
        for (size_t c = 0; c < 3; c++) {
            unsigned product = (255u - cmyk[4 * x + c]) * k + 128u;
            unsigned ink = ((product >> 8) + product) >> 8;
            rgb[3 * x + c] = (uint8_t)(ink > k ? 0u : k - ink);
        }
    }
}

static int start(sc_image *out, reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = DECODER_MEMORY;
    jpeg->src = &r->source;
    jpeg->progress = &r->progress;
    if (r->in->exif_rotate) {
        jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    }
    jpeg_read_header(jpeg, TRUE);
    int rc = sc_image_set_size(out, jpeg->image_height, jpeg->image_width, r->in, r->err);
    if (rc != 0) {
        return rc;
    }
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4) {
        return sc_fail(r->err, SIMCLR_E_FORMAT, "%s: JPEG: %d colour components are not read",
                       r->in->name, jpeg->num_components);
    }
    if (r->in->header_only) {
        return 0;
    }
    /* A Huffman-coded block takes at least one bit, so few bytes cannot hold a large picture. */
    if (!jpeg->arith_code && (size_t)out->height * out->width / 2048 > r->in->size) {
        return sc_cut_short(r->in, "JPEG", r->err);
    }
    jpeg->out_color_space = jpeg->num_components == 1   ? JCS_GRAYSCALE
                            : jpeg->num_components == 3 ? JCS_RGB
                                                        : JCS_CMYK;
    jpeg->dct_method = JDCT_ISLOW;
    return 0;
}

static int read_rows(sc_image *out, reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_start_decompress(jpeg);
    bool cmyk = jpeg->num_components == 4;
    int rc = sc_image_alloc(out, jpeg->num_components == 1 ? 1 : 3, r->in, r->err);
    if (rc != 0) {
        return rc;
    }
    if (cmyk) {
        r->row = sc_alloc(out->width, 4, r->err);
        if (r->row == NULL) {
            return SIMCLR_E_MEMORY;
        }
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *line = out->pixels + (size_t)jpeg->output_scanline * out->width * out->channels;
        JSAMPROW row = cmyk ? r->row : line;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1) {
            return sc_cut_short(r->in, "JPEG", r->err);
        }
        if (cmyk) {
            cmyk_row(line, r->row, out->width);
        }
    }
    int orientation = r->in->exif_rotate ? exif_orientation(jpeg) : 1;
    jpeg_finish_decompress(jpeg);
    return sc_image_orient(out, orientation, r->in, r->err);
}

/* Kept apart from sc_decode_jpeg so that no local of it lives across the longjmp. */
static int guarded(sc_image *out, reader *r)
{
    if (setjmp(r->escape) != 0) {
        return r->rc;
    }
    int rc = start(out, r);
    return rc != 0 || r->in->header_only ? rc : read_rows(out, r);
}

int sc_decode_jpeg(sc_image *out, const sc_source *in, simclr_error *err)
{
    reader r;
    memset(&r, 0, sizeof r);
    r.in = in;
    r.err = err;
    r.jpeg.err = jpeg_std_error(&r.manager);
    r.jpeg.client_data = &r;
    r.manager.error_exit = give_up;
    r.manager.emit_message = hear;
    r.manager.output_message = silent;
    r.progress.progress_monitor = count_scans;
    r.source.next_input_byte = in->bytes;
    r.source.bytes_in_buffer = in->size;
    r.source.init_source = source_nothing;
    r.source.fill_input_buffer = source_fill;
    r.source.skip_input_data = source_skip;
    r.source.resync_to_restart = jpeg_resync_to_restart;
    r.source.term_source = source_nothing;
    int rc = guarded(out, &r);
    jpeg_destroy_decompress(&r.jpeg);
    sc_free(r.row);
    return rc;
}
