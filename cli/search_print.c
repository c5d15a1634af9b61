/* SPDX-License-Identifier: MIT
 *
 * search_print.c - what simclr search has found, as text and as JSON.
 */
#include "search.h"

#include <stdio.h>
#include <string.h>

static void print_name(const char *name)
{
    char shown[4 * 4096 + 1];
    simclr_printable(shown, sizeof shown, name);
    printf("%s\n", shown);
}

static const char *class_of(const cli_search *s, const simclr_match *match)
{
    const char *class = simclr_index_class(s->index, match->image);
    return class != NULL ? class : "";
}

/* Columns of the longest class, as far as it is no essay. */
static int class_width(const cli_search *s, const simclr_sheet_row *row)
{
    size_t width = 0;
    for (size_t i = 0; s->info.classes > 0 && i < row->count; i++) {
        size_t length = strlen(class_of(s, &row->match[i]));
        width = length > width && length <= 24 ? length : width;
    }
    return (int)width;
}

static void print_row(const cli_search *s, const simclr_sheet_row *row)
{
    char class[4 * 60 + 1];
    int width = class_width(s, row);
    for (size_t i = 0; i < row->count; i++) {
        printf("%4zu  %6.4f  ", i + 1, (double)row->match[i].similarity);
        if (width > 0) {
            simclr_printable(class, sizeof class, class_of(s, &row->match[i]));
            printf("%-*s  ", width, class);
        }
        print_name(simclr_index_name(s->index, row->match[i].image));
    }
}

void cli_search_text(const cli_search *s)
{
    const simclr_sheet_row all = {NULL, s->match, s->count};
    size_t members = 0;
    for (size_t r = 0; r < s->rows; r++)
        members += s->row[r].count;
    if (s->kind == CLI_OUTLIERS)
        printf("mean distance (1 - cosine) to the %zu nearest of %zu images\n", s->k,
               s->info.images);
    if (s->kind == CLI_DUPLICATES)
        printf("%zu group%s, %zu of %zu images, at a similarity of %g or more\n", s->rows,
               s->rows == 1 ? "" : "s", members, s->info.images, s->threshold);
    if (s->kind == CLI_OUTLIERS)
        print_row(s, &all);
    for (size_t r = 0; s->kind != CLI_OUTLIERS && r < s->rows; r++) {
        if (r > 0 || s->kind == CLI_DUPLICATES)
            printf("\n");
        if (s->kind == CLI_QUERIES)
            print_name(s->row[r].query);
        print_row(s, &s->row[r]);
    }
    if (s->sheet != NULL)
        printf("\n%s: %s\n", s->sheet,
               s->rows > 0 ? "what was found, as a picture" : "not written, nothing was found");
}

static void json_images(const cli_search *s, const simclr_match *match, size_t count)
{
    const char *measure = s->kind == CLI_OUTLIERS ? "distance" : "similarity";
    printf("[");
    for (size_t i = 0; i < count; i++) {
        const char *class = simclr_index_class(s->index, match[i].image);
        printf("%s{\"path\": ", i > 0 ? ", " : "");
        cli_json_string(simclr_index_name(s->index, match[i].image));
        printf(", \"%s\": %.6f, \"label\": ", measure, (double)match[i].similarity);
        if (class != NULL)
            cli_json_string(class);
        else
            printf("null");
        printf("}");
    }
    printf("]");
}

void cli_search_json(const cli_search *s, const char *run)
{
    static const char *const list[] = {"queries", "groups", "outliers"};
    printf("{\"run\": ");
    cli_json_string(run);
    printf(", \"checkpoint\": %llu, \"images\": %zu, \"skipped\": %zu",
           (unsigned long long)s->info.checkpoint, s->info.images, s->info.skipped);
    if (s->kind == CLI_DUPLICATES)
        printf(", \"threshold\": %g", s->threshold);
    else
        printf(", \"k\": %zu", s->k);
    printf(", \"%s\": ", list[s->kind]);
    if (s->kind == CLI_OUTLIERS) {
        json_images(s, s->match, s->count);
        printf("}\n");
        return;
    }
    printf("[");
    for (size_t r = 0; r < s->rows; r++) {
        printf("%s", r > 0 ? ", " : "");
        if (s->kind == CLI_QUERIES) {
            printf("{\"query\": ");
            cli_json_string(s->row[r].query);
            printf(", \"neighbours\": ");
        }
        json_images(s, s->row[r].match, s->row[r].count);
        printf(s->kind == CLI_QUERIES ? "}" : "");
    }
    printf("]}\n");
}
