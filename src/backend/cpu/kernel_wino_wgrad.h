/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_wgrad.h - weight gradient by Winograd's transforms.
 *
 *   dU[xi] (co, ci) = sum over tiles of W[xi]' V[xi],  V = B' x B,  W = A dy A'
 *   dw[k,c,:,:]    += G' dU[:,k,c] G
 *
 * A chunk of tiles is transformed to panels that stay in the last-level cache; then each part makes
 * the dU of WINO_CO x NR filters for all points, on the stack, and adds G' dU G to sums (k, tap, ci).
 * So dU as a whole, of which there is four times as much as of dw, is never stored.
 * The chunks are dealt to slots, like the blocks of a convolution (kernel_wino_conv.h).
 */
#ifndef SC_CPU_KERNEL_WINO_WGRAD_H
#define SC_CPU_KERNEL_WINO_WGRAD_H

#include "backend/cpu/kernel_wino_conv.h"
#include "backend/cpu/kernel_wino_taps.h"

enum {
    /* Bytes of V and W, for the second-level cache; but where that would be fewer tiles than the least, so
     * many tiles: shorter sums are not worth a pass. */
    WINO_CHUNK = 1 << 20,
    WINO_CHUNK_LEAST = MATRIX_UNIT ? 128 : 28 * WORD_K,
    WINO_CHUNK_TILES = 128,
    WINO_WGRAD_SLOTS = 16,        /* or half of them, or one: */
    WINO_WGRAD_MEMORY = 24 << 20, /* bytes that panels and sums of all slots may take */
    WINO_TURN = 64,               /* channels whose taps become adjacent at once */
    WINO_CHUNK_STEP = WORD_K * (TILE_K > 2 ? TILE_K : 2)
};

typedef struct {
    wino_shape g;
    wino_panels v, w;
    word *turned; /* the matrix unit's W: (points, co, rows) */
    size_t turned_words;
    float *dw, *sums;              /* sums (co, 9, ci) of the slot's chunks so far */
    size_t chunk, rows, slots;     /* tiles of a chunk, and the words that hold them */
    size_t panel_words, sum_words; /* of a slot */
    size_t first, count;           /* tiles of this chunk */
    bool begun;                    /* there are sums to add to */
    row_maker make;                /* of the image, if it is not there yet */
    fetch_list fetch;              /* for the next chunk */
} wino_wgrad_args;

/* Columns of V: those of every phase. */
static size_t wino_wgrad_columns(const wino_shape *g)
{
    return round_up(g->ci, NR) * g->in_step * g->in_step;
}

/* Rows of V beyond those of W: of the lines that the last taps read. */
static size_t wino_more_rows(const wino_shape *g)
{
    return g->lines ? (LINES_TAPS - 1) * g->tw / WORD_K : 0;
}

/* Chunks, and the panels that hold one, when so many slots share the images. */
static void wino_wgrad_chunks(wino_wgrad_args *a, size_t slots)
{
    const wino_shape *g = &a->g;
    size_t ci = wino_wgrad_columns(g), co = round_up(g->co, WINO_PANEL);
    size_t tiles = (g->n + slots - 1) / slots * g->th * g->tw;
    size_t budget = WINO_CHUNK / (g->points * (ci + co) * sizeof(word)) * WORD_K;

    budget = budget < WINO_CHUNK_LEAST ? WINO_CHUNK_TILES : budget;
    budget = g->lines ? max_size(LINES_CHUNK, g->tw) : budget;
    size_t chunks = (tiles + budget - 1) / budget;
    a->slots = slots;
    a->chunk = round_up((tiles + chunks - 1) / chunks, WINO_CHUNK_STEP);
    a->rows = a->chunk / WORD_K;
    a->chunk -= g->lines ? a->chunk % g->tw : 0;
    size_t rows = a->rows + wino_more_rows(g);
    a->v = (wino_panels){.plane = ci * rows + 16, .panel = NR * rows, .width = NR};
    a->w = (wino_panels){
        .plane = co * a->rows + 16, .panel = WINO_PANEL * a->rows, .width = WINO_PANEL};
    a->turned_words = MATRIX_UNIT ? g->points * co * a->rows : 0;
    a->panel_words = g->points * (a->v.plane + a->w.plane) + a->turned_words;
}

