/* SPDX-License-Identifier: MIT
 *
 * kernel_wino_output.h - Winograd's last transform of one tile, all channels: out = base + A' M A, with the sums
 * that are taken as it is stored (kernel_wino_sink.h).
 */
#ifndef SC_CPU_KERNEL_WINO_OUTPUT_H
#define SC_CPU_KERNEL_WINO_OUTPUT_H

#include "backend/cpu/kernel_wino_sink.h"
#include "backend/cpu/kernel_wino_tile.h"

/* What an output tile does besides storing: constants where they are used. */
typedef enum { SINK_NONE, SINK_STATS, SINK_NORM } sink_kind;

SC_INLINE sink_kind sink_kind_of(const wino_sink *s)
{
    return !s ? SINK_NONE : s->norm ? SINK_NORM : SINK_STATS;
}

/* Where a tile's output, or that of a phase, goes: `rows` lines of `columns` pixels, in elements from the
 * first pixel on; and what is added there: lines and pixels of the base, unless NULL, as far apart. */
typedef struct {
    elem *out;
    const elem *base;
    size_t rows, columns, line, step, base_line, base_step;
    size_t at; /* of the first pixel in the output */
} wino_target;

/* One line of the output, VEC channels from c on, of which `left` are left; adds to `sum` what the sink takes
 * of the pixels as they are stored. */
SC_INLINE void wino_put_line(const wino_target *t, size_t i, size_t c, size_t left, const vec *r,
                             const wino_sink *sink, stats_vec *sum, const sink_kind kind)
{
    size_t at = i * t->line + c;
    const elem *base = t->base + (t->base ? i * t->base_line + c : 0);

    for (size_t j = 0; j < t->columns; j++, at += t->step) {
        vec x = r[j];
        if (t->base) {
            x += eload_left(base + j * t->base_step, left);
        }
        estore_left(t->out + at, x, left);
        if (kind != SINK_NONE) {
            sink_add(sink, sum, t->at + at, c, erounded(x), kind == SINK_NORM);
        }
    }
}

/* VEC channels from c on of out = A' M A. */
SC_INLINE void wino_output_channels(const wino_target *t, const float *u, size_t plane, size_t c,
                                    size_t left, const wino_sink *sink, const size_t m,
                                    const sink_kind kind)
{
    const size_t side = m + 2;
    vec q[WINO_POINTS];

    for (size_t j = 0; j < side; j++) {
        vec d[WINO_MOST];
        for (size_t i = 0; i < side; i++) {
            d[i] = vload(u + (i * side + j) * plane + c);
        }
        wino_output(q + j, side, d, m);
    }
    stats_vec sum = stats_vec_begin(vzero());
    for (size_t i = 0; i < t->rows; i++) {
        vec r[WINO_MOST];
        wino_output(r, 1, q + i * side, m);
        if (kind != SINK_NONE && i == 0) {
            sum = sink_begin(sink, c, r[0]);
        }
        wino_put_line(t, i, c, left, r, sink, &sum, kind);
    }
    if (kind != SINK_NONE) {
        stats_vec_store(&sink->at, c, &sum);
    }
}

/* What reaches over the edge is dropped. */
SC_INLINE void wino_output_tile_of(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const wino_sink *sink, const size_t m,
                                   const sink_kind kind)
{
    size_t n, h, w, c = 0, line = g->ow * g->co;

    wino_locate(g, tile_index, &n, &h, &w);
    size_t at = (n * g->oh + h) * line + w * g->co;
    wino_target t = {.out = g->out + at,
                     .base = g->base ? g->base + at : NULL,
                     .rows = min_size(g->oh - h, m),
                     .columns = min_size(g->ow - w, m),
                     .line = line,
                     .step = g->co,
                     .base_line = line,
                     .base_step = g->co,
                     .at = at};
    for (; c + VEC <= g->co; c += VEC) {
        wino_output_channels(&t, u, plane, c, VEC, sink, m, kind);
    }
    if (kind == SINK_NONE && c < g->co) { /* sinks take whole vectors: wino_sinks */
        wino_output_channels(&t, u, plane, c, g->co - c, sink, m, kind);
    }
}

SC_INLINE void wino_output_tile_by(const float *u, size_t plane, const wino_shape *g,
                                   size_t tile_index, const wino_sink *sink, const sink_kind kind)
{
    if (g->m == 4) {
        wino_output_tile_of(u, plane, g, tile_index, sink, 4, kind);
    } else {
        wino_output_tile_of(u, plane, g, tile_index, sink, 2, kind);
    }
}

/* The sums of the sink, unless NULL, may lie where M was. */
static void wino_output_tile(const float *u, size_t plane, const wino_shape *g, size_t tile_index,
                             const wino_sink *sink)
{
    switch (sink_kind_of(sink)) {
    case SINK_NONE:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_NONE);
        break;
    case SINK_STATS:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_STATS);
        break;
    default:
        wino_output_tile_by(u, plane, g, tile_index, sink, SINK_NORM);
        break;
    }
}

#endif
