/* SPDX-License-Identifier: MIT
 *
 * search.h - a search and its result, for cmd_search.c and search_print.c.
 */
#ifndef SC_CLI_SEARCH_H
#define SC_CLI_SEARCH_H

#include "cmd.h"

typedef enum { CLI_QUERIES, CLI_DUPLICATES, CLI_OUTLIERS } cli_search_kind;

/* What was asked for, and what was found: rows of matches, one after the other; of outliers `similarity` is
 * a distance. */
typedef struct {
    cli_search_kind kind;
    double threshold;
    size_t k, count; /* count: of outliers */
    const char *sheet;
    bool json;
    char **query; /* paths of files and names of images */
    size_t queries, query_room;
    simclr_index *index;
    simclr_index_info info;
    simclr_match *match;
    simclr_sheet_row *row;
    size_t rows;
} cli_search;

void cli_search_text(const cli_search *s);
void cli_search_json(const cli_search *s, const char *run);

#endif