static void wino_wgrad_sizes(wino_wgrad_args *a, const sc_conv_shape *s)
{
    wino_shape *g = &a->g;

    *g = wino_forward_args(s).g;
    g->lines = g->lines && s->q / 4 % WORD_K == 0; /* words lie within lines */
    wino_tiles(g);
    a->sum_words = round_up(g->co * 9 * g->ci, 16);
    for (size_t slots = WINO_WGRAD_SLOTS; slots > 2; slots /= 2) {
        wino_wgrad_chunks(a, slots);
        size_t bytes = slots * (a->panel_words + a->sum_words) * sizeof(word);
        bool full = g->n >= slots && g->n / slots * g->th * g->tw * 2 >= WINO_CHUNK_TILES;
        if (full && bytes <= WINO_WGRAD_MEMORY) {
            return;
        }
    }
    wino_wgrad_chunks(a, 1);
}

/* zeros, sums of all slots, V and W of each; in words */
static size_t wino_wgrad_layout(wino_wgrad_args *a, word *base)
{
    size_t zeros = round_up(a->g.ci + a->g.co, 16), sums = a->slots * a->sum_words;

    if (base) {
        a->g.zeros = (const elem *)(const void *)base;
        a->sums = (float *)base + zeros;
        a->v.at = base + zeros + sums;
        a->w.at = a->v.at + a->g.points * a->v.plane;
        a->turned = a->w.at + a->g.points * a->w.plane;
        memset(base, 0, zeros * sizeof *base);
    }
    return zeros + sums + a->slots * a->panel_words;
}

/* Words of the chunk, with those that a tile of the matrix unit is filled up with. */
static size_t wino_chunk_words(const wino_wgrad_args *a)
{
    return round_up(a->count, WORD_K * TILE_K) / WORD_K;
}

static void wino_pair_part(void *context, size_t part)
{
    const wino_wgrad_args *a = context;
    size_t stop = min_size((part + 1) * WINO_TILES_PER_PART, wino_chunk_words(a) * WORD_K);
    size_t end = min_size(stop, a->count);

    for (size_t t = part * WINO_TILES_PER_PART; t < stop; t += WORD_K) {
        if (a->g.phases) {
            phase_pair(&a->v, &a->w, &a->g, t / WORD_K, a->first + t, a->first + end);
        } else {
            wino_pair(&a->v, &a->w, &a->g, t / WORD_K, a->first + t, a->first + end);
        }
    }
}

/* A line of V, and of W. */
static void wino_pair_line(void *context, size_t line)
{
    const wino_wgrad_args *a = context;
    const wino_shape *g = &a->g;
    size_t row = line * g->tw / WORD_K, words = wino_chunk_words(a), i = a->first / g->tw + line;
    size_t lines = a->count / g->tw;

    lines_pairs_in(&a->v, g, row, words + wino_more_rows(g), i, line < lines + LINES_TAPS - 1);
    lines_pairs_gradient(&a->w, g, row, words, i, line < lines);
}

static void wino_pairs(wino_wgrad_args *a)
{
    size_t words = wino_chunk_words(a), line = a->g.tw / WORD_K; /* of so many words */

    if (a->g.lines) {
        sc_parallel_for((words + line - 1) / line + LINES_TAPS - 1, wino_pair_line, a);
    } else {
        sc_parallel_for((words * WORD_K + WINO_TILES_PER_PART - 1) / WINO_TILES_PER_PART,
                        wino_pair_part, a);
    }
}

/* W of a point with its words along the tiles. */
static void wino_turn_part(void *context, size_t xi)
{
    const wino_wgrad_args *a = context;
    size_t words = wino_chunk_words(a), co = round_up(a->g.co, WINO_PANEL);

    for (size_t k = 0; k < co; k += WINO_PANEL) {
        pack_transposed(a->turned + (xi * co + k) * a->rows, a->rows,
                        wino_panel_at(&a->w, 0, k) + xi * a->w.plane, WINO_PANEL, words,
                        WINO_PANEL);
    }
}

