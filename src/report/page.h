/* SPDX-License-Identifier: MIT
 *
 * page.h - one page of HTML that holds all it needs: style, script, pictures, data.
 *
 * page/page.html is its frame, page/page.css its style, page/page.js draws what the data say.  Nothing is
 * loaded from elsewhere: the policy in its head allows this script and this style, by their SHA-256, and
 * pictures within the page.  Names of files and classes reach it as data alone, which no browser runs.
 */
#ifndef SC_REPORT_PAGE_H
#define SC_REPORT_PAGE_H

#include <stddef.h>

#include "core/error.h"
#include "core/json.h"

typedef struct {
    const char *id; /* of the element; letters */
    const void *png;
    size_t size;
} sc_page_picture;

typedef struct {
    const char *title;   /* any text */
    const char *version; /* of the program, for the foot of the page */
    const sc_json *data; /* an object; page.js says what it holds */
    const sc_page_picture *picture;
    size_t pictures;
} sc_page;

int sc_page_write(const char *path, const sc_page *page, simclr_error *err);

#endif
