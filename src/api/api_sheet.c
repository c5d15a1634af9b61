/* SPDX-License-Identifier: MIT
 *
 * api_sheet.c - public function: images that were found, as a picture.
 */
#include "api/api_index.h"

#include <stdio.h>
#include <string.h>

#include "report/thumbnails.h"

enum { COLUMNS = 12, ROW_LINES = 4 }; /* of the images found, at most */

/* Where the row at work is; short rows without a query share a line. */
typedef struct {
    size_t line, section, column; /* where it begins */
    size_t lines;                 /* so far */
    size_t free_column;           /* from which on the last line is free */
} place;

typedef struct {
    sc_canvas canvas;
    simclr_index *index;
    size_t columns; /* of the images found */
    size_t left;    /* 1: a column of queries is before them */
    place at;
} sheet;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static size_t shown_of(const sheet *s, const simclr_sheet_row *row)
{
    return smaller(row->count, s->columns * ROW_LINES);
}

static size_t lines_of(const sheet *s, const simclr_sheet_row *row)
{
    size_t lines = (shown_of(s, row) + s->columns - 1) / s->columns;
    return lines > 0 ? lines : 1;
}

static void put_after(place *at, const sheet *s, const simclr_sheet_row *row)
{
    size_t count = shown_of(s, row), lines = lines_of(s, row);
    bool shares = row->query == NULL && lines == 1;
    if (shares && at->lines > 0 && at->free_column + count <= s->columns) {
        at->column = at->free_column;
    } else {
        at->section += at->lines > 0;
        at->line = at->lines;
        at->column = 0;
        at->lines += lines;
    }
    at->free_column = shares ? at->column + count + 1 : s->columns + 1;
}

/* An image that has become unreadable leaves its field grey. */
static int put(sheet *s, sc_thumbnail *at, int read, sc_image *image, simclr_error *err)
{
    at->line += s->at.line;
    at->section = s->at.section;
    at->image = read == 0 ? image : NULL;
    int rc = sc_thumbnails_put(&s->canvas, at, err);
    sc_image_free(image);
    return rc;
}

static int put_query(sheet *s, const char *query, simclr_error *err)
{
    sc_image image;
    sc_thumbnail at = {
        .caption = "query", .detail = {base_name(query), ""}, .marked = true, .begins = true};
    int read = sc_api_index_query(&image, s->index, query, NULL);
    return put(s, &at, read, &image, err);
}

static int put_match(sheet *s, const simclr_match *match, size_t i, simclr_error *err)
{
    const sc_api_run *run = &s->index->run;
    const char *class = simclr_index_class(s->index, match->image);
    const char *name = base_name(simclr_index_name(s->index, match->image));
    char caption[16];
    sc_image image;
    snprintf(caption, sizeof caption, "%.3f", (double)match->similarity);
    size_t cell = s->at.column + i;
    sc_thumbnail at = {.line = cell / s->columns,
                       .column = s->left + cell % s->columns,
                       .caption = caption,
                       .detail = {class != NULL ? class : name, class != NULL ? name : ""},
                       .begins = cell == 0};
    int read = sc_dataset_read(&image, run->train, s->index->bank.index[match->image], NULL);
    return put(s, &at, read, &image, err);
}

static int put_row(sheet *s, const simclr_sheet_row *row, simclr_error *err)
{
    put_after(&s->at, s, row);
    int rc = row->query != NULL ? put_query(s, row->query, err) : 0;
    for (size_t i = 0; rc == 0 && i < shown_of(s, row); i++)
        rc = put_match(s, &row->match[i], i, err);
    if (rc == 0 && sc_stop_asked(&s->index->observer))
        rc = sc_fail(err, SIMCLR_E_INTERRUPTED, "interrupted while drawing images");
    return rc;
}

/* Columns for the longest row, or for several that share a line. */
static void choose_columns(sheet *s, const simclr_sheet_row *row, size_t rows)
{
    size_t longest = 1, together = 0;
    for (size_t r = 0; r < rows; r++) {
        longest = row[r].count > longest ? row[r].count : longest;
        together += row[r].count + (r > 0);
        s->left = row[r].query != NULL ? 1 : s->left;
    }
    s->columns = smaller(s->left > 0 || together == 0 ? longest : together, COLUMNS);
}

/* The rows that fit, at least the first, and what they take. */
static size_t plan(place *all, const sheet *s, const simclr_sheet_row *row, size_t rows)
{
    size_t shown = 0, cut = 0;
    *all = (place){0};
    for (; shown < rows; shown++) {
        place next = *all;
        put_after(&next, s, &row[shown]);
        if (next.lines > SC_THUMBNAIL_LINES)
            break;
        *all = next;
        cut += shown_of(s, &row[shown]) < row[shown].count;
    }
    if (shown < rows || cut > 0)
        sc_say(&s->index->observer, SIMCLR_NOTE,
               "sheet     %zu of %zu rows fit, and at most %zu images of a row", shown, rows,
               s->columns * ROW_LINES);
    return shown;
}

int simclr_index_sheet(const char *png_path, simclr_index *index, const simclr_sheet_row *row,
                       size_t rows, simclr_error *err)
{
    sheet s = {.index = index};
    place all;
    if (rows == 0)
        return sc_fail(err, SIMCLR_E_USAGE, "a sheet without rows: it takes at least one");
    int rc = sc_api_index_ready(index, err);
    if (rc < 0)
        return rc;
    choose_columns(&s, row, rows);
    size_t shown = plan(&all, &s, row, rows);
    rc = sc_thumbnails_open(&s.canvas, s.left + s.columns, all.lines, all.section + 1, err);
    for (size_t r = 0; rc == 0 && r < shown; r++)
        rc = put_row(&s, &row[r], err);
    if (rc == 0)
        rc = sc_canvas_write(png_path, &s.canvas, err);
    sc_canvas_close(&s.canvas);
    return sc_api_result(rc, err);
}
