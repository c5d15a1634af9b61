/* SPDX-License-Identifier: MIT
 *
 * kernel_fetch.h - fetching what comes next, while products leave the memory idle.
 *
 * It is fetched in many small shares: of requests in a row that fill the processor's queue of misses it
 * drops some, and loads wait behind the others.
 */
#ifndef SC_CPU_KERNEL_FETCH_H
#define SC_CPU_KERNEL_FETCH_H

#include "backend/cpu/kernel_elem.h"

enum {
    FETCH_PIECES =
        7, /* the image, two maps that it is made of, the output, what is added or summed up */
    FETCH_LINE = 64,
    FETCH_CHUNK = (1 << 20) / FETCH_LINE /* lines: what the cache holds beside a chunk */
};

typedef struct {
    const elem *at[FETCH_PIECES];
    size_t lines[FETCH_PIECES], pieces; /* of the cache */
    size_t share[FETCH_PIECES];         /* lines of each share but the last: fetch_divide */
    size_t piece;                       /* that fetch_lines is at */
} fetch_list;

/* Rows begin .. end-1, of `width` elements each. */
SC_INLINE void fetch_add(fetch_list *f, const elem *map, size_t width, size_t begin, size_t end)
{
    f->at[f->pieces] = map + begin * width;
    f->lines[f->pieces] = (end - begin) * width * sizeof(elem) / FETCH_LINE;
    f->pieces++;
}

/* Cuts what is on the list into so many shares. */
static void fetch_divide(fetch_list *f, size_t shares)
{
    for (size_t piece = 0; piece < f->pieces; piece++) {
        f->share[piece] = (f->lines[piece] + shares - 1) / shares;
    }
}

/* What share i has of a list. */
SC_INLINE fetch_list fetch_part(const fetch_list *f, size_t i)
{
    fetch_list part = {.pieces = f->pieces};

    for (size_t piece = 0; piece < f->pieces; piece++) {
        size_t begin = min_size(i * f->share[piece], f->lines[piece]);
        part.at[piece] = f->at[piece] + begin * (FETCH_LINE / sizeof(elem));
        part.lines[piece] = min_size(f->share[piece], f->lines[piece] - begin);
    }
    return part;
}

/* Share i, into the second-level cache. */
SC_INLINE void fetch_share(const fetch_list *f, size_t i)
{
    fetch_list part = fetch_part(f, i);

    for (size_t piece = 0; piece < part.pieces; piece++) {
        prefetch(part.at[piece], part.lines[piece] * FETCH_LINE, true);
    }
}

/* The next lines, at most `count`, of one piece. */
SC_INLINE void fetch_lines(fetch_list *f, size_t count)
{
    size_t piece = f->piece;

    if (piece == f->pieces) {
        return;
    }
    count = min_size(count, f->lines[piece]);
    prefetch(f->at[piece], count * FETCH_LINE, true);
    f->at[piece] += count * (FETCH_LINE / sizeof(elem));
    f->lines[piece] -= count;
    f->piece += f->lines[piece] == 0;
}

static size_t fetch_count(const fetch_list *f)
{
    size_t lines = 0;

    for (size_t i = 0; i < f->pieces; i++) {
        lines += f->lines[i];
    }
    return lines;
}

#endif