/* The filters k0 .. of W at a point, as the products read them. */
static void wino_wgrad_operand(tile *t, const wino_wgrad_args *a, size_t xi, size_t k0)
{
    if (MATRIX_UNIT) {
        t->a = a->turned + (xi * round_up(a->g.co, WINO_PANEL) + k0) * a->rows;
        t->a_row = a->rows;
        t->a_col = 1;
        t->next_a = t->a + round_up(a->g.co, WINO_PANEL) * a->rows;
    } else {
        t->a = wino_panel_at(&a->w, 0, k0) + xi * a->w.plane;
        t->a_row = 1;
        t->a_col = WINO_PANEL;
        t->next_a = t->a + a->w.plane;
    }
}

/* sums of filters k0 .. k0+filters-1 and channels c0 .. c0+channels-1 of a phase */
static void wino_wgrad_add(const wino_wgrad_args *a, const float *du, size_t k0, size_t filters,
                           size_t phase, size_t c0, size_t channels)
{
    size_t ci = a->g.ci;

    for (size_t k = 0; k < filters; k++) {
        for (size_t c = 0; c < channels; c += VEC) {
            float *sums = a->sums + (k0 + k) * 9 * ci + c0 + c;
            size_t left = channels - c;
            if (a->g.lines) {
                lines_wgrad_taps(sums, ci, left, !a->begun, du + k * NR + c, WINO_CO * NR);
            } else if (a->g.phases) {
                phase_wgrad_add(sums, ci, left, !a->begun, du + k * NR + c, phase);
            } else if (a->g.m == 4) {
                wino_wgrad_taps(sums, ci, left, !a->begun, du + k * NR + c, 4);
            } else {
                wino_wgrad_taps(sums, ci, left, !a->begun, du + k * NR + c, 2);
            }
        }
    }
}

/* dw (ci, tap) of filter k += the slots' sums (tap, ci), which are added first */
static void wino_wgrad_finish(void *context, size_t k)
{
    const wino_wgrad_args *a = context;
    size_t ci = a->g.ci;
    float *sums = a->sums + k * 9 * ci, *dw = a->dw + k * 9 * ci, turned[WINO_TURN * 9];

    for (size_t slot = 1; slot < a->slots; slot++) {
        add_floats(sums, sums + slot * a->sum_words, 9 * ci);
    }
    for (size_t c = 0; c < ci; c += WINO_TURN) {
        size_t channels = min_size(ci - c, WINO_TURN);
        pack_transposed(turned, 9, sums + c, ci, 9, channels);
        add_floats(dw + c * 9, turned, channels * 9);
    }
}

static size_t wino_wgrad_parts(const wino_shape *g)
{
    return (g->co + WINO_CO - 1) / WINO_CO * (wino_wgrad_columns(g) / NR);
}

/* dU of all taps across the lines: V of a tap is a line further; meanwhile a share of what comes next is
 * fetched. */
static void lines_wgrad_products(const wino_wgrad_args *a, tile t, size_t filters, size_t share)
{
    fetch_list maps = fetch_part(&a->fetch, share);
    size_t steps = LINES_TAPS * t.k / TILE_K;

    t.maps = &maps;
    t.map_lines = (fetch_count(&maps) + steps - 1) / steps;
    for (size_t tap = 0; tap < LINES_TAPS; tap++) {
        tile_sliver(&t, filters);
        t.c += WINO_CO * NR;
        t.b += a->g.tw / WORD_K * NR;
    }
}

