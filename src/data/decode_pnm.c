/* SPDX-License-Identifier: MIT
 *
 * decode_pnm.c - PBM, PGM and PPM, plain (P1, P2, P3) and raw (P4, P5, P6), written by hand.
 *
 * A bit of PBM is black where it is 1; its raw rows begin at a byte.
 * A sample v becomes round(v / maxval * 255), half to even; gray with maxval over 255 becomes
 * round(v / maxval * 65535) clipped to 255, as Pillow treats 16-bit gray.
 */
#include <math.h>
#include <string.h>

#include "data/decode.h"

typedef struct {
    const sc_source *in;
    size_t at;
    simclr_error *err;
    bool ended; /* a number was asked for after the end of the file */
} cursor;

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int next_byte(cursor *c)
{
    return c->at < c->in->size ? c->in->bytes[c->at++] : -1;
}

/* The next byte after spaces and comments, or -1. */
static int next_digit(cursor *c)
{
    int byte = next_byte(c);
    while (is_space(byte) || byte == '#') {
        while (byte == '#') {
            do {
                byte = next_byte(c);
            } while (byte >= 0 && byte != '\n' && byte != '\r');
        }
        byte = byte < 0 ? byte : next_byte(c);
    }
    c->ended = byte < 0;
    return byte;
}

/* Next decimal number, after spaces and comments; false when there is none or it is over 65535.
 * Takes the one byte after it. */
static bool next_number(unsigned *value, cursor *c)
{
    int byte = next_digit(c);
    if (byte < '0' || byte > '9') {
        return false;
    }
    unsigned v = 0;
    while (byte >= '0' && byte <= '9') {
        v = 10 * v + (unsigned)(byte - '0');
        if (v > 65535) {
            return false;
        }
        byte = next_byte(c);
    }
    *value = v;
    return byte < 0 || is_space(byte) || byte == '#';
}

static int bad_text(const cursor *c, const char *what)
{
    if (c->ended) {
        return sc_cut_short(c->in, "PNM", c->err);
    }
    return sc_fail(c->err, SIMCLR_E_FORMAT, "%s: PNM: %s near byte %zu", c->in->name, what, c->at);
}

static void fill_table(uint8_t table[65536], unsigned maxval, bool gray)
{
    bool wide = gray && maxval > 255;
    for (unsigned v = 0; v < 65536; v++) {
        double scaled = rint((double)v / (double)maxval * (wide ? 65535.0 : 255.0));
        table[v] = scaled > 255.0 ? 255 : (uint8_t)scaled;
    }
}

static int read_plain(sc_image *out, cursor *c, const uint8_t *table, unsigned maxval)
{
    size_t n = (size_t)out->height * out->width * out->channels;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        if (!next_number(&v, c) || v > maxval) {
            return bad_text(c, "not a number of 0 to maxval");
        }
        out->pixels[i] = table[v];
    }
    return 0;
}

static void read_raw(sc_image *out, const uint8_t *from, const uint8_t *table, unsigned maxval)
{
    size_t n = (size_t)out->height * out->width * out->channels;
    if (maxval == 255) {
        memcpy(out->pixels, from, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned v = maxval > 255 ? (unsigned)from[2 * i] << 8 | from[2 * i + 1] : from[i];
        out->pixels[i] = table[v];
    }
}

static int read_bits(sc_image *out, cursor *c, bool plain)
{
    size_t stride = ((size_t)out->width + 7) / 8;
    for (size_t y = 0; y < out->height; y++) {
        const uint8_t *row = c->in->bytes + c->at + y * stride;
        for (size_t x = 0; x < out->width; x++) {
            int digit = plain ? next_digit(c) : '0' + (row[x / 8] >> (7 - x % 8) & 1);
            if (digit != '0' && digit != '1') {
                return bad_text(c, "neither 0 nor 1");
            }
            out->pixels[y * out->width + x] = digit == '1' ? 0 : 255;
        }
    }
    return 0;
}

/* Least bytes of the pixels: plain samples are a digit and, but for bits, a space. */
static size_t least_bytes(const sc_image *out, char kind, uint32_t channels, unsigned maxval)
{
    size_t n = (size_t)out->height * out->width * channels;
    switch (kind) {
    case '1':
        return n;
    case '4':
        return out->height * (((size_t)out->width + 7) / 8);
    case '2':
    case '3':
        return 2 * n - 1;
    default:
        return n * (maxval > 255 ? 2 : 1);
    }
}

int sc_decode_pnm(sc_image *out, const sc_source *in, simclr_error *err)
{
    cursor c = {.in = in, .at = 2, .err = err};
    char kind = (char)in->bytes[1];
    bool plain = kind <= '3', bits = kind == '1' || kind == '4';
    uint32_t channels = kind == '3' || kind == '6' ? 3 : 1;
    unsigned width, height, maxval = 1;
    if (!next_number(&width, &c) || !next_number(&height, &c) ||
        (!bits && !next_number(&maxval, &c))) {
        return bad_text(&c, "the header is damaged");
    }
    if (maxval == 0) {
        return bad_text(&c, "maxval is 0");
    }
    int rc = sc_image_set_size(out, height, width, in, err);
    if (rc != 0 || in->header_only) {
        return rc;
    }
    if (least_bytes(out, kind, channels, maxval) > in->size - c.at) {
        return sc_cut_short(in, "PNM", err);
    }
    rc = sc_image_alloc(out, channels, in, err);
    if (rc != 0) {
        return rc;
    }
    if (bits) {
        return read_bits(out, &c, plain);
    }
    uint8_t table[65536];
    fill_table(table, maxval, channels == 1);
    if (plain) {
        return read_plain(out, &c, table, maxval);
    }
    read_raw(out, in->bytes + c.at, table, maxval);
    return 0;
}
