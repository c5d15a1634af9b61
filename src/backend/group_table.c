/* SPDX-License-Identifier: MIT
 *
 * group_table.c - statistics of the ranks put together, and the tables that do so.
 */
#include "backend/group_table.h"

#include <assert.h>
#include <string.h>

#include "core/alloc.h"

enum { CHANNELS = 512 }; /* of a message */

static const size_t MESSAGE = sizeof(double) + 2 * CHANNELS * sizeof(sc_real);

static struct {
    sc_group_tables here;
    sc_backend reals, maps;
} state;

sc_group_tables *sc_group_tables_here(void)
{
    assert(state.here.group != NULL);
    return &state.here;
}

/* ---- messages: rows, then two numbers a channel ---- */

static void tell(const sc_real *a, const sc_real *b, size_t rows, size_t n)
{
    const sc_group_tables *t = &state.here;
    double count = (double)rows;
    sc_real *values = (sc_real *)((char *)t->own + sizeof count);
    memcpy(t->own, &count, sizeof count);
    memcpy(values, a, n * sizeof *a);
    memcpy(values + n, b, n * sizeof *b);
    t->group->gather(t->all, t->own, sizeof count + 2 * n * sizeof *a);
}

static double rows_of(int rank, size_t n)
{
    const char *message =
        (const char *)state.here.all + (size_t)rank * (sizeof(double) + 2 * n * sizeof(sc_real));
    double rows;
    memcpy(&rows, message, sizeof rows);
    return rows;
}

/* Value `which`, 0 or 1, of a channel. */
static double value_of(int rank, size_t n, int which, size_t channel)
{
    const char *message =
        (const char *)state.here.all + (size_t)rank * (sizeof(double) + 2 * n * sizeof(sc_real));
    const sc_real *values = (const sc_real *)(message + sizeof(double));
    return (double)values[(size_t)which * n + channel];
}

static double all_rows(size_t n)
{
    double sum = 0;
    for (int r = 0; r < state.here.group->size; r++)
        sum += rows_of(r, n);
    return sum;
}

static double mean_of(size_t n, int which, size_t channel, double total)
{
    double sum = 0;
    for (int r = 0; r < state.here.group->size; r++)
        sum += rows_of(r, n) * value_of(r, n, which, channel);
    return sum / total;
}

static double variance_of(size_t n, size_t channel, double mean, double total)
{
    double sum = 0;
    for (int r = 0; r < state.here.group->size; r++) {
        double away = value_of(r, n, 0, channel) - mean;
        sum += rows_of(r, n) * (value_of(r, n, 1, channel) + away * away);
    }
    return sum / total;
}

void sc_group_statistics(sc_real *mean, sc_real *var, size_t rows, size_t channels)
{
    for (size_t at = 0; at < channels; at += CHANNELS) {
        size_t n = channels - at < CHANNELS ? channels - at : CHANNELS;
        tell(mean + at, var + at, rows, n);
        double total = all_rows(n);
        for (size_t c = 0; c < n; c++) {
            double m = mean_of(n, 0, c, total);
            mean[at + c] = (sc_real)m;
            var[at + c] = (sc_real)variance_of(n, c, m, total);
        }
        state.here.all_rows = (size_t)total;
    }
    state.here.rows = rows;
}

void sc_group_means(sc_real *a, sc_real *b, size_t rows, size_t channels)
{
    for (size_t at = 0; at < channels; at += CHANNELS) {
        size_t n = channels - at < CHANNELS ? channels - at : CHANNELS;
        tell(a + at, b + at, rows, n);
        double total = all_rows(n);
        for (size_t c = 0; c < n; c++) {
            a[at + c] = (sc_real)mean_of(n, 0, c, total);
            b[at + c] = (sc_real)mean_of(n, 1, c, total);
        }
    }
}

/* ---- the tables ---- */

int sc_group_tables_open(sc_tables *out, const sc_tables *inner, const sc_group *group,
                         simclr_error *err)
{
    sc_group_tables *t = &state.here;
    if (t->group != NULL)
        return sc_fail(err, SIMCLR_E_BUSY, "this process trains in a group already");
    assert(inner->maps->device == NULL);
    t->own = sc_alloc(1, MESSAGE, err);
    t->all = sc_alloc((size_t)group->size, MESSAGE, err);
    if (t->own == NULL || t->all == NULL) {
        sc_group_tables_close();
        return SIMCLR_E_MEMORY;
    }
    t->group = group;
    t->inner = *inner;
    state.reals = *inner->reals;
    state.maps = *inner->maps;
    sc_group_override_reals(&state.reals);
    sc_group_override_maps(&state.maps);
    *out = (sc_tables){&state.reals, &state.maps};
    return 0;
}

void sc_group_tables_close(void)
{
    sc_free(state.here.own);
    sc_free(state.here.all);
    memset(&state, 0, sizeof state);
}