static void wino_wgrad_part(void *context, size_t part)
{
    const wino_wgrad_args *a = context;
    /* Phases in an order whose halves are equal work, of 25 + 16 and 20 + 20 points. */
    static const size_t order[] = {1, 3, 0, 2};
    size_t columns = wino_wgrad_columns(&a->g), block = round_up(a->g.ci, NR), begin, end;
    size_t groups = (a->g.co + WINO_CO - 1) / WINO_CO, column = part / groups * NR;
    size_t k0 = part % groups * WINO_CO;
    column = a->g.phases ? order[column / block] * block + column % block : column;
    size_t c0 = column % block; /* of the phase column / block */
    size_t filters = min_size(a->g.co - k0, WINO_CO), channels = min_size(a->g.ci - c0, NR);
    float du[WINO_POINTS * WINO_CO * NR];

    bool begun = tile_begin();
    for (size_t xi = 0; xi < a->g.points; xi++) {
        if (!MATRIX_UNIT) { /* its tiles leave the memory busy */
            fetch_share(&a->fetch, part * a->g.points + xi);
        }
        wino_range(&begin, &end, xi, a->g.in_step, columns);
        if (column < begin || column >= end) {
            continue;
        }
        tile t = {.c = du + xi * WINO_CO * NR,
                  .c_row = NR,
                  .cols = NR,
                  .b = wino_panel_at(&a->v, 0, column) + xi * a->v.plane,
                  .k = wino_chunk_words(a)};
        wino_wgrad_operand(&t, a, xi, k0);
        if (a->g.lines) {
            t.c = du + xi * LINES_TAPS * WINO_CO * NR;
            lines_wgrad_products(a, t, filters, part * a->g.points + xi);
        } else {
            t.next_b = t.b + a->v.plane;
            tile_sliver(&t, filters);
        }
    }
    tile_end(begun);
    wino_wgrad_add(a, du, k0, filters, column / block, c0, channels);
}

static void wino_wgrad_slot(void *context, size_t slot)
{
    wino_wgrad_args a = *(const wino_wgrad_args *)context;
    size_t place = wino_place(a.slots, slot), parts = wino_wgrad_parts(&a.g), begin, end;

    a.sums += slot * a.sum_words;
    a.v.at += place * a.panel_words;
    a.w.at += place * a.panel_words;
    a.turned += place * a.panel_words;
    bool begun = tile_begin();
    sc_part_range(&begin, &end, a.g.n, a.slots, slot);
    a.make.made = begin * a.g.ih * a.g.iw;
    size_t first = wino_first_tile(&a.g, begin), last = wino_end_tile(&a.g, end);
    for (a.first = first; a.first < last; a.first += a.chunk) {
        a.count = min_size(last - a.first, a.chunk);
        a.begun = a.first > first;
        make_rows(&a.make, wino_rows_in(&a.g, a.first + a.count) * a.g.iw);
        wino_fetch_chunk(&a.fetch, &a.g, &a.make, a.first + a.count, a.count);
        fetch_divide(&a.fetch, parts * a.g.points);
        wino_pairs(&a);
        if (MATRIX_UNIT) {
            sc_parallel_for(a.g.points, wino_turn_part, &a);
        }
        sc_parallel_for(parts, wino_wgrad_part, &a);
    }
    tile_end(begun);
}

static void wino_backward_weight(float *dw, const elem *dy, const sc_batchnorm *make_dy,
                                 const elem *x, const sc_affine *make_x, const sc_conv_shape *s,
                                 word *scratch)
{
    wino_wgrad_args a = {.make = affine_maker(make_x, s->c)};

    if (make_dy) {
        batchnorm_gradient(make_dy, s->n * s->p * s->q, s->k);
    }
    wino_wgrad_sizes(&a, s);
    wino_wgrad_layout(&a, scratch);
    a.g.in = x;
    a.g.dy = dy;
    a.dw = dw;
    wino_each_slot(a.slots, wino_wgrad_slot, &a);
    sc_parallel_for(a.g.co, wino_wgrad_finish, &a);
}

static size_t wino_wgrad_scratch(const sc_conv_shape *s)
{
    wino_wgrad_args a;

    wino_wgrad_sizes(&a, s);
    return wino_wgrad_layout(&a, NULL);
}

#endif
