/* SPDX-License-Identifier: MIT
 *
 * page.c - fills the frame: each {{name}} of page.html becomes what put_part knows by that name.
 */
#include "report/page.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"

/* page/page.html, page.css, page.js; made by cmake/embed.cmake. */
extern const unsigned char sc_page_html[], sc_page_css[], sc_page_js[];

enum { HASH_BYTES = 32, HASH_TEXT = 4 * (HASH_BYTES + 2) / 3 + 1, GROUP = 3 * 1024 };

static int put(sc_fs_writer *w, const char *text, simclr_error *err)
{
    return sc_fs_writer_write(w, text, strlen(text), err);
}

/* ---- base64 ---- */

/* Four digits for every three bytes begun; out is not terminated. */
static size_t base64(char *out, const uint8_t *bytes, size_t size)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= n > 2 ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            out[used++] = k <= n ? digit[group >> (18 - 6 * k) & 63] : '=';
    }
    return used;
}

static int put_picture(sc_fs_writer *w, const sc_page_picture *picture, simclr_error *err)
{
    char text[4 * GROUP / 3];
    const uint8_t *png = picture->png;
    int n = snprintf(text, sizeof text,
                     "<img id=\"%s\" hidden alt=\"\" src=\"data:image/png;base64,", picture->id);
    int rc = sc_fs_writer_write(w, text, (size_t)n, err);
    for (size_t at = 0; rc == 0 && at < picture->size; at += GROUP) {
        size_t size = picture->size - at < GROUP ? picture->size - at : GROUP;
        rc = sc_fs_writer_write(w, text, base64(text, png + at, size), err);
    }
    return rc < 0 ? rc : put(w, "\">\n", err);
}

/* ---- the parts ---- */

/* What may follow 'sha256- in a policy. */
static int hash(char out[HASH_TEXT], const unsigned char *text, simclr_error *err)
{
    char hex[SC_SHA256_HEX];
    uint8_t bytes[HASH_BYTES];
    int rc = sc_sha256(hex, text, strlen((const char *)text), err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (uint8_t)byte;
    }
    out[base64(out, bytes, HASH_BYTES)] = '\0';
    return 0;
}

static int put_policy(sc_fs_writer *w, simclr_error *err)
{
    char style[HASH_TEXT], script[HASH_TEXT], text[256];
    int rc = hash(style, sc_page_css, err);
    if (rc == 0)
        rc = hash(script, sc_page_js, err);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof text,
             "default-src 'none'; img-src data:; style-src 'sha256-%s'; script-src 'sha256-%s'",
             style, script);
    return put(w, text, err);
}

static int put_escaped(sc_fs_writer *w, const char *text, simclr_error *err)
{
    size_t size = 4 * strlen(text) + 1; /* of sc_printable */
    char *plain = sc_alloc(size, 1, err);
    if (plain == NULL)
        return SIMCLR_E_MEMORY;
    sc_printable(plain, size, text);
    int rc = 0;
    for (const char *c = plain; rc == 0 && *c != '\0'; c++) {
        const char *entity = *c == '<' ? "&lt;" : *c == '&' ? "&amp;" : *c == '"' ? "&quot;" : NULL;
        rc = entity != NULL ? put(w, entity, err) : sc_fs_writer_write(w, c, 1, err);
    }
    sc_free(plain);
    return rc;
}

/* '<' is only found within strings of JSON; as an escape it can end no element. */
static int put_data(sc_fs_writer *w, const sc_json *data, simclr_error *err)
{
    char *text;
    int rc = sc_json_dump(&text, data, false, err);
    if (rc < 0)
        return rc;
    for (const char *at = text; rc == 0 && *at != '\0';) {
        size_t plain = strcspn(at, "<");
        rc = sc_fs_writer_write(w, at, plain, err);
        at += plain;
        if (rc == 0 && *at == '<') {
            rc = put(w, "\\u003c", err);
            at++;
        }
    }
    sc_free(text);
    return rc;
}

static int put_part(sc_fs_writer *w, const char *name, size_t length, const sc_page *page,
                    simclr_error *err)
{
    enum { POLICY, TITLE, STYLE, VERSION, PICTURES, DATA, SCRIPT, PARTS };
    static const char *const names[PARTS] = {"policy",   "title", "style", "version",
                                             "pictures", "data",  "script"};
    int part = 0, rc = 0;
    while (part < PARTS &&
           !(strlen(names[part]) == length && memcmp(names[part], name, length) == 0))
        part++;
    switch (part) {
    case POLICY:
        return put_policy(w, err);
    case TITLE:
        return put_escaped(w, page->title, err);
    case STYLE:
        return put(w, (const char *)sc_page_css, err);
    case VERSION:
        return put_escaped(w, page->version, err);
    case PICTURES:
        for (size_t i = 0; rc == 0 && i < page->pictures; i++)
            rc = put_picture(w, &page->picture[i], err);
        return rc;
    case DATA:
        return put_data(w, page->data, err);
    case SCRIPT:
        return put(w, (const char *)sc_page_js, err);
    default:
        return sc_fail(err, SIMCLR_E_INTERNAL, "page.html: nothing is called {{%.*s}}", (int)length,
                       name);
    }
}

static int put_page(sc_fs_writer *w, const sc_page *page, simclr_error *err)
{
    for (const char *at = (const char *)sc_page_html;;) {
        const char *open = strstr(at, "{{"), *close = open == NULL ? NULL : strstr(open, "}}");
        if (close == NULL)
            return put(w, at, err);
        int rc = sc_fs_writer_write(w, at, (size_t)(open - at), err);
        if (rc == 0)
            rc = put_part(w, open + 2, (size_t)(close - open - 2), page, err);
        if (rc < 0)
            return rc;
        at = close + 2;
    }
}

int sc_page_write(const char *path, const sc_page *page, simclr_error *err)
{
    sc_fs_writer *w;
    int rc = sc_fs_writer_open(&w, path, err);
    if (rc < 0)
        return rc;
    rc = put_page(w, page, err);
    if (rc == 0)
        return sc_fs_writer_commit(w, err);
    sc_fs_writer_abandon(w);
    return rc;
}
