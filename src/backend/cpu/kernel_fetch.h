/* SPDX-License-Identifier: MIT
 *
 * kernel_fetch.h - fetching what comes next, while products leave the memory idle.
 *
 * It is fetched in many small shares: of requests in a row that fill the processor's queue of misses it
 * drops some, and loads wait behind the others.
 */
#ifndef SC_CPU_KERNEL_FETCH_H
#define SC_CPU_KERNEL_FETCH_H

#include "backend/cpu/kernel_micro.h"
#include "backend/cpu/kernel_rows.h"

enum {
    FETCH_PIECES = 5 + ROWS_MAPS,
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

/* Share i, into the second-level cache.  Not with a matrix unit: its tiles leave the memory busy. */
SC_INLINE void fetch_share(const fetch_list *f, size_t i)
{
    for (size_t piece = 0; !MATRIX_UNIT && piece < f->pieces; piece++) {
        size_t begin = i * f->share[piece],
               end = min_size(begin + f->share[piece], f->lines[piece]);
        const char *at = (const char *)f->at[piece];
        for (size_t line = begin; line < end; line++) {
            prefetch(at + line * FETCH_LINE, FETCH_LINE, true);
        }
    }
}

/* The next `count` lines, piece after piece. */
SC_INLINE void fetch_lines(fetch_list *f, size_t count)
{
    for (; count > 0 && f->piece < f->pieces; count--) {
        if (f->lines[f->piece] == 0) {
            f->piece++;
            continue;
        }
        prefetch(f->at[f->piece], FETCH_LINE, true);
        f->at[f->piece] += FETCH_LINE / sizeof(elem);
        f->lines[f->piece]--;
    }
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
